"""What CONTRIBUTING.md says of the tests is so."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_each_level_is_a_folder_and_its_single_test_is_there() -> None:
    commands = re.findall(r"`make (\w+) T='-k (\w+)'`", (ROOT / "CONTRIBUTING.md").read_text())
    [levels] = re.findall(r"^LEVELS := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert [level for level, _ in commands] == levels.split()
    for level, name in commands:
        tests = "\n".join(file.read_text() for file in (ROOT / "tests" / level).glob("test_*.py"))
        assert re.search(rf"^def test_\w*{name}", tests, re.MULTILINE), (level, name)
