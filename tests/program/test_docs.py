"""The pages of docs/: their programs run, and what they say of arguments, messages and commands is so.

A page's first program is whole, and the others go on with what it has.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pulumi
import pytest

import pulumi_agin as agin
from pulumi_agin import cli
from tests.program.conftest import Mocks, run
from tests.program.test_examples import THEIRS

ROOT = Path(__file__).parents[2]
# That of the emulator is about tests, and is run by tests/unit.
PAGES = sorted(each for each in (ROOT / "docs").rglob("*.md") if each.stem != "emulator")


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.M | re.S)


def table(page: str, section: str, first: str = "argument") -> list[str]:
    """The first cells of the table with that header, below a heading."""
    text = (ROOT / "docs" / page).read_text().split(f"\n## {section}\n")[1].split("\n## ")[0]
    rows = text.split(f"\n| {first} |")[1].split("\n\n")[0].splitlines()[2:]
    return [row.split(" | ")[0].removeprefix("| ") for row in rows]


def names(cells: list[str]) -> list[str]:
    return [name for cell in cells for name in re.findall(r"`(\w+)", cell)]


# -- programs ---------------------------------------------------------------------------------------------


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
@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")], ids=lambda page: page.stem)
def test_the_programs_of_a_page_run(page: Path, mocks: Mocks, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = {"project:secondApiKey": "a-key", "project:devicesApiKey": "a-key", "project:tsigSecret": "YWFhYQ=="}
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps(secrets))
    monkeypatch.setenv("PULUMI_CONFIG_SECRET_KEYS", json.dumps(list(secrets)))
    mocks.answer = {**THEIRS, "agent_ingresses": [THEIRS]}
    # Of one that is read, the program says no domain.
    made_of = mocks.new_resource
    monkeypatch.setattr(mocks, "new_resource", lambda args: read(*made_of(args)))
    written = blocks(page, "python")
    assert "import pulumi\nimport pulumi_agin as agin\n" in written[0]
    code = compile("\n".join(written), str(page), "exec")
    run(lambda: exec(code, {"__name__": "__main__"}))
    # Each resource that is written is made, and each lookup.
    constructed = re.findall(r"\bagin\.(AgentIngress\w*)\(", code_of(written))
    made = [request.token for request in mocks.requests]
    for name in ("AgentIngress", "AgentIngressDelegation", "AgentIngressCertificateValidation"):
        tokens = [token for token in made if token.endswith(f":{name}")]
        assert len(tokens) == constructed.count(name), name
    assert len(mocks.called) == len(re.findall(r"\bagin\.get_\w+\(", code_of(written)))


@pytest.mark.usefixtures("dns_sdks")
@pytest.mark.filterwarnings(r"ignore:\S+ has been deprecated in favor of \S+$:DeprecationWarning")
def test_the_readmes_programs_with_dns_run(mocks: Mocks, monkeypatch: pytest.MonkeyPatch) -> None:
    config = {"project:authtoken": "2k5-a_b", "project:zoneId": "Z1"}
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps(config))
    monkeypatch.setenv("PULUMI_CONFIG_SECRET_KEYS", json.dumps(["project:authtoken"]))
    _, whole, transforms, *_ = blocks(ROOT / "README.md", "python")
    run(lambda: exec(whole + transforms, {"__name__": "__main__"}))
    made = sorted(request.token for request in mocks.requests if not request.token.startswith("pulumi-python"))
    delegations = ["agin:index:AgentIngressDelegation"] * 2
    assert made == [*delegations, "aws:route53/record:Record", *["cloudflare:index/dnsRecord:DnsRecord"] * 2]


def read(id_: str | None, outputs: dict[str, Any]) -> tuple[str | None, dict[str, Any]]:
    return id_, {"domain": "connect.acme.com"} | {name: each for name, each in outputs.items() if each is not None}


def code_of(written: list[str]) -> str:
    return "\n".join(re.sub(r"#.*", "", each) for each in written)


def test_own_records_are_made_as_the_page_says(acme_dns: None, mocks: Mocks) -> None:
    page = ROOT / "docs" / "guides" / "dns.md"
    first, *_ = blocks(page, "python")
    own = [each for each in blocks(page, "python") if "acme_dns" in each]
    program = first.replace('agin.dns.aws(zone_id="Z0123456789ABCDEFGHIJ", zone_name="acme.com")', "None")
    program = program.replace("delegation = ", "lambda: ") + "\n".join(own)
    run(lambda: exec(program, {"__name__": "__main__"}))
    made = {(each.token, each.name): each.inputs for each in mocks.requests if each.token.startswith("acme:")}
    assert {name for _, name in made} == {"custom", "acme-ns-1.example.net", "acme-ns-2.example.net"}
    assert {each["host"] for each in made.values()} == {"connect"}
    assert made["acme:dns:Record", "acme-ns-1.example.net"]["value"] == "ns-1.example.net"
    assert made["acme:dns:RecordSet", "custom"]["values"] == ["ns-1.example.net.", "ns-2.example.net."]


# -- arguments --------------------------------------------------------------------------------------------


def arguments(function: Callable[..., Any]) -> list[str]:
    return [name for name in inspect.signature(function).parameters if name not in ("self", "resource_name", "opts")]


@pytest.mark.parametrize(
    ("section", "function"),
    [
        ("AgentIngress", agin.AgentIngressArgs.__init__),
        ("AgentIngressDelegation", agin.AgentIngressDelegation.__init__),
        ("AgentIngressCertificateValidation", agin.AgentIngressCertificateValidation.__init__),
        ("Rfc2136Delegation", agin.dns.Rfc2136Delegation.__init__),
        ("Provider", agin.Provider.__init__),
        ("agent_config", agin.agent_config),
    ],
)
def test_every_argument_has_its_line(section: str, function: Callable[..., Any]) -> None:
    assert sorted(names(table("reference/resources.md", section))) == sorted(arguments(function))


@pytest.mark.parametrize(
    ("section", "resource", "more"),
    [
        ("AgentIngress", agin.AgentIngress, {"id"}),
        ("AgentIngressDelegation", agin.AgentIngressDelegation, set()),
        ("AgentIngressCertificateValidation", agin.AgentIngressCertificateValidation, set()),
    ],
)
def test_every_output_has_its_line(section: str, resource: type, more: set[str]) -> None:
    assert set(names(table("reference/resources.md", section, "output"))) == set(inspect.get_annotations(resource)) | more


def test_every_adapter_has_its_line_with_its_arguments_its_package_and_its_extra() -> None:
    text = (ROOT / "docs" / "guides" / "dns.md").read_text().split("## The adapters\n\n")[1].split("\n\n")[0]
    rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in text.splitlines()[2:]]
    adapters = {row[0].strip("`"): row for row in rows}
    functions = {name for name in agin.dns.__all__ if inspect.isfunction(getattr(agin.dns, name))}
    assert adapters.keys() == functions
    project = (ROOT / "pyproject.toml").read_text()
    for name in functions - {"custom"}:
        _, package, records, given, *_ = adapters[name]
        assert names([given]) == arguments(getattr(agin.dns, name))
        assert re.search(rf'^{name} = \["{package}[>=]', project, re.M), name
        source = inspect.getsource(getattr(agin.dns, name))
        assert ("for_each" in source) == (records == "one for each value"), name


def test_the_ttls_of_linode_are_all_there() -> None:
    from pulumi_agin.dns.single_records import LINODE_TTLS

    assert f"| {', '.join(map(str, LINODE_TTLS))} |" in (ROOT / "docs" / "guides" / "dns.md").read_text()


def test_what_adapters_are_told_has_its_line() -> None:
    cells = table("guides/dns.md", "A package without an adapter", "`NsRecords`")
    told = {name for name in dir(agin.dns.NsRecords) if not name.startswith("_")}
    fields = set(inspect.get_annotations(agin.dns.NsRecords)) - {"delegation", "agent_ingress"}
    assert {name for cell in cells for name in re.findall(r"`(\w+)", cell)} == told | fields


# -- messages ---------------------------------------------------------------------------------------------


def messages() -> list[str]:
    """Every text in the package's code, with "…" for what is put in."""
    found = []
    for path in (ROOT / "pulumi_agin").rglob("*.py"):
        tree = ast.parse(path.read_text())
        docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                parts = [part.value if isinstance(part, ast.Constant) else "…" for part in node.values]
                found.append("".join(map(str, parts)))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
                found.append(node.value)
    return found


