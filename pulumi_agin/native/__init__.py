"""Front end of the provider plugin, for programs in every language.

For each provider of a stack, the engine starts a process of `pulumi-resource-agin`, and calls this process by gRPC.

- `process` runs the gRPC server.
- `plugin` translates each call for the lifecycle.
- `catalog` lists the resources, the functions and the settings.
- `properties` converts values and their names.
- `schema.json` describes the catalog for SDKs. `python -m tools.schema` writes this file.

The plugin does not load Pulumi's SDK, because the engine would have to wait for that.
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
    """Runs the plugin until the engine ends the process or is gone. --version and --help print and exit.

    The console script, `plugin/__main__.py` and `python -m pulumi_agin.native` call this function.
    """
    for flag, output in (("--version", f"pulumi-resource-agin {VERSION}\n"), ("--help", HELP), ("-h", HELP)):
        if flag in sys.argv[1:]:
            sys.stdout.write(output)
            return
    # Our models need no pydantic plugins, and the search for plugins takes longer the more packages are installed.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    try:
        from .process import serve
    except ImportError as error:
        sys.exit(f"pulumi-resource-agin: {error}; install another version of the `pulumi` package")
    # `serve` ends the process, so no code after this call runs.
    serve()
