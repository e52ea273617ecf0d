"""A Pulumi CLI: the one on PATH if it can be used, else one that is made once for all clones on this machine.

It is made by Pulumi's own installer, which needs the internet, or else built by Go from Pulumi's published modules,
with the versions in `tools/pulumi-cli`.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from tools.steps import BUILD, CACHE, ROOT, StepError, hash_of, locked, made_once, report, run

# The package needs SDK 3.268 or newer, and Pulumi releases SDK and CLI together with the same number.
MINIMUM = (3, 268)
# The programs that run Python programs and start dynamic providers.
HELPERS = ("pulumi-language-python", "pulumi-language-python-exec", "pulumi-resource-pulumi-python")

MODULES = ROOT / "tools" / "pulumi-cli"
CLI_MODULE, HOST_MODULE, YAML_MODULE = MODULES / "cli", MODULES / "language-host", MODULES / "yaml"
CLI_PACKAGE = "github.com/pulumi/pulumi/pkg/v3"
SDK_PACKAGE = "github.com/pulumi/pulumi/sdk/v3"
# The language hosts that tests build if they are missing: the module with the version of each, and the package.
HOSTS = {
    "yaml": (YAML_MODULE, "github.com/pulumi/pulumi-yaml/cmd/pulumi-language-yaml"),
    # Programs in TypeScript, too.
    "nodejs": (HOST_MODULE, f"{SDK_PACKAGE}/nodejs/cmd/pulumi-language-nodejs"),
}

# Without inlining, the CLI is built in two thirds of the time, and each command takes a tenth longer.
GO_FLAGS = ("-mod=readonly", "-gcflags=all=-l")

ADVICE = (
    "Install the Pulumi CLI (https://www.pulumi.com/docs/install), or the Go that tools/pulumi-cli/cli/go.mod names."
)

# The SDK has no time limit for the download of the installer's script.
INSTALL = """\
import socket, sys
from pulumi.automation import PulumiCommand
from semver import VersionInfo
socket.setdefaulttimeout(10)
PulumiCommand.install(root=sys.argv[1], version=VersionInfo.parse(sys.argv[2]))
"""


def find_or_make() -> Path:
    """Returns the folder of a usable `pulumi`."""
    found = shutil.which("pulumi")
    if found:
        problem = problem_of(Path(found))
        if not problem:
            return Path(found).absolute().parent
        report(f"the Pulumi CLI on PATH {problem}, so another one is used")
    return made_once(folder_of_made(), make) / "bin"


def add_host(language: str, cli: Path) -> None:
    """Adds a language host to the CLI in a folder if it has none."""
    name = f"pulumi-language-{language}"
    with locked(folder_of_made()):
        if not has(cli, name):
            if cli != folder_of_made() / "bin":
                raise StepError(f"The Pulumi CLI on PATH comes without {name}. Install all of it.")
            module, package = HOSTS[language]
            go_build(f"building {name}, which takes a minute, once for this machine", module, package, cli)


def problem_of(cli: Path) -> str:
    """Returns why a `pulumi` can't be used; "" if it can."""
    env = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"}
    printed = subprocess.run([cli, "version"], env=env, stdout=subprocess.PIPE, text=True, check=False).stdout
    version = tuple(map(int, re.findall(r"\d+", printed)[:2]))
    if not MINIMUM <= version < (MINIMUM[0] + 1,):
        return f"is not {MINIMUM[0]}.{MINIMUM[1]} or newer"
    missing = [name for name in HELPERS if not has(cli.parent, name)]
    return f"comes without {', '.join(missing)}" if missing else ""


def has(cli: Path, program: str) -> bool:
    """Returns whether the CLI in a folder finds a program: next to its executable, or on PATH."""
    folders = [str(cli), str((cli / "pulumi").resolve().parent), os.environ.get("PATH", os.defpath)]
    return shutil.which(program, path=os.pathsep.join(folders)) is not None


# -- making it --------------------------------------------------------------------------------------------


def folder_of_made() -> Path:
    modules = (CLI_MODULE, HOST_MODULE, YAML_MODULE)
    return CACHE / f"pulumi-{hash_of(module / name for module in modules for name in ('go.mod', 'go.sum'))}"


def make(folder: Path) -> None:
    [version] = re.findall(rf"{CLI_PACKAGE} v(\S+)", (CLI_MODULE / "go.mod").read_text(encoding="utf-8"))
    # An environment that has the SDK.
    python = next((each for name in ("venv", "user-*") for each in BUILD.glob(f"{name}/bin/python")), "python3")
    try:
        run(f"trying Pulumi's own installer for {version}", [python, "-c", INSTALL, folder, version])
    except StepError as error:
        report(f"The Pulumi CLI is built instead: {str(error).splitlines()[-1]}")
        build(folder / "bin", version)
    if problem := problem_of(folder / "bin" / "pulumi"):
        raise StepError(f"The Pulumi CLI that was made {problem}.")


def build(folder: Path, version: str) -> None:
    folder.mkdir(exist_ok=True)
    # Without its version, the Automation API would treat the CLI as an old one.
    flags = f"-X {SDK_PACKAGE}/go/common/version.Version={version}"
    title = f"building the Pulumi CLI {version} with Go, which takes 4 minutes on two cores, once for this machine"
    go_build(title, CLI_MODULE, f"{CLI_PACKAGE}/cmd/pulumi", folder, linker_flags=flags)
    host, *scripts = HELPERS
    go_build("building its Python language host", HOST_MODULE, f"{SDK_PACKAGE}/python/cmd/{host}", folder)
    # The build has downloaded the module that has the other helpers.
    list_folder = ["go", "list", "-mod=readonly", "-m", "-f", "{{.Dir}}", SDK_PACKAGE]
    module = subprocess.check_output(
        list_folder, cwd=CLI_MODULE, text=True, env={**os.environ, "GOWORK": "off"}
    ).strip()
    for name, place in zip(scripts, ("cmd", "dist"), strict=True):
        shutil.copyfile(Path(module) / "python" / place / name, folder / name)
        (folder / name).chmod(0o755)


def go_build(title: str, module: Path, package: str, folder: Path, *, linker_flags: str = "") -> None:
    """Builds a Go program from a module with pinned versions, into a folder."""
    flags = (*GO_FLAGS, "-ldflags", f"-s -w {linker_flags}")
    try:
        # A go.work in a parent folder does not apply to these modules.
        run(title, ["go", "build", *flags, "-o", folder, package], cwd=module, env={**os.environ, "GOWORK": "off"})
    except StepError as error:
        raise StepError(f"{error}\n{ADVICE}") from None
