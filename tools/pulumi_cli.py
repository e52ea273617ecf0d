"""Finds or makes a Pulumi CLI. `python3 -m tools.pulumi_cli` prints the folder to put on PATH.

Tried in this order:

1. `pulumi` on PATH, if it is new enough and can run Python programs;
2. the result of an earlier run in `.build/pulumi`;
3. Pulumi's own installer, through `pulumi.automation`, which needs the internet;
4. Go, which builds the CLI from its published modules. `tools/pulumi-cli` pins them.

`--only path`, `--only installer` and `--only build` (or PULUMI_AGIN_CLI=path …) allow one of the ways only.
`--rebuild` ignores the earlier result.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tools.go import go, go_version, hash_of_modules, is_made, making, pin, unfinished
from tools.steps import BUILD, LOGS, ROOT, StepError, exit_status, run_step, say

# The package needs SDK 3.268 or newer, and Pulumi releases SDK and CLI together with the same number. (Bulk imports
# with outputs need 3.254.)
MINIMUM = (3, 268, 0)
# The programs that run Python programs and start dynamic providers. They are beside `pulumi`, or anywhere on PATH.
HELPERS = ("pulumi-language-python", "pulumi-language-python-exec", "pulumi-resource-pulumi-python")

MODULES = ROOT / "tools" / "pulumi-cli"
CLI_MODULE = MODULES / "cli"
LANGUAGE_HOST_MODULE = MODULES / "language-host"
CLI_PACKAGE = "github.com/pulumi/pulumi/pkg/v3"
SDK_PACKAGE = "github.com/pulumi/pulumi/sdk/v3"

RESULT = BUILD / "pulumi"
UNFINISHED = unfinished(RESULT)
LOG = LOGS / "pulumi-cli.log"

WAYS = ("path", "installer", "build")
VERSION_SECONDS = 20
INSTALLER_SECONDS = 120


class NotUsable(Exception):  # noqa: N818 - a finding, not a failure
    """Says why a `pulumi` cannot be used."""


def ensure(only: str | None = None, *, rebuild: bool = False, python: Path | None = None) -> Path:
    """Finds or makes a usable `pulumi`.

    Args:
        only: One of WAYS, to allow no other.
        rebuild: Whether to ignore the result of an earlier run.
        python: A Python that has the Pulumi SDK, for Pulumi's installer.

    Returns:
        Its folder.

    Raises:
        StepError: There is none, and none can be made.
    """
    if only in (None, "path"):
        try:
            folder, version = on_path(os.environ.get("PATH", ""))
        except NotUsable as reason:
            if only == "path":
                raise StepError(f"PULUMI_AGIN_CLI=path, but {reason}") from None
            if shutil.which("pulumi"):
                say(f"{reason}: looking elsewhere")
        else:
            say(f"using pulumi v{version} from PATH ({folder})")
            return folder
    if not rebuild and is_finished():
        return RESULT / "bin"
    with making(RESULT, pins()):
        if not (only in (None, "installer") and _install(python, must=only == "installer")):
            _build()
        _check_made(UNFINISHED / "bin")
    return RESULT / "bin"


def on_path(search_path: str, version_seconds: float = VERSION_SECONDS) -> tuple[Path, str]:
    """Returns the folder and the version of the `pulumi` on `search_path`.

    Args:
        search_path: Folders, as in PATH.
        version_seconds: How long it may take to tell its version.

    Raises:
        NotUsable: There is none, or it cannot be used.
    """
    found = shutil.which("pulumi", path=search_path)
    if found is None:
        raise NotUsable("there is no pulumi on PATH")
    # Links are not resolved: a launcher may depend on the name by which it is called.
    executable = Path(found).absolute()
    version = version_of(executable, version_seconds)
    number = re.match(r"v?(\d+)\.(\d+)\.(\d+)", version)
    if number is None:
        raise NotUsable(f"{executable} says its version is {version[:60]!r}")
    parts = tuple(map(int, number.groups()))
    least = ".".join(map(str, MINIMUM))
    if parts < MINIMUM:
        raise NotUsable(f"{executable} is {version}, older than v{least}")
    if parts[0] > MINIMUM[0]:
        raise NotUsable(f"{executable} is {version}, and only v{MINIMUM[0]} from v{least} on is known to work")
    beside = _beside(executable, search_path)
    missing = [name for name in HELPERS if shutil.which(name, path=beside) is None]
    if missing:
        raise NotUsable(f"{executable} comes without {', '.join(missing)}")
    return executable.parent, version.removeprefix("v")


def search_path_of(folder: Path) -> str:
    """Returns the folders, as in PATH, in which the programs are that come with the `pulumi` in `folder`.

    They are beside it. Those of a `pulumi` on PATH can be anywhere there.
    """
    return _beside(folder / "pulumi", "" if folder == RESULT / "bin" else os.environ.get("PATH", ""))


def _beside(executable: Path, search_path: str) -> str:
    # An empty folder would be the current one.
    return os.pathsep.join(filter(None, [str(executable.parent), str(executable.resolve().parent), search_path]))


def version_of(executable: Path, seconds: float = VERSION_SECONDS) -> str:
    """Returns what `pulumi version` prints, such as "v3.268.0".

    Args:
        executable: The `pulumi`.
        seconds: How long that may take.

    Raises:
        NotUsable: It does not run.
    """
    try:
        answer = subprocess.run(
            [executable, "version"],
            env={**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"},
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=seconds,
            check=False,
        )
    except OSError as error:
        raise NotUsable(f"{executable} does not run ({error.strerror})") from error
    except subprocess.TimeoutExpired:
        raise NotUsable(f"{executable} did not tell its version within {seconds:g}s") from None
    if answer.returncode != 0:
        raise NotUsable(f"{executable} does not run (exit code {answer.returncode})")
    return answer.stdout.strip()


def pins() -> dict[str, str]:
    """Returns the wanted versions, and a hash of what they are built from."""
    return {
        "pulumi": pin(CLI_MODULE, CLI_PACKAGE),
        "language host": pin(LANGUAGE_HOST_MODULE, SDK_PACKAGE),
        "modules": hash_of_modules(CLI_MODULE, LANGUAGE_HOST_MODULE),
    }


def is_pinned(folder: Path) -> bool:
    """Returns whether the `pulumi` in a folder has the version that tools/pulumi-cli pins."""
    return version_of(folder / "pulumi").removeprefix("v") == pins()["pulumi"]


def is_finished() -> bool:
    """Returns whether `.build/pulumi` is complete and has the wanted versions."""
    programs = (RESULT / "bin" / name for name in ("pulumi", *HELPERS))
    return is_made(RESULT, pins()) and all(os.access(program, os.X_OK) for program in programs)


def _check_made(folder: Path) -> None:
    try:
        _, version = on_path(str(folder))
    except NotUsable as reason:
        raise StepError(f"the Pulumi CLI was made, but {reason}. The log is {LOG}") from None
    if version != pins()["pulumi"]:
        raise StepError(f"the Pulumi CLI was made, but is {version} and not {pins()['pulumi']}")


def _install(python: Path | None, *, must: bool) -> bool:
    """Runs Pulumi's installer, and returns whether it succeeded."""
    version = pins()["pulumi"]
    try:
        if python is None:
            raise StepError("Pulumi's installer needs the environment .build/venv: make it with make env")
        # The installer puts its script and its download into TMPDIR. They are removed with the folder in any case.
        temporary = UNFINISHED / "tmp"
        temporary.mkdir(parents=True)
        run_step(
            f"[1/1] trying Pulumi's own installer for {version} (given up after {INSTALLER_SECONDS}s)",
            [python, "-m", "tools.pulumi_installer", UNFINISHED, version],
            log=LOG,
            env={**os.environ, "TMPDIR": str(temporary), "PULUMI_SKIP_UPDATE_CHECK": "true"},
            timeout_seconds=INSTALLER_SECONDS,
        )
        shutil.rmtree(temporary)
    except StepError as error:
        if must:
            raise
        say(f"      that did not work ({_reason(error)}): building it instead")
        shutil.rmtree(UNFINISHED, ignore_errors=True)
        return False
    return True


