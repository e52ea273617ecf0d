"""How the plugin loads the generated classes of the engine's protocol."""

from __future__ import annotations

import subprocess
import sys

# What the engine waits for in each command: the plugin must load no more of the SDK than the classes.
SDK_IS_LOADED = "import sys; print('pulumi' in sys.modules)"


def run(program: str) -> str:
    """What a program prints, run by a Python of its own."""
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()


def test_the_plugin_loads_nothing_else_of_the_sdk() -> None:
    assert run(f"import pulumi_agin.native.server, pulumi_agin.native.functions; {SDK_IS_LOADED}") == "False"


def test_the_classes_are_those_of_the_sdk() -> None:
    program = """
from pulumi_agin.protocol import provider_pb2 as ours
from pulumi.runtime.proto import provider_pb2 as theirs
print(ours.CheckRequest is theirs.CheckRequest)
"""
    assert run(program) == "True"


def test_where_the_sdk_is_loaded_already_its_own_modules_are_taken() -> None:
    program = "import pulumi; from pulumi_agin.protocol import provider_pb2; print(provider_pb2.__name__)"
    assert run(program) == "pulumi.runtime.proto.provider_pb2"


def test_an_sdk_that_has_its_files_elsewhere_is_loaded_as_a_whole() -> None:
    program = f"""
import sys, types
from pulumi_agin import protocol
# A package without files.
sys.modules[protocol.PACKAGE] = types.ModuleType(protocol.PACKAGE)
sys.modules[protocol.PACKAGE].__path__ = []
from pulumi_agin.protocol import provider_pb2
{SDK_IS_LOADED}
"""
    assert run(program) == "True"
