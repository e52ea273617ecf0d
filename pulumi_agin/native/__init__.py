"""The door of a provider plugin: programs in every language on one side, the lifecycle on the other.

The engine starts the plugin `pulumi-resource-agin`, and calls it by gRPC. `provider` answers the calls, `server` is the
process. `schema.json` describes the resources and functions for the languages; `python -m tools.schema` writes it.
"""

from __future__ import annotations

import gc
import os


def main() -> None:
    """Runs the plugin until the engine ends it, or is gone."""
    # What is loaded now stays. To look through it again and again would take a tenth of the start. The collector works
    # from Configure on.
    gc.disable()
    # No plugin of pydantic is about our models. To look for one takes longer, the more packages the environment has.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    from .server import serve

    serve()
