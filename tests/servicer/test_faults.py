"""Every operation through every fault: it is survived, or said in one sentence; nothing is lost or made twice."""

from __future__ import annotations

import os
import re
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from functools import partial
from typing import Any

import pytest

from pulumi_agin.api.access import Secret
from pulumi_agin.api.client import AgentIngressClient
from pulumi_agin.emulator import Emulator
from tests.support.keys import API_KEY
from tests.support.plugin import DynamicPlugin, Plugin, PluginError, both_front_ends

pytestmark = both_front_ends

Fault = dict[str, Any]
State = dict[str, dict[str, Any]]

ANOTHER = {
    "id": "agin_0ujsszwN8NRY24YaXiTIE2VWDTS",
    "domain": "another.acme.com",
    "ns_targets": ["a.x"],
    "created_at": "2024-08-02T07:15:39Z",
}


class Rig:
    """An account of its own with three ingresses, and a plugin that made them. `state` is what an engine would hold."""

    def __init__(self, running: ExitStack, front_end: type[Plugin], **environment: str) -> None:
        # The faults are the only ones to refuse anything.
        self.emulator = running.enter_context(Emulator(api_key=API_KEY, limit=0))
        settings = {"NGROK_API_BASE_URL": self.emulator.url, "NGROK_API_KEY": API_KEY}
        self.plugin = running.enter_context(front_end({**os.environ, **settings, **environment}))
        self.state: State = {}
        self.ids: list[str] = []

    def begin(self) -> None:
        self.emulator.reset()
        self.state = {}
        for name in "abc":
            # The reads that follow close upon one are answered by a list; which a create then drops.
            self.refresh()
            self.create({"domain": f"{name}.acme.com"})
        self.ids = list(self.state)
        self.emulator.clear_requests()

    # What an engine does: it calls, and keeps what it is given.

    def create(self, inputs: dict[str, Any], timeout: float = 0) -> None:
        id_, outputs = self.plugin.create(inputs, timeout)
        self.state[id_] = outputs

    def update(self, id_: str, timeout: float = 0, description: str = "changed") -> None:
        news = {"domain": self.state[id_]["domain"], "description": description}
        try:
            self.state[id_] = self.plugin.update(id_, self.state[id_], news, timeout=timeout)
        except PluginError as error:
            if error.kept is not None:
                self.state[error.kept.id] = error.kept.outputs
            raise

    def delete(self, id_: str, timeout: float = 0) -> None:
        self.plugin.delete(id_, self.state[id_], timeout)
        del self.state[id_]

    def get(self, id_: str) -> None:
        assert self.plugin.read(id_, None, {})[:2] == (id_, self.state[id_])

    def refresh(self) -> None:
        at_once(*[partial(self.refresh_one, id_) for id_ in self.state])

    def refresh_one(self, id_: str) -> None:
        outputs = self.state[id_]
        assert self.plugin.read(id_, outputs, {"domain": outputs["domain"]})[:2] == (id_, outputs)

    def agrees(self) -> None:
        """The service holds what the state holds: none lost, none made twice, and the values are the service's."""
        theirs = {ingress["id"]: ingress for ingress in self.emulator.ingresses()}
        assert set(theirs) == set(self.state)
        for id_, outputs in self.state.items():
            assert (outputs["domain"], outputs["description"]) == (theirs[id_]["domain"], theirs[id_]["description"])
            assert outputs["created_at"] == theirs[id_]["created_at"]
            assert outputs["ns_targets"] == sorted(f"{target}." for target in theirs[id_]["ns_targets"])

    def sentence(self, call: Callable[[], object]) -> str:
        """What the call fails with."""
        with pytest.raises(PluginError) as caught:
            call()
        assert caught.value.clean
        # A command to paste stands on a line of its own.
        message, _, command = caught.value.message.partition("\n")
        assert "\n" not in command
        is_unsettled_create = re.match("it is unknown whether .* was made", message) is not None
        assert ("pulumi-agin import" in command) == (is_unsettled_create and isinstance(self.plugin, DynamicPlugin))
        assert "Traceback" not in message
        for text in (message, command, caught.value.text):
            assert not any(API_KEY[start : start + 8] in text for start in range(len(API_KEY) - 7))
        return message


@pytest.fixture(scope="module")
def rigs(front_end: type[Plugin]) -> Iterator[list[Rig]]:
    """Several, so that those who wait wait at the same time."""
    with ExitStack() as running, ThreadPoolExecutor(4) as threads:
        yield list(threads.map(lambda _: Rig(running, front_end), range(3)))


