"""`pulumi-agin import`: prints what `pulumi import` and a program need to take over existing Agent Ingresses.

`pulumi import` trusts the file: if a resource has outputs there, the engine does not ask the provider. So the file
contains exactly what a create would have written to the state.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pulumi.dynamic.dynamic import PROVIDER_KEY, serialize_provider

from pulumi_agin.api.client import AgentIngressClient
from pulumi_agin.api.clock import Clock
from pulumi_agin.api.constants import AGENT_INGRESS_ID, EXAMPLE_DOMAIN, ID_LOOKS_LIKE
from pulumi_agin.api.errors import ApiError, BadResponseError, NgrokError, NotFoundError, UnreachableError
from pulumi_agin.api.models import AgentIngress
from pulumi_agin.api.redaction import one_line
from pulumi_agin.api.retry import Deadline, is_transient
from pulumi_agin.dynamic.agent_ingress import AgentIngressProvider
from pulumi_agin.lifecycle import urns
from pulumi_agin.lifecycle.inputs import AgentIngressInputs
from pulumi_agin.lifecycle.outputs import FINGERPRINT, inputs_of, outputs_of
from pulumi_agin.lifecycle.schema import validate

from .import_names import name_all, names_by_id, read_names
from .import_program import check_adapter, program
from .import_state import find_provider, is_at, next_step, owners_of, path_of, settings_of
from .output import UsageError, fail, note, print_text
from .stack import NGROK_SECONDS, load_settings, read_resources

# How many ingresses a message lists one by one.
MOST_LISTED = 5


def run(options: argparse.Namespace, clock: Clock) -> int:
    """Runs the command.

    Args:
        options: The parsed command line; see `main`.
        clock: The clock that measures the time.

    Returns:
        The exit status: 0, or that of the failure as `main` says.
    """
    request = ImportRequest(
        chosen=options.chosen,
        all=options.all,
        filter=options.filter,
        name=options.name,
        names=options.names,
        parent=options.parent,
        provider=options.provider,
        stack=options.stack,
        code=options.code,
        delegations=options.delegations,
    )
    try:
        takeover = prepare(request, clock)
    except UsageError as error:
        return fail(str(error))
    except ApiError as error:
        return fail(str(error), 1 if is_transient(error.status) else 2)
    except (UnreachableError, BadResponseError) as error:
        return fail(str(error), 1)
    except NgrokError as error:
        return fail(str(error))
    except KeyboardInterrupt:
        return fail("interrupted", 1)
    note(f"the API key is from {takeover.key_source}")
    if takeover.other_base_url:
        note(f"the base URL is {takeover.client.sanitize(takeover.other_base_url)}")
    if len(takeover.left_out) > MOST_LISTED:
        note(f"left out: {len(takeover.left_out)} Agent Ingresses that are in the stack already")
    else:
        for sentence in takeover.left_out:
            note(f"left out: {sentence}")
    if request.code:
        return print_text(
            program(takeover.ingresses, takeover.left_out, request.parent, takeover.provider, request.delegations)
        )
    if not takeover.new:
        note("nothing is left to take over, so the file has no resources")
    return print_text(takeover.file())


@dataclass(frozen=True)
class ImportRequest:
    """What the command line asks for."""

    chosen: Sequence[str] = ()
    """The ids and domains of Agent Ingresses."""
    all: bool = False
    filter: str | None = None
    name: str | None = None
    names: str | None = None
    """The path of a file with names, or "-"."""
    parent: str | None = None
    """The URN of the parent."""
    provider: str | None = None
    """The URN of an explicit provider, with or without the id of the provider, which states append to it."""
    stack: str | None = None
    """The name of the stack; None for the selected one."""
    code: bool = False
    """Whether the program is wanted in place of the file."""
    delegations: str | None = None
    """The adapter of the program's delegations; None for none."""

    @property
    def is_of_file(self) -> bool:
        """Whether the file with names says which ingresses to take over."""
        return not self.chosen and not self.all and self.filter is None


