"""The pages of docs/: their programs run, and what they say of arguments, messages and commands is so.

A page's first program is whole, and the others go on with what it has.
"""

from __future__ import annotations

import ast
import contextlib
import inspect
import io
import json
import re
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pulumi
import pytest

import pulumi_agin as agin
from pulumi_agin import cli, emulator
from tests.support.mocks import INGRESS, Mocks, run
from tests.support.pages import blocks
from tests.support.pyproject import project

ROOT = Path(__file__).parents[2]
# Other tests run their programs: test_testing_guide_programs.py and unit/test_emulator_control.py.
ABOUT_TESTS = ("emulator", "testing")
PAGES = sorted(each for each in (ROOT / "docs").rglob("*.md") if each.stem not in ABOUT_TESTS)
WITH_PROGRAMS = [page for page in PAGES if blocks(page.read_text(), "python")]
DNS_PAGE = (ROOT / "docs" / "guides" / "dns.md").read_text()
ADAPTERS = {name for name in agin.dns.__all__ if inspect.isfunction(getattr(agin.dns, name))} - {"custom"}

SECRETS = {
    "project:secondApiKey": "a-key",
    "project:devicesApiKey": "a-key",
    "project:tsigSecret": "YWFhYQ==",
    "project:authtoken": "2k5-a_b",
}


def table(page: str, section: str, first: str = "input") -> list[str]:
    """The first cells of the table with that header, below a heading."""
    text = (ROOT / "docs" / page).read_text().split(f"\n## {section}\n")[1].split("\n## ")[0]
    rows = text.split(f"\n| {first} |")[1].split("\n\n")[0].splitlines()[2:]
    # Below the name is its type.
    return [row.split(" | ")[0].removeprefix("| ").partition("<br>")[0] for row in rows]


def names(cells: list[str]) -> list[str]:
    return [name for cell in cells for name in re.findall(r"`(\w+)", cell)]


class AnyRecord(pulumi.CustomResource):
    """That of a package which has no adapter."""

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
    # The page of all adapters needs the packages of all DNS providers.
    [pytest.param(page, marks=[pytest.mark.rest] * (page.stem == "dns"), id=page.stem) for page in WITH_PROGRAMS],
)
def test_programs_of_a_page_run(page: Path, mocks: Mocks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps({**SECRETS, "project:zoneId": "Z1"}))
    monkeypatch.setenv("PULUMI_CONFIG_SECRET_KEYS", json.dumps(list(SECRETS)))
    mocks.answer = {**INGRESS, "agent_ingresses": [INGRESS]}
    # Of one that is read, the program says no domain.
    made_of = mocks.new_resource
    monkeypatch.setattr(mocks, "new_resource", lambda args: read(*made_of(args)))
    written = blocks(page.read_text(), "python")
    assert "import pulumi\nimport pulumi_agin as agin\n" in written[0]
    code = compile("\n".join(written), str(page), "exec")
    run(lambda: exec(code, {"__name__": "__main__"}))
    # Each resource that is written is made, and each lookup.
    constructed = re.findall(r"\bagin\.(AgentIngress\w*)\(", code_of(written))
    made = [request.token for request in mocks.requests]
    for name in ("AgentIngress", "AgentIngressDelegation", "AgentIngressCertificateValidation"):
        tokens = [token for token in made if token.endswith(f":{name}")]
        assert len(tokens) == constructed.count(name), name
    looked_up = [call for call in mocks.called if call.token.startswith("agin:")]
    assert len(looked_up) == len(re.findall(r"\bagin\.get_\w+\(", code_of(written)))


def read(id_: str | None, outputs: dict[str, Any]) -> tuple[str | None, dict[str, Any]]:
    return id_, {"domain": "connect.acme.com"} | {name: each for name, each in outputs.items() if each is not None}


def code_of(written: list[str]) -> str:
    return "\n".join(re.sub(r"#.*", "", each) for each in written)


