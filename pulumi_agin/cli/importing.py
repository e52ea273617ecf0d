"""Command `import`: prints the program, or the bulk file of `pulumi import`, that imports existing Agent Ingresses."""

from __future__ import annotations

import json
import re
from argparse import Namespace
from typing import Any

from pulumi_agin.api.models import IngressModel
from pulumi_agin.api.progress import Budget
from pulumi_agin.api.values import FIELDS
from pulumi_agin.lifecycle.operation import FailedError

from .project import load_settings

NATIVE_TYPE = "agin:index:AgentIngress"


def add_to(commands: Any) -> None:
    """Adds the command to the parser."""
    parser = commands.add_parser(
        "import",
        help="print the program that imports existing Agent Ingresses",
        description="Prints the program that imports Agent Ingresses, in Python. It only reads, and changes nothing.",
    )
    parser.add_argument("ids", nargs="*", metavar="ID", help="the ID of an Agent Ingress")
    parser.add_argument("--all", action="store_true", help="all Agent Ingresses of the account")
    parser.add_argument(
        "--json", action="store_true", help="print a file for `pulumi import --file`, for other languages"
    )
    parser.set_defaults(run=_run)


def _run(options: Namespace) -> int:
    if bool(options.ids) == options.all:
        raise FailedError("name the IDs of Agent Ingresses, or use --all")
    settings = load_settings()
    client, budget = settings.new_client(), Budget(settings.timeout_seconds)
    ingresses = client.list(None, budget) if options.all else [client.get(each, budget) for each in options.ids]
    if not ingresses:
        raise FailedError("the account has no Agent Ingress")
    ingresses = sorted(ingresses, key=lambda ingress: ingress.domain)
    print(bulk_file(ingresses) if options.json else program(ingresses))  # noqa: T201
    return 0


def program(ingresses: list[IngressModel]) -> str:
    """Returns a program in Python that imports the ingresses: a resource for one, a dict and a loop for many."""
    head = "import pulumi\nimport pulumi_agin as agin\n\n"
    if len(ingresses) == 1:
        [ingress] = ingresses
        lines = [f"    {json.dumps(_name(ingress))},"]
        lines += [f"    {name}={_literal(value)}," for name, value in _inputs(ingress).items()]
        lines += [f"    opts=pulumi.ResourceOptions(import_={json.dumps(ingress.id)}),"]
        return f"{head}ingress = agin.AgentIngress(\n" + "\n".join(lines) + "\n)"
    entries = "".join(
        f"    {json.dumps(_name(each))}: ({json.dumps(each.id)}, {_literal(_inputs(each))}),\n" for each in ingresses
    )
    return (
        f"{head}# The ID and the arguments of each Agent Ingress, by its name in the stack.\n"
        f"existing = {{\n{entries}}}\n"
        "ingresses = {\n"
        "    name: agin.AgentIngress(name, **arguments, opts=pulumi.ResourceOptions(import_=id_))\n"
        "    for name, (id_, arguments) in existing.items()\n}"
    )


def bulk_file(ingresses: list[IngressModel]) -> str:
    """Returns the file for `pulumi import --file`, which reads the rest from the plugin."""
    resources = [{"type": NATIVE_TYPE, "name": _name(each), "id": each.id} for each in ingresses]
    return json.dumps({"resources": resources}, indent=2)


def _inputs(ingress: IngressModel) -> dict[str, Any]:
    outputs = ingress.outputs()
    return {name: outputs[name] for name in FIELDS if outputs.get(name)}


def _name(ingress: IngressModel) -> str:
    """Returns a name for the resource that is unique in the account, like the domain."""
    return re.sub(r"[^a-z0-9-]+", "-", ingress.domain)


def _literal(value: Any) -> str:
    # The values are strings and dicts of strings, whose JSON is Python, too.
    return json.dumps(value, ensure_ascii=False)