def at_once(*calls: Callable[[], object]) -> None:
    """All of them, each in a thread; what one of them raises is raised."""
    with ThreadPoolExecutor() as threads:
        for done in [threads.submit(call) for call in calls]:
            done.result()


# -- what passes by ---------------------------------------------------------------------------------------


def in_a_second() -> str:
    return format_datetime(datetime.now(timezone.utc) + timedelta(seconds=1), usegmt=True)


def maintenance(code: int) -> dict[str, Any]:
    return {"status_code": 503, "error_code": f"ERR_NGROK_{code}", "msg": "maintenance", "details": {}}


LIMITED = {"status_code": 429, "error_code": "ERR_NGROK_226", "msg": "120 API requests per minute", "details": {}}

PASSING: dict[str, Fault | Callable[[], Fault]] = {
    # First, as a process that has asked 120 times in a minute would take a 429 for its own doing, and wait that out.
    "429": {"kind": "answer", "status": 429, "json_body": LIMITED},
    "429 in seconds": {"kind": "answer", "status": 429, "json_body": LIMITED, "headers": {"Retry-After": "1"}},
    "429 at a date": lambda: {"kind": "answer", "status": 429, "headers": {"Retry-After": in_a_second()}},
    "reset before": {"kind": "reset_before"},
    "reset after": {"kind": "reset_after"},
    "cut short": {"kind": "cut_short"},
    "500": {"kind": "answer", "status": 500, "body": "oops"},
    "500 after": {"kind": "answer_after", "status": 500, "body": "oops"},
    "502 with HTML": {"kind": "answer", "status": 502, "body": "<html><h1>Bad Gateway</h1></html>"},
    "502 with HTML after": {"kind": "answer_after", "status": 502, "body": "<html><h1>Bad Gateway</h1></html>"},
    "503 1500": {"kind": "answer", "status": 503, "json_body": maintenance(1500)},
    "503 1501": {"kind": "answer", "status": 503, "json_body": maintenance(1501), "headers": {"Retry-After": "1"}},
}


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING)
def test_what_passes_by_is_survived(fault: Fault | Callable[[], Fault], rigs: list[Rig]) -> None:
    four, listing, looking = rigs
    at_once(*[rig.begin for rig in rigs])
    fault = fault() if callable(fault) else fault
    got, updated, deleted = four.ids
    four.emulator.add_fault("POST", **fault)
    for method, id_ in (("GET", got), ("PATCH", updated), ("DELETE", deleted)):
        four.emulator.add_fault(method, path_contains=id_, **fault)
    listing.emulator.add_fault("GET", **fault)
    # A create whose answer makes no sense is looked for.
    looking.emulator.add_fault("POST", "answer_after", status=201, body="<html>hello</html>")
    looking.emulator.add_fault("GET", **fault)

    at_once(
        lambda: four.create({"domain": "new.acme.com"}),
        lambda: four.get(got),
        lambda: four.update(updated),
        lambda: four.delete(deleted),
        listing.refresh,
        lambda: looking.create({"domain": "new.acme.com"}),
    )
    for rig in rigs:
        assert rig.emulator.faults() == []
        rig.agrees()
    assert four.state[updated]["description"] == "changed"
    assert [len(rig.state) for rig in rigs] == [3, 3, 4]
    # The refresh was answered by one list.
    assert "GET /agent_ingresses/{id}" not in listing.emulator.counts()


def test_a_connection_that_is_refused_for_a_while_is_survived(front_end: type[Plugin]) -> None:
    with ExitStack() as running:
        rig = Rig(running, front_end, PULUMI_AGIN_LOG="debug")
        rig.begin()
        got, updated, deleted = rig.ids

        def return_after_two_refusals(*methods: str) -> None:
            refused: Counter[str] = Counter()
            while any(refused[method] < 2 for method in methods):
                words = rig.plugin.shown_line().split()
                refused[words[1]] += " ".join(words[3:5]) == "no answer"
            rig.emulator.start()

        rig.emulator.stop()
        at_once(
            lambda: return_after_two_refusals("POST", "GET", "PATCH", "DELETE"),
            lambda: rig.create({"domain": "new.acme.com"}),
            lambda: rig.get(got),
            lambda: rig.update(updated),
            lambda: rig.delete(deleted),
        )
        rig.agrees()
        assert len(rig.state) == 3
        rig.emulator.stop()
        at_once(lambda: return_after_two_refusals("GET"), rig.refresh)
        assert "GET /agent_ingresses" in rig.emulator.counts()
        rig.agrees()


# -- what does not ----------------------------------------------------------------------------------------


