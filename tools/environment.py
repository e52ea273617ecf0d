"""The two Python environments: `.build/venv` to develop in, and `.build/user` as a user would have it.

`python3 -m tools.environment dev` and `python3 -m tools.environment user` print the folder. So do
`python3 -m tools.environment oldest-sdk`, that of the oldest SDK of Pulumi's that is supported, for the PYTHONPATH of a
user, and `python3 -m tools.environment dns-sdks`, that of all the packages that have an adapter in pulumi_agin.dns.
Each is made once, and again only when what it was made from has changed.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
import shutil
import sys
import zipfile
from pathlib import Path

from tools.steps import BUILD, LOGS, ROOT, StepError, exit_status, run_step, say

DEV = BUILD / "venv"
USER = BUILD / "user"
OLDEST_SDK = BUILD / "oldest-sdk"
DNS_SDKS = BUILD / "dns-sdks"
DIST = BUILD / "dist"
LOG = LOGS / "environment.log"
STAMP = "agin-stamp.json"


def dev() -> Path:
    """The environment with an editable install and all the tools."""
    wanted = _made_from()
    if _stamp(DEV) == wanted:
        return DEV
    _make(DEV, "[1/2] making the development environment .build/venv")
    title = "[2/2] installing the package, its dependencies and the tools: about a minute"
    _pip(DEV, title, "--editable", ".[emulator]", "--group", "dev")
    _set_stamp(DEV, wanted)
    return DEV


def user() -> Path:
    """An environment with nothing but the built wheel and its dependencies."""
    wheel = build_wheel()
    made_from = _made_from()
    wanted = {**made_from, "wheel": content_hash(wheel)}
    have = _stamp(USER)
    if have == wanted:
        return USER
    if {**have, "wheel": ""} == {**made_from, "wheel": ""}:
        (USER / STAMP).unlink()
        _pip(USER, f"installing the changed {wheel.name}", "--force-reinstall", "--no-deps", str(wheel))
    else:
        _make(USER, "[1/2] making .build/user, an environment as a user would have it")
        _pip(USER, f"[2/2] installing {wheel.name} and its dependencies", f"{wheel}[emulator]")
    _set_stamp(USER, wanted)
    return USER


def oldest_sdk() -> Path:
    """A folder with the oldest SDK that the package allows, and nothing else."""
    wanted = _made_from()
    if _stamp(OLDEST_SDK) == wanted:
        return OLDEST_SDK
    oldest = re.search(r'"pulumi>=([0-9.]+),', (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert oldest
    shutil.rmtree(OLDEST_SDK, ignore_errors=True)
    title = f"installing the oldest SDK, pulumi {oldest[1]}"
    _pip(dev(), title, "--target", str(OLDEST_SDK), "--no-deps", f"pulumi=={oldest[1]}")
    _set_stamp(OLDEST_SDK, wanted)
    return OLDEST_SDK


def dns_sdks() -> Path:
    """A folder with the packages of the extras for DNS, and all that they need, for the end of a path.

    Not in the development environment: type checkers would read through more than half a gigabyte of them.
    """
    packages = re.findall(r'"(pulumi(?:verse)?-[a-z0-9-]+[<>=~][^"]*)"', (ROOT / "pyproject.toml").read_text("utf-8"))
    # Nothing else of pyproject.toml: all of it again for every word that changes there would be too much.
    wanted = {**_made_from(), "pyproject": " ".join(packages)}
    if _stamp(DNS_SDKS) == wanted:
        return DNS_SDKS
    shutil.rmtree(DNS_SDKS, ignore_errors=True)
    title = f"installing the packages of {len(packages)} DNS providers, 560 MB: less than a minute"
    # Compiled it would take twice the room and six times as long, for the few modules that get used.
    _pip(dev(), title, "--target", str(DNS_SDKS), "--no-compile", *packages)
    _set_stamp(DNS_SDKS, wanted)
    return DNS_SDKS


def build_wheel() -> Path:
    python = dev() / "bin" / "python"
    shutil.rmtree(DIST, ignore_errors=True)
    run_step(
        "building the wheel",
        [python, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", DIST, "."],
        log=LOG,
        env=_pip_environment(),
    )
    (wheel,) = DIST.glob("*.whl")
    return wheel


def content_hash(wheel: Path) -> str:
    """A hash of the names and contents in a wheel, whatever the times in it."""
    digest = hashlib.sha256()
    with zipfile.ZipFile(wheel) as archive:
        for name in sorted(archive.namelist()):
            digest.update(f"{name}\0{hashlib.sha256(archive.read(name)).hexdigest()}\n".encode())
    return digest.hexdigest()


def _make(folder: Path, title: str) -> None:
    if importlib.util.find_spec("ensurepip") is None:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise StepError(
            f"{sys.executable} cannot make virtual environments: it has no ensurepip.\n"
            f"On Debian and Ubuntu install python{version}-venv, or name another Python: make PYTHON=…"
        )
    shutil.rmtree(folder, ignore_errors=True)
    run_step(title, [sys.executable, "-m", "venv", folder], log=LOG)
    # Dependency groups need pip 25.1, newer than the one that comes with most Pythons.
    _pip(folder, "      upgrading its pip", "--upgrade", "pip>=25.1")


def _pip(folder: Path, title: str, *arguments: str) -> None:
    command: list[str | Path] = [folder / "bin" / "python", "-m", "pip", "install", *arguments]
    run_step(title, command, log=LOG, env=_pip_environment())


def _pip_environment() -> dict[str, str]:
    return {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}


def _made_from() -> dict[str, str]:
    project = hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest()
    return {"python": f"{sys.base_prefix} {sys.version}", "folder": str(ROOT), "pyproject": project}


def _stamp(folder: Path) -> dict[str, str]:
    """What `folder` was made from; empty when it was never finished."""
    try:
        stamp: dict[str, str] = json.loads((folder / STAMP).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stamp


def _set_stamp(folder: Path, made_from: dict[str, str]) -> None:
    (folder / STAMP).write_text(json.dumps(made_from, indent=2), encoding="utf-8")


def main() -> int:
    makers = {"dev": dev, "user": user, "oldest-sdk": oldest_sdk, "dns-sdks": dns_sdks}
    if len(sys.argv) != 2 or sys.argv[1] not in makers:
        say("usage: python3 -m tools.environment {dev|user|oldest-sdk|dns-sdks}")
        return 2
    return exit_status(lambda: print(makers[sys.argv[1]]()))


if __name__ == "__main__":
    sys.exit(main())
