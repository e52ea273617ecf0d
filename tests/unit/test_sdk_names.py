"""Undocumented names of Pulumi's SDK: only the modules that the rule in `dynamic/sdk.py` names use them."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pulumi
import pytest
from pulumi import dynamic, runtime

import pulumi_agin
from pulumi_agin.dynamic import sdk as dynamic_sdk
from pulumi_agin.program import sdk

PACKAGE = Path(pulumi_agin.__file__).parent
SDK_MODULES = ("program/sdk.py", "dynamic/sdk.py", "engine/protocol.py")

# `rpc` is a module without `__all__`. Pulumi's page about logging uses `log`.
DOCUMENTED = {
    "pulumi": {*pulumi.__all__, "log"},
    "pulumi.runtime": {*runtime.__all__} - {"rpc"},
    "pulumi.dynamic": {*dynamic.__all__},
}
# These have no docstring, and the SDK's source marks them as private.
PRIVATE_METHODS_OF_OUTPUT = {"future", "is_known", "resources"}


def undocumented_names(source: str) -> Iterator[str]:
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
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr in PRIVATE_METHODS_OF_OUTPUT and ast.unparse(node.func.value) != "sdk":
                yield node.func.attr
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "getattr":
            # The linter finds other accesses of private attributes.
            name = ast.unparse(node.args[1]).strip("'")
            if name.startswith("_") and name in pulumi.Resource.__annotations__:
                yield name


def test_only_the_modules_for_it_use_undocumented_names() -> None:
    sources = {str(path.relative_to(PACKAGE)): path.read_text() for path in PACKAGE.rglob("*.py")}
    found = {name: list(undocumented_names(source)) for name, source in sources.items() if name not in SDK_MODULES}
    assert {name: names for name, names in found.items() if names} == {}


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("import pulumi.runtime.rpc", ["pulumi.runtime.rpc"]),
        ("from pulumi.runtime import invoke, rpc", ["pulumi.runtime.rpc"]),
        ("from pulumi.runtime.settings import get_monitor", ["pulumi.runtime.settings.get_monitor"]),
        ("from pulumi import Output, output", ["pulumi.output"]),
        ("pulumi.runtime.rpc.UNKNOWN", ["pulumi.runtime.rpc"]),
        ("resource.urn.future()", ["future"]),
        ("getattr(resource, '_aliases', [])", ["_aliases"]),
        ("from pulumi.dynamic import Resource\nfrom pulumi_agin import dns\npulumi.runtime.is_dry_run()", []),
    ],
)
def test_undocumented_names_are_found(source: str, names: list[str]) -> None:
    assert list(undocumented_names(source)) == names


def run(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", dedent(script)], capture_output=True, text=True, check=False)


def test_program_loads_with_an_sdk_that_lacks_all_of_them() -> None:
    both = (Path(str(module.__file__)).read_text() for module in (sdk, dynamic_sdk))
    names = {name for source in both for name in re.findall(r'"(pulumi\.[\w.]+)"', source)}
    ended = run(
        f"""
        import operator, sys
        import pulumi

        for name in {names}:
            path, _, attribute = name.removeprefix("pulumi.").rpartition(".")
            owner = operator.attrgetter(path)(pulumi)
            # Attributes of resources are not those of the class.
            if hasattr(owner, attribute):
                delattr(owner, attribute)
        for name in [name for name in sys.modules if name.startswith("pulumi.runtime.proto.")]:
            sys.modules[name] = None
        from pulumi_agin import {", ".join(pulumi_agin.__all__)}
        """
    )
    assert ended.stderr == ""


def test_plugin_without_a_class_of_the_protocol_ends_with_one_sentence() -> None:
    ended = run(
        """
        import sys, types
        from pulumi_agin.engine import protocol

        # A package without files.
        sys.modules[protocol.PACKAGE] = types.ModuleType(protocol.PACKAGE)
        sys.modules[protocol.PACKAGE].__path__ = []
        sys.modules["pulumi.runtime.proto.provider_pb2_grpc"] = None
        from pulumi_agin.native import main

        main()
        """
    )
    assert ended.returncode == 1
    assert re.fullmatch(
        r"pulumi-resource-agin: Pulumi's SDK \S+ lacks pulumi\.runtime\.proto\.\w+, which pulumi-agin needs: .+\n",
        ended.stderr,
    )