LASTING: dict[str, tuple[Fault, str]] = {
    "redirect": ({"status": 307}, "redirects to 127.0.0.1, and redirects are not followed"),
    "garbage": ({"status": 200, "body": "<html>{api_key}</html>"}, "makes no sense (it is not JSON)"),
    "another ingress": ({"status": 200, "json_body": ANOTHER}, "makes no sense (it is about another Agent Ingress)"),
    "403": (
        {"status": 403, "json_body": {"status_code": 403, "error_code": "ERR_NGROK_202", "msg": "'{api_key}'"}},
        "403 ERR_NGROK_202: '[key]'",
    ),
    "400": ({"status": 400, "json_body": {"status_code": 400, "msg": "no"}}, "ngrok answered 400: no"),
    "404 of another": ({"status": 404, "body": "<html>no</html>"}, "the base URL came from"),
    "404 of a path": (
        {"status": 404, "json_body": {"status_code": 404, "msg": "Not Found", "details": {"path": "/x"}}},
        "and does not know the path /agent_ingresses",
    ),
    "501": ({"status": 501, "body": ""}, "ngrok answered 501"),
}


@pytest.mark.parametrize(("fault", "says"), LASTING.values(), ids=LASTING)
def test_what_does_not_pass_by_fails_with_one_sentence_and_changes_nothing(
    fault: Fault, says: str, rigs: list[Rig]
) -> None:
    four, listing, looking = rigs
    at_once(*[rig.begin for rig in rigs])
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        if fault["status"] == 307:
            fault = {**fault, "headers": {"Location": f"http://127.0.0.1:{elsewhere.getsockname()[1]}/x"}}
        for method in ("POST", "GET", "PATCH", "DELETE"):
            four.emulator.add_fault(method, "answer", times=None, **fault)
        got, updated, deleted = four.ids
        for call, doing in (
            (lambda: four.get(got), f"read the Agent Ingress {got}"),
            (lambda: four.refresh_one(got), f"read the Agent Ingress a.acme.com ({got})"),
            (lambda: four.update(updated), f"update the Agent Ingress b.acme.com ({updated})"),
            (lambda: four.delete(deleted), f"delete the Agent Ingress c.acme.com ({deleted})"),
        ):
            message = four.sentence(call)
            if "update" in doing and fault["status"] in (200, 501):
                # It may have been carried out, and a look fails as well.
                assert message.startswith(
                    f"it is unknown whether the Agent Ingress b.acme.com ({updated}) was changed: "
                )
            else:
                assert message.startswith(f"could not {doing}")
            expected = "its status is 200 and not 204" if "delete" in doing and fault["status"] == 200 else says
            # A `get` knows no domain, and an id is what it asks for.
            assert expected in message
        message = four.sentence(lambda: four.create({"domain": "new.acme.com"}, timeout=1))
        assert "create the Agent Ingress new.acme.com" in message
        assert says in message
        # What may have been carried out is not said to have failed.
        unknown = fault["status"] in (200, 501)
        assert message.startswith("it is unknown whether" if unknown else "could not create the Agent Ingress")
        four.agrees()

        # A list that fails fails no refresh: each is asked for by its id.
        listing.emulator.add_fault("GET", "answer", **fault)
        listing.refresh()
        assert listing.emulator.faults() == []
        listing.agrees()

        looking.emulator.add_fault("POST", "answer_after", status=201, body="<html>hello</html>")
        looking.emulator.add_fault("GET", "answer", times=None, **fault)
        message = looking.sentence(lambda: looking.create({"domain": "new.acme.com"}))
        assert message.startswith("it is unknown whether the Agent Ingress new.acme.com was made: an answer was lost")
        assert "a look for it failed (could not find the Agent Ingress new.acme.com" in message

        elsewhere.setblocking(False)
        with pytest.raises(BlockingIOError):
            elsewhere.accept()


