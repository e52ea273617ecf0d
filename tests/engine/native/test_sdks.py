"""The schema from which the SDKs are generated. test_typescript.py and test_go.py use two of them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

SCHEMA = Path(__file__).parents[3] / "pulumi_agin" / "native" / "schema.json"


def test_pulumi_accepts_the_schema(cli: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "PULUMI_HOME": str(tmp_path), "PULUMI_SKIP_UPDATE_CHECK": "true"}
    command = [str(cli / "pulumi"), "schema", "check", str(SCHEMA)]
    checked = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "warning" not in (checked.stdout + checked.stderr).lower()
