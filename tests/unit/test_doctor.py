"""`pulumi-agin doctor` where it can't look at all."""

from __future__ import annotations

import sys
from functools import partial

import pytest

from tests.conftest import Command

DOMAIN = "connect.acme.com"
STACK_KEY = 'NGROK_API_KEY="$(pulumi config get ngrok:apiKey)"'


pytestmark = pytest.mark.usefixtures("settings_of_emulator")


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
        ([DOMAIN], {"NGROK_API_KEY": ""}, f"set the environment variable NGROK_API_KEY, such as with {STACK_KEY}"),
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
