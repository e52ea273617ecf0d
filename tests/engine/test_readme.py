"""The README's commands and programs, run as they stand there."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

from pulumi_agin.emulator import Emulator
from tests.engine.project import UNCHANGED, Project
from tests.keys import API_KEY, OTHER_ACCOUNTS_KEY

README = Path(__file__).parents[2] / "README.md"
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README.read_text(), re.M | re.S)
COMMANDS = [text for language, text in BLOCKS if language == "sh"]
PROGRAMS = [text for language, text in BLOCKS if language == "python"]
DEMO, INSTALL, TAKE_OVER, UNPROTECT, EMULATOR = COMMANDS
# The second and the third, with DNS at a cloud, are run under mocks by tests/program/test_docs.py.
PROGRAM, _, _, LOOKUPS, TWO_ACCOUNTS, WITH_MOCKS = PROGRAMS


def shell(project: Project, commands: str, stdin: str = "", **environment: str) -> str:
    """Runs lines of the README in the project's folder; what they leave running is ended."""
    process = subprocess.Popen(
        ["bash", "-euxc", commands],
        cwd=project.folder,
        env={**project.environment, "PULUMI_SKIP_CONFIRMATIONS": "true", **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdin
    assert process.stdout
    try:
        process.stdin.write(stdin)
        process.stdin.close()
        code = process.wait(120)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        output = process.stdout.read()
        process.stdout.close()
    assert code == 0, output
    return output


def test_the_first_commands_are_run_by_others() -> None:
    # `make demo` by test_demo.py, and `make test` is what runs this.
    assert DEMO.split("\n") == ["make demo", "make test", ""]


def test_from_install_to_destroy(project: Project, emulator: Emulator) -> None:
    (project.folder / "__main__.py").write_text(PROGRAM)
    shell(project, INSTALL, stdin=f"{API_KEY}\n", NGROK_API_KEY="", PIP_NO_INDEX="1")
    [ingress] = emulator.ingresses()
    assert ingress["domain"] == "connect.acme.com"
    assert ingress["certificate_management_policy"] == {"authority": "letsencrypt", "private_key_type": "ecdsa"}
    assert set(project.outputs()) == {"ns_targets", "region_domains"}
    assert "ciphertext" not in str(project.resources())

    shell(project, UNPROTECT)
    assert emulator.ingresses() == []


def test_the_lookups(project: Project) -> None:
    (project.folder / "__main__.py").write_text(PROGRAM)
    project.up()
    targets = project.outputs()["ns_targets"]
    (project.folder / "__main__.py").write_text(PROGRAM + LOOKUPS)
    project.up()
    assert project.outputs()["ns_targets"] == targets
    assert project.outputs()["domains"] == ["connect.acme.com"]


def test_taking_over_what_exists(project: Project, emulator: Emulator) -> None:
    (project.folder / "__main__.py").write_text(PROGRAM)
    project.up()
    project.pulumi("state", "delete", "--yes", "--force", project.resources()[0]["urn"])
    project.config(secret={"ngrok:apiKey": API_KEY})
    [ingress] = emulator.ingresses()

    commands = TAKE_OVER.replace("agin_2k5okIo7afS6bKA3xNDLRZ9rjqk", ingress["id"])
    # What the last line prints becomes the program.
    shell(project, f"{commands.rstrip()} > __main__.py", NGROK_API_KEY="")
    assert UNCHANGED in project.up()
    (project.folder / "__main__.py").write_text(PROGRAM)
    assert UNCHANGED in project.up()
    assert [each["id"] for each in emulator.ingresses()] == [ingress["id"]]


def test_two_accounts(project: Project, emulator: Emulator) -> None:
    (project.folder / "__main__.py").write_text(TWO_ACCOUNTS)
    project.config(secret={"secondApiKey": OTHER_ACCOUNTS_KEY})
    project.up()
    asked = {request["body"]["domain"]: request["account"] for request in emulator.requests()}
    assert asked == {"connect.acme.com": 1, "connect.other.example": 2}


def test_the_emulator_on_the_command_line(project: Project) -> None:
    (project.folder / "__main__.py").write_text(PROGRAM)
    assert "24404" in EMULATOR
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    # The README's reader sees its URL before they type on.
    ready = f"until (exec 3<>/dev/tcp/127.0.0.1/{port}); do sleep 0.1; done"
    commands = EMULATOR.replace("24404", port).replace("&\n", f"&\n{ready}\n")
    assert "2 created" in shell(project, commands)


def test_the_program_with_mocks(tmp_path: Path) -> None:
    test = tmp_path / "test_program.py"
    test.write_text(WITH_MOCKS)
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", test], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout
    assert "1 passed" in run.stdout
    test.write_text(WITH_MOCKS.replace('targets == ["ns-1', 'targets == ["ns-2'))
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", test], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert run.returncode == 1, "the README's test can't fail"
