"""The examples, run for real as a user would. The quickstart is run by test_demo.py."""

from __future__ import annotations

import subprocess
from pathlib import Path

from pulumi_agin.emulator import Emulator
from tests.engine.project import Project

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_the_automation_api(project: Project, emulator: Emulator) -> None:
    def run(*arguments: str) -> str:
        python = project.user_env / "bin" / "python"
        done = subprocess.run(
            [python, EXAMPLES / "automation" / "main.py", *arguments],
            cwd=project.folder,
            env=project.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    shown = run("up", "devices.acme.com")
    [ingress] = emulator.ingresses()
    assert ingress["domain"] == "devices.acme.com"
    assert [line.strip() for line in shown.splitlines()[-4:]] == sorted(f"{t}." for t in ingress["ns_targets"])
    emulator.clear_requests()
    assert "2 unchanged" in run("up", "devices.acme.com")
    assert emulator.requests() == []
    run("destroy")
    assert emulator.ingresses() == []
