"""The SDKs of the provider plugin in TypeScript and Go, generated from its schema. `python3 -m tools.sdks` prints their
folder.

`pulumi package add` generates such an SDK on a user's machine, with a language host that is newer than those that can
be built here. The generators are Go packages, which `tools/pulumi-sdks` calls. The results:

- `nodejs` is a compiled package, and finds the npm packages of `tools/npm`;
- `go` is a module that builds, with the versions that the CLI is built with.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

from tools.pulumi_cli import go_build
from tools.steps import BUILD, ROOT, StepError, cache, exit_status, hash_of, made_once, run

SCHEMA = ROOT / "pulumi_agin" / "native" / "schema.json"
MODULE = ROOT / "tools" / "pulumi-sdks"
NPM = [ROOT / "tools" / "npm" / name for name in ("package.json", "package-lock.json")]


def npm_packages() -> Path:
    """Installs npm's packages for programs in TypeScript, and returns the `node_modules` with them."""
    folder = cache() / f"npm-{hash_of(NPM)}"
    return made_once(folder, "npm's packages for TypeScript", _install_npm_packages) / "node_modules"


def _install_npm_packages(folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise StepError("There is no npm to install packages with. Install Node.js 20 or newer, with npm.")
    folder.mkdir()
    for file in NPM:
        shutil.copy(file, folder)
    # None of the packages needs its scripts, and scripts may download more.
    options = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier")
    title = "installing npm's packages for TypeScript, 220 MB: half a minute, once for this machine"
    run(title, [npm, "ci", *options], cwd=folder)


def generate() -> Path:
    """Makes the SDKs, and returns the folder that has one for each language."""
    made_of = hash_of([SCHEMA, *NPM, *sorted(MODULE.iterdir())])
    return made_once(BUILD / f"sdks-{made_of}", "the SDKs", lambda folder: generate_from(SCHEMA, folder))


def _build_generator(folder: Path) -> None:
    title = "building the generator of SDKs with Go: up to 2 minutes, once for this machine"
    go_build(title, MODULE, ".", folder / "pulumi-sdks")


def generate_from(schema: Path, folder: Path) -> None:
    """Makes the SDKs of a package from its schema, in a new folder."""
    packages = npm_packages()
    generator = cache() / f"pulumi-sdks-{hash_of(sorted(MODULE.iterdir()))}"
    made_once(generator, "the generator of SDKs", _build_generator)
    folder.mkdir()
    run("generating SDKs from the schema", [generator / "pulumi-sdks", schema, folder])
    _finish_go(folder / "go")
    # For a linked package, Node.js searches next to its real folder and above.
    (folder / "node_modules").symlink_to(packages)
    run(
        "compiling the SDK of TypeScript, as npm does where it is installed",
        ["node", "scripts/postinstall.js"],
        cwd=folder / "nodejs",
        env={**os.environ, "PATH": f"{packages / '.bin'}{os.pathsep}{os.environ['PATH']}"},
    )


def _finish_go(folder: Path) -> None:
    """Sets the versions that are in Go's cache already, and their checksums."""
    generated = (folder / "go.mod").read_text(encoding="utf-8")
    pinned = (MODULE / "go.mod").read_text(encoding="utf-8")
    [name] = re.findall(r"^module .*$", generated, re.MULTILINE)
    (folder / "go.mod").write_text(re.sub(r"^module .*$", name, pinned, count=1, flags=re.MULTILINE), encoding="utf-8")
    shutil.copy(MODULE / "go.sum", folder)


if __name__ == "__main__":
    sys.exit(exit_status(lambda: print(generate())))
