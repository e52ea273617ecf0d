"""Finds or makes Pulumi's language hosts, which run the programs of other languages than Python.

`python3 -m tools.languages` prints the folders to put on PATH, and `python3 -m tools.languages yaml` that of one host.
What comes with the Pulumi CLI of `tools.pulumi_cli` is used. Go builds the rest from published modules, which
`tools/pulumi-cli` pins, into `.build/languages`, and they get links beside the CLI if that was made here.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from tools import pulumi_cli
from tools.go import go, hash_of_modules, is_made, making, pin
from tools.steps import BUILD, LOGS, exit_status

RESULTS = BUILD / "languages"
LOG = LOGS / "languages.log"


@dataclass(frozen=True)
class Host:
    """A language host: the Go package that it is built from, and the module that pins the version of its module."""

    language: str
    pinned_by: Path
    module: str
    package: str
    takes: str

    @property
    def executable(self) -> str:
        """The name by which the engine looks for it."""
        return f"pulumi-language-{self.language}"

    @property
    def version(self) -> str:
        """The version that is built."""
        return pin(self.pinned_by, self.module)


YAML = Host(
    "yaml",
    pulumi_cli.MODULES / "yaml",
    "github.com/pulumi/pulumi-yaml",
    "cmd/pulumi-language-yaml",
    "2 minutes",
)
# Programs in TypeScript, too.
NODE = Host(
    "nodejs",
    pulumi_cli.LANGUAGE_HOST_MODULE,
    pulumi_cli.SDK_PACKAGE,
    "nodejs/cmd/pulumi-language-nodejs",
    "half a minute",
)
GO = Host(
    "go",
    pulumi_cli.MODULES / "go",
    pulumi_cli.SDK_PACKAGE,
    "go/pulumi-language-go",
    "half a minute",
)
HOSTS = {host.language: host for host in (YAML, NODE, GO)}
# Those of `make test`. Programs in Go run in `make go` only.
USUAL = ("yaml", "nodejs")


def ensure(host: Host, cli: Path) -> Path:
    """Finds or makes a language host.

    Args:
        host: Which one.
        cli: The folder of the Pulumi CLI that will run it.

    Returns:
        Its folder.

    Raises:
        StepError: It cannot be made.
    """
    # A link beside the CLI that was made here leads to a host that was made here, too.
    link = cli / host.executable if cli == pulumi_cli.RESULT / "bin" else None
    found = shutil.which(host.executable, path=pulumi_cli.search_path_of(cli))
    if found and not (link and link.is_symlink()):
        return Path(found).parent
    result = _make(host)
    if link is None:
        return result
    # The engine warns of a host that is on PATH, but not beside it.
    link.unlink(missing_ok=True)
    link.symlink_to(os.path.relpath(result / host.executable, cli))
    return cli


def made_of(host: Host) -> dict[str, str]:
    """Returns the wanted version, and a hash of what it is built from."""
    return {"version": host.version, "modules": hash_of_modules(host.pinned_by)}


def _make(host: Host) -> Path:
    result = RESULTS / host.language
    if is_made(result, made_of(host)) and os.access(result / host.executable, os.X_OK):
        return result
    with making(result, made_of(host)) as folder:
        name = f"Pulumi's language host of {host.language}"
        with go(name, folder, log=LOG, advice=pulumi_cli.advice(host.pinned_by)) as builder:
            package = f"{host.module}/{host.package}"
            builder.fetch(f"[1/2] fetching the Go modules of {name} {host.version}", host.pinned_by, package)
            builder.build(
                f"[2/2] building {name} {host.version}: {host.takes} the first time",
                host.pinned_by,
                package,
                folder / host.executable,
            )
    return result


def main() -> int:
    parser = argparse.ArgumentParser(prog="python3 -m tools.languages", description="Find or make language hosts.")
    parser.add_argument(
        "languages", nargs="*", metavar="language", help=f"{' or '.join(HOSTS)}; without any, {' and '.join(USUAL)}"
    )
    wanted: list[str] = parser.parse_args().languages
    for language in wanted:
        if language not in HOSTS:
            parser.error(f"there is no {language!r}; languages are {', '.join(HOSTS)}")

    def run() -> None:
        cli = pulumi_cli.ensure(pulumi_cli.from_environment(), python=pulumi_cli.development_python())
        folders = dict.fromkeys(str(ensure(HOSTS[language], cli)) for language in wanted or USUAL)
        print(os.pathsep.join(folders))

    return exit_status(run)


if __name__ == "__main__":
    sys.exit(main())
