"""Rules about the modules of the package: their names, private names, and undocumented names of Pulumi's SDK."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pulumi
import pytest
from pulumi import dynamic, runtime

import pulumi_agin

PACKAGE = Path(pulumi_agin.__file__).parent
SOURCES = {str(path.relative_to(PACKAGE)): path.read_text() for path in PACKAGE.rglob("*.py")}

# Their docstrings list what fails without the undocumented names; `test_sdk_names` takes each away.
SDK_MODULES = ("sdk_names.py", "dynamic/servicer.py", "engine.py")

# Pulumi's page about logging uses `log`. `rpc` and `settings` are modules of the SDK without docs.
DOCUMENTED = {
    "pulumi": {*pulumi.__all__, "log"},
    "pulumi.runtime": {*runtime.__all__} - {"rpc", "settings"},
    "pulumi.dynamic": {*dynamic.__all__},
}
# These have no docstring, and the SDK's source marks them as private.
PRIVATE_METHODS_OF_OUTPUT = {"future", "is_known", "resources"}


def test_module_names_are_unique() -> None:
    names = Counter(Path(name).name for name in SOURCES)
    repeated = {name for name, count in names.items() if count > 1}
    assert repeated <= {"__init__.py", "__main__.py"}


def test_no_module_uses_a_private_name_of_another() -> None:
    # The linter finds attributes, but not imports.
    exempted = [name for name, source in SOURCES.items() if "noqa: SLF001" in source]
    assert exempted == ["dynamic/servicer.py"]
    nodes = [(name, node) for name, source in SOURCES.items() for node in ast.walk(ast.parse(source))]
    imported = [(name, each.name) for name, node in nodes if isinstance(node, ast.ImportFrom) for each in node.names]
    assert [(name, each) for name, each in imported if each.startswith("_")] == []


def undocumented_names(source: str) -> Iterator[str]:
    """Yields the undocumented names of the SDK in a module."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names if each.name.startswith("pulumi."))
        elif isinstance(node, ast.ImportFrom) and re.match(r"pulumi(\.|$)", node.module or "") and not node.level:
            names = DOCUMENTED.get(node.module or "", set())
            yield from (f"{node.module}.{each.name}" for each in node.names if each.name not in names)
        elif isinstance(node, ast.Attribute):
            owner = ast.unparse(node.value)
            if owner in DOCUMENTED and node.attr not in DOCUMENTED[owner]:
                yield f"{owner}.{node.attr}"
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") in PRIVATE_METHODS_OF_OUTPUT:
            yield ast.unparse(node.func)


def test_only_the_modules_for_it_use_undocumented_names_of_the_sdk() -> None:
    found = {name: list(undocumented_names(source)) for name, source in SOURCES.items() if name not in SDK_MODULES}
    assert {name: names for name, names in found.items() if names} == {}


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("import pulumi.runtime.rpc", ["pulumi.runtime.rpc"]),
        ("from pulumi.runtime import invoke, rpc", ["pulumi.runtime.rpc"]),
        ("from pulumi.runtime.settings import get_monitor", ["pulumi.runtime.settings.get_monitor"]),
        ("pulumi.runtime.settings.get_monitor()", ["pulumi.runtime.settings"]),
        ("resource.urn.future()", ["resource.urn.future"]),
        ("from pulumi.dynamic import Resource\nfrom pulumi_agin import dns\npulumi.runtime.is_dry_run()", []),
    ],
)
def test_undocumented_names_are_found(source: str, names: list[str]) -> None:
    assert list(undocumented_names(source)) == names


def test_each_undocumented_name_is_taken_away_in_a_test() -> None:
    """The classes of the engine's protocol are taken away together, and so are the local variables of the servicer."""
    found = {name for module in SDK_MODULES for name in undocumented_names(SOURCES[module])}
    assert found == {"pulumi.runtime.mocks", "pulumi.runtime.settings"}


def test_contributing_names_functions_that_exist() -> None:
    """From the engine's call to the HTTP request, each in at most six files."""
    page = (PACKAGE.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (?:create|update|refresh|delete) \| (.*) \|$", page, re.MULTILINE)
    assert len(rows) == 4
    for row in rows:
        places = re.findall(r"`([\w/.]+):(\w+)`", row)
        assert len({file for file, _ in places}) <= 6
        for file, function in places:
            tree = ast.parse((PACKAGE / file).read_text(encoding="utf-8"))
            assert function in {each.name for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)}, file
