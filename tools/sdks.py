"""Makes the SDKs of the provider plugin from its schema, in four languages. `python3 -m tools.sdks` prints the folder.

`pulumi package add` makes such an SDK on a user's machine, by a language host that is newer than those that can be
built here. The generators themselves are Go packages: `tools/pulumi-sdks` calls them. The results are in `.build/sdks`:

- `nodejs` is a compiled package, and finds the packages of `tools.node`;
- `go` is a module that builds, with the versions that the CLI is built with;
- `python` and `dotnet` are as they were generated.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

from tools import node
from tools.go import go, go_version, hash_of, is_made, making
from tools.steps import BUILD, LOGS, ROOT, exit_status, run_step

SCHEMA = ROOT / "pulumi_agin" / "native" / "schema.json"
MODULE = ROOT / "tools" / "pulumi-sdks"
GENERATORS = BUILD / "sdk-generators"
RESULT = BUILD / "sdks"
LOG = LOGS / "sdks.log"
# The generator of .NET is in older versions of Pulumi's module only. So there are two programs.
PROGRAMS = {"pulumi-sdks": (), "pulumi-sdks-dotnet": ("-modfile=dotnet.mod", "-tags=dotnet")}


def ensure() -> Path:
    """Makes the SDKs, and returns the folder that has one for each language.

    Raises:
        StepError: Something is wrong with the schema, or a tool is missing.
    """
    packages = node.ensure()
    made_of = {
        "schema": hash_of([SCHEMA]),
        "generators": _hash_of_generators(),
        "packages": hash_of(node.TYPESCRIPT.files),
    }
    if is_made(RESULT, made_of):
        return RESULT
    _ensure_generators()
    with making(RESULT, made_of) as folder:
        folder.mkdir(parents=True)
        for name in PROGRAMS:
            run_step(f"generating SDKs from the schema ({name})", [GENERATORS / name, SCHEMA, folder], log=LOG)
        _finish_go(folder / "go")
        # A package that is linked into a project looks for others beside and above the place where it really is.
        (folder / "node_modules").symlink_to(os.path.relpath(packages / "node_modules", folder))
        run_step(
            "compiling the SDK of TypeScript, as npm does where it is installed",
            ["node", "scripts/postinstall.js"],
            cwd=folder / "nodejs",
            log=LOG,
            env={**os.environ, "PATH": f"{packages / 'node_modules' / '.bin'}{os.pathsep}{os.environ['PATH']}"},
        )
    return RESULT


def _hash_of_generators() -> str:
    return hash_of(sorted(MODULE.iterdir()))


def _ensure_generators() -> None:
    made_of = {"module": _hash_of_generators()}
    if is_made(GENERATORS, made_of):
        return
    advice = f"Install Go {go_version(MODULE)} or newer (https://go.dev/dl); then run this again."
    with (
        making(GENERATORS, made_of) as folder,
        go("the generators of SDKs", folder, log=LOG, advice=advice) as builder,
    ):
        for number, (name, flags) in enumerate(PROGRAMS.items(), start=1):
            title = f"[{number}/{len(PROGRAMS)}] building {name}, which generates SDKs: up to 4 minutes the first time"
            builder.build(title, MODULE, ".", folder / name, flags=flags)


def _finish_go(folder: Path) -> None:
    """Gives the module versions that are in Go's cache already, and their checksums."""
    generated = (folder / "go.mod").read_text(encoding="utf-8")
    pinned = (MODULE / "go.mod").read_text(encoding="utf-8")
    (name,) = re.findall(r"^module .*$", generated, re.MULTILINE)
    (folder / "go.mod").write_text(re.sub(r"^module .*$", name, pinned, count=1, flags=re.MULTILINE), encoding="utf-8")
    shutil.copy(MODULE / "go.sum", folder)


def main() -> int:
    return exit_status(lambda: print(ensure()))


if __name__ == "__main__":
    sys.exit(main())
