"""pytest for a user's environment, which has the wheel but not pytest."""

from __future__ import annotations

from pathlib import Path

import pytest

# pytest and its dependencies. Only older versions of Python need the last two.
_PACKAGES = ("pytest", "_pytest", "py.py", "pluggy", "iniconfig", "packaging", "pygments", "exceptiongroup", "tomli")


def link_pytest(folder: Path) -> Path:
    """Makes a folder with pytest, for PYTHONPATH, and returns it."""
    folder.mkdir()
    for name in _PACKAGES:
        (folder / name).symlink_to(Path(pytest.__file__).parents[1] / name)
    return folder
