"""The pages of docs/: their programs run, and their arguments, messages and commands match the package.

The first program of a page is complete, and the others continue it.
"""

from __future__ import annotations

import ast
import contextlib
import inspect
import io
import json
import re
import runpy
import shlex
import subprocess
import sys
from collections.abc import Callable
from enum import Enum
from itertools import groupby
from pathlib import Path
from types import ModuleType
from typing import Any

import pulumi
import pytest

import pulumi_agin as agin
from pulumi_agin import cli, emulator
from pulumi_agin.cli import explain
from pulumi_agin.native.plugin import read_schema
from tests.support.literals import literals
from tests.support.mocks import INGRESS, Mocks, run
from tests.support.pages import blocks
from tools.place import REPOSITORY

ROOT = Path(__file__).parents[2]
PROJECT = "pulumi-agin"
# Pages whose programs run in other tests: test_components.py, test_rename.py, test_split_stacks.py,
# test_testing_guide_programs.py, test_tutorial.py and unit/emulator/test_control.py.
TESTED_ELSEWHERE = ("components", "emulator", "rename", "split-stacks", "testing", "tutorial")
PAGES = sorted(each for each in (ROOT / "docs").rglob("*.md") if each.stem not in TESTED_ELSEWHERE)
PROGRAM_PAGES = [page for page in PAGES if blocks(page.read_text(), "python")]
REFERENCE = ROOT / "docs" / "reference"
EXAMPLES = [ROOT / "examples" / "README.md", *(ROOT / "examples").glob("*/README.md")]
DNS_PAGE = (ROOT / "docs" / "guides" / "dns.md").read_text()

SECRETS = {
    "project:secondApiKey": "a-key",
    "project:tsigSecret": "YWFhYQ==",
    "project:authtoken": "2k5-a_b",
}


def table(page: str, section: str, header: str = "input") -> list[str]:
    """Returns the first column of the table in a section. `header` is the header of that column."""
    text = (ROOT / "docs" / page).read_text().split(f"\n## {section}\n")[1].split("\n## ")[0]
    rows = text.split(f"\n| {header} |")[1].split("\n\n")[0].splitlines()[2:]
    # The type is below the name.
    return [row.split(" | ")[0].removeprefix("| ").partition("<br>")[0] for row in rows]


def names(cells: list[str]) -> list[str]:
    return [name for cell in cells for name in re.findall(r"`(\w+)", cell)]


class AnyRecord(pulumi.CustomResource):
    """A record resource of a package that has no adapter."""

    def __init__(self, name: str, opts: pulumi.ResourceOptions, **inputs: Any) -> None:
        super().__init__(f"acme:dns:{type(self).__name__}", name, inputs, opts)


