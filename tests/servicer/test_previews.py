"""Previews of a whole program: both front ends show the same warnings, although the engine calls them differently."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from pulumi.runtime.proto import engine_pb2

from pulumi_agin.emulator import Emulator
from tests.support import ngrok
from tests.support.bind import Bind
from tests.support.keys import API_KEY
from tests.support.plugin import (
    AGENT_INGRESS,
    CERTIFICATE_VALIDATION,
    RFC2136_DELEGATION,
    UNKNOWN,
    Plugin,
    Plugins,
    both_front_ends,
)
from tests.support.ports import free_port
from tests.support.records import OTHERS, delegate, inputs, outputs

POLICY = {"authority": "letsencrypt", "private_key_type": "rsa"}
ID = "agin_2k5okIo7afS6bKA3xNDLRZ9rjqk"


class Change(NamedTuple):
    """A resource of the program, as it is in the state and as the program has it."""

    inputs: Mapping[str, Any]
    old_inputs: Mapping[str, Any] = {}
    old_outputs: Mapping[str, Any] = {}
    id: str = ID


def ingress(domain: str, new: Mapping[str, Any], old: Mapping[str, Any], id_: str = ID, mark: str = "") -> Change:
    """Returns an ingress that has a domain in the state, with old and new inputs."""
    before = {"domain": domain, **old}
    return Change({"domain": domain, **new}, before, {**before, "_key_fingerprint": mark}, id_)


def preview(plugin: Plugin, resource: str, changes: Mapping[str, Change]) -> None:
    """Makes the calls of the engine in a preview of these resources."""
    for name, change in changes.items():
        each = plugin.of(resource, name)
        if change.old_inputs:
            each.preview_change(change.old_inputs, change.old_outputs, change.inputs, change.id)
        else:
            each.preview_create(change.inputs)


def warnings(plugin: Plugin) -> dict[str, list[str]]:
    """Returns the warnings of the process, by the name of their resource; "" for the whole run."""
    found: dict[str, list[str]] = {}
    for line in plugin.engine.lines:
        if line.severity == engine_pb2.WARNING:
            found.setdefault(line.urn.rpartition("::")[2], []).append(line.message)
    return found


@both_front_ends
def test_previews_of_ingresses(new_plugin: Plugins, emulator: Emulator) -> None:
    ngrok.create(emulator, "taken.acme.com")
    odd = ngrok.create(emulator, "odd.acme.com")
    emulator.set_ingress(odd, {"ns_targets": [""]})
    emulator.clear_requests()
    with_policy = {"certificate_management_policy": POLICY}
    plugin = new_plugin()
    policy = plugin.spell("certificate_management_policy")
    changes = {
        "new": Change({"domain": "new.acme.com"}),
        "unknown": Change({"domain": UNKNOWN}),
        "taken": Change({"domain": "taken.acme.com"}),
        "unchanged": ingress("unchanged.acme.com", with_policy, with_policy),
        "description": ingress("description.acme.com", {"description": "new"}, {}),
        "domain": ingress("domain.acme.com", {"domain": "other.acme.com"}, with_policy),
        "unknown-domain": ingress("unknown-domain.acme.com", {"domain": UNKNOWN}, {}),
        "policy-added": ingress("policy-added.acme.com", with_policy, {}),
        "policy-removed": ingress("policy-removed.acme.com", {}, with_policy),
        "other-base-url": ingress("other-base-url.acme.com", {}, {}, mark="0badf00d"),
        "other-account": ingress("other-account.acme.com", {}, {}, mark=f"0badf00d {emulator.url}"),
    }
    preview(plugin, AGENT_INGRESS, changes)
    found = warnings(plugin)
    expected = {
        # It is in the list that all creates share.
        "new": "could not read the Agent Ingress odd.acme.com",
        "taken": "taken.acme.com already has an Agent Ingress",
        "domain": "this replacement deletes the Agent Ingress domain.acme.com",
        "unknown-domain": "if the domain changes, this replacement deletes the Agent Ingress unknown-domain.acme.com",
        "policy-added": "this update changes the certificate authority of policy-added.acme.com",
        "policy-removed": f"this update removes the {policy} of policy-removed.acme.com",
        # Once for the whole run.
        "": "according to the state, Agent Ingresses of this stack were last read at https://api.ngrok.com",
        "other-account": "could not read the Agent Ingress other-account.acme.com",
    }
    assert found.keys() == expected.keys()
    for name, beginning in expected.items():
        [sentence] = found[name]
        assert sentence.startswith(beginning)
    assert emulator.counts() == {"GET /agent_ingresses": 1, "GET /agent_ingresses/{id}": 1}


@both_front_ends
def test_preview_with_a_rejected_key(new_plugin: Plugins) -> None:
    plugin = new_plugin(API_KEY[::-1])
    preview(plugin, AGENT_INGRESS, {name: Change({"domain": f"{name}.acme.com"}) for name in ("first", "second")})
    [sentence] = warnings(plugin).pop("first")
    assert sentence.startswith("ngrok rejects the API key")
    assert warnings(plugin).keys() == {"first"}


@both_front_ends
def test_previews_of_records(new_plugin: Plugins, bind: Bind) -> None:
    delegate(bind, "old.acme.com", OTHERS)
    down = free_port()
    plugin = new_plugin(has_quick_clock=True)
    before, ttl = inputs(bind.port, domain="old.acme.com"), {"ttl": 600}
    changes = {
        "new": Change(inputs(bind.port)),
        "unknown": Change(inputs(bind.port, domain=UNKNOWN)),
        "existing": Change(inputs(bind.port, domain="old.acme.com", ns_targets=UNKNOWN)),
        "no-server": Change(inputs(down)),
        "no-server-again": Change(inputs(down, domain="new.acme.com")),
        "update": Change({**before, **ttl}, before, outputs(bind.port, domain="old.acme.com")),
        "replacement": Change(inputs(bind.port, domain="old.acme.com"), inputs(bind.port), outputs(bind.port)),
    }
    preview(plugin, RFC2136_DELEGATION, changes)
    found = warnings(plugin)
    assert found.keys() == {"existing", "no-server", "replacement"}
    for name in ("existing", "replacement"):
        [sentence] = found[name]
        assert f"old.acme.com already has NS records at 127.0.0.1:{bind.port}" in sentence
    [sentence] = found["no-server"]
    assert "could not read the NS records of connect.acme.com" in sentence


@both_front_ends
def test_previews_of_validations_warn_of_nothing(new_plugin: Plugins, emulator: Emulator) -> None:
    plugin = new_plugin()
    defaults = {"timeout_seconds": 2700, "dns_error_grace_seconds": 600}
    before = {"agent_ingress_id": ID, **defaults}
    not_ready = {"agent_ingress_id": ID, "domain": "connect.acme.com", "renews_at": "", "_was_ready": False}
    other = {**before, "agent_ingress_id": f"{ID}2"}
    changes = {
        "new": Change(before),
        "unknown": Change({**before, "agent_ingress_id": UNKNOWN}),
        "again": Change(before, before, not_ready),
        "replacement": Change(other, before, not_ready),
    }
    preview(plugin, CERTIFICATE_VALIDATION, changes)
    assert warnings(plugin) == {}
    assert emulator.requests() == []


@both_front_ends
def test_update_does_not_warn_of_what_its_preview_warns_of(new_plugin: Plugins, emulator: Emulator) -> None:
    plugin = new_plugin()
    id_ = ngrok.create(emulator, "taken.acme.com")
    policy = {"certificate_management_policy": POLICY}
    before, after = {"domain": "connect.acme.com", **policy}, {"domain": "connect.acme.com"}
    assert plugin.check(after, before, old_outputs=before) == (after, [])
    assert plugin.diff(before, after, ID)[0]
    for inputs_ in ({"domain": "taken.acme.com"}, {"domain": "changed.acme.com"}):
        plugin.of(name="replaced").check(inputs_, {**before, "domain": "replaced.acme.com"})
        assert plugin.of(name="replaced").check(inputs_) == (inputs_, [])
    assert warnings(plugin) == {}
    assert [each["id"] for each in emulator.ingresses()] == [id_]
