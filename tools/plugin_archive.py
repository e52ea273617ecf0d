"""Makes the archive of a release from which Pulumi's CLI installs the provider plugin.

`python3 -m tools.plugin_archive` prints its path. A user installs it with
`pulumi plugin install resource agin X.Y.Z --file pulumi-resource-agin-vX.Y.Z.tar.gz`.

The archive holds the folder `plugin/` and the wheel, and its requirements name this wheel. So it needs neither the
repository nor a published package. The wheel's dependencies come from the user's package index, because some of them
differ between platforms. The same sources always give the same archive.
"""

from __future__ import annotations

import argparse
import gzip
import io
import sys
import tarfile
import tempfile
from pathlib import Path

from tools.environment import DIST, build_wheel, dev
from tools.steps import ROOT, exit_status

PLUGIN = ROOT / "plugin"


def build(folder: Path) -> Path:
    """Builds the wheel, and an archive with it in `folder`. Returns the archive."""
    with tempfile.TemporaryDirectory() as temporary:
        wheel = build_wheel("building the wheel", dev(), Path(temporary))
        version = wheel.name.split("-")[1]
        content = {name: (PLUGIN / name).read_bytes() for name in ("PulumiPlugin.yaml", "__main__.py")}
        content["requirements.txt"] = f"./{wheel.name}[plugin]\n".encode()
        content[wheel.name] = wheel.read_bytes()
    folder.mkdir(parents=True, exist_ok=True)
    archive = folder / f"pulumi-resource-agin-v{version}.tar.gz"
    unfinished = archive.with_suffix(".part")
    # Without times and owners, which differ from run to run.
    with (
        unfinished.open("wb") as file,
        gzip.GzipFile(filename="", fileobj=file, mode="wb", mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w") as tar,
    ):
        for name, data in content.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return unfinished.replace(archive)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python3 -m tools.plugin_archive", description="Make the plugin's archive.")
    parser.add_argument("--folder", type=Path, default=DIST, help="where to put it (default: %(default)s)")
    folder: Path = parser.parse_args().folder
    return exit_status(lambda: print(build(folder)))


if __name__ == "__main__":
    sys.exit(main())
