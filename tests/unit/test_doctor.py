"""`pulumi-agin doctor` where it can't look at all."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import pytest

from tests.support.command import Command

DOMAIN = "connect.acme.com"


@pytest.fixture(autouse=True)
def environment(settings_of_emulator: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The emulator's URL and key, and a folder without a project."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def command(pulumi_agin: Command) -> Command:
    """`pulumi-agin doctor`: its status, stdout and stderr."""
    return partial(pulumi_agin, "doctor")


@pytest.mark.parametrize(
    ("arguments", "variables", "sentence"),
    [
        (["http://connect.acme.com"], {}, 'the domain "http://connect.acme.com" is a URL; give the domain alone'),
        ([""], {}, 'the domain "" is empty; give a domain that you own'),
        ([DOMAIN, "--dns", "a:b"], {}, "--dns: a:b is not the address of a DNS server; give HOST:PORT"),
        ([DOMAIN], {"NGROK_API_KEY": ""}, "and the environment variable NGROK_API_KEY is not set. Set it, or run"),
        ([], {}, "give a domain, or --all, or --filter: exactly one of the three"),
        ([DOMAIN, "--all"], {}, "exactly one of the three"),
        (["--filter", " "], {}, "--filter is empty"),
        (
            ["--all"],
            {},
            "the account of the API key from the environment variable NGROK_API_KEY has no Agent Ingress\n",
        ),
        (["--filter", "false"], {}, "has no Agent Ingress that matches the filter: false\n"),
        (["--filter", "obj."], {}, "ngrok answered 400 ERR_NGROK_250"),
        ([DOMAIN, "--watch", "--interval", "4"], {}, "--interval must be at least 5 seconds"),
        ([DOMAIN, "--interval", "30"], {}, "--interval and --timeout are for --watch"),
        ([DOMAIN, "--timeout", "30"], {}, "--interval and --timeout are for --watch"),
        ([DOMAIN, "--watch", "--timeout", "0"], {}, "--timeout at least 1 second"),
        ([DOMAIN, "--stack", "dev"], {}, "the config of the stack dev could not be read: there is no Pulumi project"),
        ([DOMAIN], {"NGROK_API_BASE_URL": "nowhere"}, "NGROK_API_BASE_URL is not a URL that begins with https://"),
    ],
)
def test_bad_usage(
    command: Command, monkeypatch: pytest.MonkeyPatch, arguments: list[str], variables: dict[str, str], sentence: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    status, out, err = command(*arguments)
    assert (status, out) == (2, "")
    assert sentence in err
    assert err.startswith("pulumi-agin: ")
    assert err.count("\n") == 1


def test_without_dnspython(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dns.exception", None)
    assert command(DOMAIN) == (
        2,
        "",
        "pulumi-agin: asking DNS needs dnspython: pip install 'pulumi-agin[doctor]'\n",
    )
