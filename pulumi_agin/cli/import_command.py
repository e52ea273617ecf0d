"""`pulumi-agin import`: an import file and a program that adopt existing Agent Ingresses."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pulumi_agin.api.list_cache import Listing
from pulumi_agin.api.models import IngressModel
from pulumi_agin.base.clock import Clock
from pulumi_agin.base.redaction import one_line
from pulumi_agin.lifecycle import urns
from pulumi_agin.lifecycle.services import Account
from pulumi_agin.lifecycle.shell_commands import pulumi_line, state_delete_line
from pulumi_agin.settings import IN_PYTHON, Settings

from .import_file import import_file, resource
from .import_names import canonical_key, name_all, read_names
from .import_program import program
from .output import UsageError, first_unreadable, note, print_text
from .stack import PYTHON, agent_ingresses, project_language, read_stack, request_budget

# The limit of ingresses that a message lists one by one.
MOST_LISTED = 5


@dataclass(frozen=True)
class _Selection:
    """The ingresses that the options select."""

    ingresses: Sequence[IngressModel]
    names: Mapping[str, str]
    """The names in the file of --names, by ingress ID."""
    unreadable: Sequence[str]
    """A sentence for each ingress that can't be read, or for the first ones and the number of the others."""


@dataclass(frozen=True)
class _Plan:
    """The output for a selection."""

    declared: dict[str, IngressModel] = field(default_factory=dict[str, IngressModel])
    """The ingresses in the program, by resource name."""
    new: dict[str, IngressModel] = field(default_factory=dict[str, IngressModel])
    """Those of them that the stack does not have yet, which are in the file."""
    skipped: list[str] = field(default_factory=list[str])
    """A sentence for each ingress that the output lacks because the stack has it."""


def run(options: argparse.Namespace, clock: Clock) -> int:
    """Prints the program or the file for the ingresses, and notes about them on stderr."""
    _check_options(options)
    settings, provider, resources = read_stack(options.stack, options.provider)
    in_stack = agent_ingresses(resources)
    type_ = _type_to_import(options, settings, in_stack)
    if options.code and type_ != urns.AGENT_INGRESS:
        raise UsageError(
            "--code prints a program in Python, but the resources are for another language (see --language and "
            "--provider): omit --code, because `pulumi import` generates the code for the import file in the language "
            "of the project"
        )
    account = Account(settings, clock)
    selection = _select(options, account)
    plan = _plan(selection, options, type_, in_stack)
    _print_notes(account, selection.unreadable, plan.skipped)
    if type_ == urns.NATIVE_AGENT_INGRESS:
        note("the resources are those of the provider plugin, for other languages than Python (see --language)")
    elif project_language() not in (None, PYTHON):
        note("the resources are those of a program in Python (see --language)")
    if options.code:
        # The stack may have those that can't be read, and would delete them.
        skipped = [*plan.skipped, *selection.unreadable]
        return print_text(program(plan.declared, skipped, options.parent, provider))
    if not plan.new:
        note("all of them are already in the stack, so the import file contains no resources")
    in_file = (resource(type_, name, each, account) for name, each in plan.new.items())
    return print_text(import_file(in_file, {"parent": options.parent, "provider": provider}))


def _type_to_import(options: argparse.Namespace, settings: Settings, in_stack: Sequence[Mapping[str, Any]]) -> str:
    """Returns the type of the resources: of Python programs, or of the provider plugin for other languages.

    The stack's own ingresses show it best, because a component in Python can be in a project of another language.
    """
    if options.language is not None:
        return urns.AGENT_INGRESS if options.language == PYTHON else urns.NATIVE_AGENT_INGRESS
    types = {each["type"] for each in in_stack}
    if options.provider is None and len(types) == 1:
        return str(types.pop())
    # They are those of the explicit provider, or of the project.
    return urns.AGENT_INGRESS if settings.names is IN_PYTHON else urns.NATIVE_AGENT_INGRESS


