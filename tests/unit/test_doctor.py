"""`pulumi-agin doctor` with arguments and settings with which it cannot check anything."""

from __future__ import annotations

import sys

import pytest

from tests.support.command import Command

DOMAIN = "connect.acme.com"

pytestmark = pytest.mark.usefixtures("settings_of_emulator")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["http://connect.acme.com"], 'the domain "http://connect.acme.com" is a URL; give the domain alone'),
        ([""], 'the domain "" is empty; give a domain that you own'),
        ([DOMAIN, "--dns", "a:b"], "--dns: a:b is not the address of a DNS server; give HOST:PORT"),
        ([], "give a domain, or --all, or --filter: exactly one of the three"),
        (["--filter", " "], "--filter is empty"),
        (["--all"], "the API key from the environment variable NGROK_API_KEY has no Agent Ingress\n"),
        (["--filter", "false"], "has no Agent Ingress that matches the filter: false\n"),
        (["--filter", "obj."], "ngrok answered 400 ERR_NGROK_250"),
        ([DOMAIN, "--watch", "--interval", "4"], "--interval must be at least 5 seconds"),
        ([DOMAIN, "--watch", "--timeout", "0"], "--timeout at least 1 second"),
        ([DOMAIN, "--stack", "dev"], "the config of the stack dev could not be read: there is no Pulumi project"),
    ],
)
def test_invalid_usage_exits_2(pulumi_agin: Command, arguments: list[str], sentence: str) -> None:
    status, out, err = pulumi_agin("doctor", *arguments)
    assert (status, out) == (2, "")
    assert sentence in err
    assert err.startswith("pulumi-agin: ")
    assert err.count("\n") == 1


def test_missing_dnspython_exits_2(pulumi_agin: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "pulumi_agin.dnsclient.lookup", raising=False)
    monkeypatch.setitem(sys.modules, "dns.exception", None)
    sentence = "pulumi-agin: DNS lookups need dnspython: pip install 'pulumi-agin[doctor]'\n"
    assert pulumi_agin("doctor", DOMAIN) == (2, "", sentence)
