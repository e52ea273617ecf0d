"""`pulumi-agin import --pending`: an import file for what interrupted runs of a stack have created."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from pulumi_agin.api.errors import NgrokError
from pulumi_agin.base.clock import Clock
from pulumi_agin.base.redaction import one_line
from pulumi_agin.lifecycle import urns
from pulumi_agin.lifecycle.account import Account
from pulumi_agin.lifecycle.shell_commands import clear_pending_line, pulumi_line
from pulumi_agin.settings import Settings

from .import_file import import_file, resource
from .output import YELLOW, UsageError, note, print_text
from .pending_creates import (
    InStack,
    Left,
    Listed,
    Own,
    PendingCreate,
    is_create_of_ingress,
    judge,
    only_the_last,
    pending_creates,
)
from .stack import Resources, load_settings, read_state, request_budget, settings_of

# The options that go with --pending, and what selects this command.
_ALLOWED = {"module", "stack"}


def run(options: argparse.Namespace, clock: Clock) -> int:
    """Prints the file for the ingresses that are provably the stack's, and notes about all others on stderr."""
    given = {option for option, value in vars(options).items() if value not in (None, False, [])}
    if given - _ALLOWED:
        raise UsageError(
            "--pending reads everything from the state: use it alone or with --stack, without domains, IDs or other "
            "options"
        )
    state = read_state(options.stack)
    creates = pending_creates(state.pending_operations)
    accounts = _list_accounts({each.last.provider for each in creates}, state.resources, options.stack, clock)
    in_stack = InStack.of(state.resources)
    judgements = only_the_last([judge(each, accounts.get(each.last.provider), in_stack) for each in creates])
    others = [each for each in state.pending_operations if not is_create_of_ingress(each)]
    _print_notes(judgements, list(accounts.values()), others, options.stack)
    return print_text(import_file(_in_file(each) for each in judgements if isinstance(each, Own)))


def _list_accounts(
    providers: set[str | None], resources: Resources, stack: str | None, clock: Clock
) -> Mapping[str | None, Listed | NgrokError]:
    """Lists the accounts of providers, by URN, without those that are not in the state. None is a default provider.

    An account that can't be listed has its error, unless that is true of all of them.
    """
    settings: dict[str | None, Settings] = {
        each["urn"]: settings_of(each)
        for each in resources
        if each["type"] in urns.PROVIDER_TYPES and each["urn"] in providers
    }
    if None in providers:
        settings[None] = load_settings(stack)
    accounts = {urn: _list(Account(each, clock)) for urn, each in settings.items()}
    errors = [each for each in accounts.values() if isinstance(each, NgrokError)]
    if errors and len(errors) == len(accounts):
        raise errors[0]
    return accounts


def _list(account: Account) -> Listed | NgrokError:
    try:
        return Listed(account, account.client.list_readable(None, request_budget(account.client)))
    except NgrokError as error:
        return error


def _in_file(own: Own) -> Mapping[str, Any]:
    """Returns an ingress for the import file, as its create would have left it in the state."""
    last = own.create.last
    urn, references = urns.Urn.parse(last.urn), {"parent": last.parent, "provider": last.provider}
    return resource(urn.type, urn.name, own.ingress, own.account.client, references, own.inputs)


def _print_notes(
    judgements: Sequence[Own | Left],
    accounts: Sequence[Listed | NgrokError],
    others: Sequence[Mapping[str, Any]],
    stack: str | None,
) -> None:
    """Prints notes on stderr. `others` are the pending operations that are not creates of Agent Ingresses."""
    for each in accounts:
        if isinstance(each, NgrokError):
            continue
        settings = each.account.settings
        note(f"the API key is from {settings.api_key_source.shown_as}")
        if settings.other_base_url:
            note(f"the base URL is {each.account.client.sanitize(settings.other_base_url)}")
    for judgement in judgements:
        if isinstance(judgement, Left):
            note(f"not imported: {_shown(judgement.create)}: {judgement.reason}", YELLOW)
    for operation in others:
        urn = one_line(operation["resource"].get("urn", "a resource"))
        note(f"not imported: {urn}, which was interrupted while {one_line(operation['type'])}", YELLOW)
    own = sum(isinstance(each, Own) for each in judgements)
    if judgements:
        note(f"the import file contains {own} of {len(judgements)} Agent Ingresses whose creates were interrupted")
    else:
        note(
            "the stack has no pending creates of Agent Ingresses, so the import file contains no resources. To import "
            "one by its domain or ID, omit --pending"
        )
    if judgements or others:
        note(f"{'after the import' if own else 'next'}, {_what_next(judgements, others, stack)}")


def _what_next(judgements: Sequence[Own | Left], others: Sequence[Mapping[str, Any]], stack: str | None) -> str:
    """Returns what to do after the import, which does not clear the pending creates."""
    clear, up = clear_pending_line(stack), pulumi_line("up", stack)
    if any(isinstance(each, Left) and each.needs_pending_create for each in judgements):
        return f"follow the steps above, and run this command again before you run `{clear}`"
    if others:
        refresh = pulumi_line("refresh", stack)
        return f"run `{refresh}`, clear the pending creates of Agent Ingresses when it prompts for them, and run `{up}`"
    return f"run `{clear}`, and then `{up}`"


def _shown(create: PendingCreate) -> str:
    urn = one_line(create.last.urn)
    return f"{one_line(create.domain)} ({urn})" if create.domain else urn
