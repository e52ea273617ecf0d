"""Reading and writing of properties by the plugin."""

from __future__ import annotations

from typing import Any

from google.protobuf import struct_pb2
from hypothesis import given, settings
from hypothesis import strategies as st
from pulumi.runtime import rpc

from pulumi_agin.lifecycle.inputs import AgentIngressInputs
from pulumi_agin.lifecycle.phrasing import UnsupportedValue
from pulumi_agin.native import names, properties
from pulumi_agin.rfc2136.inputs import NsRecordsInputs

json_values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def struct_of(values: dict[str, Any]) -> struct_pb2.Struct:
    struct = struct_pb2.Struct()
    struct.update(values)
    return struct


def secret(value: Any) -> dict[str, Any]:
    wrapped: dict[str, Any] = rpc.wrap_rpc_secret(value)
    return wrapped


@settings(max_examples=50)
@given(st.dictionaries(st.text().filter(lambda name: not name.startswith("__")), json_values, max_size=4))
def test_values_are_read_as_by_the_sdk(values: dict[str, Any]) -> None:
    struct = struct_of(values)
    assert properties.from_struct(struct) == rpc.deserialize_properties(struct)


def test_names_are_translated_only_from_camel_case() -> None:
    ours = {"ns_targets": [{"ttl": 1}], "_was_ready": {"aB": 1}, "NsTargets": 1, "ns_targetS": 1}
    struct = properties.to_struct(ours)
    assert names.in_snake_case(properties.from_struct(struct)) == ours
    assert set(struct) == {"nsTargets", "_was_ready", "NsTargets", "ns_targetS"}


def test_names_in_snake_case_are_reported() -> None:
    assert list(
        names.sent_in_snake_case({"ns_targets": [], "nsTargets": [], "ttl": 1, "foo_bar": 1}, NsRecordsInputs)
    ) == ['property ns_targets is not known; did you mean "nsTargets"?']
    policy = {"certificateManagementPolicy": {"private_key_type": "rsa"}, "metadata": {"private_key_type": "rsa"}}
    assert list(names.sent_in_snake_case(policy, AgentIngressInputs)) == [
        'property certificateManagementPolicy.private_key_type is not known; did you mean "privateKeyType"?'
    ]


def test_secrets_are_read_as_plain_values() -> None:
    sent = {"a": secret("x"), "b": [secret("x")], "c": {"d": secret({"e": "x"})}}
    assert properties.from_struct(struct_of(sent)) == {"a": "x", "b": ["x"], "c": {"d": {"e": "x"}}}


def test_unknown_values_stay_unknown() -> None:
    read = properties.from_struct(struct_of({"a": rpc.UNKNOWN, "b": [rpc.UNKNOWN], "c": secret(rpc.UNKNOWN)}))
    assert all(map(properties.is_unknown, [read["a"], *read["b"], read["c"]]))
    assert dict(properties.to_struct({"a": read["a"]})) == {"a": rpc.UNKNOWN}


def test_asset_is_an_unsupported_value() -> None:
    # The signature of assets in Pulumi's documentation for developers.
    asset = {properties.SIGNATURE: "c44067f5952c0a294b673a41bacd8c17", "text": "x"}
    assert isinstance(properties.from_struct(struct_of({"description": asset}))["description"], UnsupportedValue)


def test_secrets_are_written_as_by_the_sdk() -> None:
    assert properties.to_struct({"api_key": "x"}, ["api_key"]) == struct_of({"apiKey": secret("x")})