@dataclass(frozen=True)
class Takeover:
    """The Agent Ingresses, by the names of their resources, and sentences about those that are left out."""

    client: AgentIngressClient
    key_source: str
    """Where the API key came from."""
    other_base_url: str
    """The base URL, in words; "" if it is ngrok's."""
    ingresses: Mapping[str, AgentIngress]
    new: Sequence[str]
    """The names of those that the stack does not have yet."""
    parent: str | None
    provider: str | None
    left_out: Sequence[str]

    def file(self) -> str:
        """Returns the JSON for `pulumi import --file`. It is ASCII only, so that every shell passes it on unchanged."""
        references = {"parent": self.parent, "provider": self.provider}
        given = {kind: urn for kind, urn in references.items() if urn is not None}
        mark = {PROVIDER_KEY: serialize_provider(AgentIngressProvider())}
        resources = [
            {
                "type": urns.AGENT_INGRESS,
                "name": name,
                "id": ingress.id,
                **given,
                "inputs": {**inputs_of(ingress, {}), **mark},
                "outputs": {**outputs_of(ingress), FINGERPRINT: self.client.fingerprint(ingress.id), **mark},
            }
            for name, ingress in self.ingresses.items()
            if name in self.new
        ]
        # A name in the table must not be the name of a resource in the file. No resource is named like a URN.
        return json.dumps({"nameTable": {urn: urn for urn in given.values()}, "resources": resources}, indent=2) + "\n"


def prepare(request: ImportRequest, clock: Clock) -> Takeover:
    """Asks ngrok for the ingresses to take over.

    If the stack already has an ingress under another name, the ingress is refused if the user named it, and left out
    otherwise. If the stack has it under the same name, only the file lacks it.

    Args:
        request: What the command line asks for.
        clock: The clock that measures the time.

    Returns:
        What to take over.

    Raises:
        UsageError: The user must correct something.
        NgrokError: ngrok could not be asked.
    """
    _check_request(request)
    names = {} if request.names is None else read_names(request.names)
    state = read_resources(request.stack, show_secrets=request.provider is not None)
    provider = find_provider(request.provider, state) if request.provider is not None else None
    settings = load_settings(request.stack) if provider is None else settings_of(provider)
    client = settings.client(clock)
    request = replace(request, chosen=_canonical(request.chosen, client))
    search = _Search(
        request, client, settings.account_description, Deadline(min(NGROK_SECONDS, client.timeout_seconds), clock)
    )
    ingresses, given = search.find(names)
    named = name_all(ingresses, given) if request.name is None else [request.name]
    wanted: dict[str, AgentIngress] = {}
    new: list[str] = []
    left_out: list[str] = []
    for name, ingress in zip(named, ingresses, strict=True):
        owners = owners_of(ingress, state)
        path = path_of(request.parent, name)
        other = next((each for each in owners if not is_at(each, path)), None)
        holder = other or next(iter(owners), None)
        if other is None:
            wanted[name] = ingress
        if holder is None:
            new.append(name)
        elif other is None and request.code:
            # The program has to declare it.
            continue
        else:
            urn = one_line(holder["urn"])
            fact = f"the Agent Ingress {ingress.domain} ({ingress.id}) is in the stack already, as {urn}"
            if other is not None and (request.chosen or ingress.id in given):
                raise UsageError(f"{fact}{next_step(other, request.stack)}")
            left_out.append(fact)
    provider_urn = provider["urn"] if provider is not None else None
    source = settings.api_key.shown_as
    return Takeover(client, source, settings.other_base_url, wanted, new, request.parent, provider_urn, left_out)


# -- the request ------------------------------------------------------------------------------------------


def _check_request(request: ImportRequest) -> None:
    """Checks what can be checked before anything is asked."""
    ways = sum([bool(request.chosen), request.all, request.filter is not None])
    if ways > 1 or (ways == 0 and request.names is None):
        raise UsageError(
            "give domains or ids of Agent Ingresses, or --all, or --filter: exactly one of the three, or --names alone"
        )
    if request.filter is not None and not request.filter.strip():
        raise UsageError("--filter is empty; give CEL, such as 'obj.domain == \"connect.acme.com\"', or --all")
    if request.name == "":
        raise UsageError("--name is empty; give the name that the resource has in the program")
    if request.name is not None and request.names is not None:
        raise UsageError("give --name or --names, not both")
    if request.names == "":
        raise UsageError("--names is empty; give the path of a file, or - for stdin")
    if request.stack is not None and not request.stack.strip():
        raise UsageError("--stack is empty; give the stack's name, such as dev")
    if request.delegations is not None:
        check_adapter(request.delegations)
        if not request.code:
            raise UsageError("--delegations works only with --code: give that, too")
    for option, urn in (("--parent", request.parent), ("--provider", request.provider)):
        if urn is not None and not _is_urn(urn):
            raise UsageError(
                f"{option} {one_line(urn)} is not a URN; `pulumi stack --show-urns` prints those of the stack, "
                "such as urn:pulumi:dev::project::acme:index:Site::site"
            )
    if request.provider is not None and urns.Urn.parse(request.provider).types.rpartition("$")[2] != urns.PROVIDER:
        raise UsageError(
            f"--provider {one_line(request.provider)} is not a provider of Agent Ingresses; the URN of such a provider "
            f"contains {urns.PROVIDER}"
        )


