"""The command of the plugin without an engine."""

from __future__ import annotations

import pytest

from pulumi_agin import native
from pulumi_agin.version import VERSION


@pytest.mark.parametrize(
    ("flag", "expected"), [("--version", f"pulumi-resource-agin {VERSION}\n"), ("--help", "usage:"), ("-h", "usage:")]
)
def test_flag_prints(
    flag: str, expected: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["pulumi-resource-agin", flag])
    monkeypatch.setattr("pulumi_agin.native.process.serve", lambda: pytest.fail("it starts the plugin"))
    native.main()
    assert capsys.readouterr().out.startswith(expected)
