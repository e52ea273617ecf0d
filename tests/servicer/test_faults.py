"""Faults of the network and of ngrok, with both front ends: after each, the state matches ngrok."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest

from pulumi_agin.emulator import Emulator
from tests.support import ngrok
from tests.support.plugin import Plugin, PluginError, Plugins, both_front_ends, failure

pytestmark = both_front_ends

DOMAIN = "connect.acme.com"
NEW = "new.acme.com"
HTML = "<html>{api_key}</html>"


@dataclass
class Stack:
    """The resources of a stack: their state as the engine keeps it, and the calls."""

    plugin: Plugin
    emulator: Emulator
    state: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])

    def create(self, domain: str = NEW, timeout: float = 0, **inputs: Any) -> str:
        id_, self.state[id_] = self.plugin.create({"domain": domain, **inputs}, timeout)
        return id_

    def get(self, id_: str) -> None:
        assert self.plugin.read(id_, None, {})[:2] == (id_, self.state[id_])

    def refresh(self, id_: str) -> None:
        outputs = self.state[id_]
        assert self.plugin.read(id_, outputs, {"domain": outputs["domain"]})[:2] == (id_, outputs)

    def update(self, id_: str, timeout: float = 0, description: str = "changed") -> None:
        inputs = {"domain": self.state[id_]["domain"], "description": description}
        try:
            self.state[id_] = self.plugin.update(id_, self.state[id_], inputs, timeout)
        except PluginError as error:
            if error.kept:
                self.state[error.kept.id] = error.kept.outputs
            raise

    def delete(self, id_: str, timeout: float = 0) -> None:
        self.plugin.delete(id_, self.state[id_], timeout)
        del self.state[id_]

    def assert_as_ngrok(self) -> None:
        """Asserts that no ingress is lost or created twice, and that the values match ngrok's."""
        names = ("domain", "description", "created_at")
        expected = {each["id"]: {name: each[name] for name in names} for each in self.emulator.ingresses()}
        assert {id_: {name: outputs[name] for name in names} for id_, outputs in self.state.items()} == expected


@pytest.fixture
def stack(plugin: Plugin, emulator: Emulator) -> Stack:
    return Stack(plugin, emulator)


MAINTENANCE = {"status_code": 503, "error_code": "ERR_NGROK_1501", "msg": "maintenance", "details": {}}


def test_every_operation_outlasts_a_transient_fault(stack: Stack) -> None:
    # test_retry.py and test_client.py have every fault.
    first, second, third = (stack.create(f"{name}.acme.com") for name in "abc")
    stack.emulator.add_fault("POST", "respond_after", status=502, body=HTML)
    stack.create(NEW)
    stack.emulator.add_fault("GET", "respond", status=429, headers={"Retry-After": "2"})
    stack.get(first)
    stack.emulator.add_fault("PATCH", "reset_after")
    stack.update(second)
    stack.emulator.add_fault("DELETE", "reset_after")
    stack.delete(third)
    stack.emulator.add_fault("GET", "respond", status=503, json_body=MAINTENANCE, headers={"Retry-After": "1"})
    stack.refresh(first)
    # The list that settles a create.
    stack.emulator.add_fault("POST", "respond_after", status=201, body=HTML)
    stack.emulator.add_fault("GET", "reset_after")
    stack.create("lost.acme.com")
    assert stack.emulator.faults() == []
    assert stack.state[second]["description"] == "changed"
    stack.assert_as_ngrok()


def test_lost_responses_are_settled_by_a_read(stack: Stack) -> None:
    updated, deleted = stack.create("a.acme.com"), stack.create("b.acme.com")
    for method in ("POST", "PATCH", "DELETE"):
        stack.emulator.add_fault(method, "reset_after", times=None)
    stack.create(NEW)
    stack.update(updated, timeout=60)
    stack.delete(deleted, timeout=60)
    stack.assert_as_ngrok()


