"""`pulumi-agin doctor` with invalid arguments and settings."""

from __future__ import annotations

import sys

import pytest

from pulumi_agin.base.installation import missing_extra
from pulumi_agin.cli.doctor_examiner import Examiner
from tests.support.command import Command
from tests.support.keys import API_KEY

DOMAIN = "connect.acme.com"

pytestmark = pytest.mark.usefixtures("settings_of_emulator")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["http://connect.acme.com"], 'the domain "http://connect.acme.com" is a URL; use only the domain'),
        ([""], 'the domain "" is empty; use a domain that you own'),
        ([API_KEY], "DOMAIN has no dot; use a domain such as connect.acme.com\n"),
        ([DOMAIN, "--dns", "a:b"], '--dns: "a:b" is not the address of a DNS server; use HOST:PORT'),
        ([], "specify exactly one of DOMAIN, --all or --filter"),
        (["--filter", ""], "--filter is empty"),
        (["--filter", " "], "--filter is empty"),
        (["--all"], "the API key from the environment variable NGROK_API_KEY has no Agent Ingress\n"),
        (["--filter", "false"], "has no Agent Ingress that matches the filter: false\n"),
        (["--filter", "obj."], "ngrok responded 400 ERR_NGROK_250"),
        (["--all", "--stack", ""], "--stack is empty; set it to a name, or omit it"),
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
    # They are loaded again, and fail.
    for module in ("dnsclient.ns_lookup", "cli.doctor_examiner", "cli.doctor"):
        monkeypatch.delitem(sys.modules, f"pulumi_agin.{module}", raising=False)
    monkeypatch.setitem(sys.modules, "dns.exception", None)
    sentence = missing_extra("a DNS lookup", "doctor")
    assert pulumi_agin("doctor", DOMAIN) == (2, "", f"pulumi-agin: {sentence}\n")


def test_ctrl_c_exits_1(pulumi_agin: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(examiner: Examiner, domain: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Examiner, "examine", interrupt)
    assert pulumi_agin("doctor", DOMAIN) == (1, "", "pulumi-agin: interrupted\n")
