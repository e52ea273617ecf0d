"""Each place that a new adapter of `pulumi_agin.dns` needs besides its function, with a message that names the place.

No package of a DNS provider is needed. test_records.py and test_adopt.py test the adapters with their packages.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from pathlib import Path

from pulumi_agin import dns
from pulumi_agin.dns import record_sets, single_records
from pulumi_agin.dns.state_records import IDENTITIES, ns_record
from tests.support.delegations import ADAPTERS, FOUND, SETS, SINGLES, ZONES, kind_of_adopt
from tests.support.mocks import NS_TARGETS
from tests.support.pyproject import project
from tools import docs

ROOT = Path(__file__).parents[3]
ADAPTERS_PAGE = (ROOT / "docs" / "reference" / "dns-adapters.md").read_text(encoding="utf-8")
RENAME_PAGE = (ROOT / "docs" / "guides" / "rename.md").read_text(encoding="utf-8")

# Its records are those of a server, and not of a package.
WITHOUT_PACKAGE = {"rfc2136"}
# Kubernetes has namespaces.
WITHOUT_ZONE = {"external_dns"}
# The state has the number of the zone, and not its name.
WITHOUT_DOMAIN = {"linode", "external_dns"}

AN_EXPECTED = "an Expected in SETS or SINGLES, by the package's documentation"


def require(place: str, has: Iterable[str], needed: Iterable[str], what: str) -> None:
    """Fails with the place in the repository that misses adapters or has too many, and what belongs there."""
    missing, other = sorted({*needed} - {*has}), sorted({*has} - {*needed})
    assert not missing, f"{place}: add {', '.join(missing)}: {what}"
    assert not other, f"{place}: remove {', '.join(other)}: {what}"


def names_in(text: str) -> list[str]:
    return re.findall(r"`(\w+)`", text)


def found_in(pattern: str, text: str) -> str:
    match = re.search(pattern, text, re.MULTILINE)
    assert match, f"no line matches {pattern}"
    return match[1]


def test_every_adapter_is_exported() -> None:
    functions = [
        name
        for module in (record_sets, single_records)
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_")
    ]
    require(
        "pulumi_agin/dns/__init__.py",
        {*docs.ADAPTERS} - WITHOUT_PACKAGE,
        functions,
        "import it and list it in __all__",
    )


def test_every_adapter_has_an_extra() -> None:
    extras = project()["project"]["optional-dependencies"]
    what = 'NAME = ["its package>=lowest,<next major"] under [project.optional-dependencies]'
    require("pyproject.toml", extras.keys() - {"doctor", "emulator", "plugin"}, docs.ADAPTERS, what)
    wrong = [
        name
        for name, each in ADAPTERS.items()
        if not re.fullmatch(rf"{distribution(name)}>=[\d.]+,<\d+", extras[name][0])
    ]
    assert not wrong, f"pyproject.toml: the extra of {', '.join(wrong)} is not {what}"


def distribution(name: str) -> str:
    assert name in ADAPTERS, f"tests/support/delegations.py: add {name}: {AN_EXPECTED}"
    return ADAPTERS[name].package.replace("_", "-")


def test_every_adapter_has_its_package_in_the_lock() -> None:
    lock = (ROOT / "tools" / "locks" / "dev.txt").read_text(encoding="utf-8")
    locked = re.findall(r"^([\w-]+)==", lock, re.MULTILINE)
    require("tools/locks/dev.txt", locked, {distribution(name) for name in ADAPTERS} | {*locked}, "run `make lock`")


def test_every_adapter_has_an_expected_record() -> None:
    require("tests/support/delegations.py", ADAPTERS, {*docs.ADAPTERS} - WITHOUT_PACKAGE, AN_EXPECTED)
    for module, expected in ((record_sets, SETS), (single_records, SINGLES)):
        functions = {name for name in ADAPTERS if getattr(dns, name).__module__ == module.__name__}
        require("tests/support/delegations.py", expected, functions, f"the adapters of {module.__name__}")
    what = 'the name of the zone among the arguments is "acme.com"'
    require("tests/support/delegations.py", ZONES, ADAPTERS.keys() - WITHOUT_ZONE, what)


def test_every_adapter_that_adopts_has_its_identity_and_expected_ids() -> None:
    adopting = {name for name in ADAPTERS if kind_of_adopt(name)}
    with_id = {name for name, expected in ADAPTERS.items() if expected.import_id is not None}
    require(
        "tests/support/delegations.py", with_id, adopting, "import_id in its Expected, if it has the argument adopt"
    )
    finding = {name for name in ADAPTERS if kind_of_adopt(name) == "bool | Ids"}
    require("tests/support/delegations.py", FOUND, finding, "in FOUND, if adopt may be True or ids")
    tokens = {ADAPTERS[name].token for name in adopting}
    require(
        "pulumi_agin/dns/state_records.py", IDENTITIES, tokens, "in IDENTITIES, with the outputs that identify a record"
    )


def test_every_record_in_the_state_shows_its_domain_and_values() -> None:
    showing = set()
    for name, expected in ADAPTERS.items():
        values, targets = expected.values, NS_TARGETS
        if name in SINGLES:
            values, targets = values[0], targets[:1]
        outputs = {**expected.inputs, "id": expected.import_id, expected.value: values}
        if ns_record(expected.token, outputs) == ("connect.acme.com", targets):
            showing.add(name)
        of_another_type = {key: "TXT" if value == "NS" else value for key, value in outputs.items()}
        of_another_type["id"] = str(expected.import_id).replace("/NS/", "/TXT/")
        assert ns_record(expected.token, of_another_type) is None, name
    what = "its values in VALUES, if a resource has all of them, and in IDENTITIES the zone, name, type and value"
    require("pulumi_agin/dns/state_records.py", showing, ADAPTERS.keys() - WITHOUT_DOMAIN, what)


def documented() -> dict[str, tuple[str, list[tuple[str, bool]]]]:
    """Returns the package of each adapter and its arguments, optional or not, from its section or its row."""
    adapters = {}
    sections = re.findall(r"^### ([a-z]\w+)\n(.*?\bwith\s+([a-z0-9-]+)\..*?)(?=^##)", ADAPTERS_PAGE, re.M | re.S)
    for name, section, package in sections:
        lines = re.findall(r"^- (`\w+`(?:, `\w+`)*)( \(optional\))?: ", section, re.M)
        adapters[name] = package, [(each, bool(optional)) for cell, optional in lines for each in names_in(cell)]
    for name, package, cell in re.findall(r"^\| `(\w+)`, ([\w-]+) \| (.*?) \| .+ \|$", ADAPTERS_PAGE, re.M):
        cells = re.findall(r"(?:^|<br>)`(\w+)`( \(optional\))?", cell)
        adapters[name] = package, [(each, bool(optional)) for each, optional in cells]
    return adapters


def test_every_adapter_has_a_row_or_section_in_the_docs() -> None:
    adapters = documented()
    require(
        "docs/reference/dns-adapters.md", adapters, docs.ADAPTERS, "a row of the table in More adapters, or a section"
    )
    for name, (package, listed) in adapters.items():
        parameters = inspect.signature(getattr(dns, name)).parameters
        expected = [(each, parameters[each].default is not inspect.Parameter.empty) for each in parameters]
        assert listed == [each for each in expected if each[0] not in ("opts", "adopt")], (
            f"docs/reference/dns-adapters.md: {name}"
        )
        assert name in WITHOUT_PACKAGE or package == distribution(name), f"docs/reference/dns-adapters.md: {name}"


def test_every_adapter_that_overwrites_is_documented() -> None:
    overwriting = {name for name, expected in ADAPTERS.items() if expected.overwrites}
    what = "in the sentence about adapters that may replace existing records"
    listed = found_in(
        r"^An argument without a description.*?zone's name\. (.*) may replace existing records", ADAPTERS_PAGE
    )
    require("docs/reference/dns-adapters.md", [*names_in(listed), "gcp"], overwriting, what)
    listed = found_in(r"^\| one with (.*), if \*\*Pulumi can't read", RENAME_PAGE)
    require("docs/guides/rename.md", names_in(listed), overwriting, what)


def test_every_adapter_has_its_ttls_in_the_docs() -> None:
    any_ttl = set(re.findall(r"^\| `(\w+)`, [^|\n]*\|[^|\n]*\| any\b", ADAPTERS_PAGE, re.MULTILINE))
    any_ttl.update(re.findall(r"^### (\w+)\n(?:[^#\n].*\n|\n)*- TTL: any\n", ADAPTERS_PAGE, re.MULTILINE))
    unlimited = {name for name, expected in ADAPTERS.items() if not expected.ttls.rejected} | WITHOUT_PACKAGE
    require(
        "docs/reference/dns-adapters.md", any_ttl, unlimited, "the TTL is `any` if `ttls` in its Expected is ANY_TTL"
    )


def test_every_adapter_is_in_the_changelog() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    mentioned = [name for name in docs.ADAPTERS if re.search(rf"\b{name}\b", changelog)]
    require("CHANGELOG.md", mentioned, docs.ADAPTERS, "name it in the list of what the package has")