def test_an_answer_that_never_comes_fails_in_time_and_loses_nothing(rigs: list[Rig]) -> None:
    four, looking, _ = rigs
    at_once(*[rig.begin for rig in rigs])
    _, updated, deleted = four.ids
    # Each is carried out, and nobody is told. A look tells, as so much of the time is kept.
    for method in ("POST", "PATCH", "DELETE"):
        four.emulator.add_fault(method, "hang", after=True)
    # None is.
    kept, unchanged, _ = looking.ids
    for method in ("POST", "PATCH", "DELETE"):
        looking.emulator.add_fault(method, "hang")
    messages: dict[str, str] = {}

    def fails(name: str, call: Callable[[], object]) -> None:
        messages[name] = looking.sentence(call)

    at_once(
        lambda: four.create({"domain": "new.acme.com"}, timeout=6),
        lambda: four.update(updated, timeout=6),
        lambda: four.delete(deleted, timeout=6),
        lambda: fails("create", lambda: looking.create({"domain": "new.acme.com"}, timeout=6)),
        lambda: fails("update", lambda: looking.update(unchanged, timeout=6)),
        lambda: fails("delete", lambda: looking.delete(kept, timeout=6)),
    )
    assert four.state[updated]["description"] == "changed"
    assert deleted not in four.state
    assert messages["update"].startswith(f"could not update the Agent Ingress b.acme.com ({unchanged}): no answer from")
    assert messages["delete"].startswith(f"could not delete the Agent Ingress a.acme.com ({kept}): no answer from")
    assert messages["create"].startswith("it is unknown whether the Agent Ingress new.acme.com was made")
    # Less the moments until it was sent.
    assert all(re.search(r"it did not answer within 4\.[345]\d? seconds", message) for message in messages.values())
    for rig in (four, looking):
        rig.agrees()
    # The next try comes through.
    looking.update(unchanged)
    looking.delete(kept)
    looking.create({"domain": "new.acme.com"})
    looking.agrees()


def test_a_wait_is_told_while_it_lasts_and_what_it_waits_for(front_end: type[Plugin]) -> None:
    with ExitStack() as running:
        rig = Rig(running, front_end)
        rig.begin()
        _, updated, _ = rig.ids

        def update_once_the_create_is_under_way() -> None:
            while not rig.emulator.requests():
                time.sleep(0.01)
            rig.update(updated)

        rig.emulator.add_fault("POST", "hang")
        limited: Fault = {"kind": "answer", "status": 429, "json_body": LIMITED, "headers": {"Retry-After": "5"}}
        rig.emulator.add_fault("PATCH", **limited)
        at_once(
            lambda: rig.sentence(lambda: rig.create({"domain": "new.acme.com"}, timeout=6)),
            update_once_the_create_is_under_way,
        )
        rig.agrees()
    assert re.search(
        r"^still waiting to create the Agent Ingress new\.acme\.com, for \d(\.\d)? seconds \(6 "
        r"seconds at most\): no answer yet$",
        rig.plugin.printed,
        re.MULTILINE,
    )
    assert re.search(
        rf"^still waiting to update the Agent Ingress b\.acme\.com \({updated}\), for \d(\.\d)? seconds "
        r"\(5 minutes at most\): ngrok accepts 120 requests a minute from the whole account; it goes on in \d "
        r"seconds?$",
        rig.plugin.printed,
        re.MULTILINE,
    )
    assert API_KEY[:8] not in rig.plugin.printed
    # Each stands in the row of its resource, and only as long as it is true.
    assert {(line.urn, line.ephemeral) for line in rig.plugin.engine.lines} == {(rig.plugin.urn, True)}


@pytest.mark.parametrize("not_taken", ["certificate_management_policy", "description"])
def test_what_was_made_otherwise_than_asked_is_kept_and_the_next_update_asks_for_the_rest(
    not_taken: str, rigs: list[Rig]
) -> None:
    rig, *_ = rigs
    rig.begin()
    inputs = {
        "domain": "new.acme.com",
        "description": "wanted",
        "certificate_management_policy": {"authority": "letsencrypt"},
    }
    client = AgentIngressClient(Secret(API_KEY), rig.emulator.url)
    made = client.create({name: value for name, value in inputs.items() if name != not_taken})
    rig.emulator.add_fault("POST", "answer", status=201, json_body={**made.outputs(), "id": made.id})
    with pytest.raises(PluginError) as caught:
        rig.create(inputs)
    asked = rig.plugin.in_words(f"ngrok was asked to set {not_taken} of the Agent Ingress new.acme.com")
    assert caught.value.message.startswith(asked)
    assert caught.value.kept
    assert caught.value.kept.id == made.id
    rig.emulator.clear_requests()
    updated = rig.plugin.update(made.id, caught.value.kept.outputs, inputs)
    assert [(r["method"], r["body"]) for r in rig.emulator.requests()] == [("PATCH", {not_taken: inputs[not_taken]})]
    rig.state[made.id] = updated
    rig.agrees()


