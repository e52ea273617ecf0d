"""The plugin of any cloud's package, which makes nothing: `python -m tests.support.cloud_provider FILE`.

It has resources of any type, and each function answers with its arguments and a `zoneId`. What is done is a line of
JSON in the file. It changes everything in place, and asks for the old resource to be deleted first where the engine
replaces one all the same: as the plugins of the Terraform bridge do for a resource that the program names.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from google.protobuf import empty_pb2
from google.protobuf.json_format import MessageToDict
from pulumi.runtime.proto import provider_pb2

from tests.support.stand_in import StandIn, serve, write_plugin

ZONE_ID = "Z0123456789ABCDEFGHIJ"


@dataclass(frozen=True)
class Operation:
    """What was done."""

    what: str
    """create, update or delete."""
    token: str
    """The type of the resource."""
    inputs: dict[str, Any]
    time: float
    """In seconds of `time.monotonic()`, like the times of the emulator's requests."""


@dataclass(frozen=True)
class Cloud:
    """What was done at the cloud."""

    file: Path

    def operations(self) -> list[Operation]:
        """Returns the writes, oldest first."""
        return [Operation(**json.loads(line)) for line in self.file.read_text().splitlines()]

    def clear_operations(self) -> None:
        """Forgets the writes."""
        self.file.write_text("")


def install(package: str, folder: Path, python: Path) -> tuple[Cloud, str]:
    """Makes the plugin of a package, in a folder of its own.

    Returns:
        Where what it does can be seen, and its entry under `plugins: providers:` in Pulumi.yaml.
    """
    cloud = Cloud(folder.with_suffix(".operations"))
    cloud.clear_operations()
    return cloud, write_plugin(package, folder, python, "tests.support.cloud_provider", cloud.file)


class Plugin(StandIn):
    """The plugin that the engine calls."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def _did(self, what: str, request: Any, inputs: Any) -> None:
        token = request.urn.split("::")[2].rpartition("$")[2]
        line = json.dumps(asdict(Operation(what, token, MessageToDict(inputs), time.monotonic())))
        with self._file.open("a") as file:
            file.write(f"{line}\n")

    def Invoke(self, request: Any, context: Any) -> provider_pb2.InvokeResponse:  # noqa: N802
        response = provider_pb2.InvokeResponse()
        getattr(response, "return").update({**MessageToDict(request.args), "zoneId": ZONE_ID})
        return response

    def Check(self, request: Any, context: Any) -> provider_pb2.CheckResponse:  # noqa: N802
        return provider_pb2.CheckResponse(inputs=request.news)

    def Diff(self, request: Any, context: Any) -> provider_pb2.DiffResponse:  # noqa: N802
        olds, news = MessageToDict(request.old_inputs), MessageToDict(request.news)
        # An unknown value is a string that differs from all others.
        changed = [name for name in olds | news if olds.get(name) != news.get(name)]
        in_place = provider_pb2.PropertyDiff(kind=provider_pb2.PropertyDiff.UPDATE, inputDiff=True)
        return provider_pb2.DiffResponse(
            changes=provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE,
            diffs=changed,
            detailedDiff=dict.fromkeys(changed, in_place),
            hasDetailedDiff=True,
            deleteBeforeReplace=True,
        )

    def Create(self, request: Any, context: Any) -> provider_pb2.CreateResponse:  # noqa: N802
        if not request.preview:
            self._did("create", request, request.properties)
        return provider_pb2.CreateResponse(id=f"{request.name}-id", properties=request.properties)

    def Read(self, request: Any, context: Any) -> provider_pb2.ReadResponse:  # noqa: N802
        return provider_pb2.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)

    def Update(self, request: Any, context: Any) -> provider_pb2.UpdateResponse:  # noqa: N802
        if not request.preview:
            self._did("update", request, request.news)
        return provider_pb2.UpdateResponse(properties=request.news)

    def Delete(self, request: Any, context: Any) -> empty_pb2.Empty:  # noqa: N802
        self._did("delete", request, request.properties)
        return empty_pb2.Empty()


if __name__ == "__main__":
    # The engine adds another argument.
    serve(Plugin(Path(sys.argv[1])))
