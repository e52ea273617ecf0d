"""Strings for messages: without the API key, on one line, with a limited length."""

from __future__ import annotations

import pytest

from pulumi_agin.api.redaction import Secret, one_line

KEY = "2k/a+b c"


@pytest.mark.parametrize("form", [KEY, "2k/a%2Bb%20c", "2k%2Fa%2Bb%20c"])
def test_key_is_removed_plain_and_encoded(form: str) -> None:
    assert Secret(KEY).sanitize(f"credential: '{form}' at {form}") == "credential: '[key]' at [key]"


def test_empty_key_removes_nothing() -> None:
    assert Secret("").redact("abc") == "abc"


@pytest.mark.parametrize(
    ("string", "line"),
    [
        ("a\n b\t\tc\r\n", "a b c"),
        ("red\x1b[31m", "red [31m"),
        ("left\u202eright", "left right"),
        ("x" * 12, "xxxxxxxxxx…"),
    ],
)
def test_string_from_outside_is_one_short_printable_line(string: str, line: str) -> None:
    assert one_line(string, 10 if "x" in string else 300) == line


def test_key_at_the_limit_is_removed_before_the_cut() -> None:
    assert Secret("secretkey").sanitize("12345678secretkey", 12) == "12345678[key"[:12] + "…"