def test_lost_requests_fail_within_the_custom_timeout(stack: Stack) -> None:
    id_ = stack.create(DOMAIN)
    for method in ("POST", "PATCH", "DELETE"):
        stack.emulator.add_fault(method, "reset_before", times=None)
    calls: dict[str, Callable[[], object]] = {
        f"it is unknown whether the Agent Ingress {NEW} was created": lambda: stack.create(NEW, timeout=60),
        f"it is unknown whether the Agent Ingress {DOMAIN} ({id_}) was changed": lambda: stack.update(id_, timeout=60),
        f"it is unknown whether the Agent Ingress {DOMAIN} ({id_}) was deleted": lambda: stack.delete(id_, timeout=60),
    }
    for start, call in calls.items():
        message = failure(call).message
        assert message.startswith(start)
        assert " (limit: 60 seconds): " in message
    stack.assert_as_ngrok()


ANOTHER = {
    "id": "agin_0ujsszwN8NRY24YaXiTIE2VWDTS",
    "domain": "another.acme.com",
    "ns_targets": ["a.x"],
    "created_at": "2024-08-02T07:15:39Z",
}
FORGED = {"status_code": 400, "msg": "x\n    error: forged\r\x1b[31m\u2028\u202e\x85" + "x" * 100_000}
NO_PATH = {"status_code": 404, "msg": "Not Found", "details": {"path": "/x"}}

RESPONSES: dict[str, dict[str, Any]] = {
    "redirect": {"status": 307, "headers": {"Location": "http://127.0.0.1:1/x"}},
    "HTML": {"status": 200, "body": HTML},
    "another ingress": {"status": 200, "json_body": ANOTHER},
    "forged lines": {"status": 400, "json_body": FORGED},
    "wrong key": {
        "status": 403,
        "json_body": {"status_code": 403, "error_code": "ERR_NGROK_202", "msg": "'{api_key}'"},
    },
    "404 of a web server": {"status": 404, "body": HTML},
    "404 of a path": {"status": 404, "json_body": NO_PATH},
}
MADE = f"it is unknown whether the Agent Ingress {NEW} was created (could not create "
CHANGED = f"it is unknown whether the Agent Ingress {DOMAIN} (ID) was changed (could not update "
DELETED = f"it is unknown whether the Agent Ingress {DOMAIN} (ID) was deleted (could not delete "

# The response to each request, the operation, the beginning of the message, and a part of it.
PERMANENT = [
    ("redirect", "create", "could not create ", "redirects to 127.0.0.1:1, and redirects are not"),
    ("HTML", "create", MADE, ": not JSON ("),
    ("HTML", "update", CHANGED, ": not JSON ("),
    ("HTML", "delete", DELETED, "status 200 instead of 204"),
    ("another ingress", "refresh", "could not read ", "it describes another Agent Ingress"),
    ("forged lines", "update", "could not update ", "ngrok responded 400: x error: forged [31m xxx"),
    ("wrong key", "refresh", "could not read ", "403 ERR_NGROK_202: '[key]'. The API key came from the environment"),
    ("404 of a web server", "refresh", "could not read ", "the base URL came from the environment variable"),
    ("404 of a path", "delete", "could not delete ", "has no path /agent_ingresses"),
]


@pytest.mark.parametrize(
    ("response", "operation", "start", "part"), PERMANENT, ids=[f"{row[0]}-{row[1]}" for row in PERMANENT]
)
def test_permanent_fault_fails_and_changes_nothing(
    response: str, operation: str, start: str, part: str, stack: Stack
) -> None:
    id_ = stack.create(DOMAIN)
    stack.emulator.add_fault(None, "respond", times=None, **RESPONSES[response])
    call = stack.create if operation == "create" else partial(getattr(stack, operation), id_)
    message = failure(call).message
    assert message.startswith(start.replace("ID", id_))
    assert part in message
    assert len(message) < 1000
    assert message.endswith("If it was created, `pulumi preview` shows its ID and the next step") == (start == MADE)
    assert "\n" not in message
    stack.assert_as_ngrok()


@pytest.mark.parametrize("not_kept", ["certificate_management_policy", "description"])
def test_next_update_sets_values_that_ngrok_dropped(not_kept: str, stack: Stack) -> None:
    inputs: dict[str, Any] = {
        "description": "wanted",
        "certificate_management_policy": {"authority": "letsencrypt"},
    }
    kept = {name: value for name, value in inputs.items() if name != not_kept}
    id_ = ngrok.create(stack.emulator, NEW, **kept)
    _, outputs, _ = stack.plugin.read(id_, None, {})
    stack.emulator.add_fault("POST", "respond", status=201, json_body={**outputs, "id": id_})
    error = failure(lambda: stack.create(**inputs))
    assert f" on the Agent Ingress {NEW} ({id_}): its response has a different value. The next " in error.message
    assert error.kept
    assert error.kept.id == id_
    stack.emulator.clear_requests()
    stack.state[id_] = stack.plugin.update(id_, error.kept.outputs, {"domain": NEW, **inputs})
    assert ngrok.requests(stack.emulator) == [("PATCH", {not_kept: inputs[not_kept]})]
    stack.assert_as_ngrok()


