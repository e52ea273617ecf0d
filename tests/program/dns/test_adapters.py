"""Each place that a new adapter of `pulumi_agin.dns` needs besides its function, with a message that names the place.

No package of a DNS provider is needed. test_records.py tests the adapters with their packages.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from pathlib import Path

from pulumi_agin import dns
from pulumi_agin.dns import record_sets, single_records
from tests.support.delegations import ADAPTERS, SETS, SINGLES, ZONES
from tests.support.pyproject import project

ROOT = Path(__file__).parents[3]
ADAPTERS_PAGE = (ROOT / "docs" / "reference" / "dns-adapters.md").read_text(encoding="utf-8")

# `custom` wraps a function of the user.
NAMES = {name for name in dns.__all__ if inspect.isfunction(getattr(dns, name))} - {"custom"}
# Its records are those of a server, and not of a package.
WITHOUT_PACKAGE = {"rfc2136"}
# Kubernetes has namespaces.
WITHOUT_ZONE = {"external_dns"}

# The arguments that the page describes once for all adapters.
SHARED = ("opts", "name_servers", "record_ids")

TABLE = "tests/support/adapters.yaml"
A_ROW = "a row, by the package's documentation, with `import_id` if each value has a resource"


def require(place: str, has: Iterable[str], needed: Iterable[str], what: str) -> None:
    """Fails with the place in the repository that misses adapters or has too many, and what belongs there."""
    missing, other = sorted({*needed} - {*has}), sorted({*has} - {*needed})
    assert not missing, f"{place}: add {', '.join(missing)}: {what}"
    assert not other, f"{place}: remove {', '.join(other)}: {what}"


def names_in(text: str) -> list[str]:
    return re.findall(r"`(\w+)`", text)


def test_every_adapter_is_exported() -> None:
    functions = [
        name
        for module in (record_sets, single_records)
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_")
    ]
    require(
        "pulumi_agin/dns/__init__.py",
        NAMES - WITHOUT_PACKAGE,
        functions,
        "import it and list it in __all__",
    )


def test_every_adapter_has_an_extra() -> None:
    extras = project()["project"]["optional-dependencies"]
    what = 'NAME = ["its package>=lowest,<next major"] under [project.optional-dependencies]'
    require("pyproject.toml", extras.keys() - {"doctor", "emulator", "plugin"}, NAMES, what)
    wrong = [
        name
        for name, each in ADAPTERS.items()
        if not re.fullmatch(rf"{distribution(name)}>=[\d.]+,<\d+", extras[name][0])
    ]
    assert not wrong, f"pyproject.toml: the extra of {', '.join(wrong)} is not {what}"


def distribution(name: str) -> str:
    assert name in ADAPTERS, f"{TABLE}: add {name}: {A_ROW}"
    return ADAPTERS[name].package.replace("_", "-")


def test_every_adapter_has_its_package_in_the_lock() -> None:
    lock = (ROOT / "tools" / "locks" / "dev.txt").read_text(encoding="utf-8")
    locked = re.findall(r"^([\w-]+)==", lock, re.MULTILINE)
    require("tools/locks/dev.txt", locked, {distribution(name) for name in ADAPTERS} | {*locked}, "run `make lock`")


def test_every_adapter_has_a_row_of_expected_records() -> None:
    require(TABLE, ADAPTERS, NAMES - WITHOUT_PACKAGE, A_ROW)
    for module, expected in ((record_sets, SETS), (single_records, SINGLES)):
        functions = {name for name in ADAPTERS if getattr(dns, name).__module__ == module.__name__}
        require(TABLE, expected, functions, f"the adapters of {module.__name__}")
    what = 'the name of the zone among the arguments is "acme.com"'
    require(TABLE, ZONES, ADAPTERS.keys() - WITHOUT_ZONE, what)


def documented() -> dict[str, tuple[str, list[tuple[str, bool]]]]:
    """Returns the package of each adapter and its arguments, optional or not, from its section or its row."""
    adapters = {}
    sections = re.findall(r"^### ([a-z]\w+)\n(.*?\bwith\s+([a-z0-9-]+)\..*?)(?=^##)", ADAPTERS_PAGE, re.M | re.S)
    for name, section, package in sections:
        lines = re.findall(r"^- (`\w+`(?:, `\w+`)*)( \(optional\))?: ", section, re.M)
        adapters[name] = package, [(each, bool(optional)) for cell, optional in lines for each in names_in(cell)]
    for name, package, cell in re.findall(r"^\| [^|:]+: `(\w+)`, ([\w-]+) \| (.*?) \| .+ \|$", ADAPTERS_PAGE, re.M):
        cells = re.findall(r"(?:^|<br>)`(\w+)`( \(optional\))?", cell)
        adapters[name] = package, [(each, bool(optional)) for each, optional in cells]
    return adapters


def test_every_adapter_has_a_row_or_section_in_the_docs() -> None:
    adapters = documented()
    require("docs/reference/dns-adapters.md", adapters, NAMES, "a row of the table in The adapters, or a section")
    for name, (package, listed) in adapters.items():
        parameters = inspect.signature(getattr(dns, name)).parameters
        arguments = [(each, parameters[each].default is not inspect.Parameter.empty) for each in parameters]
        expected = [each for each in arguments if each[0] not in SHARED]
        assert listed == expected, f"docs/reference/dns-adapters.md: the arguments of {name} are {expected}"
        is_right = name in WITHOUT_PACKAGE or package == distribution(name)
        assert is_right, f"docs/reference/dns-adapters.md: the package of {name} is not {package}"


def test_every_adapter_is_in_the_list_of_its_form() -> None:
    require(TABLE, ADAPTERS, NAMES - WITHOUT_PACKAGE, A_ROW)
    for form, needed in (("with all values", NAMES - SINGLES.keys()), ("for each value", SINGLES)):
        [listed] = re.findall(rf"^- One resource {form}: (.*?)\.$", ADAPTERS_PAGE, re.M | re.S)
        require("docs/reference/dns-adapters.md", names_in(listed), needed, f"the list of One resource {form}")