def test_what_was_made_and_cant_be_read_is_kept_by_its_id_and_read_by_the_next_update(rigs: list[Rig]) -> None:
    rig, *_ = rigs
    rig.begin()
    inputs = {"domain": "new.acme.com", "description": "wanted"}
    id_ = AgentIngressClient(Secret(API_KEY), rig.emulator.url).create(inputs).id
    # As one that was made just now, and answered without its ns_targets.
    odd = {"id": id_, "domain": "new.acme.com"}
    rig.emulator.add_fault("POST", "answer", status=201, json_body=odd)
    rig.emulator.add_fault("GET", "answer", status=200, json_body={"ingresses": [odd]})
    with pytest.raises(PluginError, match=rf"new\.acme\.com \({id_}\) was made, but can't be read") as caught:
        rig.create(inputs)
    assert "The next `pulumi up` reads it again" in caught.value.message
    assert caught.value.kept
    assert caught.value.kept.id == id_
    rig.emulator.clear_requests()
    rig.state[id_] = rig.plugin.update(id_, caught.value.kept.outputs, inputs)
    assert [request["method"] for request in rig.emulator.requests()] == ["GET"]
    rig.agrees()


def test_the_second_of_two_that_want_one_domain_is_told_of_the_first(rigs: list[Rig]) -> None:
    rig, *_ = rigs
    rig.begin()
    rig.emulator.add_fault("POST", "answer", status=502)
    rig.create({"domain": "new.acme.com"})
    with pytest.raises(PluginError) as caught:
        rig.plugin.of(name="connect-2").create({"domain": "new.acme.com"})
    assert f"that of this stack's {rig.plugin.urn}" in caught.value.message
    rig.agrees()


@pytest.mark.parametrize("kind", ["answer", "answer_after"])
def test_a_look_tells_whether_an_update_was_made(kind: str, rigs: list[Rig]) -> None:
    rig, *_ = rigs
    rig.begin()
    id_ = rig.ids[0]
    rig.emulator.add_fault("PATCH", kind, status=200, body="<html>hello</html>")  # type: ignore[arg-type]
    if kind == "answer_after":
        rig.update(id_)
        assert rig.state[id_]["description"] == "changed"
    else:
        message = rig.sentence(lambda: rig.update(id_))
        assert message.startswith(f"could not update the Agent Ingress a.acme.com ({id_}): ")
        assert "(it is not JSON)" in message
    rig.agrees()


@pytest.mark.parametrize("description", ["changed", "as before", ""])
@pytest.mark.parametrize("kind", ["answer", "answer_after"])
def test_an_update_of_which_nobody_knows_is_looked_at_by_the_next_one(
    kind: str, description: str, rigs: list[Rig]
) -> None:
    rig, *_ = rigs
    rig.begin()
    id_ = rig.ids[0]
    rig.update(id_, description="as before")
    rig.emulator.add_fault("PATCH", kind, status=200, body="<html>hello</html>")  # type: ignore[arg-type]
    rig.emulator.add_fault("GET", "answer", status=400, json_body={"status_code": 400, "msg": "not now"})
    message = rig.sentence(lambda: rig.update(id_))
    assert message.startswith(f"it is unknown whether the Agent Ingress a.acme.com ({id_}) was changed: an answer was")
    assert "it could not be read afterwards (could not read the Agent Ingress" in message
    # The engine keeps the failure, and so asks for an update, whatever the program says by then.
    rig.update(id_, description=description)
    assert rig.state[id_]["description"] == description
    rig.agrees()


def test_a_read_or_a_list_that_is_never_answered_fails_in_time(front_end: type[Plugin]) -> None:
    with ExitStack() as running:
        rig = Rig(running, front_end, NGROK_API_TIMEOUT_SECONDS="2")
        rig.begin()
        rig.emulator.add_fault("GET", "hang", path_contains=rig.ids[0])
        assert "did not answer within 2 seconds" in rig.sentence(lambda: rig.get(rig.ids[0]))
        # Half of the time is kept to ask by id what a list should have told.
        rig.emulator.add_fault("GET", "hang")
        rig.refresh()
        assert rig.emulator.faults() == []
        rig.agrees()


def test_a_create_that_nobody_waits_for_any_more_is_not_repeated(front_end: type[Plugin]) -> None:
    # Its engine was killed: whoever then cleaned up would not know of what is made later.
    with Emulator(api_key=API_KEY) as emulator:
        environment = {**os.environ, "NGROK_API_BASE_URL": emulator.url, "NGROK_API_KEY": API_KEY}
        with front_end(environment) as plugin:
            emulator.add_fault("POST", "answer", status=503, times=1)
            plugin.abandon_create({"domain": "a.acme.com"}, lambda: bool(emulator.requests()))
            plugin.end()
        assert emulator.ingresses() == []
        assert emulator.counts()["POST /agent_ingresses"] == 1