def _reason(error: StepError) -> str:
    """Returns the last line that a failed command printed, which usually gives the reason."""
    lines = str(error).splitlines()
    return lines[-2].strip() if len(lines) > 2 else lines[0]


def _build() -> None:
    folder, versions = UNFINISHED / "bin", pins()
    with go("the Pulumi CLI", UNFINISHED, log=LOG, advice=advice(CLI_MODULE)) as builder:
        folder.mkdir()
        package = f"{CLI_PACKAGE}/cmd/pulumi"
        builder.fetch(
            f"[1/4] fetching the Go modules of the Pulumi CLI {versions['pulumi']}: half a minute the first time",
            CLI_MODULE,
            package,
        )
        builder.build(
            f"[2/4] building the Pulumi CLI {versions['pulumi']}: 4 to 5 minutes the first time",
            CLI_MODULE,
            package,
            folder / "pulumi",
            # Without its version, the Automation API would take the CLI for an old one.
            variables={f"{SDK_PACKAGE}/go/common/version.Version": versions["pulumi"]},
        )
        builder.build(
            f"[3/4] building its Python language host {versions['language host']}: half a minute the first time",
            LANGUAGE_HOST_MODULE,
            f"{SDK_PACKAGE}/python/cmd/pulumi-language-python",
            folder / "pulumi-language-python",
        )
        say("[4/4] copying its two scripts")
        scripts = builder.source_of(CLI_MODULE, SDK_PACKAGE) / "python"
        for script in (scripts / "cmd" / HELPERS[1], scripts / "dist" / HELPERS[2]):
            copy = folder / script.name
            shutil.copyfile(script, copy)
            copy.chmod(0o755)


def advice(module: Path) -> str:
    """Returns what a user can do if `module` cannot be built."""
    return (
        f"Either install Go {go_version(module)} or newer (https://go.dev/dl), or install the Pulumi CLI "
        f"(https://www.pulumi.com/docs/install, v{'.'.join(map(str, MINIMUM))} or newer) so that it is on PATH; "
        "then run this again."
    )


def from_environment() -> str | None:
    """Returns the way that PULUMI_AGIN_CLI asks for, or None.

    Raises:
        StepError: It is not one of WAYS.
    """
    only = os.environ.get("PULUMI_AGIN_CLI") or None
    if only not in (None, *WAYS):
        raise StepError(f"PULUMI_AGIN_CLI is {only!r}; it can be {', '.join(WAYS)}")
    return only


def development_python() -> Path | None:
    python = BUILD / "venv" / "bin" / "python"
    return python if python.exists() else None


def main() -> int:
    parser = argparse.ArgumentParser(prog="python3 -m tools.pulumi_cli", description="Find or make a Pulumi CLI.")
    parser.add_argument("--only", choices=WAYS, help="one way instead of trying all")
    parser.add_argument("--rebuild", action="store_true", help="make it anew")
    arguments = parser.parse_args()

    def run() -> None:
        only: str | None = arguments.only or from_environment()
        print(ensure(only, rebuild=arguments.rebuild, python=development_python()))

    return exit_status(run)


if __name__ == "__main__":
    sys.exit(main())
