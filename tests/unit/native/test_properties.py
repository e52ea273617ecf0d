"""Conversion of the engine's properties by the plugin, compared with Pulumi's SDK."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf import struct_pb2
from pulumi.runtime import rpc

from pulumi_agin.native import properties

ASSET = {properties.SIGNATURE: "c44067f5952c0a294b673a41bacd8c17", "text": "x"}


def struct_of(values: dict[str, Any]) -> struct_pb2.Struct:
    struct = struct_pb2.Struct()
    struct.update(values)
    return struct


def read(**values: Any) -> dict[str, Any]:
    return properties.from_struct(struct_of(values))


@pytest.mark.parametrize(
    ("engines", "ours"),
    [
        ({"nsTargets": ["a."], "domain": "a"}, {"ns_targets": ["a."], "domain": "a"}),
        (
            {"certificateManagementPolicy": {"privateKeyType": "rsa"}},
            {"certificate_management_policy": {"private_key_type": "rsa"}},
        ),
        ({"_key_fingerprint": "ab", "_was_ready": True}, {"_key_fingerprint": "ab", "_was_ready": True}),
        ({"triggers": [{"ourKey": 1, "our_key": None}]}, {"triggers": [{"ourKey": 1, "our_key": None}]}),
    ],
)
def test_names_are_converted_in_both_directions(engines: dict[str, Any], ours: dict[str, Any]) -> None:
    assert read(**engines) == ours
    assert properties.to_struct(ours) == struct_of(engines)


def test_state_of_a_python_program_is_read_with_its_names() -> None:
    assert read(__provider="gA==", ns_targets=["a."], uri=None) == {"ns_targets": ["a."]}


def test_secrets_are_read_as_plain_values_and_marked_as_by_the_sdk() -> None:
    wrapped = rpc.wrap_rpc_secret("x")
    assert read(a=wrapped, b=[wrapped], c={"d": rpc.wrap_rpc_secret({"e": "x"})}) == {
        "a": "x",
        "b": ["x"],
        "c": {"d": {"e": "x"}},
    }
    assert properties.to_struct({"tsig_secret": "x", "ttl": 1}, ["tsig_secret", "absent"]) == struct_of(
        {"tsigSecret": wrapped, "ttl": 1}
    )


def test_unknown_values_stay_unknown() -> None:
    found = read(a=rpc.UNKNOWN, b=[rpc.UNKNOWN], c=rpc.wrap_rpc_secret(rpc.UNKNOWN))
    assert all(map(properties.is_unknown, [found["a"], *found["b"], found["c"]]))
    assert properties.to_struct({"a": found["a"]}) == struct_of({"a": rpc.UNKNOWN})


def test_asset_is_no_plain_value() -> None:
    assert isinstance(read(description=ASSET)["description"], properties.UnsupportedValue)