def _plan(
    selection: _Selection, options: argparse.Namespace, type_: str, in_stack: Sequence[Mapping[str, Any]]
) -> _Plan:
    """Names the ingresses, and compares them with those of the stack.

    An ingress that the stack has under another name is an error if the user selected it individually, and is omitted
    otherwise. One that the stack has under the same name is omitted from the file, but not from the program.
    """
    plan = _Plan()
    owners_by_id: dict[str, list[Mapping[str, Any]]] = {}
    for each in in_stack:
        owners_by_id.setdefault(each.get("id", ""), []).append(each)
    names = name_all(selection.ingresses, selection.names, options.name)
    for name, ingress in zip(names, selection.ingresses, strict=True):
        # Several, if it was imported under several names.
        owners = owners_by_id.get(ingress.id, [])
        others = [each for each in owners if not _is_imported_as(each, type_, options.parent, name)]
        fact = f"the Agent Ingress {ingress.domain} ({ingress.id}) is already in the stack as "
        if others:
            fact += one_line(others[0]["urn"])
            if options.chosen or ingress.id in selection.names:
                raise UsageError(f"{fact}{_next_step(others[0], type_, options.stack)}")
            plan.skipped.append(fact)
            continue
        # By --name with several ingresses, or by a name that is twice in the file of --names. Names from domains are
        # unique.
        if name in plan.declared:
            raise UsageError(
                f"{plan.declared[name].domain} and {ingress.domain} can't both be named {one_line(name)}: two Agent "
                "Ingresses can't have the same resource name. Use --names FILE with other names, or omit --name"
            )
        plan.declared[name] = ingress
        if not owners:
            plan.new[name] = ingress
        elif not options.code:
            plan.skipped.append(fact + one_line(owners[0]["urn"]))
    return plan


def _print_notes(account: Account, unreadable: Sequence[str], skipped: Sequence[str]) -> None:
    settings = account.settings
    note(f"the API key is from {settings.api_key_source.shown_as}")
    if settings.has_other_base_url:
        note(f"the base URL is {account.require_client().sanitize(settings.shown_base_url)}")
    for sentence in unreadable:
        note(f"skipped: {sentence}")
    if len(skipped) > MOST_LISTED:
        note(f"skipped: {len(skipped)} Agent Ingresses that are already in the stack")
    else:
        for sentence in skipped:
            note(f"skipped: {sentence}")


def _is_imported_as(resource: Mapping[str, Any], type_: str, parent: str | None, name: str) -> bool:
    """Returns whether an import under a parent and a name would result in a resource that the stack has already."""
    # Both are in the same stack, so only the types and the names matter.
    parent_urn = urns.Urn("", "", urns.STACK, "") if parent is None else urns.Urn.parse(parent)
    imported, existing = parent_urn.child(type_, name), urns.Urn.parse(resource["urn"])
    return (existing.types, existing.name) == (imported.types, imported.name) and not resource.get("delete")


def _next_step(owner: Mapping[str, Any], type_: str, stack: str | None) -> str:
    """Returns the end of a message: the next step if a resource of the stack has the ingress already."""
    if owner.get("delete"):
        line = pulumi_line("up", stack)
        return f", which is pending deletion: to finish that, run this with the domain that replaced this one\n{line}"
    # By an alias, a resource of the plugin can also take over one of a Python program, but not the reverse.
    if type_ == urns.NATIVE_AGENT_INGRESS or owner["type"] == type_:
        option = "ResourceOptions(aliases=[pulumi.Alias(name=…, parent=…)])"
        alias = f"the old name or parent with {option}" if type_ == urns.AGENT_INGRESS else "this URN in `aliases`"
        moved = "renamed or moved" if owner["type"] == type_ else "moved from a Python program"
        return (
            ". If you imported it under a second name, `pulumi up` would delete it, because the first name is not in "
            f"the program. If it was {moved}, specify {alias} instead"
        )
    line = state_delete_line(owner["urn"], stack=stack)
    return (
        ", which belongs to the provider plugin. If the program is not in Python, there is nothing to do. The `pulumi "
        "up` of a Python program would delete it: to import it into such a program, first remove it from "
        f"the state, which does not delete the Agent Ingress\n{line}"
    )