def test_every_message_of_the_page_of_errors_is_one_of_ours() -> None:
    rows = re.findall(r"^\| `([^`]+)` \|", (ROOT / "docs" / "reference" / "errors.md").read_text(), re.M)
    assert len(rows) > 50
    known = messages()
    for row in rows:
        pieces = ".*".join(re.escape(piece) for piece in row.split("…"))
        assert any(re.search(pieces, message, re.S) for message in known), f"no message has: {row}"


# -- commands and links -----------------------------------------------------------------------------------


def commands() -> list[list[str]]:
    """What is run of `pulumi-agin`, in the pages and in the examples' READMEs."""
    found = []
    for page in [*PAGES, ROOT / "docs" / "reference" / "emulator.md", *(ROOT / "examples").glob("*/README.md")]:
        lines = [line.removeprefix("$ ") for text in blocks(page, "(?:sh|console)") for line in text.splitlines()]
        for line in lines:
            for part in re.split(r" \| | >>? ", line):
                words = shlex.split(part, comments=True)
                if words[:1] == ["pulumi-agin"]:
                    found.append(words[1:])
    return found


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_the_commands_are_ones(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_run_import", "_run_doctor", "_run_emulator"):
        monkeypatch.setattr(cli, name, lambda options, clock: 0)
    assert cli.main(words) == 0


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_links_lead_somewhere() -> None:
    for page in [ROOT / "README.md", *PAGES, *(ROOT / "examples").glob("*/README.md")]:
        for link in re.findall(r"\]\((?!https:)([^)\s]+)\)", page.read_text()):
            file, _, anchor = link.partition("#")
            target = (page.parent / file).resolve() if file else page
            assert target.exists(), f"{page.name}: {link}"
            assert not anchor or anchor in anchors(target), f"{page.name}: {link}"
