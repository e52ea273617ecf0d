"""The pages of docs/: their programs run under mocks, their commands can be run, and their links lead somewhere.

The first program of a page is complete, and the others continue it.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import json
import re
import shlex
from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

import pulumi_agin as agin
from pulumi_agin import cli, emulator
from tests.support.mocks import Mocks, run
from tests.support.pages import blocks

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").rglob("*.md"))
EXAMPLES = [ROOT / "examples" / "README.md", *(ROOT / "examples").glob("*/README.md")]
FILES = [*PAGES, *ROOT.glob("*.md"), *EXAMPLES]
# Pages whose programs run in other tests, or need another program beside them.
RUN_ELSEWHERE = ("emulator", "tutorial")
PROGRAM_PAGES = [each for each in PAGES if blocks(each.read_text(), "python") and each.stem not in RUN_ELSEWHERE]
REFERENCE = ROOT / "docs" / "reference"
SECRETS = {"project:secondApiKey": "a-key", "project:tsigSecret": "YWFhYQ==", "project:authtoken": "2k5-a_b"}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.usefixtures("dns_sdks")
@pytest.mark.filterwarnings(r"ignore:\S+ has been deprecated in favor of \S+$:DeprecationWarning")
@pytest.mark.parametrize("page", PROGRAM_PAGES, ids=lambda page: page.stem)
@pytest.mark.parametrize("mocks", [False], indirect=True, ids=["up"])
def test_programs_of_a_page_run(page: Path, mocks: Mocks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps(SECRETS))
    monkeypatch.setenv("PULUMI_CONFIG_SECRET_KEYS", json.dumps(list(SECRETS)))
    # For lookups.
    shared = {"id": "agin_2k5okIo7afS6bKA3xNDLRZ9rjqj", "domain": "shared.acme.com", "ns_targets": mocks.ns_targets}
    mocks.answer = {**shared, "agent_ingresses": [shared]}
    programs = blocks(page.read_text(), "python")
    assert programs[0].startswith("import pulumi\nimport pulumi_agin as agin\n")
    source = "\n".join(programs)
    run(lambda: exec(compile(source, str(page), "exec"), {"__name__": "__main__"}))
    for name in ("AgentIngress", "AgentIngressDelegation", "AgentIngressCertificateValidation"):
        registered = [each for each in mocks.registered if each.typ.endswith(f":{name}")]
        declared = len(re.findall(rf"\bagin\.{name}\(", source)) + len(re.findall(rf"\bagin\.{name}\.get\(", source))
        assert len(registered) == declared or name == "AgentIngressDelegation", name


@pytest.mark.parametrize(
    ("page", "section", "function"),
    [
        ("agent-ingress", "Inputs", agin.AgentIngressArgs.__init__),
        ("delegation", "Inputs", agin.AgentIngressDelegation.__init__),
        ("certificate-validation", "Inputs", agin.AgentIngressCertificateValidation.__init__),
        ("rfc2136-delegation", "Inputs", agin.dns.Rfc2136Delegation.__init__),
        ("provider", "Inputs", agin.Provider.__init__),
        ("functions", "agent_config", agin.agent_config),
        ("functions", "get_agent_ingress", agin.get_agent_ingress),
        ("functions", "get_agent_ingresses", agin.get_agent_ingresses),
    ],
)
def test_every_argument_has_its_row(page: str, section: str, function: Callable[..., Any]) -> None:
    text = (REFERENCE / f"{page}.md").read_text().split(f"\n## {section}\n")[1].split("\n## ")[0]
    rows = re.split(r"\n\| (?:input|argument) \|", text)[1].split("\n\n")[0].splitlines()[2:]
    documented = {name for row in rows for name in re.findall(r"`(\w+)`", row.partition("<br>")[0])}
    hidden = {"self", "resource_name", "opts"}
    assert documented == set(inspect.signature(function).parameters) - hidden


@pytest.mark.parametrize(
    ("page", "resource", "more"),
    [
        ("agent-ingress", agin.AgentIngress, {"id"}),
        ("delegation", agin.AgentIngressDelegation, set()),
        ("certificate-validation", agin.AgentIngressCertificateValidation, set()),
    ],
)
def test_every_output_has_its_row(page: str, resource: type, more: set[str]) -> None:
    text = (REFERENCE / f"{page}.md").read_text().split("\n## Outputs\n")[1].split("\n## ")[0].split("\n### ")[0]
    assert set(re.findall(r"^\| `(\w+)`", text, re.M)) == set(inspect.get_annotations(resource)) | more


def test_every_public_name_is_in_the_reference() -> None:
    public = {*agin.__all__, *agin.dns.__all__, *emulator.__all__, "agin_emulator"} - {"dns"}
    pages = "".join(each.read_text() for each in PAGES)
    assert [name for name in sorted(public) if not re.search(rf"\b{name}\b", pages)] == []


def commands() -> list[list[str]]:
    """Returns the arguments of each `pulumi-agin` command in the docs and the READMEs."""
    found = []
    for page in FILES:
        script = "".join(blocks(page.read_text(), "sh")).replace("\\\n", " ")
        for line in script.splitlines():
            for is_operator, words in groupby(shell_words(line), lambda word: set(word) <= {*"|&;<>()"}):
                program, *arguments = words
                if not is_operator and program == "pulumi-agin" and arguments not in found:
                    found.append(arguments)
    return found


def shell_words(line: str) -> list[str]:
    """Returns the words and operators of a line of sh, without its comment."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    return list(lexer)


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_commands_can_be_parsed(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for module in cli.COMMANDS.values():
        monkeypatch.setattr(module, "run", lambda options: 0)
    assert cli.main(words) == 0


def test_every_option_of_the_emulator_is_documented() -> None:
    section = (REFERENCE / "emulator.md").read_text().split("\n## From the command line\n")[1].split("\n## ")[0]
    out = io.StringIO()
    with contextlib.redirect_stdout(out), pytest.raises(SystemExit):
        cli.main(["emulator", "--help"])
    options = set(re.findall(r"^  (?:-\w, )?(--[\w-]+)", out.getvalue(), re.M)) - {"--help"}
    assert set(re.findall(r"--[a-z][\w-]+", "".join(re.findall(r"`[^`]*`", section)))) >= options


def links(text: str) -> list[str]:
    """Returns the targets of all links."""
    return ["".join(each) for each in re.findall(r"\]\(([^)\s]+)\)|^\[[^\]]+\]: (\S+)$", text, re.M)]


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", FILES, ids=name_of)
def test_links_lead_to_files_of_a_clone(page: Path) -> None:
    for link in links(page.read_text()):
        if not re.match("[a-z]+:", link):
            file, _, anchor = link.partition("#")
            target = page.parent / file if file else page
            assert target.is_file(), link
            assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", FILES, ids=name_of)
def test_rows_of_tables_are_whole(page: Path) -> None:
    # A line break in a cell makes another row of the rest.
    text = re.sub(r"^ *```.*?^ *```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    assert [line for line in text.splitlines() if line.lstrip().startswith("|") and not line.endswith("|")] == []


def test_pages_that_code_and_issue_templates_name_exist() -> None:
    naming = [*(ROOT / "pulumi_agin").rglob("*.py"), *(ROOT / ".github" / "ISSUE_TEMPLATE").iterdir()]
    named = {name for each in naming for name in re.findall(r"\bdocs/[\w/-]+\.md", each.read_text())}
    assert len(named) > 5
    assert [name for name in named if not (ROOT / name).is_file()] == []


def test_every_reference_link_of_the_readme_is_defined() -> None:
    text = (ROOT / "README.md").read_text()
    defined = {name.lower() for name in re.findall(r"^\[([^\]]+)\]: ", text, re.M)}
    used = {(name or label).lower() for label, name in re.findall(r"\[([^\]`]+)\]\[([^\]]*)\]", text)}
    assert used <= {name.replace("\n", " ") for name in defined}


def test_search_words_stand_below_a_heading() -> None:
    for page in PAGES:
        text = page.read_text()
        assert text.count("<!-- search:") == len(re.findall(r"^#+ .+\n\n<!-- search: .+ -->\n\n", text, re.M)), page
