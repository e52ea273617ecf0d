"""The command that installs missing packages into this environment."""

from __future__ import annotations

import sys
from importlib import util
from pathlib import Path

import pytest

from pulumi_agin.base.installation import missing_extra


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A virtual environment in a folder whose name requires quotes."""
    monkeypatch.setattr(sys, "executable", str(tmp_path / "my env" / "bin" / "python"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "my env"


def test_message_ends_with_a_command_for_this_environment(environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(util, "find_spec", lambda name: ...)
    sentence, line = missing_extra("dns.aws", "aws").split("\n")
    assert sentence == "dns.aws needs a package that is not installed. Install it with"
    # A package named pulumi-agin on an index may be anyone's.
    assert line == f"'{environment}/bin/python' -m pip install 'pulumi-aws<8,>=7'"
    assert missing_extra("dns.external_dns", "external_dns").endswith(" 'pulumi-kubernetes<5,>=4.29'")
    Path("Pulumi.yaml").touch()
    line = missing_extra("the emulator", "emulator").splitlines()[-1]
    assert line == "'my env/bin/python' -m pip install 'cel-python>=0.5' 'dnspython>=2.7'"


def test_command_uses_uv_in_an_environment_without_pip(environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(util, "find_spec", lambda name: None)
    line = missing_extra("dns.rfc2136", "rfc2136").splitlines()[-1]
    assert line == f"uv pip install --python '{environment}/bin/python' 'dnspython>=2.7'"
