"""What `make release` refuses, and what it does, in real repositories. The packages are built in tests/engine."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tools import release
from tools.steps import StepError

CHANGELOG = """\
# Changelog

## 0.8.0 (2026-11-27)

- It sings. [docs/song.md](docs/song.md#verse) describes
  it.
- So does [ngrok](https://ngrok.com), [below](#070).

### The emulator

`It` is loud,
**but**
`short`.

- It hums.
  It buzzes.

## 0.7.0

- It was silent.
"""
# As the real ones: each writes a file from what it declares.
GENERATOR = "import pathlib; pathlib.Path('{}').write_text('of today')\n"


class Repository:
    """A repository in which all is ready for version 0.8.0, and the packages that were built of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.built: list[str] = []
        self.git("init", "--quiet", "--initial-branch=main")
        for name, value in {"user.name": "Someone", "user.email": "someone@acme.com", "tag.gpgSign": "false"}.items():
            self.git("config", name, value)
        self.write("pulumi_agin/version.py", 'VERSION = "0.8.0"\n')
        self.write("pyproject.toml", '[project.urls]\nRepository = "https://github.com/acme/agin"\n')
        self.write("CHANGELOG.md", CHANGELOG)
        for name in release.STATES:
            self.write(f"tests/engine/states/0.8.0/{name}", "{}")
        # Without it, Python would prefer the real folder.
        self.write("tools/__init__.py", "")
        for name, file in {"docs": "page.md", "schema": "schema.json"}.items():
            self.write(f"tools/{name}.py", GENERATOR.format(file))
            self.write(file, "of today")
        self.commit()

    def write(self, name: str, text: str) -> None:
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_text(text, encoding="utf-8")

    def replace(self, name: str, old: str, new: str) -> None:
        text = (self.folder / name).read_text(encoding="utf-8")
        assert old in text
        self.write(name, text.replace(old, new))

    def commit(self) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "a change")

    def git(self, *arguments: str) -> str:
        run = subprocess.run(["git", *arguments], cwd=self.folder, capture_output=True, text=True, check=True)
        return run.stdout.strip()

    def release(self, version: str = "0.8.0") -> str:
        return release.tag(self.folder, version, lambda: self.built.append(version))


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
    # Compiled files would be changes, since these repositories ignore nothing.
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setattr(release, "LOG", tmp_path / "release.log")
    (tmp_path / "repository").mkdir()
    return Repository(tmp_path / "repository")


def test_when_all_is_ready_it_builds_the_packages_and_tags_the_commit(repository: Repository) -> None:
    repository.git("tag", "v0.7.0")
    assert repository.release() == "v0.8.0"
    assert repository.built == ["0.8.0"]
    # An annotated tag is an object of its own.
    assert repository.git("cat-file", "-t", "v0.8.0") == "tag"
    assert repository.git("tag", "--list", "--format=%(contents)", "v0.8.0") == "pulumi-agin 0.8.0"
    assert repository.git("rev-parse", "v0.8.0^{commit}") == repository.git("rev-parse", "HEAD")


def changed(name: str, old: str, new: str) -> Callable[[Repository], None]:
    def change(repository: Repository) -> None:
        repository.replace(name, old, new)
        repository.commit()

    return change


def without(name: str) -> Callable[[Repository], None]:
    def remove(repository: Repository) -> None:
        (repository.folder / name).unlink()
        repository.commit()

    return remove


def unseen_by_git(repository: Repository) -> None:
    repository.git("config", "status.showUntrackedFiles", "no")
    repository.write("pulumi_agin/new.py", "")


NOT_READY: dict[str, tuple[Callable[[Repository], object], str]] = {
    "a changed file": (
        lambda repository: repository.write("CHANGELOG.md", CHANGELOG + "\n"),
        "These files have changes that are not committed: CHANGELOG.md.",
    ),
    "a new file": (
        lambda repository: repository.write("new.py", ""),
        "These files have changes that are not committed: new.py.",
    ),
    "a new file that git is told not to show": (
        unseen_by_git,
        "These files have changes that are not committed: pulumi_agin/new.py.",
    ),
    "another branch": (
        lambda repository: repository.git("switch", "--quiet", "--create", "feature"),
        "A release is made of the branch main, and not of feature.",
    ),
    "no branch": (
        lambda repository: repository.git("switch", "--quiet", "--detach"),
        "A release is made of the branch main, and not of a detached HEAD.",
    ),
    "nobody to tag it": (
        lambda repository: [repository.git("config", name, "") for name in ("user.name", "user.email")],
        "git does not know who you are: set user.name and user.email with git config.",
    ),
    "a day that is yet to come": (
        changed("CHANGELOG.md", "(2026-11-27)", "(2999-01-01)"),
        "The heading of 0.8.0 in CHANGELOG.md has a date that is yet to come, 2999-01-01.",
    ),
    "a tag of this version": (
        lambda repository: repository.git("tag", "v0.8.0"),
        "0.8.0 is not newer than the last release, 0.8.0.",
    ),
    "a newer tag": (
        # Neither the last one that was made, nor the last one as text.
        lambda repository: [repository.git("tag", tag) for tag in ("v0.10.0", "v0.9.0", "v0.7.0", "vivid")],
        "0.8.0 is not newer than the last release, 0.10.0.",
    ),
    "another version in the package": (
        changed("pulumi_agin/version.py", "0.8.0", "0.7.0"),
        "pulumi_agin/version.py has 0.7.0, and not 0.8.0.",
    ),
    "nothing in the changelog": (
        changed("CHANGELOG.md", "## 0.8.0 (2026-11-27)", "## 0.8.01 (2026-11-27)"),
        'CHANGELOG.md has no section "## 0.8.0 (YYYY-MM-DD)".',
    ),
    "no date in the changelog": (
        changed("CHANGELOG.md", " (2026-11-27)", ""),
        'The heading of 0.8.0 in CHANGELOG.md needs a date, as in "## 0.8.0 (2026-11-27)".',
    ),
    "no such date": (
        changed("CHANGELOG.md", "(2026-11-27)", "(2026-11-31)"),
        'The heading of 0.8.0 in CHANGELOG.md needs a date, as in "## 0.8.0 (2026-11-27)".',
    ),
    "a state that was not recorded": (
        without("tests/engine/states/0.8.0/native/state.json"),
        "tests/engine/states/0.8.0 has no native/state.json: record the states of this version with "
        "`.build/venv/bin/python -m tests.engine.states.record`.",
    ),
    "a page that is out of date": (
        changed("page.md", "of today", "of yesterday"),
        "These files were out of date, and were written anew, so commit them: page.md.",
    ),
    "a schema that is out of date": (
        changed("schema.json", "of today", "of yesterday"),
        "These files were out of date, and were written anew, so commit them: schema.json.",
    ),
}


@pytest.mark.parametrize(("change", "message"), NOT_READY.values(), ids=NOT_READY)
def test_it_refuses(change: Callable[[Repository], object], message: str, repository: Repository) -> None:
    change(repository)
    before = repository.git("tag")
    with pytest.raises(StepError) as error:
        repository.release()
    assert str(error.value) == message
    assert repository.built == []
    assert repository.git("tag") == before


@pytest.mark.parametrize("version", ["", "v0.8.0", "0.8", "0.8.0rc1", "0.08.0", "0.8.0\n"])
def test_it_refuses_what_is_no_version(version: str, repository: Repository) -> None:
    with pytest.raises(StepError) as error:
        repository.release(version)
    assert str(error.value) == f"VERSION must be three numbers, as in VERSION=0.8.0, and not {version!r}."


def test_there_is_no_tag_if_the_packages_cannot_be_built(repository: Repository) -> None:
    def fail() -> None:
        raise StepError("twine does not like them")

    with pytest.raises(StepError, match="twine does not like them"):
        release.tag(repository.folder, "0.8.0", fail)
    assert repository.git("tag") == ""


def test_the_notes_are_the_section_of_the_version_with_links_that_work_anywhere(repository: Repository) -> None:
    assert release.notes(repository.folder, "0.8.0") == (
        "- It sings. [docs/song.md](https://github.com/acme/agin/blob/v0.8.0/docs/song.md#verse) describes it.\n"
        "- So does [ngrok](https://ngrok.com), [below](https://github.com/acme/agin/blob/v0.8.0/CHANGELOG.md#070).\n"
        "\n"
        "### The emulator\n"
        "\n"
        "`It` is loud, **but** `short`.\n"
        "\n"
        "- It hums. It buzzes.\n"
    )


KEPT = {
    "a block of code": "Paste this:\n\n```sh\nexport A=1\n[x](#y)\npulumi up\n```",
    "a block of code in a list": "- Paste this:\n  ```sh\n  export A=1\n  pulumi up\n  ```\n- And this.",
    "a list with numbers": "1. one\n2. two",
    "a list with stars": "* one\n* two",
    "a nested list": "- one\n  - two",
    "a table": "| a | b |\n|---|---|\n| 1 | 2 |",
    "a line break": "one  \ntwo\\\nthree",
    "a quotation": "> one\n> two",
    "indented code": "Paste this:\n\n    export A=1\n    pulumi up",
    "an underlined heading": "Heading\n===",
    "HTML": "<details>\n<summary>more</summary>\n</details>",
}


@pytest.mark.parametrize("text", KEPT.values(), ids=KEPT)
def test_what_is_neither_a_paragraph_nor_a_lists_entry_stays_as_it_is(text: str, repository: Repository) -> None:
    repository.write("CHANGELOG.md", f"# Changelog\n\n## 0.8.0 (2026-11-27)\n\n{text}\n\n## 0.7.0\n")
    assert release.notes(repository.folder, "0.8.0") == f"{text}\n"
