"""This installation of the package: the path of a program, and the messages that a package or a name is missing."""

from __future__ import annotations

import sys
from pathlib import Path

from .shell import command_line


def shown(program: Path) -> str:
    """Returns the path of a program to be pasted, relative in a project's folder."""
    here = Path.cwd()
    return str(program.relative_to(here) if (here / "Pulumi.yaml").exists() and here in program.parents else program)


def missing_extra(user: str, extra: str) -> str:
    """Returns the message that `user` needs the packages of an extra, with the command that installs them.

    The command names these packages, not pulumi-agin: an index may have another package of that name.
    """
    from importlib import metadata, util  # slow to load

    marker = f"extra == '{extra.replace('_', '-')}'"
    requirements = [each.partition(";") for each in metadata.requires("pulumi-agin") or ()]
    packages = [package.strip() for package, _, condition in requirements if condition.strip() == marker]
    python = shown(Path(sys.executable))
    # An environment made by uv has no pip.
    installer = (
        [python, "-m", "pip", "install"] if util.find_spec("pip") else ["uv", "pip", "install", "--python", python]
    )
    return f"{user} needs a package that is not installed. Install it with\n{command_line([*installer, *packages])}"


def missing_in_sdk(name: str) -> str:
    """Returns the message that Pulumi's SDK lacks an undocumented name, which another version may have moved."""
    from importlib import metadata  # slow to load

    return (
        f"Pulumi's SDK {metadata.version('pulumi')} lacks {name}, which pulumi-agin needs: install another version of "
        "the `pulumi` package, or a newer version of pulumi-agin"
    )
