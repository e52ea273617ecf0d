"""examples/emulator-container, as far as it can be tested without a container: its commands are run as processes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from pulumi_agin.settings import Settings
from tests.support.pages import blocks
from tests.support.ports import free_port

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "emulator-container"
DOCKERFILE = (EXAMPLE / "Dockerfile").read_text().replace("\\\n", "")
COMPOSE: dict[str, Any] = yaml.safe_load((EXAMPLE / "compose.yaml").read_text())
README = (EXAMPLE / "README.md").read_text()


def instruction(name: str) -> str:
    [found] = re.findall(rf"^{name} (.*)$", DOCKERFILE, re.M)
    return str(found)


HEALTHCHECK: list[str] = json.loads(instruction("HEALTHCHECK").partition(" CMD ")[2])


def here(command: list[str], port: int) -> list[str]:
    """A command of the image with this Python, at a free port."""
    programs = {"python": [sys.executable], "pulumi-agin": [sys.executable, "-m", "pulumi_agin.cli"]}
    words = [word.replace("24404", str(port)) for word in command]
    return [*programs[words[0]], *words[1:]]


def is_healthy(port: int) -> bool:
    return subprocess.run(here(HEALTHCHECK, port), stderr=subprocess.DEVNULL, check=False).returncode == 0


def test_the_command_of_the_image_and_its_health_check() -> None:
    entrypoint: list[str] = json.loads(instruction("ENTRYPOINT"))
    assert instruction("EXPOSE") in entrypoint
    port = free_port()
    assert not is_healthy(port)
    with subprocess.Popen(here(entrypoint, port), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().decode() == f"http://0.0.0.0:{port}\n"
            assert is_healthy(port)
            # As another container reaches its control plane.
            for host, status in (("emulator", 200), ("evil.example", 421)):
                url = f"http://127.0.0.1:{port}/_emulator/settings"
                assert requests.get(url, headers={"Host": f"{host}:24404"}, timeout=10).status_code == status
            process.terminate()
            assert process.wait(10) == 0
        finally:
            process.kill()


def test_the_builder_gets_what_is_copied_and_nothing_else() -> None:
    copied = [name for sources in re.findall(r"^COPY (.*) \S+$", DOCKERFILE, re.M) for name in sources.split()]
    sent = (ROOT / ".dockerignore").read_text().splitlines()
    assert [line for line in sent if not line.startswith("#")] == [
        "*",
        *(f"!{name}" for name in copied),
        "**/__pycache__",
    ]


def test_the_image_does_not_run_as_root() -> None:
    assert re.fullmatch("[1-9][0-9]*:[1-9][0-9]*", instruction("USER"))


def test_the_containers_of_the_compose_file_find_each_other() -> None:
    emulator, tests = COMPOSE["services"]["emulator"], COMPOSE["services"]["tests"]
    assert (EXAMPLE / emulator["build"]["context"] / emulator["build"]["dockerfile"]).samefile(EXAMPLE / "Dockerfile")
    assert emulator["healthcheck"]["test"] == ["CMD", *HEALTHCHECK]
    assert emulator["ports"] == ["127.0.0.1:24404:24404"]
    assert tests["depends_on"] == {"emulator": {"condition": "service_healthy"}}
    assert tests["network_mode"] == "service:emulator"
    assert problems_with(tests["environment"]) == []


def test_what_the_page_says_of_other_addresses_is_so() -> None:
    [problem] = problems_with({"NGROK_API_KEY": "emulator-key", "NGROK_API_BASE_URL": "http://emulator:24404"})
    assert "must begin with https://" in problem
    assert "`must begin with https://`" in README


@pytest.mark.parametrize("text", blocks(README, "yaml"))
def test_the_workflows_of_the_page_have_the_emulators_place(text: str) -> None:
    [job] = yaml.safe_load(text)["jobs"].values()
    assert problems_with(job["env"]) == []


def problems_with(environment: dict[str, str]) -> list[str]:
    return Settings.load(lambda key: None, environment).problems()
