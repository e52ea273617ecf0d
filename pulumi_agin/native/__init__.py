"""Front end of the provider plugin, for programs in every language.

For each provider of a stack, the engine starts a process of `pulumi-resource-agin`, and calls it by gRPC. `process`
runs the server, `plugin` translates each call for the lifecycle, `catalog` lists what it serves, and `properties`
converts values and their names.
`schema.json` describes all of that for SDKs; `python -m tools.schema` writes it.

It does not load Pulumi's SDK, for which the engine would wait.
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
    """Runs the plugin until the engine ends it or is gone. --version and --help print and exit.

    The console script, `plugin/__main__.py` and `python -m pulumi_agin.native` call it.
    """
    for flag, output in (("--version", f"pulumi-resource-agin {VERSION}\n"), ("--help", HELP), ("-h", HELP)):
        if flag in sys.argv[1:]:
            sys.stdout.write(output)
            return
    # No pydantic plugin applies to our models, and the search takes longer the more packages are installed.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    try:
        from .process import serve
    except ImportError as error:
        sys.exit(f"pulumi-resource-agin: {error}; install another version of the `pulumi` package")
    # It ends the process, so nothing after it runs.
    serve()