def _is_urn(text: str) -> bool:
    # A name can contain line breaks and other characters that can't be printed.
    return re.match(r"urn:pulumi:[^:]+::[^:]+::.+?::.", text, re.DOTALL) is not None


def _canonical(chosen: Sequence[str], client: AgentIngressClient) -> list[str]:
    """Returns ids and canonical domains. The client is needed to keep the API key out of what is shown of them."""
    keys: list[str] = []
    for each in chosen:
        shown = client.sanitize(each, 100)
        inputs, problems = validate(AgentIngressInputs, {"domain": each})
        is_id = AGENT_INGRESS_ID.fullmatch(each)
        if not is_id and (problems or "." not in each):
            raise UsageError(
                f'"{shown}" is neither the id of an Agent Ingress nor a domain; {ID_LOOKS_LIKE}, and a domain like '
                f"{EXAMPLE_DOMAIN}"
            )
        key = each if is_id else str(inputs["domain"])
        if key in keys:
            raise UsageError(_given_twice(shown))
        keys.append(key)
    return keys


def _given_twice(shown: str) -> str:
    return f"{shown} is given twice, and no two resources have the same name: give each Agent Ingress once"


# -- the ingresses ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Search:
    request: ImportRequest
    client: AgentIngressClient
    account: str
    """What messages call the account."""
    deadline: Deadline

    def find(self, names: Mapping[str, str]) -> tuple[list[AgentIngress], Mapping[str, str]]:
        """Returns the ingresses that are asked for, and the names that a file gives them, by their ids."""
        request = self.request
        found = self._chosen() if request.chosen else self._list(request.filter)
        given, unknown = names_by_id(names, found)
        if unknown and (request.chosen or request.filter is not None):
            # The same file can be for several commands, each of which takes over some of its ingresses.
            _, unknown = names_by_id(names, self._list(None))
        if unknown:
            more = f" and {len(unknown) - MOST_LISTED} more" if len(unknown) > MOST_LISTED else ""
            listed = ", ".join(one_line(key) for key in unknown[:MOST_LISTED])
            raise UsageError(f"--names names {listed}{more}, but there is no such Agent Ingress in {self.account}")
        if request.is_of_file:
            found = [ingress for ingress in found if ingress.id in given]
        if not found:
            matching = (
                "" if request.filter is None else f" that matches the filter: {self.client.sanitize(request.filter)}"
            )
            raise UsageError(f"{self.account} has no Agent Ingress{matching}")
        if request.name is not None and len(found) > 1:
            raise UsageError(
                f"{len(found)} Agent Ingresses can't all be named {one_line(request.name)}: no two resources have the "
                "same name. Give --names FILE, leave out --name, or ask for one"
            )
        return found, given

    def _chosen(self) -> list[AgentIngress]:
        """Returns the ingresses that are given by id or domain."""
        domains = [each for each in self.request.chosen if not AGENT_INGRESS_ID.fullmatch(each)]
        by_domain: dict[str, AgentIngress] = {}
        if len(domains) > 1:
            by_domain = {ingress.domain: ingress for ingress in self._list(None)}
        elif domains and (ingress := self.client.find(domains[0], self.deadline)):
            by_domain = {ingress.domain: ingress}
        missing = ", ".join(self.client.sanitize(each, 100) for each in domains if each not in by_domain)
        if missing:
            raise UsageError(f"there is no Agent Ingress with the domain {missing} in {self.account}")
        found = [by_domain.get(each) or self._get(each) for each in self.request.chosen]
        ids = [ingress.id for ingress in found]
        for number, ingress in enumerate(found):
            if ingress.id in ids[:number]:
                raise UsageError(_given_twice(f"{ingress.domain} ({ingress.id})"))
        return found

    def _get(self, id_: str) -> AgentIngress:
        # All but the first share a list.
        get = self.client.get_one_of_many if len(self.request.chosen) > 1 else self.client.get
        try:
            return get(id_, self.deadline)
        except NotFoundError as error:
            problem = f"{error}: there is no such Agent Ingress in {self.account}"
        raise UsageError(problem)

    def _list(self, filter: str | None) -> list[AgentIngress]:  # noqa: A002
        found = self.client.list(filter, self.deadline)
        # The order is always the same, so that names that end in a number stay the same.
        return sorted(found, key=lambda ingress: (ingress.created_at, ingress.id))
