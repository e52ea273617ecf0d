"""The structure of the package: its parts and unique class names."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "pulumi_agin"

FILES = """
__init__.py agent_ingress.py certificate_validation.py delegation.py lookups.py provider.py agent_configuration.py
settings.py version.py py.typed pulumi-plugin.json
"""
FOLDERS = "dns program lifecycle api base dynamic native engine dnsclient emulator cli"


def test_package_has_only_the_known_parts() -> None:
    assert {each.name for each in PACKAGE.iterdir()} - {"__pycache__"} == {*FILES.split(), *FOLDERS.split()}


def test_class_names_are_unique() -> None:
    trees = [ast.parse(module.read_text()) for module in PACKAGE.rglob("*.py")]
    names = Counter(node.name for tree in trees for node in tree.body if isinstance(node, ast.ClassDef))
    assert [name for name, number in names.items() if number > 1] == []