def test_dns_page_makes_records_of_its_own(acme_dns: None, mocks: Mocks) -> None:
    first, *more = blocks(DNS_PAGE, "python")
    own = [each for each in more if "acme_dns" in each]
    program = first.replace('agin.dns.aws(zone_id="Z0123456789ABCDEFGHIJ", zone_name="acme.com")', "None")
    each = 'agin.AgentIngressDelegation("each", agent_ingress=ingress, dns=agin.dns.custom(of_each_value))'
    program = "\n".join([program.replace("delegation = ", "lambda: "), *own, each])
    run(lambda: exec(program, {"__name__": "__main__"}))
    made = {(each.token, each.name): each.inputs for each in mocks.requests if each.token.startswith("acme:")}
    assert {name for _, name in made} == {"custom", "each-ns-1.example.net", "each-ns-2.example.net"}
    assert {each["host"] for each in made.values()} == {"connect"}
    assert made["acme:dns:Record", "each-ns-1.example.net"]["value"] == "ns-1.example.net"
    assert made["acme:dns:RecordSet", "custom"]["values"] == ["ns-1.example.net.", "ns-2.example.net."]


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
    first = "input" if section == "Inputs" else "argument"
    documented = set(names(table(f"reference/{page}.md", section, first))) - {"opts"}
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


def homes() -> dict[str, list[str]]:
    """The pages of each name: those with it in a heading or in a directive, or at the start of a row or an item."""
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
    public = {*agin.__all__, *agin.dns.__all__, *emulator.__all__, "agin_emulator"} - {"dns"}
    known = homes()
    assert {name: known.get(name) for name in public if len(known.get(name, [])) != 1} == {}


def documented_adapters() -> Iterator[tuple[str, str, list[tuple[str, bool]]]]:
    """Each adapter with its package and its arguments, optional or not, from its section or its row."""
    sections = re.findall(r"^### ([a-z]\w+)\n(.*?\bwith\s+([a-z0-9-]+)\..*?)(?=^##)", DNS_PAGE, re.M | re.S)
    for name, section, package in sections:
        lines = re.findall(r"^- (`\w+`(?:, `\w+`)*)( \(optional\))?: ", section, re.M)
        yield name, package, [(each, bool(optional)) for cell, optional in lines for each in names([cell])]
    for name, package, cell in re.findall(r"^\| `(\w+)`, ([\w-]+) \| (.*?) \| .+ \|$", DNS_PAGE, re.M):
        cells = re.findall(r"(?:^|<br>)`(\w+)`( \(optional\))?", cell)
        yield name, package, [(each, bool(optional)) for each, optional in cells]


def test_every_adapter_has_its_section_or_row() -> None:
    documented = list(documented_adapters())
    assert sorted(name for name, _, _ in documented) == sorted(ADAPTERS)
    extras = (ROOT / "pyproject.toml").read_text()
    for name, package, given in documented:
        parameters = inspect.signature(getattr(agin.dns, name)).parameters
        expected = [(each, parameters[each].default is not inspect.Parameter.empty) for each in parameters]
        assert given == [each for each in expected if each[0] not in ("opts", "take_over")], name
        assert re.search(rf'^{name} = \["{package}[>=]', extras, re.M), name


def test_adapters_with_one_resource_and_the_kinds_of_take_over_are_listed() -> None:
    one = DNS_PAGE.split(" create one resource with all values")[0].rpartition("\n- ")[2]
    assert set(names([one])) == {
        name for name in ADAPTERS if 'value="' not in inspect.getsource(getattr(agin.dns, name))
    }
    kinds = {"bool": "`True`", "pulumi.Input[bool]": "`True`", "bool | Ids": "`True`, or IDs", "Ids | None": "IDs"}
    signatures = {name: inspect.get_annotations(getattr(agin.dns, name)) for name in ADAPTERS}
    listed = re.findall(r"^- (nothing|IDs|`True`|`True`, or IDs)(?: of .*)?: (.*(?:\n  .*)*)", DNS_PAGE, re.M)
    assert {name: kind for kind, line in listed for name in re.findall(r"`(\w+)`", line)} == {
        name: kinds.get(each.get("take_over", ""), "nothing") for name, each in signatures.items()
    }


def test_every_field_of_ns_records_has_its_line() -> None:
    section = DNS_PAGE.split("\n### NsRecords\n")[1].split("\n## ")[0]
    documented = {name for line in re.findall(r"^- (.*?): ", section, re.M) for name in names([line])}
    attributes = {name for name in dir(agin.dns.NsRecords) if not name.startswith("_")}
    fields = set(inspect.get_annotations(agin.dns.NsRecords)) - {"delegation", "agent_ingress"}
    assert documented == attributes | fields


