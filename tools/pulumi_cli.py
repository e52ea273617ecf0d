"""A Pulumi CLI and its language hosts, which are found, installed or built.

`python3 -m tools.pulumi_cli` prints the folder of the CLI. `python3 -m tools.pulumi_cli yaml` prints the folders of the
CLI and the YAML host, for PATH. The sources are tried in this order:

1. `pulumi` on PATH, if it is new enough and can run Python programs;
2. the cache of this machine, `~/.cache/pulumi-agin`, which all clones share;
3. Pulumi's own installer, through `pulumi.automation`, which needs the internet;
4. Go, which builds the CLI from its published modules, with the versions in `tools/pulumi-cli`.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tools.steps import BUILD, ROOT, StepError, cache, exit_status, hash_of, made_once, report, run

# The package needs SDK 3.268 or newer, and Pulumi releases SDK and CLI together with the same number. (Bulk imports
# with outputs need 3.254.)
MINIMUM = (3, 268, 0)
# The programs that run Python programs and start dynamic providers. They are next to `pulumi`, or anywhere on PATH.
HELPERS = ("pulumi-language-python", "pulumi-language-python-exec", "pulumi-resource-pulumi-python")

MODULES = ROOT / "tools" / "pulumi-cli"
CLI_MODULE = MODULES / "cli"
HOST_MODULE = MODULES / "language-host"
CLI_PACKAGE = "github.com/pulumi/pulumi/pkg/v3"
SDK_PACKAGE = "github.com/pulumi/pulumi/sdk/v3"

VERSION_SECONDS = 20
INSTALLER_SECONDS = 120

# Without inlining, the CLI is built in two thirds of the time, and each command takes a tenth longer.
GO_FLAGS = ("-mod=readonly", "-gcflags=all=-l")

# Runs Pulumi's installer. The SDK has no time limit for the download of the installer's script.
INSTALL = """\
import socket, sys
from pulumi.automation import PulumiCommand
from semver import VersionInfo
socket.setdefaulttimeout(10)
PulumiCommand.install(root=sys.argv[1], version=VersionInfo.parse(sys.argv[2]))
"""


class NotUsableError(Exception):
    """A `pulumi` can't be used. The message is the reason."""


@dataclass(frozen=True)
class Host:
    """A language host: the module that pins its version, the module that has it, and its package there."""

    language: str
    pinned_by: Path
    module: str
    package: str

    @property
    def executable(self) -> str:
        """The name by which the engine finds the host."""
        return f"pulumi-language-{self.language}"


YAML = Host("yaml", MODULES / "yaml", "github.com/pulumi/pulumi-yaml", "cmd/pulumi-language-yaml")
# Programs in TypeScript, too.
NODE = Host("nodejs", HOST_MODULE, SDK_PACKAGE, "nodejs/cmd/pulumi-language-nodejs")
HOSTS = {host.language: host for host in (YAML, NODE)}


def find_or_make() -> Path:
    """Returns the folder of a usable `pulumi`."""
    try:
        return find_on_path(os.environ.get("PATH", ""))
    except NotUsableError as reason:
        if shutil.which("pulumi"):
            report(f"{reason}, so another one is used")
    return made_once(_made(), "the Pulumi CLI", _make) / "bin"


def find_on_path(search_path: str) -> Path:
    """Returns the folder of the `pulumi` on `search_path`, such as that of PATH."""
    found = shutil.which("pulumi", path=search_path)
    if found is None:
        raise NotUsableError("there is no pulumi on PATH")
    # Links are not resolved: a launcher may depend on the name by which it is called.
    executable = Path(found).absolute()
    version = _version_of(executable)
    number = re.match(r"v?(\d+)\.(\d+)\.(\d+)", version)
    if number is None:
        raise NotUsableError(f"{executable} has the version {version[:60]!r}")
    parts = tuple(map(int, number.groups()))
    least = ".".join(map(str, MINIMUM))
    if parts < MINIMUM:
        raise NotUsableError(f"{executable} is {version}, older than v{least}")
    if parts[0] > MINIMUM[0]:
        raise NotUsableError(f"{executable} is {version}, and only v{MINIMUM[0]} from v{least} on is known to work")
    missing = [name for name in HELPERS if shutil.which(name, path=_beside(executable.parent, search_path)) is None]
    if missing:
        raise NotUsableError(f"{executable} comes without {', '.join(missing)}")
    return executable.parent


