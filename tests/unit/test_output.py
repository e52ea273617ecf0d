"""Lines and colors on a terminal. The output of `doctor` there is tested in tests/servicer."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_agin.cli.output import Style
from pulumi_agin.emulator import Emulator
from tests.support import ngrok
from tests.support.terminal import on_terminal

CYAN = "\x1b[36mpulumi-agin:\x1b[0m "


def test_string_is_wrapped_with_an_indent() -> None:
    text = "set it with `pulumi config set --secret ngrok:apiKey`, or in the environment-variable NGROK_API_KEY"
    assert Style(width=50).beside(10, text) == [
        "set it with",
        "          `pulumi config set --secret ngrok:apiKey`,",
        "          or in the environment-variable",
        "          NGROK_API_KEY",
    ]
    assert Style().beside(10, text) == [text]
    assert Style(width=50).beside(10, "") == [""]


@given(
    st.lists(st.sampled_from(["a", "b-c", ".", " ", " ", "`", "`pulumi up --yes`"])).map("".join),
    st.integers(0, 30),
    st.integers(1, 100),
)
def test_words_and_commands_are_not_split(text: str, indent: int, width: int) -> None:
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
    # No line is wrapped, because it may end in a command to paste.
    assert on_terminal(command, 40) == (0, piped.stderr.replace("pulumi-agin: ", CYAN) + piped.stdout)
