"""Command `import`: prints the program, or the file for `pulumi import`, that imports existing Agent Ingresses."""

from __future__ import annotations

import json
import re
import textwrap
from argparse import Namespace
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pulumi_agin.api.models import IngressModel
from pulumi_agin.api.values import FIELDS
from pulumi_agin.lifecycle.operation import FailedError

from .project import add_stack_to, load_settings, new_budget

NATIVE_TYPE = "agin:index:AgentIngress"

IMPORTS = "import pulumi\nimport pulumi_agin as agin\n"

LOOP = """\
ingresses = {
    name: agin.AgentIngress(name, args, opts=pulumi.ResourceOptions(import_=id_))
    for name, (id_, args) in existing.items()
}"""


def add_to(commands: Any) -> None:
    """Adds the command to the parser."""
    parser = commands.add_parser(
        "import",
        help="print the program that imports existing Agent Ingresses",
        description="Prints the program in Python that imports Agent Ingresses. It only reads, and changes nothing.",
    )
    parser.add_argument("ids", nargs="*", metavar="ID", help="the ID of an Agent Ingress")
    parser.add_argument("--all", action="store_true", help="all Agent Ingresses of the account")
    parser.add_argument("--json", action="store_true", help="print the file for `pulumi import`, for other languages")
    add_stack_to(parser)
    parser.set_defaults(run=_run)


def _run(options: Namespace) -> int:
    if bool(options.ids) == options.all:
        raise FailedError("name the IDs of the Agent Ingresses, or use --all")
    settings = load_settings(options.stack)
    client, budget = settings.new_client(), new_budget(settings)
    if options.all:
        found = client.list(None, budget)
    else:
        found = [client.get(id_, budget) for id_ in dict.fromkeys(options.ids)]
    if not found:
        raise FailedError("the account has no Agent Ingress")
    ingresses = _by_name(found)
    # Only the key of a careless user is in a description, and then the import fails with its sentence.
    print(settings.api_key.redact(bulk_file(ingresses) if options.json else program(ingresses)))  # noqa: T201
    return 0


def program(ingresses: Mapping[str, IngressModel]) -> str:
    """Returns a program that imports ingresses, by resource name: one resource, or a dict and a loop.

    Each value is on a line of its own, so that formatters change nothing.
    """
    if len(ingresses) == 1:
        [(name, ingress)] = ingresses.items()
        options = f"opts=pulumi.ResourceOptions(import_={_literal(ingress.id)})"
        resource = _call("agin.AgentIngress", [_literal(name), *_arguments(ingress), options])
        return f"{IMPORTS}\ningress = {resource}"
    entries = [
        f"{_literal(name)}: {_call('', [_literal(each.id), _call('agin.AgentIngressArgs', _arguments(each))])}"
        for name, each in ingresses.items()
    ]
    comment = "# By resource name: the ID to import, and the values at ngrok.\n"
    return f"{IMPORTS}\n{comment}existing = {_lines('{', entries, '}')}\n{LOOP}"


def bulk_file(ingresses: Mapping[str, IngressModel]) -> str:
    """Returns the file for `pulumi import --file`, which reads the values with the plugin."""
    resources = [{"type": NATIVE_TYPE, "name": name, "id": each.id} for name, each in ingresses.items()]
    return json.dumps({"resources": resources}, indent=2)


def _by_name(ingresses: Sequence[IngressModel]) -> dict[str, IngressModel]:
    """Returns ingresses by resource name, sorted: the domain with hyphens, and the ID if two domains share that."""
    names = [re.sub(r"[^a-z0-9]+", "-", ingress.domain).strip("-") for ingress in ingresses]
    uses = Counter(names)
    unique = [
        name if uses[name] == 1 else f"{name}-{ingress.id}" for name, ingress in zip(names, ingresses, strict=True)
    ]
    return dict(sorted(zip(unique, ingresses, strict=True)))


def _arguments(ingress: IngressModel) -> list[str]:
    """Returns the arguments that declare an ingress as it is, as Python source."""
    outputs = ingress.outputs()
    return [f"{name}={_source(outputs[name])}" for name in FIELDS if outputs.get(name)]


def _source(value: str | Mapping[str, str]) -> str:
    if isinstance(value, str):
        return _literal(value)
    return _lines("{", [f"{_literal(name)}: {_literal(each)}" for name, each in value.items()], "}")


def _call(function: str, arguments: Iterable[str]) -> str:
    return _lines(f"{function}(", arguments, ")")


def _lines(begin: str, items: Iterable[str], end: str) -> str:
    """Returns a call or a dict with each item on a line of its own."""
    return f"{begin}\n" + "".join(textwrap.indent(f"{item},\n", "    ") for item in items) + end


def _literal(value: str) -> str:
    """Returns a string as Python source, with the quotes that formatters choose."""
    shown = repr(value)
    return shown if '"' in shown else f'"{shown[1:-1]}"'
