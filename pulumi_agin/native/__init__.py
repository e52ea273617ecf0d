"""Front end of the provider plugin, for programs in every language.

Always installed, but an extra: no program in Python needs it. The engine starts the plugin `pulumi-resource-agin`, and
calls it by gRPC. `process` runs the server, and `plugin` translates each call for the lifecycle. `resources` and
`functions` list what it serves, `properties` and `names` convert values and their names, and `phrasing` has the words
that differ. `schema.json` describes resources and functions for SDKs; `python -m tools.schema` writes it.

It stands on the core's `lifecycle` and `engine`, and on `rfc2136`, whose resource it serves, too. It does not use
Pulumi's SDK, which would double the start time.
"""

from __future__ import annotations

import os
import sys

from pulumi_agin.base.version import VERSION

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
        # Pulumi's SDK lacks a class of the protocol, or the installation is broken. The message has the next step.
        sys.exit(f"pulumi-resource-agin: {error}")
    # It ends the process, so nothing after it runs.
    serve()
