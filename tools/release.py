"""Makes a release: checks that all is ready, builds the packages, and tags the commit.

`make release VERSION=X.Y.Z` runs `python -m tools.release tag X.Y.Z`. It pushes nothing, and prints what to push. The
workflow of releases runs `python -m tools.release packages X.Y.Z` at the tag, and `python -m tools.release notes X.Y.Z`
for the text of the release.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

from tools import plugin_archive
from tools.environment import DIST
from tools.steps import LOGS, ROOT, StepError, exit_status, repository, run_step, say

LOG = LOGS / "release.log"
BRANCH = "main"
# What writes files from the declarations.
GENERATORS = ("tools.docs", "tools.schema")
# What tests/engine/states/record.py records.
STATES = ("state.json", "dns/state.json", "native/state.json")

_VERSION = re.compile(r"(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*)){2}")
# How lines of Markdown begin that are neither of a paragraph nor of a list's entry, and those that begin an entry.
_OTHER = r" {4}|\t| *(?:$|[#|><]|```|~~~|(?:=+|-+|\*{3,}|_{3,})\s*$)"
_ENTRY = r" *(?:[-*+]|\d+[.)])\s"


def check_sources(root: Path, version: str) -> None:
    """Checks that the files of a repository are those of this release.

    Raises:
        StepError: They are not. The message is one sentence.
    """
    if not _VERSION.fullmatch(version):
        raise StepError(f"VERSION must be three numbers, as in VERSION=0.8.0, and not {version!r}.")
    module = root / "pulumi_agin" / "version.py"
    named = re.findall(r'^VERSION = "(.+)"$', module.read_text(encoding="utf-8"), re.MULTILINE)
    if named != [version]:
        raise StepError(f"pulumi_agin/version.py has {' and '.join(named) or 'no version'}, and not {version}.")
    notes(root, version)
    missing = [name for name in STATES if not (root / "tests/engine/states" / version / name).is_file()]
    if missing:
        raise StepError(
            f"tests/engine/states/{version} has no {' and no '.join(missing)}: record the states of this version "
            "with `.build/venv/bin/python -m tests.engine.states.record`."
        )


def check_repository(root: Path, version: str) -> None:
    """Checks that a release can be made of the commit that is checked out.

    Raises:
        StepError: It can't. The message is one sentence.
    """
    # What is printed at the end pushes this branch.
    branch = _git(root, "branch", "--show-current").strip()
    if branch != BRANCH:
        raise StepError(f"A release is made of the branch {BRANCH}, and not of {branch or 'a detached HEAD'}.")
    try:
        # It makes the annotated tag.
        _git(root, "var", "GIT_COMMITTER_IDENT")
    except StepError:
        raise StepError("git does not know who you are: set user.name and user.email with git config.") from None
    released = [tag[1:] for tag in _git(root, "tag", "--list", "v*").split() if _VERSION.fullmatch(tag[1:])]
    last = max(released, key=_numbers, default=None)
    if last is not None and _numbers(version) <= _numbers(last):
        raise StepError(f"{version} is not newer than the last release, {last}.")
    if changed := _changed(root):
        raise StepError(f"These files have changes that are not committed: {', '.join(changed)}.")
    for module in GENERATORS:
        run_step(f"running {module}", [sys.executable, "-m", module], log=LOG, cwd=root)
    if changed := _changed(root):
        raise StepError(f"These files were out of date, and were written anew, so commit them: {', '.join(changed)}.")


def notes(root: Path, version: str) -> str:
    """Returns what CHANGELOG.md says of a version, as the text of a release on GitHub.

    Links work outside of the repository. Each paragraph and each entry of a list is one line, because a release on
    GitHub shows the line breaks of its text. Everything else stays as it is.

    Raises:
        StepError: It has no section for the version, or one without a date.
    """
    heading = rf"## {re.escape(version)}(?P<date> .*)?\n"
    changelog = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    section = re.search(rf"^{heading}(?P<text>(?:(?!## ).*\n?)*)", changelog, re.MULTILINE)
    if section is None:
        raise StepError(f'CHANGELOG.md has no section "## {version} (YYYY-MM-DD)".')
    try:
        [day] = re.findall(r"^ \((\d{4}-\d{2}-\d{2})\)$", section["date"] or "")
        is_to_come = date.fromisoformat(day) > datetime.now(timezone.utc).date() + timedelta(days=1)
    except ValueError:
        raise StepError(
            f'The heading of {version} in CHANGELOG.md needs a date, as in "## {version} (2026-11-27)".'
        ) from None
    if is_to_come:
        raise StepError(f"The heading of {version} in CHANGELOG.md has a date that is yet to come, {day}.")
    files = f"{repository(root)}/blob/v{version}/"
    lines: list[str] = []
    in_code = False
    for line in section["text"].splitlines():
        is_fence = line.lstrip().startswith(("```", "~~~"))
        if not (in_code or is_fence):
            line = line.replace("](#", "](CHANGELOG.md#")
            line = re.sub(r"\]\((?![a-z]+:)", f"]({files}", line)
        if not in_code and lines and _is_text(lines[-1]) and _continues(line):
            lines[-1] += f" {line.strip()}"
        else:
            lines.append(line)
        in_code ^= is_fence
    return "\n".join(lines).strip() + "\n"


def _is_text(line: str) -> bool:
    """Whether a line is of a paragraph or of a list's entry, and does not end in a line break that is meant."""
    return not re.match(_OTHER, line) and not line.endswith(("  ", "\\"))


