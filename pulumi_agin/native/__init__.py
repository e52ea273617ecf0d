"""Front end of a provider plugin, for programs in every language.

The engine starts the plugin `pulumi-resource-agin`, and calls it by gRPC. `plugin` answers the calls, `process` is the
process. `schema.json` describes the resources and functions for the languages; `python -m tools.schema` writes it.
"""

from __future__ import annotations

import gc
import os
import sys

from pulumi_agin.version import VERSION

HELP = """\
usage: pulumi-resource-agin [--version] [--help]

The Pulumi provider plugin for ngrok Agent Ingresses. Pulumi starts it for programs that use the package "agin".
Documentation: https://github.com/pulumi-agin/pulumi-agin/blob/main/docs/guides/languages.md
"""


def main() -> None:
    """Runs the plugin until the engine ends it, or is gone. With --version or --help, it only prints that."""
    for flag, text in (("--version", f"pulumi-resource-agin {VERSION}\n"), ("--help", HELP), ("-h", HELP)):
        if flag in sys.argv[1:]:
            sys.stdout.write(text)
            return
    # Everything loaded now stays. Collecting it again and again would take a tenth of the start. The collector works
    # from Configure on.
    gc.disable()
    # No plugin of pydantic is about our models. The search for one takes longer, the more packages are installed.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    from .process import serve

    serve()
