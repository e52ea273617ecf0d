"""A copy of the repository, for tests that install the package or the plugin from a clone, without an index."""

from __future__ import annotations

import shutil
import sysconfig
from pathlib import Path

ROOT = Path(__file__).parents[2]
MADE_BY_USERS = shutil.ignore_patterns("venv", ".venv", "__pycache__", "node_modules", "sdks", "Pulumi.*.yaml")


def copy(folder: Path) -> Path:
    """Copies what an installation uses, and the examples. Its package has one more file, only_in_clone.py."""
    for name in ("examples", "plugin", "pulumi_agin"):
        shutil.copytree(ROOT / name, folder / name, ignore=MADE_BY_USERS)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    (folder / "pulumi_agin" / "only_in_clone.py").touch()
    return folder


def offline(folder: Path) -> dict[str, str]:
    """Returns environment variables for a pip without an index, with all packages except pulumi-agin in a folder."""
    folder.mkdir()
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if path.suffix != ".pth" and not path.name.startswith(("pulumi_agin", "pip", "setuptools", "__editable__")):
            (folder / path.name).symlink_to(path)
    # The language host lets pip install the newest versions of these, which are not needed here.
    for name in ("setuptools", "wheel"):
        metadata = folder / f"{name}-999.dist-info" / "METADATA"
        metadata.parent.mkdir()
        metadata.write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 999\n")
    # Despite its name, the value false makes pip build with the installed packages.
    return {"PYTHONPATH": str(folder), "PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "false"}
