"""Lines and colors on a terminal, and relative times. The output of `doctor` there is tested in tests/servicer."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_agin.cli.output import PLAIN, Style, moment_in_words
from pulumi_agin.emulator import Emulator
from tests.support import ngrok
from tests.support.terminal import on_terminal

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=timezone.utc)

CYAN = "\x1b[36mpulumi-agin:\x1b[0m "


def test_text_is_broken_into_indented_lines() -> None:
    text = "set it with `pulumi config set --secret ngrok:apiKey`, or in the environment-variable NGROK_API_KEY"
    assert Style(width=50).beside(10, text) == [
        "set it with",
        "          `pulumi config set --secret ngrok:apiKey`,",
        "          or in the environment-variable",
        "          NGROK_API_KEY",
    ]
    assert PLAIN.beside(10, text) == [text]
    assert Style(width=50).beside(10, "") == [""]


@given(
    st.lists(st.sampled_from(["a", "b-c", ".", " ", " ", "`", "`pulumi up --yes`"])).map("".join),
    st.integers(0, 30),
    st.integers(1, 100),
)
def test_no_word_and_no_command_is_broken(text: str, indent: int, width: int) -> None:
    lines = Style(width=width).beside(indent, text)
    assert " ".join(lines).split() == text.split()
    for command in re.findall("`pulumi[^`]*`", text):
        assert any(command in line for line in lines)
    # Only a line that cannot be broken is longer.
    for line in lines:
        whole = re.sub("`pulumi[^`]*`", "x", line.strip())
        assert len(line.strip()) <= max(width - indent, 24) or " " not in whole


@pytest.mark.usefixtures("settings_of_emulator")
def test_only_messages_on_a_terminal_have_colors(emulator: Emulator) -> None:
    command = [sys.executable, "-m", "pulumi_agin.cli", "import", ngrok.create(emulator, "connect.acme.com"), "--code"]
    piped = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "\x1b" not in piped.stdout + piped.stderr
    # No line is broken: it may end in a command to paste.
    assert on_terminal(command, 40) == (0, piped.stderr.replace("pulumi-agin: ", CYAN) + piped.stdout)


@pytest.mark.parametrize(
    ("distance", "words"),
    [
        (timedelta(), "now"),
        (timedelta(seconds=1), "in 1 second"),
        (timedelta(seconds=90), "in 90 seconds"),
        (timedelta(minutes=-3), "3 minutes ago"),
        (timedelta(hours=23, minutes=59), "in 24 hours"),
        (timedelta(days=-400), "400 days ago"),
    ],
)
def test_time_and_distance(distance: timedelta, words: str) -> None:
    time = NOW + distance
    assert moment_in_words(time.isoformat(), NOW) == f"{time:%Y-%m-%d %H:%M} UTC, {words}"


def test_time_is_shown_in_utc() -> None:
    for text in ("2026-03-01T14:00:00+02:00", "2026-03-01T12:00:00.500Z"):
        assert moment_in_words(text, NOW) == "2026-03-01 12:00 UTC, now"
    for text in ("soon", "", "2026-03-01T12:00:00", "0001-01-01T00:00:00+14:00"):
        assert moment_in_words(text, NOW) == text
