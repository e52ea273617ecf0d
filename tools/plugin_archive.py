"""The archives of a release, from which Pulumi's CLI installs the provider plugin.

`python3 -m tools.plugin_archive` prints their paths. There is one for each platform, under the name that the CLI
requests from a release on GitHub. All have the same content, because the plugin is a Python program.

An archive holds the folder `plugin/` and the wheel, and its requirements name this wheel. So it needs neither the
repository nor a published package. The wheel's dependencies come from the user's package index, because some of them
differ between platforms. The same sources always give the same archive.
"""

from __future__ import annotations

import gzip
import io
import sys
import tarfile
import tempfile
from pathlib import Path

from tools.environment import DIST, build_wheel
from tools.steps import ROOT, exit_status

PLUGIN = ROOT / "plugin"
# The platforms, by their names in Go.
PLATFORMS = ("darwin-amd64", "darwin-arm64", "linux-amd64", "linux-arm64")


def build(folder: Path) -> list[Path]:
    """Builds the wheel, and archives with it in `folder`. Returns the archives."""
    with tempfile.TemporaryDirectory() as temporary:
        wheel = build_wheel(Path(temporary) / "dist")
        version = wheel.name.split("-")[1]
        content = {name: (PLUGIN / name).read_bytes() for name in ("PulumiPlugin.yaml", "__main__.py")}
        content["requirements.txt"] = f"./{wheel.name}[plugin]\n".encode()
        content[wheel.name] = wheel.read_bytes()
    buffer = io.BytesIO()
    # Without times and owners, which differ from run to run.
    with (
        gzip.GzipFile(filename="", fileobj=buffer, mode="wb", mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w") as tar,
    ):
        for name, data in content.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    folder.mkdir(parents=True, exist_ok=True)
    archives = [folder / f"pulumi-resource-agin-v{version}-{platform}.tar.gz" for platform in PLATFORMS]
    for archive in archives:
        archive.write_bytes(buffer.getvalue())
    return archives


if __name__ == "__main__":
    sys.exit(exit_status(lambda: print(*build(DIST), sep="\n")))
