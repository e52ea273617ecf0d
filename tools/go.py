"""Builds Go programs from modules with pinned versions, into a folder that is there as a whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tools.steps import StepError, run_step

STAMP = "stamp.json"


def pin(module: Path, package: str) -> str:
    """Returns the version of `package` that the go.mod in `module` pins, without its v.

    Raises:
        StepError: It pins none.
    """
    go_mod = module / "go.mod"
    line = re.search(rf"^\s*(?:require )?{re.escape(package)} v(\S+)", go_mod.read_text("utf-8"), re.MULTILINE)
    if line is None:
        raise StepError(f"{go_mod} does not say which {package} to take")
    return line[1]


def go_version(module: Path) -> str:
    """Returns the version of Go that `module` needs."""
    line = re.search(r"^go (\S+)", (module / "go.mod").read_text(encoding="utf-8"), re.MULTILINE)
    return line[1] if line else f"of {module / 'go.mod'}"


def hash_of(files: Iterable[Path]) -> str:
    """Hashes the contents of files."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def hash_of_modules(*modules: Path) -> str:
    """Hashes what pins the versions of everything that the modules are built from."""
    return hash_of(module / name for module in modules for name in ("go.mod", "go.sum"))


def is_made(result: Path, made_of: Mapping[str, str]) -> bool:
    """Returns whether `result` was finished, and made of this."""
    try:
        stamp: object = json.loads((result / STAMP).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return stamp == made_of


def unfinished(result: Path) -> Path:
    """Returns the folder in which `result` is made."""
    return result.with_name(f"{result.name}.unfinished")


@contextmanager
def making(result: Path, made_of: Mapping[str, str]) -> Iterator[Path]:
    """Yields the name of a folder to make, which takes the place of `result` if the block ends without an error.

    Else it is removed, and what there was stays.
    """
    folder = unfinished(result)
    shutil.rmtree(folder, ignore_errors=True)
    try:
        yield folder
        (folder / STAMP).write_text(json.dumps(made_of, indent=2), encoding="utf-8")
        shutil.rmtree(result, ignore_errors=True)
        folder.rename(result)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class Go:
    """Go, and where its temporary files and its output go."""

    executable: str
    temporary: Path
    log: Path

    @property
    def _env(self) -> dict[str, str]:
        # A go.work in a parent folder is not meant for these modules.
        return {**os.environ, "GOTMPDIR": str(self.temporary), "GOWORK": "off"}

    def fetch(self, title: str, module: Path, package: str) -> None:
        """Fetches all modules that `package` is built from."""
        self._run(title, module, "list", "-mod=readonly", "-deps", package)

    def build(
        self,
        title: str,
        module: Path,
        package: str,
        output: Path,
        *,
        variables: Mapping[str, str] | None = None,
        flags: Sequence[str] = (),
    ) -> None:
        """Builds `package`, with the values of `variables` in place of its own."""
        linked = " ".join(["-s", "-w", *(f"-X {name}={value}" for name, value in (variables or {}).items())])
        self._run(title, module, "build", "-mod=readonly", *flags, "-ldflags", linked, "-o", str(output), package)

    def source_of(self, module: Path, dependency: str) -> Path:
        """Returns the folder that has the source of a dependency of `module`.

        Raises:
            StepError: Go does not find it.
        """
        answer = subprocess.run(
            [self.executable, "list", "-mod=readonly", "-m", "-f", "{{.Dir}}", dependency],
            cwd=module,
            env=self._env,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        if answer.returncode != 0:
            raise StepError(f"go list -m {dependency}: {answer.stderr.strip()}")
        return Path(answer.stdout.strip())

    def _run(self, title: str, module: Path, *arguments: str) -> None:
        run_step(title, [self.executable, *arguments], cwd=module, log=self.log, env=self._env)


@contextmanager
def go(what: str, folder: Path, *, log: Path, advice: str) -> Iterator[Go]:
    """Yields Go, for building `what` in `folder`.

    Args:
        what: What is built, for the message that there is no Go.
        folder: Where it is built. If Go is interrupted, its temporary files remain: they are in there as well, so that
            they are removed with it.
        log: The file for Go's output.
        advice: What to do if it fails.

    Raises:
        StepError: There is no Go, or a step failed.
    """
    executable = shutil.which("go")
    if executable is None:
        raise StepError(f"There is no Go to build {what} with.\n{advice}")
    temporary = folder / "tmp"
    temporary.mkdir(parents=True)
    try:
        yield Go(executable, temporary, log)
    except StepError as error:
        raise StepError(f"{error}\n{advice}") from error
    shutil.rmtree(temporary)