def _continues(line: str) -> bool:
    """Whether a line goes on where the line above ends."""
    return not re.match(f"{_OTHER}|{_ENTRY}", line)


def packages(folder: Path) -> list[Path]:
    """Builds the sdist, the wheel and the plugin's archives, and checks them as the package index would.

    The Python that runs this must have the tools of the development environment.

    Args:
        folder: Where to put them. It is emptied first.

    Returns:
        The sdist, the wheel, and the archive under the name of each platform.
    """
    shutil.rmtree(folder, ignore_errors=True)
    build = [sys.executable, "-m", "hatchling", "build", "--directory", str(folder), "--target"]
    run_step("building the sdist", [*build, "sdist"], log=LOG)
    run_step("building the wheel", [*build, "wheel"], log=LOG)
    for_index = sorted(folder.iterdir())
    run_step("checking both", [sys.executable, "-m", "twine", "check", "--strict", *for_index], log=LOG)
    return [*for_index, *plugin_archive.build(folder)]


def tag(root: Path, version: str, build: Callable[[], object]) -> str:
    """Checks everything, builds the packages, and tags the commit.

    Args:
        root: The repository.
        version: Such as "0.8.0".
        build: Builds the packages.

    Returns:
        The name of the tag.

    Raises:
        StepError: Something is not ready. Then there is no tag.
    """
    check_sources(root, version)
    check_repository(root, version)
    build()
    name = f"v{version}"
    _git(root, "tag", "--annotate", "--message", f"pulumi-agin {version}", name)
    return name


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def _changed(root: Path) -> list[str]:
    return [line[3:] for line in _git(root, "status", "--porcelain", "--untracked-files=all").splitlines()]


def _git(root: Path, *arguments: str) -> str:
    ended = subprocess.run(["git", *arguments], cwd=root, capture_output=True, encoding="utf-8", check=False)
    if ended.returncode != 0:
        raise StepError(f"git {arguments[0]}: {ended.stderr.strip()}")
    return ended.stdout


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.release")
    parser.add_argument("what", choices=("tag", "packages", "notes"))
    parser.add_argument("version", help="such as 0.8.0")
    arguments = parser.parse_args()
    version: str = arguments.version
    if arguments.what == "notes":
        print(notes(ROOT, version), end="")
    elif arguments.what == "packages":
        check_sources(ROOT, version)
        print(*packages(DIST), sep="\n")
    else:
        name = tag(ROOT, version, lambda: packages(DIST))
        say(f"tagged {name}; the packages are in {DIST.relative_to(ROOT)}. This starts the release:")
        print(f"git push --atomic origin HEAD:{BRANCH} {name}")


if __name__ == "__main__":
    sys.exit(exit_status(main))
