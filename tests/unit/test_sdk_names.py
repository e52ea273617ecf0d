"""What still works with an SDK that lacks an undocumented name. `tests/servicer` has the frame of the servicer."""

from __future__ import annotations

import subprocess
import sys
from textwrap import dedent

import pulumi
import pytest
from pulumi.runtime import mocks, settings

from pulumi_agin import program


@pytest.mark.usefixtures("mocks")
@pytest.mark.parametrize(("owner", "name"), [(settings, "get_monitor"), (mocks, "MockMonitor")])
def test_program_sends_nothing_if_it_can_not_see_whether_mocks_run(
    owner: object, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(owner, name)
    assert program.current() is None


@pytest.mark.usefixtures("mocks")
def test_inline_program_does_not_report_a_missing_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """The plugin of the Automation API may have other environment variables, and reports it for each resource."""
    run = program.Run()
    assert run.settings.problems
    run.require_settings(pulumi.ResourceOptions())
    monkeypatch.setenv("PULUMI_CONFIG_SECRET_KEYS", "[]")
    with pytest.raises(pulumi.RunError, match="there is no ngrok API key"):
        run.require_settings(pulumi.ResourceOptions())


def run(script: str) -> str:
    ended = subprocess.run([sys.executable, "-c", dedent(script)], capture_output=True, text=True, check=False)
    return ended.stdout + ended.stderr


@pytest.mark.parametrize("first", ["ours", "theirs"])
def test_protocol_classes_are_those_of_the_sdk(first: str) -> None:
    imports = ["from pulumi_agin.engine import protocol", "from pulumi.runtime.proto import provider_pb2 as theirs"]
    imports.insert(1 if first == "ours" else 2, "ours = protocol('provider_pb2')")
    assert run("\n".join([*imports, "print(ours.CheckRequest is theirs.CheckRequest)"])) == "True\n"


def test_sdk_with_other_files_is_loaded_as_a_whole() -> None:
    script = """
    import sys, types
    # A package without files.
    sys.modules["pulumi_agin_protocol"] = types.ModuleType("pulumi_agin_protocol")
    sys.modules["pulumi_agin_protocol"].__path__ = []
    from pulumi_agin.engine import protocol
    protocol("provider_pb2")
    print("pulumi" in sys.modules)
    """
    assert run(script) == "True\n"


def test_lines_go_to_stderr_without_the_protocol_or_an_engine() -> None:
    script = """
    import sys
    import pulumi
    sys.modules["pulumi.runtime.proto.engine_pb2_grpc"] = None
    from pulumi_agin.engine import Engine
    Engine("127.0.0.1:1").warn("first", "urn")
    Engine("").inform("second")
    """
    assert run(script) == "first\npulumi-agin: second\n"
