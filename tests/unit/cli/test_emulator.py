"""`pulumi-agin emulator`: its arguments, its output, and its end."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from pulumi_agin.emulator import Emulator
from tests.support.command import Command
from tests.support.keys import API_KEY
from tests.support.ports import free_port
from tests.support.waiting import until

TO_PASTE = "pulumi-agin: to use it in one stack, run these commands in the project's folder"
LANGUAGES = ". For programs in other languages than Python, replace ngrok: with agin:"
ASKS = ". The second command prompts for a key that you passed with --api-key"


def responds(url: str) -> bool:
    try:
        return requests.get(f"{url}/_emulator/settings", timeout=20).ok
    except requests.ConnectionError:
        return False


def run(
    pulumi_agin: Command, *arguments: str, host: str = "127.0.0.1", number: int = signal.SIGTERM, visit: Any = None
) -> tuple[int, str, str]:
    """Runs the command until a signal: its status, stdout and stderr, with PORT instead of the port.

    Meanwhile, `visit` is called with its URL. The signal goes to a thread other than the main one: a system may choose
    any thread of a process.
    """
    port = free_port()
    url = f"http://{host}:{port}"

    def visit_and_end() -> None:
        until("it responds", lambda: responds(url))
        try:
            if visit:
                visit(url)
        finally:
            signal.pthread_kill(threading.get_ident(), number)

    handlers = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with ThreadPoolExecutor() as threads:
        visited = threads.submit(visit_and_end)
        status, out, err = pulumi_agin("emulator", "--port", str(port), *arguments)
        visited.result()
    assert handlers == (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM))
    return status, out.replace(str(port), "PORT"), err.replace(str(port), "PORT")


@pytest.mark.parametrize(
    ("options", "key", "number", "asks", "printed_key"),
    [
        (["--api-key", "a", "--api-key", "b"], "b", signal.SIGTERM, ASKS, ""),
        (["--limit", "0", "--allow-host", "emulator"], "emulator-key", signal.SIGINT, "", " emulator-key"),
    ],
)
def test_command_runs_until_a_signal(
    options: list[str],
    key: str,
    number: int,
    asks: str,
    printed_key: str,
    pulumi_agin: Command,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # It may be the key of an account at ngrok.
    monkeypatch.setenv("NGROK_API_KEY", API_KEY)

    def visit(url: str) -> None:
        headers = {"Authorization": f"Bearer {API_KEY}", "Ngrok-Version": "2"}
        assert requests.get(f"{url}/agent_ingresses", headers=headers, timeout=20).status_code == 403
        headers = {"Authorization": f"Bearer {key}", "Ngrok-Version": "2"}
        body = {"domain": "a.acme.com"}
        assert requests.post(f"{url}/agent_ingresses", json=body, headers=headers, timeout=20).status_code == 201
        limit = requests.get(f"{url}/_emulator/settings", timeout=20).json()["limit"]
        response = requests.get(url, headers={"Host": "emulator"}, timeout=20)
        assert (limit, response.status_code) == ((0, 404) if "--limit" in options else (120, 421))

    status, out, err = run(pulumi_agin, "--file", "ingresses.json", *options, number=number, visit=visit)
    assert (status, out) == (0, "http://127.0.0.1:PORT\n")
    assert err == (
        f"{TO_PASTE}{asks}{LANGUAGES}\npulumi config set agin:apiBaseUrl http://127.0.0.1:PORT\n"
        f"pulumi config set --secret agin:apiKey{printed_key}\n"
    )
    assert "a.acme.com" in Path("ingresses.json").read_text()


@pytest.mark.parametrize(
    ("host", "reached_at", "base_url"),
    [("0.0.0.0", "127.0.0.1", "http://127.0.0.1:PORT"), ("::", "[::1]", "'http://[::1]:PORT'")],
)
def test_lines_to_paste_have_a_loopback_address(
    pulumi_agin: Command, host: str, reached_at: str, base_url: str
) -> None:
    err = run(pulumi_agin, "--host", host, "--allow-remote", host=reached_at)[2]
    assert err == (
        f"{TO_PASTE}{LANGUAGES}\npulumi config set agin:apiBaseUrl {base_url}\n"
        "pulumi config set --secret agin:apiKey emulator-key\n"
    )


def test_address_that_programs_reject_is_not_in_a_line_to_paste(pulumi_agin: Command) -> None:
    err = run(pulumi_agin, "--host", "127.0.0.2", host="127.0.0.2")[2]
    assert "to this machine, so they reject http://127.0.0.2:PORT:" in err
    assert "config set" not in err


def test_taken_port_exits_2(pulumi_agin: Command, emulator: Emulator) -> None:
    port = emulator.url.rpartition(":")[2]
    status, _, err = pulumi_agin("emulator", "--port", port)
    assert (status, f"port {port}" in err, err.count("\n")) == (2, True, 1)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--host", "0.0.0.0"], "Other machines can reach"),
        (["--limit", "-1"], "limit must be a number from 0 to"),
        (["--port", "70000"], "can't listen on 127.0.0.1, port 70000"),
        (["--dns", "nowhere"], "'nowhere' is not the address of a DNS server: use HOST:PORT"),
        (["--dns", "a..b:53"], "'a..b:53' is not the address of a DNS server: use HOST:PORT"),
    ],
)
def test_invalid_arguments_exit_2(pulumi_agin: Command, arguments: list[str], sentence: str) -> None:
    status, out, err = pulumi_agin("emulator", *arguments)
    assert (status, out) == (2, "")
    assert sentence in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("module", ["celpy", "dns"])
def test_missing_extra_exits_2(module: str) -> None:
    code = f"import sys; sys.modules[{module!r}] = None; from pulumi_agin.cli import main; sys.exit(main(sys.argv[1:]))"
    ended = subprocess.run([sys.executable, "-c", code, "emulator"], capture_output=True, text=True, check=False)
    sentence = "The emulator needs the packages cel-python>=0.5 and dnspython>=2.7"
    assert (ended.returncode, sentence in ended.stderr, ended.stderr.count("\n")) == (2, True, 1)
