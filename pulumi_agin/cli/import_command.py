"""`pulumi-agin import`: an import file and a program that adopt existing Agent Ingresses.

`pulumi import` trusts the file: if a resource has outputs there, the engine does not call the provider. So the file
contains exactly what a create would have written to the state.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from pulumi.dynamic.dynamic import PROVIDER_KEY, serialize_provider

from pulumi_agin.api.client import AgentIngressClient
from pulumi_agin.api.list_cache import Listing
from pulumi_agin.api.models import IngressModel
from pulumi_agin.base.clock import Clock
from pulumi_agin.base.redaction import one_line
from pulumi_agin.dynamic.agent_ingress import AgentIngressProvider
from pulumi_agin.lifecycle import urns
from pulumi_agin.lifecycle.account import Account
from pulumi_agin.lifecycle.outputs import FINGERPRINT, inputs_of, outputs_of
from pulumi_agin.lifecycle.shell_commands import pulumi_line, state_delete_line

from .import_names import canonical_key, name_all, read_names
from .import_program import ADAPTERS, program
from .output import YELLOW, UsageError, note, print_text
from .stack import agent_ingresses, load_settings, provider_settings, read_resources, request_budget

# The limit of ingresses that a message lists one by one.
MOST_LISTED = 5


def run(options: argparse.Namespace, clock: Clock) -> int:
    """Prints the program or the file for the ingresses, and notes about them on stderr.

    An ingress that the stack has under another name is an error if the user selected it individually, and is omitted
    otherwise. One that the stack has under the same name is omitted from the file, but not from the program.
    """
    _check(options)
    state = read_resources(options.stack, show_secrets=options.provider is not None)
    if options.provider is None:
        provider, settings = None, load_settings(options.stack)
    else:
        provider, settings = provider_settings(options.provider, state, options.stack)
    client = Account(settings, clock).client
    found, given, unreadable = _select(options, client, settings.account_description)
    in_stack = agent_ingresses(state)
    declared: dict[str, IngressModel] = {}
    new: dict[str, IngressModel] = {}
    left_out: list[str] = []
    for name, ingress in zip(name_all(found, given, options.name), found, strict=True):
        owners = [each for each in in_stack if each.get("id") == ingress.id]
        other = next((each for each in owners if not _is_imported_as(each, options.parent, name)), None)
        fact = f"the Agent Ingress {ingress.domain} ({ingress.id}) is already in the stack as "
        if other is not None:
            fact += one_line(other["urn"])
            if options.chosen or ingress.id in given:
                raise UsageError(f"{fact}{_next_step(other, options.stack)}")
            left_out.append(fact)
            continue
        if name in declared:
            raise UsageError(
                f"{declared[name].domain} and {ingress.domain} can't both be named {one_line(name)}: two Agent "
                "Ingresses can't have the same resource name. Use --names FILE with other names, or omit --name"
            )
        declared[name] = ingress
        if not owners:
            new[name] = ingress
        elif not options.code:
            left_out.append(fact + one_line(owners[0]["urn"]))
    note(f"the API key is from {settings.api_key.shown_as}")
    for sentence in unreadable:
        note(f"skipped: {sentence}", YELLOW)
    if settings.other_base_url:
        note(f"the base URL is {client.sanitize(settings.other_base_url)}")
    if len(left_out) > MOST_LISTED:
        note(f"skipped: {len(left_out)} Agent Ingresses that are already in the stack")
    else:
        for sentence in left_out:
            note(f"skipped: {sentence}")
    if options.code:
        # The stack may have those that can't be read, and would delete them.
        return print_text(program(declared, [*left_out, *unreadable], options.parent, provider, options.delegations))
    if not new:
        note("all of them are already in the stack, so the import file contains no resources")
    return print_text(_file(new, {"parent": options.parent, "provider": provider}, client))


def _file(new: Mapping[str, IngressModel], references: Mapping[str, str | None], client: AgentIngressClient) -> str:
    """Returns the JSON for `pulumi import --file`. It is ASCII only, so that every shell passes it on unchanged."""
    given = {kind: urn for kind, urn in references.items() if urn is not None}
    mark = {PROVIDER_KEY: serialize_provider(AgentIngressProvider())}
    resources = [
        {
            "type": urns.AGENT_INGRESS,
            "name": name,
            "id": ingress.id,
            **given,
            "inputs": {**inputs_of(ingress, {}), **mark},
            "outputs": {**outputs_of(ingress), FINGERPRINT: client.fingerprint(ingress.id), **mark},
        }
        for name, ingress in new.items()
    ]
    # A name in the table must not be the name of a resource in the file. No resource is named like a URN.
    return json.dumps({"nameTable": {urn: urn for urn in given.values()}, "resources": resources}, indent=2) + "\n"


def _is_imported_as(resource: Mapping[str, Any], parent: str | None, name: str) -> bool:
    """Returns whether an import under a parent and a name would result in a resource that the stack has already."""
    types = urns.STACK if parent is None else urns.Urn.parse(parent).types
    path = urns.AGENT_INGRESS if types == urns.STACK else f"{types}${urns.AGENT_INGRESS}"
    urn = urns.Urn.parse(resource["urn"])
    return (urn.types, urn.name) == (path, name) and not resource.get("delete")


def _next_step(owner: Mapping[str, Any], stack: str | None) -> str:
    """Returns the end of a message: the next step if a resource of the stack has the ingress already."""
    if owner.get("delete"):
        up = pulumi_line("up", stack)
        return f", which is pending deletion: finish that first. Run `{up}` with the domain that replaced this one"
    if owner["type"] == urns.AGENT_INGRESS:
        return (
            ". If you imported it under a second name, `pulumi up` would delete it, because the first name is not in "
            "the program. If it was renamed or moved, specify the old name or parent with "
            "ResourceOptions(aliases=[pulumi.Alias(name=…, parent=…)]) instead"
        )
    line = state_delete_line(owner["urn"], stack=stack)
    return (
        ", which belongs to the provider plugin. If the program is not in Python, there is nothing to do. The `pulumi "
        "up` of a Python program would delete it: to import it into such a program, first remove it from "
        f"the state, which does not delete the Agent Ingress\n{line}"
    )


def _check(options: argparse.Namespace) -> None:
    """Checks the options before anything is read."""
    ways = sum([bool(options.chosen), options.all, options.filter is not None])
    if ways > 1 or (ways == 0 and options.names is None):
        raise UsageError(
            "specify exactly one of domains or IDs, --all or --filter; --names can stand alone or with any of them"
        )
    if options.name is not None and options.names is not None:
        raise UsageError("use --name or --names, not both")
    if options.delegations not in (None, *ADAPTERS):
        raise UsageError(
            f"--delegations {one_line(options.delegations)} is not an adapter of agin.dns: use {', '.join(ADAPTERS)}"
        )
    if options.delegations is not None and not options.code:
        raise UsageError("--delegations works only with --code: add it")
    # A name can contain line breaks and other characters that can't be printed.
    if options.parent is not None and not re.match(r"urn:pulumi:[^:]+::[^:]+::.+?::.", options.parent, re.DOTALL):
        raise UsageError(
            f"--parent {one_line(options.parent)} is not a URN; `pulumi stack --show-urns` prints those of the stack, "
            "such as urn:pulumi:dev::project::acme:index:Site::site"
        )


def _select(
    options: argparse.Namespace, client: AgentIngressClient, account: str
) -> tuple[list[IngressModel], dict[str, str], list[str]]:
    """Returns the selected ingresses, the names in a file by ingress id, and a sentence for each that can't be read.

    One that can't be read is an error if it is an argument of the command.
    """
    names = {} if options.names is None else read_names(options.names, client)
    chosen = [canonical_key(each, client) for each in options.chosen]
    budget, filter_ = request_budget(client), options.filter
    in_account = client.list_readable(None, budget) if names or filter_ is None else Listing([])
    matching = in_account if filter_ is None else client.list_readable(filter_, budget)
    # The order is always the same, so that numbered names stay the same.
    found = sorted(matching.ingresses, key=lambda ingress: (ingress.created_at, ingress.id))
    unreadable = {key: error for error in in_account.unreadable for key in (error.id, error.domain)}
    names = {key: name for key, name in names.items() if key not in unreadable}

    def pick(keys: Sequence[str], where: str = "") -> list[IngressModel]:
        for key in keys:
            if key in unreadable:
                raise unreadable[key]
        by_key = {key: ingress for ingress in in_account.ingresses for key in (ingress.id, ingress.domain)}
        missing = [client.sanitize(key, 100) for key in keys if key not in by_key]
        if missing:
            more = f" and {len(missing) - MOST_LISTED} more" if len(missing) > MOST_LISTED else ""
            listed = ", ".join(missing[:MOST_LISTED])
            raise UsageError(f"{where}there is no Agent Ingress with the domain or ID {listed}{more} in {account}")
        picked: dict[str, IngressModel] = {}
        for ingress in (by_key[key] for key in keys):
            if ingress.id in picked:
                raise UsageError(
                    f"{where}{ingress.domain} ({ingress.id}) is given twice: specify each Agent Ingress once"
                )
            picked[ingress.id] = ingress
        return list(picked.values())

    # One file can serve several commands, each of which imports some of its ingresses.
    named = pick(list(names), "--names: ")
    if chosen:
        found = pick(chosen)
    elif not options.all and filter_ is None:
        found = named
    left_out = [] if chosen else [*in_account.unreadable, *matching.unreadable]
    if not found:
        if left_out:
            raise left_out[0]
        with_filter = "" if filter_ is None else f" that matches the filter: {client.sanitize(filter_)}"
        raise UsageError(f"{account} has no Agent Ingress{with_filter}")
    given = {ingress.id: name for ingress, name in zip(named, names.values(), strict=True)}
    # Both lists may have it.
    return found, given, list(dict.fromkeys(map(str, left_out)))
