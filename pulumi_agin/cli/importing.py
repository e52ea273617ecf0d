"""Command `import`: prints the program, or the file for `pulumi import`, that imports existing Agent Ingresses."""

from __future__ import annotations

import json
import re
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence

from pulumi_agin.api.models import IngressModel
from pulumi_agin.api.values import INPUT_FIELDS
from pulumi_agin.lifecycle.operation import FailedError

from .project import add_stack_to, load_settings, new_budget

NATIVE_TYPE = "agin:index:AgentIngress"

IMPORTS = "import pulumi\nimport pulumi_agin as agin\n\n"

ONE = """\
ingress = agin.AgentIngress(
    {name!r},
{arguments}
    opts=pulumi.ResourceOptions(import_={id!r}),
)"""

ENTRY = """\
    {name!r}: ({id!r}, agin.AgentIngressArgs(
{arguments}
    )),
"""

MANY = """\
# By resource name: the ID to import, and the values at ngrok.
existing = {{
{entries}}}
ingresses = {{
    name: agin.AgentIngress(name, args, opts=pulumi.ResourceOptions(import_=id_))
    for name, (id_, args) in existing.items()
}}"""


def add_options(parser: ArgumentParser) -> None:
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("ids", nargs="*", default=[], metavar="ID", help="import the Agent Ingress with this ID")
    which.add_argument("--all", action="store_true", help="import all Agent Ingresses of the account")
    parser.add_argument("--json", action="store_true", help="print the file for `pulumi import`, for other languages")
    add_stack_to(parser)


def run(options: Namespace) -> int:
    """Prints the Python program that imports existing Agent Ingresses.

    Only reads, and changes nothing at ngrok.
    """
    settings = load_settings(options.stack)
    client, budget = settings.new_client(), new_budget(settings)
    if options.all:
        found = client.list_ingresses(None, budget)
    else:
        found = [client.get(id_, budget) for id_ in dict.fromkeys(options.ids)]
    if not found:
        raise FailedError("the account has no Agent Ingress")
    ingresses = _by_name(found)
    # A value contains the API key only by a mistake of the user. The import of the redacted value then fails.
    print(settings.api_key.redact(bulk_file(ingresses) if options.json else program(ingresses)))  # noqa: T201
    return 0


def _by_name(ingresses: Sequence[IngressModel]) -> dict[str, IngressModel]:
    """Returns ingresses by resource name: the domain with hyphens, and with the ID if the name is already in use."""
    by_name: dict[str, IngressModel] = {}
    for ingress in sorted(ingresses, key=lambda each: each.domain):
        name = re.sub(r"[^a-z0-9]+", "-", ingress.domain).strip("-")
        by_name[f"{name}-{ingress.id}" if name in by_name else name] = ingress
    return by_name


def bulk_file(ingresses: Mapping[str, IngressModel]) -> str:
    """Returns the file for `pulumi import --file`. That command reads the values with the plugin."""
    resources = [{"type": NATIVE_TYPE, "name": name, "id": each.id} for name, each in ingresses.items()]
    return json.dumps({"resources": resources}, indent=2)


def program(ingresses: Mapping[str, IngressModel]) -> str:
    """Returns a program that imports the ingresses: a single resource, or for several ingresses a dict and a loop."""
    if len(ingresses) == 1:
        [(name, ingress)] = ingresses.items()
        return IMPORTS + ONE.format(name=name, id=ingress.id, arguments=_arguments(ingress, " " * 4))
    entries = [
        ENTRY.format(name=name, id=ingress.id, arguments=_arguments(ingress, " " * 8))
        for name, ingress in ingresses.items()
    ]
    return IMPORTS + MANY.format(entries="".join(entries))


def _arguments(ingress: IngressModel, indentation: str) -> str:
    """Returns the Python arguments that declare an ingress with its current values, one per line."""
    outputs = ingress.outputs()
    return "\n".join(f"{indentation}{name}={outputs[name]!r}," for name in INPUT_FIELDS if outputs.get(name))
