"""How the plugin reads and writes properties."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf import struct_pb2
from hypothesis import given
from hypothesis import strategies as st
from pulumi.runtime import rpc

from pulumi_agin.native import properties
from pulumi_agin.words import Special

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


@given(st.dictionaries(st.text().filter(lambda name: not name.startswith("__")), json_values, max_size=4))
def test_values_are_read_as_the_sdk_reads_them(values: dict[str, Any]) -> None:
    struct = struct_of(values)
    assert properties.spelled(struct) == rpc.deserialize_properties(struct)


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        pytest.param(secret("x"), "x", id="secret"),
        pytest.param([secret("x")], ["x"], id="in a list"),
        pytest.param({"a": secret({"b": "x"})}, {"a": {"b": "x"}}, id="in an object"),
    ],
)
def test_secrets_are_read_as_plain_values(sent: Any, read: Any) -> None:
    assert properties.spelled(struct_of({"description": sent})) == {"description": read}


def test_what_is_not_known_yet_stays_so() -> None:
    read = properties.spelled(struct_of({"a": rpc.UNKNOWN, "b": [rpc.UNKNOWN], "c": secret(rpc.UNKNOWN)}))
    assert all(map(properties.is_unknown, [read["a"], *read["b"], read["c"]]))
    assert dict(properties.packed({"a": read["a"]})) == {"a": rpc.UNKNOWN}


def test_an_asset_is_no_text() -> None:
    # The signature is that of assets in Pulumi's documentation for developers.
    asset = {properties.SIGNATURE: "c44067f5952c0a294b673a41bacd8c17", "text": "x"}
    assert isinstance(properties.spelled(struct_of({"description": asset}))["description"], Special)


def test_secrets_are_written_as_the_sdk_writes_them() -> None:
    assert properties.packed({"api_key": "x"}, ["api_key"]) == struct_of({"apiKey": secret("x")})
