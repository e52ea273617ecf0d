"""Generated classes of the engine's protocol, without the rest of Pulumi's SDK.

The SDK has them in `pulumi.runtime.proto`. An import from there loads all of the SDK, which a plugin process does not
need otherwise, and the engine waits for it in each command. So they are loaded directly from the SDK's files, unless
the SDK is already loaded.
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

from pulumi_agin.base.installation import missing_in_sdk

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

# The package name under which the folder of the generated classes is loaded.
PACKAGE = "pulumi_agin_protocol"


def __getattr__(name: str) -> ModuleType:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if "pulumi" not in sys.modules:
        _make_package()
        # This works while the files have this path and import nothing else from the SDK. Otherwise the SDK is loaded.
        with suppress(ImportError):
            return importlib.import_module(f"{PACKAGE}.{name}")
    module = f"pulumi.runtime.proto.{name}"
    try:
        return importlib.import_module(module)
    except ImportError:
        raise ImportError(missing_in_sdk(module)) from None


def _make_package() -> None:
    # Finds the SDK without loading it.
    sdk = importlib.util.find_spec("pulumi")
    if PACKAGE not in sys.modules and sdk is not None:
        spec = ModuleSpec(PACKAGE, None, is_package=True)
        folders = sdk.submodule_search_locations or []
        spec.submodule_search_locations = [str(Path(folder, "runtime", "proto")) for folder in folders]
        sys.modules[PACKAGE] = importlib.util.module_from_spec(spec)
