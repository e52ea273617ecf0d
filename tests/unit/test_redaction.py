"""Strings that are safe to show: on one line, and without the key."""

from __future__ import annotations

import pytest

from pulumi_agin.base.redaction import listed, one_line, redact

KEY = "2AbCdEfGhIj+KlMnOp/QrStUv=_WxYz0123456789"


@pytest.mark.parametrize(
    "echo",
    [
        KEY,
        KEY[5:13],
        KEY.upper(),
        KEY.replace("+", "%2B").replace("/", "%2f").replace("=", "%3D"),
        KEY[8:20].replace("+", "%2B"),
        KEY + KEY,
    ],
)
def test_no_eight_characters_of_a_key_are_shown(echo: str) -> None:
    assert redact(f"Your credential: '{echo}'. İ", KEY) == "Your credential: '[key]'. İ"


def test_key_is_not_shown_in_html() -> None:
    assert redact("no: &amp;sesame&lt;opens.", "&sesame<opens") == "no: [key]."


def test_string_without_a_key_is_unchanged() -> None:
    text = f"seven characters are fewer: {KEY[:7]}"
    assert redact(text, KEY) == text
    assert redact("nothing", "") == "nothing"
    assert redact("a short key: abc", "abc") == "a short key: [key]"


def test_one_line() -> None:
    assert one_line("half a pair: \ud800.") == "half a pair: ."
    assert one_line("a\nb\r\n\x1b[31mred\u202e\u2028 c") == "a b [31mred c"
    assert one_line("x" * 400, 10) == "x" * 10 + "…"


def test_long_list_is_cut() -> None:
    assert listed(["a", "b"]) == "a, b"
    assert listed([f"ns{number}" for number in range(322)]) == (
        "ns0, ns1, ns2, ns3, ns4, ns5, ns6, ns7, ns8, ns9 and 312 more"
    )
