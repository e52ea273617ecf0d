"""The SDKs of the provider plugin in TypeScript and Go, generated from its schema.

`pulumi package add` generates such an SDK on a user's machine, with a language host that is newer than those that can
be built here. The generators are Go packages, which `tools/pulumi-sdks` calls. The results:

- `nodejs` is a compiled package, and finds the npm packages of `tools/npm`;
- `go` is a module that builds, with the versions that the CLI is built with.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from tools.pulumi_cli import go_build
from tools.steps import BUILD, CACHE, ROOT, hash_of, made_once, run

SCHEMA = ROOT / "pulumi_agin" / "native" / "schema.json"
MODULE = ROOT / "tools" / "pulumi-sdks"
NPM = [ROOT / "tools" / "npm" / name for name in ("package.json", "package-lock.json")]


def npm_packages() -> Path:
    """Installs npm's packages for programs in TypeScript, and returns the `node_modules` with them."""

    def install(folder: Path) -> None:
        for file in NPM:
            shutil.copy(file, folder)
        # None of the packages needs its scripts, and scripts may download more.
        options = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier")
        title = "installing npm's packages for TypeScript, 220 MB, in half a minute, once for this machine"
        run(title, ["npm", "ci", *options], cwd=folder)

    return made_once(CACHE / f"npm-{hash_of(NPM)}", install) / "node_modules"


def generate() -> Path:
    """Makes the SDKs, and returns the folder that has one for each language."""
    folder = BUILD / f"sdks-{hash_of([SCHEMA, *NPM, *sorted(MODULE.iterdir())])}"
    return made_once(folder, lambda folder: generate_from(SCHEMA, folder))


def generate_from(schema: Path, folder: Path) -> None:
    """Makes the SDKs of a package from its schema, in an empty or new folder."""
    folder.mkdir(exist_ok=True)
    run("generating SDKs from the schema", [generator(), schema, folder])
    # With the versions that are in Go's cache already, and their checksums.
    [name] = re.findall(r"^module .*$", (folder / "go" / "go.mod").read_text(encoding="utf-8"), re.MULTILINE)
    pinned = (MODULE / "go.mod").read_text(encoding="utf-8")
    (folder / "go" / "go.mod").write_text(re.sub(r"^module .*$", name, pinned, flags=re.MULTILINE), encoding="utf-8")
    shutil.copy(MODULE / "go.sum", folder / "go")
    # For a linked package, Node.js searches next to its real folder and above.
    (folder / "node_modules").symlink_to(npm_packages())
    path = f"{folder / 'node_modules' / '.bin'}{os.pathsep}{os.environ['PATH']}"
    title = "compiling the SDK of TypeScript, as npm does where it is installed"
    run(title, ["node", "scripts/postinstall.js"], cwd=folder / "nodejs", env={**os.environ, "PATH": path})


def generator() -> Path:
    title = "building the generator of SDKs with Go, up to 2 minutes, once for this machine"
    folder = CACHE / f"pulumi-sdks-{hash_of(sorted(MODULE.iterdir()))}"
    return made_once(folder, lambda folder: go_build(title, MODULE, ".", folder)) / "pulumi-sdks"