def find_or_make_host(host: Host, cli: Path) -> Path:
    """Returns the folder of a language host for the `pulumi` in `cli`."""
    is_made_here = cli == _made() / "bin"
    found = shutil.which(host.executable, path=_beside(cli, "" if is_made_here else os.environ.get("PATH", "")))
    if found:
        return Path(found).parent
    folder = cache() / f"pulumi-language-{host.language}-{_hash_of(host.pinned_by)}"
    made_once(folder, f"Pulumi's language host of {host.language}", lambda new: _build_host(host, new))
    if not is_made_here:
        return folder
    # The engine warns of a host that is on PATH, but not next to `pulumi`.
    new = cli / f"{host.executable}.{os.getpid()}"
    new.symlink_to(os.path.relpath(folder / host.executable, cli))
    new.replace(cli / host.executable)
    return cli


def _beside(folder: Path, search_path: str) -> str:
    # An empty folder would be the current one.
    return os.pathsep.join(filter(None, [str(folder), str((folder / "pulumi").resolve().parent), search_path]))


def _version_of(executable: Path) -> str:
    env = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"}
    try:
        printed = subprocess.run(
            [executable, "version"], env=env, capture_output=True, encoding="utf-8", timeout=VERSION_SECONDS, check=True
        )
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise NotUsableError(f"{executable} does not run ({error})") from error
    return printed.stdout.strip()


# -- making it --------------------------------------------------------------------------------------------


def _made() -> Path:
    return cache() / f"pulumi-{_hash_of(CLI_MODULE, HOST_MODULE)}"


def _hash_of(*modules: Path) -> str:
    return hash_of(module / name for module in modules for name in ("go.mod", "go.sum"))


def _pin(module: Path, package: str) -> str:
    """Returns the version of a Go module that the go.mod in a folder pins, without its v."""
    go_mod = (module / "go.mod").read_text(encoding="utf-8")
    [version] = re.findall(rf"^\s*(?:require )?{re.escape(package)} v(\S+)", go_mod, re.MULTILINE)
    return str(version)


def _make(folder: Path) -> None:
    try:
        _install(folder)
    except (StepError, subprocess.TimeoutExpired) as error:
        report(f"The Pulumi CLI is built instead: {str(error).splitlines()[-1]}")
        shutil.rmtree(folder, ignore_errors=True)
        _build(folder)
    try:
        find_on_path(str(folder / "bin"))
    except NotUsableError as reason:
        raise StepError(f"The Pulumi CLI was made, but {reason}.") from None


def _install(folder: Path) -> None:
    """Runs Pulumi's installer with an environment that has the SDK."""
    python = next((each for name in ("venv", "user-*") for each in BUILD.glob(f"{name}/bin/python")), None)
    if python is None:
        raise StepError("There is no environment for Pulumi's own installer.")
    version = _pin(CLI_MODULE, CLI_PACKAGE)
    # The installer's script and its download are removed with the folder in any case.
    temporary = folder / "tmp"
    temporary.mkdir(parents=True)
    env = {**os.environ, "TMPDIR": str(temporary), "PULUMI_SKIP_UPDATE_CHECK": "true"}
    title = f"trying Pulumi's own installer for {version}: up to {INSTALLER_SECONDS} seconds"
    run(title, [python, "-c", INSTALL, folder, version], env=env, timeout_seconds=INSTALLER_SECONDS)
    shutil.rmtree(temporary)


