"""How commands look on a terminal. What `doctor` prints there is in tests/dns."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_agin import cli
from pulumi_agin.api.access import Secret
from pulumi_agin.api.client import AgentIngressClient
from pulumi_agin.cli.terminal import PLAIN, Style
from pulumi_agin.emulator import Emulator
from tests.support.keys import API_KEY
from tests.support.terminal import on_terminal

pytestmark = pytest.mark.usefixtures("settings_of_emulator")

RED, CYAN = "\x1b[31mpulumi-agin:\x1b[0m ", "\x1b[36mpulumi-agin:\x1b[0m "


def script(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "pulumi_agin.cli", *arguments]


# -- lines ------------------------------------------------------------------------------------------------


def test_a_text_goes_on_below_where_it_began() -> None:
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
    # Only what can't be broken is longer than there is room.
    for line in lines:
        whole = re.sub("`pulumi[^`]*`", "x", line.strip())
        assert len(line.strip()) <= max(width - indent, 24) or " " not in whole


# -- what is said on stderr -------------------------------------------------------------------------------


def test_the_name_before_a_message_has_a_color_on_a_terminal(emulator: Emulator) -> None:
    status, shown = on_terminal(script("doctor"), 40)
    sentence = "give a domain, or --all, or --filter: exactly one of the three\n"
    # It is one line, which the terminal breaks: it may end in a command to paste.
    assert (status, shown) == (2, RED + sentence)
    assert on_terminal(script("doctor"), environment={"NO_COLOR": "1"}) == (2, f"pulumi-agin: {sentence}")
    run = subprocess.run(script("doctor"), capture_output=True, text=True, check=False)
    assert run.stderr == f"pulumi-agin: {sentence}"


@pytest.mark.parametrize("options", [[], ["--code"]])
def test_what_is_imported_has_no_colors(options: list[str], emulator: Emulator) -> None:
    id_ = AgentIngressClient(Secret(API_KEY), emulator.url).create({"domain": "connect.acme.com"}).id
    command = script("import", id_, *options)
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "\x1b" not in run.stdout + run.stderr
    status, shown = on_terminal(command, 40)
    notes = run.stderr.replace("pulumi-agin: ", CYAN)
    assert (status, shown) == (0, notes + run.stdout)


@pytest.mark.parametrize("columns", ["1", "2"])
def test_help_is_for_the_narrowest_terminal_too(columns: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    with pytest.raises(SystemExit) as ended:
        cli.main(["--help"])
    assert ended.value.code == 0