@pytest.fixture
def acme_dns(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("acme_dns")
    vars(module).update({name: type(name, (AnyRecord,), {}) for name in ("Record", "RecordSet")})
    monkeypatch.setitem(sys.modules, "acme_dns", module)


@pytest.mark.usefixtures("dns_sdks", "acme_dns")
@pytest.mark.filterwarnings(r"ignore:\S+ has been deprecated in favor of \S+$:DeprecationWarning")
@pytest.mark.parametrize(
    "page",
    # The guide that adopts records needs the packages of all DNS providers.
    [
        pytest.param(page, marks=[pytest.mark.rest] * (page.stem == "live-fleet"), id=page.stem)
        for page in PROGRAM_PAGES
    ],
)
def test_programs_of_a_page_run(page: Path, mocks: Mocks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps(SECRETS))
    monkeypatch.setenv("PULUMI_CONFIG_SECRET_KEYS", json.dumps(list(SECRETS)))
    mocks.answer = {**INGRESS, "agent_ingresses": [INGRESS]}
    # A program that reads an existing ingress sets no domain.
    new_resource = mocks.new_resource
    monkeypatch.setattr(mocks, "new_resource", lambda args: with_domain(*new_resource(args)))
    programs = blocks(page.read_text(), "python")
    assert "import pulumi\nimport pulumi_agin as agin\n" in programs[0]
    code = compile("\n".join(programs), str(page), "exec")
    run(lambda: exec(code, {"__name__": "__main__"}))
    # The programs register every resource and call every lookup in their code.
    constructed = re.findall(r"\bagin\.(AgentIngress\w*)\(", without_comments(programs))
    registered = [request.token for request in mocks.requests]
    for name in ("AgentIngress", "AgentIngressDelegation", "AgentIngressCertificateValidation"):
        tokens = [token for token in registered if token.endswith(f":{name}")]
        assert len(tokens) == constructed.count(name), name
    lookups = [call for call in mocks.called if call.token.startswith("agin:")]
    assert len(lookups) == len(re.findall(r"\bagin\.get_\w+\(", without_comments(programs)))


def with_domain(id_: str | None, outputs: dict[str, Any]) -> tuple[str | None, dict[str, Any]]:
    return id_, {"domain": "connect.acme.com"} | {name: each for name, each in outputs.items() if each is not None}


def without_comments(programs: list[str]) -> str:
    return "\n".join(re.sub(r"#.*", "", each) for each in programs)


@pytest.mark.rest
@pytest.mark.usefixtures("dns_sdks")
@pytest.mark.filterwarnings(r"ignore:\S+ has been deprecated in favor of \S+$:DeprecationWarning")
def test_adapters_in_the_table_of_dns_page_can_be_called() -> None:
    calls = re.findall(r"^\| .* \|.* `(agin\.dns\.(\w+)\(.*?)`", DNS_PAGE, re.M)
    assert [name for _, name in calls] == ["aws", "cloudflare", "gcp", "azure", "rfc2136", "hcloud"]
    for call, _ in calls:
        eval(call.replace(", …", ""), {"agin": agin})


def test_custom_functions_of_dns_page_create_records(acme_dns: None, mocks: Mocks) -> None:
    first, *more = blocks(DNS_PAGE, "python")
    custom = [each for each in more if "acme_dns" in each]
    program = first.replace('agin.dns.aws(zone_id="Z0123456789ABCDEFGHIJ", zone_name="acme.com")', "None")
    delegation = 'agin.AgentIngressDelegation("each", agent_ingress=ingress, dns=agin.dns.custom(of_each_value))'
    program = "\n".join([program.replace("delegation = ", "lambda: "), *custom, delegation])
    run(lambda: exec(program, {"__name__": "__main__"}))
    records = {(each.token, each.name): each.inputs for each in mocks.requests if each.token.startswith("acme:")}
    assert {name for _, name in records} == {"custom", "each-ns-1.example.net", "each-ns-2.example.net"}
    assert {each["host"] for each in records.values()} == {"connect"}
    assert records["acme:dns:Record", "each-ns-1.example.net"]["value"] == "ns-1.example.net"
    assert records["acme:dns:RecordSet", "custom"]["values"] == ["ns-1.example.net.", "ns-2.example.net."]


def arguments(function: Callable[..., Any]) -> list[str]:
    return [name for name in inspect.signature(function).parameters if name not in ("self", "resource_name", "opts")]


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
def test_every_input_has_its_row(page: str, section: str, function: Callable[..., Any]) -> None:
    header = "input" if section == "Inputs" else "argument"
    documented = set(names(table(f"reference/{page}.md", section, header))) - {"opts"}
    assert documented == set(arguments(function))


@pytest.mark.parametrize(
    ("page", "resource", "more"),
    [
        ("agent-ingress", agin.AgentIngress, {"id"}),
        ("delegation", agin.AgentIngressDelegation, set()),
        ("certificate-validation", agin.AgentIngressCertificateValidation, set()),
    ],
)
def test_every_output_has_its_row(page: str, resource: type, more: set[str]) -> None:
    documented = set(names(table(f"reference/{page}.md", "Outputs", "output")))
    assert documented == set(inspect.get_annotations(resource)) | more


@pytest.mark.parametrize("enum", [agin.CertificateAuthority, agin.PrivateKeyType])
def test_every_member_of_an_enum_is_documented(enum: type[Enum]) -> None:
    [item] = re.findall(rf"^- `{enum.__name__}`: (.*)$", (REFERENCE / "agent-ingress.md").read_text(), re.M)
    assert re.findall(r'`(\w+)` \(`"(\w+)"`\)', item) == [(member.name, member.value) for member in enum]


def test_arguments_of_agent_config_in_other_languages_match_the_schema() -> None:
    inputs = json.loads(read_schema())["functions"]["agin:index:agentConfig"]["inputs"]
    section = (REFERENCE / "functions.md").read_text().split("\n### agentConfig\n")[1].split("\n## ")[0]
    documented = re.findall(r"^\| `(\w+)`<br>`([^`]+)`, (\w+) \|", section, re.M)
    assert documented == [
        (name, type_in_typescript(declared), "required" if name in inputs["required"] else "optional")
        for name, declared in inputs["properties"].items()
    ]


def type_in_typescript(declared: dict[str, Any]) -> str:
    if "$ref" in declared:
        return str(declared["$ref"]).rpartition(":")[2]
    return f"{type_in_typescript(declared['items'])}[]" if declared["type"] == "array" else str(declared["type"])


# The constructors of a resource by language, for a name in Python and one in other languages.
CONSTRUCTORS = {
    "python": r"\bagin\.{0}\(",
    "yaml": "type: agin:{1}\n",
    "typescript": r"\bnew agin\.{1}\(",
    "go": r"\bagin\.New{1}\(",
}


@pytest.mark.parametrize("language", CONSTRUCTORS)
@pytest.mark.parametrize(
    ("page", "name"),
    [
        ("agent-ingress", "AgentIngress"),
        ("certificate-validation", "AgentIngressCertificateValidation"),
        ("rfc2136-delegation", "dns.Rfc2136Delegation"),
        ("provider", "Provider"),
    ],
)
def test_page_of_a_resource_has_its_constructor(page: str, name: str, language: str) -> None:
    code = "".join(blocks((REFERENCE / f"{page}.md").read_text(), language))
    constructor = CONSTRUCTORS[language].format(name, name.rpartition(".")[2])
    # In YAML, the type of an explicit provider is Pulumi's.
    assert re.search(constructor.replace("agin:Provider", "pulumi:providers:agin"), code)


def pages_by_name() -> dict[str, list[str]]:
    """Returns the pages by the names in their headings and directives, and at the start of their rows and items."""
    found: dict[str, list[str]] = {}
    for page in (ROOT / "docs").rglob("*.md"):
        text = page.read_text()
        headings = "\n".join(re.findall(r"^#+ (.*)$", text, re.M))
        rows = re.findall(r"^[|-] `(\w+)`", text, re.M)
        directives = re.findall(r"auto(?:class|function|data):: [\w.]*?(\w+)$", text, re.M)
        for name in {*re.findall(r"\w+", headings), *rows, *directives}:
            found.setdefault(name, []).append(page.stem)
    return found


def test_every_public_name_is_on_exactly_one_page() -> None:
    public = {*agin.__all__, "__version__", *agin.dns.__all__, *emulator.__all__, "agin_emulator"} - {"dns"}
    documented = pages_by_name()
    assert {name: documented.get(name) for name in public if len(documented.get(name, [])) != 1} == {}


def test_every_field_of_ns_records_has_a_docstring() -> None:
    # Otherwise, Sphinx omits it from the page.
    [definition] = ast.parse(inspect.getsource(agin.dns.NsRecords)).body
    assert isinstance(definition, ast.ClassDef)
    fields = [number for number, node in enumerate(definition.body) if isinstance(node, ast.AnnAssign)]
    assert len(fields) == len(inspect.get_annotations(agin.dns.NsRecords))
    assert all(isinstance(definition.body[number + 1], ast.Expr) for number in fields)


ERRORS_PAGE = (ROOT / "docs/reference/errors.md").read_text()


def test_every_message_on_the_errors_page_is_in_the_code() -> None:
    messages = re.findall("^### `([^`]+)`", ERRORS_PAGE, re.M)
    assert re.findall("^### (?!`).*", ERRORS_PAGE, re.M) == []
    for listed in re.findall(r"^Messages: (.+?)\.\n\n", ERRORS_PAGE, re.M | re.S):
        messages += re.findall("`([^`]+)`", listed.replace("\n", " "))
    # The messages of the engine, of Pulumi's SDK and of Python.
    for message in (
        "could not find latest version for provider agin",
        "cannot be deleted because it is protected",
        "KeyError: '__provider'",
        "'list' object has no attribute 'package'",
    ):
        messages.remove(message)
    known = "\n".join(literals())
    assert [each for each in messages if not re.search(".*".join(map(re.escape, each.split("…"))), known)] == []


def test_messages_name_every_section_that_explain_prints_and_no_other() -> None:
    code = "".join(path.read_text() for path in (ROOT / "pulumi_agin").rglob("*.py"))
    named = {*re.findall(r"explain_line\(['\"]([a-z-]+)", code)}
    assert named == explain.read_sections().keys()
    assert {*re.findall("`pulumi-agin explain ([a-z-]+)`", ERRORS_PAGE)} <= named


def test_every_section_that_explain_prints_has_a_summary_and_its_messages() -> None:
    sections = explain.read_sections()
    assert len(sections) > 5
    for name, text in sections.items():
        assert re.match(rf"## {name}\n\n.+\.\n\nMessages: `", text), name
        # A terminal does not follow relative links.
        assert links(text) == [], name


def commands() -> list[list[str]]:
    """Returns the arguments of each `pulumi-agin` command in the docs and the READMEs."""
    found = []
    for page in [*(ROOT / "docs").rglob("*.md"), ROOT / "README.md", *EXAMPLES]:
        script = "".join(blocks(page.read_text(), "sh")).replace("\\\n", " ")
        for line in script.splitlines():
            for is_operator, words in groupby(shell_words(line), lambda word: set(word) <= {*"|&;<>()"}):
                program, *arguments = words
                if not is_operator and program == "pulumi-agin":
                    found.append(arguments)
    return found


def shell_words(line: str) -> list[str]:
    """Returns the words and operators of a line of sh, without its comment."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    return list(lexer)


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_commands_can_be_run(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "_run", lambda options, clock: 0)
    assert cli.main(words) == 0


def test_every_option_is_documented() -> None:
    page = (ROOT / "docs" / "reference" / "command-line.md").read_text()
    sections = {name: page.split(f"\n## pulumi-agin {name}\n")[1] for name in ("import", "doctor")}
    emulator = (ROOT / "docs" / "reference" / "emulator.md").read_text()
    sections["emulator"] = emulator.split("\n## From the command line\n")[1]
    for name, section in sections.items():
        documented = set(re.findall(r"`(--[\w-]+)", section.split("| option |")[1].split("\n\n")[0]))
        assert documented == options_of(name), name


def options_of(command: str) -> set[str]:
    out = io.StringIO()
    with contextlib.redirect_stdout(out), pytest.raises(SystemExit):
        cli.main([command, "--help"])
    return set(re.findall(r"^  (?:-\w, )?(--[\w-]+)", out.getvalue(), re.M)) - {"--help"}


LINKING_FILES = [*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md"), *EXAMPLES]
# These name pages without a link.
NAMING_FILES = [*(ROOT / "pulumi_agin").rglob("*.py"), *(ROOT / ".github" / "ISSUE_TEMPLATE").iterdir()]


def links(text: str) -> list[str]:
    """Returns the targets of all links."""
    return ["".join(each) for each in re.findall(r"\]\(([^)\s]+)\)|^\[[^\]]+\]: (\S+)$", text, re.M)]


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", LINKING_FILES, ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_lead_to_files_of_a_clone(page: Path) -> None:
    for link in links(page.read_text()):
        if not re.match("[a-z]+:", link):
            file, _, anchor = link.partition("#")
            target = page.parent / file if file else page
            assert target.is_file(), link
            assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", LINKING_FILES, ids=lambda page: str(page.relative_to(ROOT)))
def test_rows_of_tables_are_whole(page: Path) -> None:
    # A line break in a cell makes another row of the rest.
    text = re.sub(r"^ *```.*?^ *```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    assert [line for line in text.splitlines() if line.lstrip().startswith("|") and not line.endswith("|")] == []


def test_pages_that_code_and_issue_templates_name_exist() -> None:
    named = {name for each in NAMING_FILES for name in re.findall(r"\bdocs/[\w/-]+\.md", each.read_text())}
    assert len(named) > 5
    assert [name for name in named if not (ROOT / name).is_file()] == []


def test_every_reference_link_of_the_readme_is_defined() -> None:
    text = (ROOT / "README.md").read_text()
    defined = {name.lower() for name in re.findall(r"^\[([^\]]+)\]: ", text, re.M)}
    used = {(name or label).lower() for label, name in re.findall(r"\[([^\]`]+)\]\[([^\]]*)\]", text)}
    assert used <= defined


@pytest.mark.skipif(REPOSITORY is not None, reason="the owner has set the place of the repository")
def test_no_file_names_a_place_that_a_stranger_could_register() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    place = re.compile(rf"github\.com/{PROJECT}|{PROJECT}\.github\.io")
    files = [path for path in map(ROOT.joinpath, listed.splitlines()) if path.is_file()]
    assert [path for path in files if place.search(path.read_text(errors="replace"))] == []


@pytest.mark.parametrize(
    ("repository", "shown"),
    [
        (None, "[b](c.md#d), [e](../f.md), [h](/security.md#i) and BIND (`examples/bind/README.md`)"),
        (
            "https://g",
            "[b](c.md#d), [e](../f.md), [h](/security.md#i) and [BIND](https://g/blob/main/examples/bind/README.md)",
        ),
    ],
)
def test_site_shows_where_a_file_outside_of_docs_is(repository: str | None, shown: str) -> None:
    configuration = runpy.run_path(str(ROOT / "docs" / "conf.py"))
    show = configuration["_show_outside_files"]
    show.__globals__["REPOSITORY"] = repository
    source = ["[b](c.md#d), [e](../f.md), [h](../../SECURITY.md#i) and [BIND](../../examples/bind/README.md)"]
    show(None, "guides/dns", source)
    assert source == [shown]


def test_search_finds_a_section_by_the_words_in_its_comment() -> None:
    add = runpy.run_path(str(ROOT / "docs" / "conf.py"))["_add_search_words"]
    source = ["## A certificate was not renewed\n\n<!-- search: expired, CAA -->\n\nText.\n"]
    add(None, "operate/runbooks", source)
    assert source == ["## A certificate was not renewed\n\n```{index} ! expired, ! CAA\n```\n\nText.\n"]


def test_search_words_stand_below_a_heading() -> None:
    for page in (ROOT / "docs").rglob("*.md"):
        text = page.read_text()
        assert text.count("<!-- search:") == len(re.findall(r"^#+ .+\n\n<!-- search: .+ -->\n\n", text, re.M)), page