def _build(folder: Path) -> None:
    version, host_version = _pin(CLI_MODULE, CLI_PACKAGE), _pin(HOST_MODULE, SDK_PACKAGE)
    go_build(
        f"[1/2] building the Pulumi CLI {version} with Go: about 4 minutes on two cores, once for this machine",
        CLI_MODULE,
        f"{CLI_PACKAGE}/cmd/pulumi",
        folder / "bin" / "pulumi",
        # Without its version, the Automation API would treat the CLI as an old one.
        linker_flags=f"-X {SDK_PACKAGE}/go/common/version.Version={version}",
    )
    go_build(
        f"[2/2] building its Python language host {host_version}: less than half a minute",
        HOST_MODULE,
        f"{SDK_PACKAGE}/python/cmd/pulumi-language-python",
        folder / "bin" / "pulumi-language-python",
    )
    # The build has downloaded the module that has the other helpers, which are scripts.
    list_folder = ["go", "list", "-mod=readonly", "-m", "-f", "{{.Dir}}", SDK_PACKAGE]
    env = {**os.environ, "GOWORK": "off"}
    listed = subprocess.run(list_folder, cwd=CLI_MODULE, env=env, capture_output=True, text=True, check=True)
    scripts = Path(listed.stdout.strip()) / "python"
    for script in (scripts / "cmd" / HELPERS[1], scripts / "dist" / HELPERS[2]):
        copy = folder / "bin" / script.name
        shutil.copyfile(script, copy)
        copy.chmod(0o755)


def _build_host(host: Host, folder: Path) -> None:
    version = _pin(host.pinned_by, host.module)
    title = (
        f"building Pulumi's language host of {host.language} {version} with Go: about a minute, once for this machine"
    )
    go_build(title, host.pinned_by, f"{host.module}/{host.package}", folder / host.executable)


def go_build(title: str, module: Path, package: str, output: Path, *, linker_flags: str = "") -> None:
    """Builds a Go program from a module with pinned versions."""
    [go_version] = re.findall(r"^go (\S+)", (module / "go.mod").read_text(encoding="utf-8"), re.MULTILINE)
    advice = (
        f"Either install Go {go_version} or newer (https://go.dev/dl), or install the Pulumi CLI "
        f"(https://www.pulumi.com/docs/install, v{'.'.join(map(str, MINIMUM))} or newer) so that it is on PATH; "
        "then run this again."
    )
    if shutil.which("go") is None:
        raise StepError(f"There is no Pulumi CLI, and no Go to build one with. {advice}")
    # If Go is interrupted, its temporary files remain. They are removed with the folder of the output.
    temporary = output.parent / "tmp"
    temporary.mkdir(parents=True)
    # A go.work in a parent folder does not apply to these modules.
    env = {**os.environ, "GOTMPDIR": str(temporary), "GOWORK": "off"}
    command = ["go", "build", *GO_FLAGS, "-ldflags", f"-s -w {linker_flags}", "-o", str(output), package]
    try:
        run(title, command, cwd=module, env=env)
    except StepError as error:
        raise StepError(f"{error}\n{advice}") from error
    shutil.rmtree(temporary)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python3 -m tools.pulumi_cli", description="Find or make a Pulumi CLI.")
    parser.add_argument("hosts", nargs="*", metavar="host", help=f"also a language host: {', '.join(HOSTS)}")
    languages: list[str] = parser.parse_args().hosts
    for language in languages:
        if language not in HOSTS:
            parser.error(f"there is no host of {language!r}; there are {', '.join(HOSTS)}")

    def run() -> None:
        cli = find_or_make()
        print(
            os.pathsep.join(
                dict.fromkeys([*(str(find_or_make_host(HOSTS[each], cli)) for each in languages), str(cli)])
            )
        )

    return exit_status(run)


if __name__ == "__main__":
    sys.exit(main())