def literals() -> Iterator[str]:
    """Each text in the package's code that is not a docstring, on one line, without the values in it."""
    for path in (ROOT / "pulumi_agin").rglob("*.py"):
        nodes = list(ast.walk(ast.parse(path.read_text())))
        docstrings = [node.value for node in nodes if isinstance(node, ast.Expr)]
        for node in nodes:
            if isinstance(node, (ast.JoinedStr, ast.Constant)) and node not in docstrings:
                parts = node.values if isinstance(node, ast.JoinedStr) else [node]
                constants = [each for part in parts for each in ast.walk(part) if isinstance(each, ast.Constant)]
                yield "".join(str(each.value) for each in constants).replace("\n", " ")


def test_every_message_of_the_page_of_errors_is_one_of_the_package() -> None:
    page = (ROOT / "docs/reference/errors.md").read_text()
    messages = re.findall("^(?:###|-) `([^`]+)`", page, re.M)
    # One of the fifteen has two endings, each in a list.
    assert (len(re.findall("^### ", page, re.M)), len(messages)) == (15, 17)
    known = "\n".join(literals())
    assert [each for each in messages if not re.search(".*".join(map(re.escape, each.split("…"))), known)] == []


def commands() -> list[list[str]]:
    """What is run of `pulumi-agin`, in the pages and in the examples' READMEs."""
    found = []
    for page in [*(ROOT / "docs").rglob("*.md"), ROOT / "README.md", *(ROOT / "examples").glob("*/README.md")]:
        shown = "".join(blocks(page.read_text(), "sh|console")).replace("\\\n", " ")
        lines = [line.removeprefix("$ ") for line in shown.splitlines()]
        for line in lines:
            for part in re.split(r" \|(?: |$)| >>? | &$", line):
                words = shlex.split(part, comments=True)
                if words[:1] == ["pulumi-agin"]:
                    found.append(words[1:])
    return found


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_commands_can_be_run(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "_run", lambda options, clock: 0)
    assert cli.main(words) == 0


def test_every_option_of_a_command_is_on_the_page_of_the_command_line() -> None:
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


# Sphinx checks the links between the pages of docs/: see `make docs`.
URLS = project()["project"]["urls"]
_, PLACE = URLS["Repository"].split("github.com")
REPOSITORY = re.compile(rf"https://(?:github\.com|raw\.githubusercontent\.com){PLACE}/(?:(?:blob|tree)/)?main/")
WITH_LINKS = [*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md"), *(ROOT / "examples").glob("*/README.md")]
CODE = [*(ROOT / "pulumi_agin").rglob("*.py"), *(ROOT / ".github").rglob("*.yml")]
WITH_LINKS += [path for path in CODE if URLS["Documentation"] in path.read_text()]


def links(text: str) -> list[str]:
    """The targets of links. Those of pages on the site lead to their sources."""
    found = re.findall(rf"\]\(([^)\s]+)\)|^\[[^\]]+\]: (\S+)$|({URLS['Documentation']}/[\w/#.-]*\w)", text, re.M)
    page = re.compile(rf"^{URLS['Documentation']}/([\w/-]+)\.html")
    return [page.sub(rf"{URLS['Repository']}/blob/main/docs/\1.md", "".join(each)) for each in found]


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", WITH_LINKS, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_into_the_repository_exist(page: Path) -> None:
    for link in links(page.read_text()):
        is_absolute = link.startswith("https:")
        if not REPOSITORY.match(link) and (is_absolute or page in CODE):
            continue
        file, _, anchor = REPOSITORY.sub("", link).partition("#")
        base = ROOT if is_absolute else page.parent
        target = (base / file).resolve() if file else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_every_link_of_the_readme_works_on_a_package_index() -> None:
    text = (ROOT / "README.md").read_text()
    assert all(link.startswith("https://") for link in links(text))
    # Each link by its name is defined.
    defined = {name.lower() for name in re.findall(r"^\[([^\]]+)\]: ", text, re.M)}
    used = {(name or label).lower() for label, name in re.findall(r"\[([^\]`]+)\]\[([^\]]*)\]", text)}
    assert used <= defined