def _check_options(options: argparse.Namespace) -> None:
    """Checks the options before anything is read."""
    ways = sum([bool(options.chosen), options.all, options.filter is not None])
    if ways > 1 or (ways == 0 and options.names is None):
        raise UsageError(
            "specify exactly one of domains or IDs, --all or --filter; --names can stand alone or with any of them"
        )
    if options.name is not None and options.names is not None:
        raise UsageError("use --name or --names, not both")
    if options.language is not None and options.provider is not None:
        raise UsageError("use --language or --provider, not both: the provider shows the language")
    # A name can contain line breaks and other characters that can't be printed.
    if options.parent is not None and not re.match(r"urn:pulumi:[^:]+::[^:]+::.+?::.", options.parent, re.DOTALL):
        raise UsageError(
            f"--parent {one_line(options.parent)} is not a URN such as urn:pulumi:dev::project::acme:index:Site::site; "
            f"to print those of the stack, run\n{pulumi_line('stack --show-urns', options.stack)}"
        )


def _select(options: argparse.Namespace, account: Account) -> _Selection:
    """Reads the file of --names and the account, and returns what the options select, which is at least one ingress.

    One that can't be read is an error if it is an argument of the command.
    """
    client = account.require_client()
    in_file = {} if options.names is None else read_names(options.names, client)
    chosen = [canonical_key(each, client) for each in options.chosen]
    budget = request_budget(client)
    matching = client.list_readable(options.filter, budget)
    # One file can serve several commands, each of which imports some of its ingresses. So all of them must be in the
    # account, but not in the selection.
    in_account = client.list_readable(None, budget) if in_file and options.filter is not None else matching
    unreadable = {key for error in in_account.unreadable for key in (error.id, error.domain)}
    names = {key: name for key, name in in_file.items() if key not in unreadable}
    named = _pick(list(names), in_account, account, "--names: ")
    if chosen:
        found = _pick(chosen, in_account, account)
    elif options.all or options.filter is not None:
        # The order is always the same, so that numbered names stay the same.
        found = sorted(matching.ingresses, key=lambda ingress: (ingress.created_at, ingress.id))
    else:
        found = named
    left_out = [] if chosen else [*in_account.unreadable, *matching.unreadable]
    if not found:
        if left_out:
            raise left_out[0]
        with_filter = "" if options.filter is None else f" that matches the filter: {client.sanitize(options.filter)}"
        raise UsageError(f"{account.settings.account_description} has no Agent Ingress{with_filter}")
    names_by_id = {ingress.id: name for ingress, name in zip(named, names.values(), strict=True)}
    # Both lists may have it.
    sentences = list(dict.fromkeys(map(str, left_out)))
    return _Selection(found, names_by_id, first_unreadable(sentences))


def _pick(keys: Sequence[str], listing: Listing, account: Account, source: str = "") -> list[IngressModel]:
    """Returns the ingresses of IDs and domains. Each must be in the list, and readable, and there only once.

    `source` is the beginning of an error message.
    """
    for error in listing.unreadable:
        if error.id in keys or error.domain in keys:
            raise error
    by_key = {key: ingress for ingress in listing.ingresses for key in (ingress.id, ingress.domain)}
    missing = [account.require_client().sanitize(key, 100) for key in keys if key not in by_key]
    if missing:
        more = f" and {len(missing) - MOST_LISTED} more" if len(missing) > MOST_LISTED else ""
        raise UsageError(
            f"{source}there is no Agent Ingress with the domain or ID {', '.join(missing[:MOST_LISTED])}{more} in "
            f"{account.settings.account_description}"
        )
    picked: dict[str, IngressModel] = {}
    for ingress in (by_key[key] for key in keys):
        if ingress.id in picked:
            raise UsageError(f"{source}{ingress.domain} ({ingress.id}) is given twice: specify each Agent Ingress once")
        picked[ingress.id] = ingress
    return list(picked.values())