def test_next_update_reads_a_created_ingress_that_could_not_be_read(stack: Stack) -> None:
    id_ = ngrok.create(stack.emulator, NEW, description="wanted")
    # The responses to the create and to the search for it have no ns_targets.
    incomplete = {"id": id_, "domain": NEW}
    stack.emulator.add_fault("POST", "respond", status=201, json_body=incomplete)
    stack.emulator.add_fault("GET", "respond", status=200, json_body={"ingresses": [incomplete]})
    error = failure(lambda: stack.create(description="wanted"))
    assert f"{NEW} ({id_}) was created, but could not be read" in error.message
    assert "The next `pulumi up` reads it again" in error.message
    assert error.kept
    assert error.kept.id == id_
    stack.emulator.clear_requests()
    stack.state[id_] = stack.plugin.update(id_, error.kept.outputs, {"domain": NEW, "description": "wanted"})
    assert [method for method, _ in ngrok.requests(stack.emulator)] == ["GET"]
    stack.assert_as_ngrok()


def test_second_create_of_a_domain_names_the_first_resource(stack: Stack) -> None:
    stack.emulator.add_fault("POST", "respond", status=502)
    stack.create(NEW)
    second = stack.plugin.of(name="connect-2")
    assert (
        f"which this stack already manages as {stack.plugin.urn}"
        in failure(lambda: second.create({"domain": NEW})).message
    )
    stack.assert_as_ngrok()


@pytest.mark.parametrize("is_carried_out", [True, False])
@pytest.mark.parametrize("description", ["changed", "as before", ""])
def test_next_update_reads_after_one_of_unknown_outcome(is_carried_out: bool, description: str, stack: Stack) -> None:
    id_ = stack.create(DOMAIN, description="as before")
    stack.emulator.add_fault("PATCH", "respond_after" if is_carried_out else "respond", status=200, body=HTML)
    stack.emulator.add_fault("GET", "respond", status=400, json_body={"status_code": 400, "msg": "not now"})
    message = failure(lambda: stack.update(id_)).message
    assert message.startswith(CHANGED.replace("ID", id_))
    assert "The Agent Ingress could not be read afterwards (could not read the Agent Ingress" in message
    # The engine keeps the failure, so it updates again, even if the program has changed.
    stack.update(id_, description=description)
    assert stack.state[id_]["description"] == description
    stack.assert_as_ngrok()


def test_wait_shows_a_line_in_the_row_of_its_resource(new_plugin: Plugins, emulator: Emulator) -> None:
    # A process of its own: it has shown no other lines, and its calls together show at most one in 20 seconds.
    plugin = new_plugin(has_quick_clock=True)
    emulator.add_fault("POST", "respond", status=503, headers={"Retry-After": "10000"})
    # The first line is about the base URL.
    plugin.abandon_create({"domain": NEW}, when=lambda: plugin.engine.lines[1:])
    line = plugin.engine.lines[1]
    assert line.message.startswith(f"still waiting to create the Agent Ingress {NEW} (")
    assert "ngrok responded 503" in line.message
    assert (line.urn, line.ephemeral) == (plugin.urn, True)


def test_abandoned_create_is_not_retried(new_plugin: Plugins, emulator: Emulator) -> None:
    # Its engine was killed, so an ingress that is created later would be in no state.
    plugin = new_plugin()
    # Long enough for the plugin to be canceled before it would repeat the request.
    emulator.add_fault("POST", "respond", status=503, headers={"Retry-After": "4"})
    plugin.abandon_create({"domain": NEW}, when=emulator.requests)
    plugin.end()
    # A search for it is possible if the call was canceled before the response.
    assert emulator.counts()["POST /agent_ingresses"] == 1
    assert emulator.ingresses() == []
