"""The version and the help of the provider plugin, for users who start it themselves."""

from __future__ import annotations

import sys

import pytest

from pulumi_agin import native
from pulumi_agin.base.version import VERSION


@pytest.mark.parametrize(("flag", "printed"), [("--version", f"pulumi-resource-agin {VERSION}\n"), ("-h", "usage: ")])
def test_plugin_prints_its_version_and_help(
    flag: str, printed: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["pulumi-resource-agin", flag])
    native.main()
    assert capsys.readouterr().out.startswith(printed)
