"""Errors from ngrok, names and values in the CLI's output, and the debug log."""

from __future__ import annotations

import re

from pulumi_agin.emulator import Emulator
from tests.support.keys import API_KEY, assert_without_key
from tests.support.project import Project
from tests.support.result import Result

FORGERY = "x\n    error: forged\r\x1b[31mred\u2028\u202e\x85y"

PROGRAM = f"""
forgery = {FORGERY!r}
agin.AgentIngress("refused", domain="refused.acme.com")
agin.AgentIngress("forged", domain="forged.acme.com")
agin.AgentIngress("half-a-pair", domain="half-a-pair.acme.com")
agin.AgentIngress("ngroks", domain="connect.ngrok.io")
agin.AgentIngress("retried", domain="retried.acme.com").uri.apply(print)
agin.AgentIngress(forgery, domain="connect.acme.com", description=forgery, metadata=forgery)
"""

# A part of the message about each resource that can't be created.
FAILURES = {
    "refused": "ngrok responded 403 ERR_NGROK_202: no: '[key]'. The API key came from ngrok:apiKey in the stack config",
    "forged": "ngrok responded 400 ERR_NGROK_x error: forged",
    # The engine's protocol can't carry half of a surrogate pair.
    "half-a-pair": "ngrok responded 400: half a pair: .",
    "ngroks": "could not create the Agent Ingress connect.ngrok.io: ngrok responded 400 ERR_NGROK_6705: The agent "
    'ingress domain "connect.ngrok.io" must be a third party domain, you may not enter a domain controlled by ngrok.',
}


def assert_nothing_forged(result: Result) -> None:
    """Asserts that every line is from the engine or from us, without control characters."""
    for line in result.output.split("\n"):
        assert line.isprintable(), ascii(line)
        assert not line.strip().startswith("error: forged"), result.output


def logged(result: Result) -> set[str]:
    """Returns the lines of the debug log, without times and operation IDs."""
    return set(re.findall(r"^ *pulumi-agin: (.*?) \d+ ms(?: op_[0-9a-f]{32})?$", result.output, re.M))


def test_errors_are_one_sentence_and_cannot_forge_lines(project: Project, emulator: Emulator) -> None:
    project.config(plain={"ngrok:apiKey": API_KEY})
    project.environment["PULUMI_AGIN_LOG"] = "debug"
    refused = {"status_code": 403, "error_code": "ERR_NGROK_202", "msg": "no: '{api_key}'"}
    forged = {"status_code": 400, "error_code": f"ERR_NGROK_{FORGERY}", "msg": FORGERY}
    with_forged_operation = {**forged, "details": {"operation_id": FORGERY}}
    half = {"status_code": 400, "msg": "half a pair: \ud83d."}
    emulator.add_fault("POST", "respond", domain="refused.acme.com", status=403, json_body=refused)
    emulator.add_fault("POST", "respond", domain="forged.acme.com", status=400, json_body=with_forged_operation)
    emulator.add_fault("POST", "respond", domain="half-a-pair.acme.com", status=400, json_body=half)
    emulator.add_fault("POST", "respond", domain="retried.acme.com", status=500, body="{api_key}")
    emulator.add_fault("POST", "reset_before", domain="retried.acme.com")
    project.program(PROGRAM)
    failed = project.up("--continue-on-error", fails=True)
    messages = failed.messages
    assert messages.keys() == {*FAILURES, "test-dev"}
    assert {name: messages[name] for name, text in FAILURES.items() if text not in messages[name]} == {}
    assert not failed.has_traceback
    assert_nothing_forged(failed)
    assert logged(failed) == {f"POST /agent_ingresses {result}" for result in (201, 400, 403, 500, "no response")}
    # There is one warning about the key, because it is not a secret.
    assert messages["test-dev"].count("ngrok:apiKey is stored unencrypted") == 1
    assert messages["test-dev"].count("`pulumi config set --secret ngrok:apiKey`") == 1
    project.config(secret={"ngrok:apiKey": API_KEY})

    stored = {ingress["domain"]: ingress for ingress in emulator.ingresses()}
    assert stored["connect.acme.com"]["description"] == stored["connect.acme.com"]["metadata"] == FORGERY
    retried = stored["retried.acme.com"]["id"]
    emulator.set_ingress(retried, {"description": FORGERY, "metadata": FORGERY})
    refreshed = project.refresh("--diff")
    assert r'"x\n    error: forged\r' in refreshed
    assert_nothing_forged(refreshed)
    assert {line.partition("/")[0] for line in logged(refreshed)} == {"GET "}

    # ngrok can't be queried for the outputs that the update does not change.
    emulator.add_fault("GET", "respond", times=None, status=403, json_body=refused)
    preview = project.preview()
    assert "1 to update" in preview
    warnings = re.findall(r"^ *warning: (.*): .*ngrok responded 403 ERR_NGROK_202: no: '\[key\]'", preview.output, re.M)
    assert sorted(each.partition(":")[0] for each in warnings) == [
        "ngrok rejects the API key, so `pulumi up` will fail",
        "the preview can't determine which outputs this update will leave unchanged",
    ]
    # The program's `print` of an output.
    assert re.search(r"^ */agent_ingresses/", preview.output, re.M) is None
    assert_nothing_forged(preview)
    emulator.clear_faults()

    project.program(PROGRAM.replace("connect.ngrok.io", "ngroks.acme.com"))
    up = project.up("--diff")
    assert_nothing_forged(up)
    assert "ngrok:apiKey is" not in up
    assert logged(up) == {f"PATCH /agent_ingresses/{retried} 200", "POST /agent_ingresses 201"}
    for shown in (failed, refreshed, preview, up):
        assert_without_key(shown.output)
