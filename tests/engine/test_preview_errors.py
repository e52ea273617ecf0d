"""Previews that fail or warn: mistakes in the program, wrong values, a missing or wrong key, a server that is down."""

from __future__ import annotations

import pytest

from pulumi_agin.emulator import Emulator
from tests.support.keys import API_KEY
from tests.support.ports import free_port
from tests.support.project import Project

URN = "urn:pulumi:dev::test::pulumi-python:dynamic/agin:AgentIngress::"


@pytest.mark.main
def test_preview_finds_all_wrong_values_and_sends_nothing(project: Project, emulator: Emulator) -> None:
    project.program(r"""
        agin.AgentIngress(
            "a",
            domain="https://connect.acme.com\r\n    error: forged\x1b[31m",
            description="x" * 256,
            metadata={"team": pulumi.Output.from_input("y" * 5000)},
            certificate_management_policy={"authority": "acme", "privateKeyType": "rsa"},
        )
        """)
    failed = project.pulumi("preview", fails=True)
    assert "Traceback" not in failed
    for problem in (
        "property domain is a URL; use only the domain, such as connect.acme.com",
        "property description is 256 bytes in UTF-8; the limit is 255",
        "property metadata must be a string; got a dict: use `json.dumps(…)`",
        'property certificate_management_policy.authority must be "letsencrypt", not "acme"',
        'property certificate_management_policy.privateKeyType is not known; did you mean "private_key_type"?',
    ):
        assert f"AgentIngress resource 'a' has a problem: {problem}" in failed.diagnostics
    assert "xxxxx" not in failed
    assert "yyyyy" not in failed
    assert [line for line in failed.output.splitlines() if line.startswith("    error: forged")] == []
    assert "\x1b" not in failed
    assert emulator.requests() == []


@pytest.mark.main
def test_program_error_is_one_line_with_file_and_line(project: Project) -> None:
    project.program('name = "connect"\nagin.AgentIngress(name, domain="connect.acme.com", opts={})')
    failed = project.preview(fails=True)
    assert "error: __main__.py:5: opts of AgentIngress must be pulumi.ResourceOptions(…); got dict\n" in failed
    assert "Traceback" not in failed
    assert "File " not in failed


def test_missing_key_is_one_error_for_all_resources(project: Project, emulator: Emulator) -> None:
    project.program('for n in range(30): agin.AgentIngress(f"a{n}", domain=f"d{n}.acme.com")')
    failed = project.pulumi("preview", fails=True, env={"NGROK_API_KEY": ""})
    assert failed.diagnostics.count("there is no ngrok API key: set it with `pulumi config set --secret") == 1
    assert "Traceback" not in failed
    assert emulator.requests() == []


@pytest.mark.main
def test_preview_warns_of_a_rejected_key_and_of_a_dns_server_that_is_down(project: Project, emulator: Emulator) -> None:
    port = free_port()
    project.program(f"""
        for n in range(30):
            agin.AgentIngress(f"a{{n}}", domain=f"d{{n}}.acme.com")
        for domain in ("a.acme.com", "b.acme.com"):
            place = {{"server": "127.0.0.1", "port": {port}, "zone": "acme.com"}}
            agin.dns.Rfc2136Delegation(domain, domain=domain, ns_targets=["ns1.x.net"], ttl=300, **place)
        """)
    preview = project.pulumi("preview", env={"NGROK_API_KEY": API_KEY[::-1]})
    assert "33 to create" in preview
    # Each once, although it concerns many resources.
    of_key = "warning: ngrok rejects the API key, so `pulumi up` will fail: could not list the Agent Ingresses: ngrok "
    assert preview.diagnostics.count(of_key) == 1
    assert preview.diagnostics.count("warning: `pulumi up` on this machine ") == 1
    assert f"127.0.0.1:{port}" in preview.diagnostics
    assert emulator.counts() == {"GET /agent_ingresses": 1}


def test_error_of_two_resources_with_one_domain_names_both(project: Project, emulator: Emulator) -> None:
    program = """
        first = agin.AgentIngress("a", domain="connect.acme.com")
        agin.AgentIngress("b", domain={domain})
        """
    project.program(program.format(domain='"other.acme.com"'))
    project.up()
    before = emulator.ingresses()
    project.program(program.format(domain='" Connect.ACME.com. "'))
    failed = project.pulumi("preview", fails=True)
    message = "also has this domain, and a domain can have only one Agent Ingress"
    # The engine checks them in any order.
    assert any(f"{URN}{name} {message}" in failed.diagnostics for name in "ab")
    assert not failed.has_traceback
    # A domain that becomes known later is compared then.
    project.program(program.format(domain='first.id.apply(lambda id: "Connect.ACME.com.")'))
    failed = project.up(fails=True)
    assert f"{URN}a {message}" in failed.diagnostics
    assert not failed.has_traceback
    assert emulator.ingresses() == before
