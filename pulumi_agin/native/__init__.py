"""Front end of the provider plugin, for programs in every language.

The engine starts the plugin `pulumi-resource-agin`, and calls it by gRPC. `plugin` handles the calls, and `process`
runs the server. `schema.json` describes the resources and functions for SDKs; `python -m tools.schema` writes it.
"""

from __future__ import annotations

import os
import sys

from pulumi_agin.version import VERSION

HELP = """\
usage: pulumi-resource-agin [--version] [--help]

The Pulumi provider plugin for ngrok Agent Ingresses. Pulumi starts it for programs that use the package "agin".
Documentation: docs/guides/languages.md in the repository
"""


def main() -> None:
    """Runs the plugin until the engine ends it or is gone. --version and --help print and exit."""
    for flag, output in (("--version", f"pulumi-resource-agin {VERSION}\n"), ("--help", HELP), ("-h", HELP)):
        if flag in sys.argv[1:]:
            sys.stdout.write(output)
            return
    # No pydantic plugin applies to our models, and the search takes longer the more packages are installed.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    try:
        from .process import serve
    except ImportError as error:
        # A package or a class of Pulumi's SDK is missing.
        sys.exit(f"pulumi-resource-agin: {error}")
    serve()
