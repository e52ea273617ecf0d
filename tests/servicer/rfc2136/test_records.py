"""Rfc2136Delegation with both front ends: its inputs, its state, and the lifecycle of its records at a real BIND."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pulumi.runtime import rpc
from pulumi.runtime.proto import provider_pb2

from pulumi_agin.base.installation import missing_extra
from tests.support import messages
from tests.support.bind import Bind, Key
from tests.support.flaky_proxy import Outage, between
from tests.support.plugin import (
    RFC2136_DELEGATION,
    UNKNOWN,
    DynamicPlugin,
    NativePlugin,
    Plugin,
    Plugins,
    both_front_ends,
    failure,
)
from tests.support.records import (
    DOMAIN,
    KEY,
    OTHERS,
    TARGETS,
    UNSETTLED,
    delegate,
    inputs,
    outputs,
    records,
    rejection,
    unsettled,
    unsigned,
)
from tools.bind import Programs


@pytest.fixture(scope="module")
def session(front_end: type[Plugin]) -> Iterator[Plugin]:
    with front_end(os.environ, resource=RFC2136_DELEGATION) as running:
        yield running
    assert KEY.secret not in running.printed


@pytest.fixture
def plugin(session: Plugin, request: pytest.FixtureRequest) -> Plugin:
    """Calls for a separate resource, because the process records which resources are in the program."""
    return session.of(name=request.node.name)


@pytest.fixture(scope="module")
def running_open_bind(tmp_path_factory: pytest.TempPathFactory, bind_programs: Programs) -> Iterator[Bind]:
    with Bind(bind_programs, tmp_path_factory.mktemp("open"), [Key(KEY.name)], unsigned=True) as running:
        yield running


@pytest.fixture
def open_bind(running_open_bind: Bind) -> Bind:
    """A primary server of acme.com that accepts unsigned updates."""
    delegate(running_open_bind, DOMAIN, [])
    return running_open_bind


@both_front_ends
def test_check_returns_canonical_inputs(plugin: Plugin) -> None:
    given = inputs(
        53,
        domain=" Connect.ACME.com. ",
        zone="ACME.com.",
        ns_targets=["NS-2.awsdns-28.net", "ns-1.awsdns-38.org.", "ns-2.awsdns-28.net."],
        server="NS1.Acme.com.",
        tsig_key_name="Agin.",
        tsig_secret=f"{KEY.secret}\n",
        tsig_algorithm="HMAC-SHA256",
    )
    assert plugin.check(given) == (inputs(53, server="ns1.acme.com"), [])
    assert plugin.check(inputs(53, server="2001:DB8::53")) == (inputs(53, server="2001:db8::53"), [])


@both_front_ends
def test_check_reports_all_errors_without_the_secret(plugin: Plugin) -> None:
    given = {
        "domain": "https://connect.acme.com",
        "ns_targets": [],
        "ttl": 2**31,
        "server": "",
        "port": 0,
        "tsig_key_name": "my key",
        "tsig_secret": "hunter2!",
        "tsig_algorithm": "sha256",
        "adopt": "yes",
    }
    expected = [
        "property domain must be a valid DNS name",
        "property zone is required: the name of the zone, such as acme.com",
        f"property {plugin.spell('ns_targets')} must not be empty",
        "property ttl must be a whole number, 0 to 2147483647",
        "property server must be a host name or an IP address, without brackets or port, such as ns1.acme.com",
        "property port must be a whole number, 1 to 65535",
        f"property {plugin.spell('tsig_key_name')} must be a valid DNS name",
        f"property {plugin.spell('tsig_secret')} must be base64, like the `secret` in the key file",
        f'property {plugin.spell("tsig_algorithm")} must be "hmac-md5", "hmac-sha1", "hmac-sha224", "hmac-sha256", '
        '"hmac-sha384" or "hmac-sha512", not "sha256"',
        f"property adopt must be {plugin.boolean}; got a string",
    ]
    assert plugin.check(given)[1] == expected


@pytest.mark.parametrize("front_end", [NativePlugin], indirect=True)
def test_native_front_end_marks_the_key_as_secret(new_plugin: Plugins, bind: Bind) -> None:
    plugin = new_plugin().of(RFC2136_DELEGATION)
    delegate(bind, DOMAIN, TARGETS)
    properties = plugin._struct(outputs(bind.port))
    check = provider_pb2.CheckRequest(urn=plugin.urn, news=properties)
    create = provider_pb2.CreateRequest(urn=plugin.urn, properties=properties, preview=True)
    read = plugin.call(plugin.stub.Read, provider_pb2.ReadRequest(id=DOMAIN, urn=plugin.urn, properties=properties))
    for struct in (
        read.properties,
        read.inputs,
        plugin.call(plugin.stub.Check, check).inputs,
        plugin.call(plugin.stub.Create, create).properties,
    ):
        values = rpc.deserialize_properties(struct, keep_unknowns=True)
        assert [name for name, value in values.items() if rpc.is_rpc_secret(value)] == ["tsigSecret"]


@both_front_ends
def test_missing_dnspython_fails_check_and_refresh(front_end: type[Plugin], tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['dns'] = None")
    with front_end({**os.environ, "PYTHONPATH": str(tmp_path)}, resource=RFC2136_DELEGATION) as plugin:
        install = missing_extra(plugin.rfc2136, "rfc2136")
        assert plugin.check(inputs(53))[1] == [install]
        assert failure(lambda: plugin.read(DOMAIN, outputs(53), inputs(53))).message == install


def test_package_that_hides_dnspython_is_not_run(tmp_path: Path) -> None:
    package = tmp_path / "dns" / "__init__.py"
    package.parent.mkdir()
    package.write_text("raise SystemExit('the program ran in the plugin')")
    with DynamicPlugin({**os.environ, "PYTHONPATH": str(tmp_path)}, resource=RFC2136_DELEGATION) as plugin:
        hidden = f"dns.rfc2136 needs dnspython, whose module `dns` is shadowed by {package}: rename that module"
        assert plugin.check(inputs(53, port=0))[1] == [
            hidden,
            "property port must be a whole number, 1 to 65535",
        ]
        assert rejection(lambda: plugin.create(inputs(53))) == hidden


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({}, (False, [])),
        ({"adopt": True}, (False, [])),
        ({"ns_targets": UNKNOWN}, (True, [])),
        ({"ttl": 60}, (True, [])),
        ({"tsig_secret": "AAAA"}, (True, [])),
        ({"domain": UNKNOWN}, (True, ["domain"])),
        ({"domain": "connect.acme.net", "zone": "acme.net"}, (True, ["domain", "zone"])),
        ({"zone": "com"}, (True, ["zone"])),
    ],
)
@both_front_ends
def test_diff_reports_changes_and_replacements(
    change: dict[str, Any], difference: tuple[bool, list[str]], plugin: Plugin
) -> None:
    assert plugin.diff(outputs(53), inputs(53, **change)) == difference


@both_front_ends
def test_diff_adds_and_removes_a_key_in_place(plugin: Plugin) -> None:
    assert plugin.diff(unsigned(outputs(53)), unsigned(inputs(53))) == (False, [])
    assert plugin.diff(unsigned(outputs(53)), inputs(53)) == (True, [])
    assert plugin.diff(outputs(53), unsigned(inputs(53))) == (True, [])


@pytest.mark.parametrize(("server", "signature"), [("bind", dict), ("open_bind", unsigned)])
@both_front_ends
def test_lifecycle_of_the_records(
    server: str,
    signature: Callable[[dict[str, Any]], dict[str, Any]],
    plugin: Plugin,
    request: pytest.FixtureRequest,
) -> None:
    bind: Bind = request.getfixturevalue(server)
    given, kept = signature(inputs(bind.port, ttl=60)), signature(outputs(bind.port, ttl=60))
    assert plugin.create(given) == (DOMAIN, kept)
    assert records(bind) == (TARGETS, 60)
    assert plugin.read(DOMAIN, kept, given) == (DOMAIN, kept, given)

    delegate(bind, DOMAIN, ["NS9.Other.net.", "ns1.other.net."], ttl=77)
    drift = {"ns_targets": ["ns1.other.net.", "ns9.other.net."], "ttl": 77}
    assert plugin.read(DOMAIN, kept, given) == (DOMAIN, {**kept, **drift}, {**given, **drift})
    assert plugin.update(DOMAIN, {**kept, **drift}, given) == kept
    assert records(bind) == (TARGETS, 60)

    plugin.delete(DOMAIN, kept)
    assert records(bind) == ([], 0)
    assert plugin.read(DOMAIN, kept, given)[0] == ""
    # Deleting them again is not a failure, and an update creates them again.
    plugin.delete(DOMAIN, kept)
    plugin.update(DOMAIN, kept, given)
    assert records(bind) == (TARGETS, 60)


@both_front_ends
def test_delete_removes_only_its_own_records(plugin: Plugin, bind: Bind) -> None:
    delegate(bind, DOMAIN, [*TARGETS, *OTHERS])
    plugin.delete(DOMAIN, outputs(bind.port))
    assert records(bind) == (OTHERS, 300)


@both_front_ends
def test_create_of_unknown_outcome_is_settled_by_any_later_call(plugin: Plugin, bind: Bind) -> None:
    # Without a valid response to the update and to the read that follows, nothing is retried.
    outage = Outage(response=b"not DNS")
    with between(bind, outage) as port:
        message, kept = unsettled(lambda: plugin.create(inputs(port)))
        assert kept == outputs(port, ns_targets=[], **{UNSETTLED: TARGETS})
        reason = f"127.0.0.1:{port}: its response is not a DNS message; check server and port"
        sentences, command = message.split("\n")
        assert sentences == (
            f"could not create the NS records of {DOMAIN} at {reason}. The server may have applied it anyway, and "
            f"reading the records back failed: could not read the NS records of {DOMAIN} at {reason}. The state "
            f"keeps all possible values ({', '.join(TARGETS)}): run `pulumi up` again"
        )
        assert command.endswith("pulumi-agin explain lost-response")
        outage.is_over = True
        assert plugin.diff(kept, inputs(port)) == (True, [])
        assert plugin.read(DOMAIN, kept, inputs(port)) == (DOMAIN, outputs(port), inputs(port))
        assert plugin.update(DOMAIN, kept, inputs(port)) == outputs(port)
        delegate(bind, DOMAIN, [*TARGETS, *OTHERS])
        plugin.delete(DOMAIN, kept)
    assert records(bind) == (OTHERS, 300)


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("ttl", "x", " must be a whole number, 0 to 2147483647"),
        ("ns_targets", [5], "[0] must be a string; got a number"),
        (UNSETTLED, "x", " must be a list; got a string"),
        ("zone", None, " is required"),
        ("port", None, " is required"),
        ("tsig_algorithm", None, " is required"),
        ("server", {}, " must be a string"),
        ("tsig_secret", 5, " must be a string"),
    ],
)
@both_front_ends
def test_damaged_state_is_reported(key: str, value: object, problem: str, plugin: Plugin) -> None:
    damaged, given = {**outputs(53), key: value}, inputs(53)
    for call in (
        lambda: plugin.diff(damaged, given),
        lambda: plugin.read(DOMAIN, damaged, given),
        lambda: plugin.update(DOMAIN, damaged, given),
        lambda: plugin.delete(DOMAIN, damaged),
    ):
        message = rejection(call)
        assert message.startswith(f"the state of this resource is invalid: property {plugin.spell(key)}{problem}")
        assert message.endswith("Correct it with `pulumi state edit`")


@both_front_ends
def test_long_message_reaches_the_engine(plugin: Plugin) -> None:
    # More than gRPC transports: one problem for each value.
    damaged = outputs(53, ns_targets=[53.0] * 2000)
    message = rejection(lambda: plugin.read(DOMAIN, damaged, inputs(53)))
    assert len(message) == 4000
    assert message.startswith("the state of this resource is invalid: ")
    assert message.endswith(". Correct it with `pulumi state edit`")
    # No user has such a state.
    messages.shown.clear()


@both_front_ends
def test_import_is_rejected(plugin: Plugin) -> None:
    advice = f"{plugin.adopt} adopts existing ones"
    assert advice in rejection(lambda: plugin.read(DOMAIN, {}, {}))
