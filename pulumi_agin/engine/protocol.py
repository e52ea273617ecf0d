"""The generated classes of the engine's protocol, without the rest of Pulumi's SDK.

The SDK has them in `pulumi.runtime.proto`. To import them from there loads all of the SDK, which a plugin process needs
for nothing else, and the engine waits for it in each command. So here they are loaded from the SDK's files alone,
unless the SDK is loaded anyway.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from contextlib import suppress
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pulumi.runtime.proto import (
        engine_pb2,
        engine_pb2_grpc,
        plugin_pb2,
        provider_pb2,
        provider_pb2_grpc,
        status_pb2,
    )

__all__ = ["engine_pb2", "engine_pb2_grpc", "plugin_pb2", "provider_pb2", "provider_pb2_grpc", "status_pb2"]

# The name of the folder of the generated classes as a package of its own.
PACKAGE = "pulumi_agin_protocol"


def __getattr__(name: str) -> ModuleType:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if "pulumi" not in sys.modules:
        _make_package()
        # The files are where SDKs up to now have them, and import nothing else of the SDK.
        with suppress(ImportError):
            return importlib.import_module(f"{PACKAGE}.{name}")
    return importlib.import_module(f"pulumi.runtime.proto.{name}")


def _make_package() -> None:
    # This finds the SDK, but does not load it.
    sdk = importlib.util.find_spec("pulumi")
    if PACKAGE not in sys.modules and sdk is not None:
        spec = ModuleSpec(PACKAGE, None, is_package=True)
        folders = sdk.submodule_search_locations or []
        spec.submodule_search_locations = [str(Path(folder, "runtime", "proto")) for folder in folders]
        sys.modules[PACKAGE] = importlib.util.module_from_spec(spec)
