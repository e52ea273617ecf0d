"""No name, no value and no answer forges a line of what the CLI prints."""

from __future__ import annotations

from typing import Any

from pulumi_agin.emulator import Emulator
from tests.support.project import Project, Result

FORGERY = "x\n    error: forged\r\x1b[31mred\u2028\u202e\x85y"


def assert_nothing_forged(result: Result) -> None:
    """Every line is the engine's or ours, and holds nothing that steers a terminal."""
    for line in result.output.split("\n"):
        assert line.isprintable(), ascii(line)
        assert not line.strip().startswith("error: forged"), result.output


def refusal(msg: str) -> dict[str, Any]:
    return {
        "status_code": 400,
        "error_code": f"ERR_NGROK_{msg}",
        "msg": msg,
        "details": {"operation_id": msg},
    }


def test_what_a_service_says_and_holds_forges_no_line(project: Project, emulator: Emulator) -> None:
    project.program('agin.AgentIngress("a", domain="connect.acme.com")')
    emulator.add_fault("POST", "answer", status=400, json_body=refusal(FORGERY))
    failed = project.up(fails=True)
    assert "ngrok answered 400 ERR_NGROK_x error: forged" in failed.diagnostics
    assert_nothing_forged(failed)
    # Half of a surrogate pair, which the engine's protocol can't carry.
    emulator.add_fault("POST", "answer", status=400, json_body=refusal("half a pair: \ud83d."))
    failed = project.up(fails=True)
    assert "half a pair: ." in failed.diagnostics
    assert not failed.has_traceback

    project.up()
    emulator.set_ingress(emulator.ingresses()[0]["id"], {"description": FORGERY, "metadata": FORGERY})
    assert_nothing_forged(project.refresh("--diff"))
    assert project.resources()[0]["outputs"]["description"] == FORGERY
    assert_nothing_forged(project.preview())
    assert_nothing_forged(project.up("--diff"))
    assert emulator.ingresses()[0]["description"] == ""


def test_names_and_texts_of_a_program_forge_no_line(project: Project, emulator: Emulator) -> None:
    project.program(
        f"""
        wicked = {FORGERY!r}
        agin.AgentIngress(wicked, domain="connect.acme.com", description=wicked, metadata=wicked)
        """
    )
    emulator.add_fault("POST", "answer", status=400, json_body=refusal("no"))
    assert_nothing_forged(project.up(fails=True))
    assert_nothing_forged(project.up())
    [made] = emulator.ingresses()
    assert (made["description"], made["metadata"]) == (FORGERY, FORGERY)
    assert project.preview().output.count("unchanged") == 1
    assert_nothing_forged(project.destroy())
    assert emulator.ingresses() == []


def test_a_domain_that_is_refused_forges_no_line(project: Project, emulator: Emulator) -> None:
    for wicked in (FORGERY, "a\x1b[31m.acme.com", "a.acme.com\n    error: forged"):
        project.program(f'agin.AgentIngress("a", domain={wicked!r})')
        failed = project.preview(fails=True)
        assert "property domain" in failed
        assert_nothing_forged(failed)
    assert emulator.requests() == []
