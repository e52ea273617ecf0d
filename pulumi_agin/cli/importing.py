"""`pulumi-agin import`: prints what `pulumi import` and a program need to take over existing Agent Ingresses.

`pulumi import` trusts the file: if a resource has outputs there, the engine does not ask the provider. So the file
contains exactly what a create would have written to the state.
"""

from __future__ import annotations

import argparse
import json
import keyword
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pulumi.dynamic.dynamic import PROVIDER_KEY, serialize_provider

from pulumi_agin import tokens
from pulumi_agin.api.client import AgentIngressClient
from pulumi_agin.api.errors import ApiError, BadAnswerError, NgrokError, NotFoundError, UnreachableError
from pulumi_agin.api.models import AgentIngress
from pulumi_agin.api.retry import is_transient
from pulumi_agin.api.text import one_line
from pulumi_agin.canonical import POLICY
from pulumi_agin.commands import state_delete_line
from pulumi_agin.dynamic.agent_ingress import AgentIngressProvider
from pulumi_agin.lifecycle.outputs import FINGERPRINT, inputs_of, outputs_of
from pulumi_agin.settings import API_KEY, Settings

from .common import UsageError, fail, load_settings, print_text

# `pulumi stack export --show-secrets` has the value of a secret under this key, as JSON.
PLAINTEXT = "plaintext"

STILL_TO_BE_DELETED = (
    ", which is still to be deleted: finish that first. Run `pulumi up` with the domain that replaced this one in the "
    "program"
)
UNDER_TWO_NAMES = (
    ". With a second name, `pulumi up` would delete it, because the program lacks the first. If it was renamed or "
    "moved, give the resource its old name or parent in "
    "ResourceOptions(aliases=[pulumi.Alias(name=…, parent=…)]) instead"
)


def run(options: argparse.Namespace) -> int:
    """Runs the command.

    Args:
        options: The parsed command line; see `main`.

    Returns:
        The exit status: 0, or that of the failure as `main` says.
    """
    request = ImportRequest(
        options.ids, options.all, options.filter, options.name, options.parent, options.provider, options.stack
    )
    try:
        takeover = prepare(request)
    except UsageError as error:
        return fail(str(error))
    except ApiError as error:
        return fail(str(error), 1 if is_transient(error.status) else 2)
    except (UnreachableError, BadAnswerError) as error:
        return fail(str(error), 1)
    except NgrokError as error:
        return fail(str(error))
    except KeyboardInterrupt:
        return fail("interrupted", 1)
    for sentence in takeover.left_out:
        sys.stderr.write(f"pulumi-agin: left out: {sentence}\n")
    return print_text(takeover.program() if options.code else takeover.file())


@dataclass(frozen=True)
class ImportRequest:
    """What the command line asks for: exactly one of ids, all and filter."""

    ids: Sequence[str] = ()
    all: bool = False
    filter: str | None = None
    name: str | None = None
    parent: str | None = None
    """The URN of the parent."""
    provider: str | None = None
    """The URN of an explicit provider, with or without the id of the provider, which states append to it."""
    stack: str | None = None
    """The name of the stack; None for the selected one."""


@dataclass(frozen=True)
class Takeover:
    """The ingresses, by the names of their future resources, and sentences about those that are left out."""

    client: AgentIngressClient
    ingresses: Mapping[str, AgentIngress]
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
                "type": tokens.AGENT_INGRESS,
                "name": name,
                "id": ingress.id,
                **given,
                "inputs": {**inputs_of(ingress, {}), **mark},
                "outputs": {**outputs_of(ingress), FINGERPRINT: self.client.fingerprint(ingress.id), **mark},
            }
            for name, ingress in self.ingresses.items()
        ]
        # A name in the table must not be the name of a resource in the file. No resource is named like a URN.
        return json.dumps({"nameTable": {urn: urn for urn in given.values()}, "resources": resources}, indent=2) + "\n"

    def program(self) -> str:
        """Returns the Python program that declares the ingresses as they are."""
        identifiers = _unique((_identifier(name) for name in self.ingresses), "_")
        blocks = [
            _declaration(identifier, name, ingress, self.parent, self.provider)
            for identifier, (name, ingress) in zip(identifiers, self.ingresses.items(), strict=True)
        ]
        return "\n".join(["import pulumi\nimport pulumi_agin as agin\n", *blocks])


def prepare(request: ImportRequest) -> Takeover:
    """Asks ngrok for the ingresses to take over.

    If the stack already has an ingress under another name, the ingress is refused if the user gave its id, and left out
    otherwise.

    Args:
        request: What the command line asks for.

    Returns:
        What to take over.

    Raises:
        UsageError: The user must correct something.
        NgrokError: ngrok could not be asked.
    """
    _check_request(request)
    state = _state(request.stack, show_secrets=request.provider is not None)
    provider = _provider(request.provider, state or []) if request.provider is not None else None
    client = _settings(provider).client()
    ingresses = _ingresses(request, client)
    if request.name is not None and len(ingresses) > 1:
        raise UsageError(
            f"{len(ingresses)} Agent Ingresses can't all be named {one_line(request.name)}: no two resources have the "
            "same name. Leave out --name, or ask for one"
        )
    names = [request.name] if request.name is not None else _unique((_name(ingress) for ingress in ingresses), "-")
    wanted: dict[str, AgentIngress] = {}
    left_out: list[str] = []
    for name, ingress in zip(names, ingresses, strict=True):
        owner = _owner(ingress, _path(request.parent, name), state or [])
        if owner is None:
            wanted[name] = ingress
            continue
        fact = f"the Agent Ingress {ingress.domain} ({ingress.id}) is in the stack already, as {one_line(owner['urn'])}"
        if request.ids:
            raise UsageError(f"{fact}{_way_on(owner, request.stack)}")
        left_out.append(fact)
    if not wanted:
        raise UsageError(f"there is nothing to take over: the stack has all {len(left_out)} already")
    return Takeover(client, wanted, request.parent, provider["urn"] if provider else None, left_out)


# -- the request ------------------------------------------------------------------------------------------


def _check_request(request: ImportRequest) -> None:
    """Checks what can be checked before ngrok is asked."""
    ways = [bool(request.ids), request.all, request.filter is not None]
    if sum(ways) != 1:
        raise UsageError("give the ids of Agent Ingresses, or --all, or --filter: exactly one of the three")
    if request.filter is not None and not request.filter.strip():
        raise UsageError("--filter is empty; give CEL, such as 'obj.domain == \"connect.acme.com\"', or --all")
    twice = next((id_ for id_ in request.ids if list(request.ids).count(id_) > 1), None)
    if twice is not None:
        raise UsageError(
            f"{one_line(twice)} is given twice, and no two resources have the same name: give each id once"
        )
    if request.name == "":
        raise UsageError("--name is empty; give the name that the resource has in the program")
    if request.stack is not None and not request.stack.strip():
        raise UsageError("--stack is empty; give the stack's name, such as dev")
    for option, urn in (("--parent", request.parent), ("--provider", request.provider)):
        if urn is not None and not _is_urn(urn):
            raise UsageError(
                f"{option} {one_line(urn)} is not a URN; `pulumi stack --show-urns` prints those of the stack, "
                "such as urn:pulumi:dev::project::acme:index:Site::site"
            )
    if request.provider is not None and _types(request.provider).rpartition("$")[2] != tokens.PROVIDER:
        raise UsageError(
            f"--provider {one_line(request.provider)} is not a provider of Agent Ingresses; the URN of such a provider "
            f"contains {tokens.PROVIDER}"
        )


def _is_urn(text: str) -> bool:
    # A name can contain line breaks and other characters that can't be printed.
    return re.match(r"urn:pulumi:[^:]+::[^:]+::.+?::.", text, re.DOTALL) is not None


def _types(urn: str) -> str:
    """Returns the types in a URN: those of the parents, and then that of the resource."""
    return urn.split("::", 3)[2]


def _ingresses(request: ImportRequest, client: AgentIngressClient) -> list[AgentIngress]:
    if request.ids:
        return [_ingress_with(client, id_) for id_ in request.ids]
    # The order is always the same, so that names that end in a number stay the same.
    found = sorted(client.list(filter=request.filter), key=lambda ingress: (ingress.created_at, ingress.id))
    if not found:
        raise UsageError(
            "the account of this key has no Agent Ingress"
            + ("" if request.filter is None else f" that matches the filter: {one_line(request.filter)}")
        )
    return found


def _ingress_with(client: AgentIngressClient, id_: str) -> AgentIngress:
    try:
        return client.get(id_)
    except NotFoundError as error:
        problem = f"{error}: there is no such Agent Ingress in the account of this key"
    raise UsageError(problem)


def _settings(provider: Mapping[str, Any] | None) -> Settings:
    if provider is None:
        return load_settings()
    inputs = provider.get("inputs", {})
    # The key in the environment may belong to another account, so it is not used.
    if not _plain_value(inputs.get(API_KEY)):
        raise UsageError(f"the provider {one_line(provider['urn'])} has no {API_KEY} in the state")
    return Settings.load(lambda key: _plain_value(inputs.get(key)), is_of_provider=True)


def _plain_value(value: Any) -> Any:
    return json.loads(value[PLAINTEXT]) if isinstance(value, dict) and PLAINTEXT in value else value


# -- the state of the stack -------------------------------------------------------------------------------


def _state(stack: str | None, *, show_secrets: bool) -> list[dict[str, Any]] | None:
    """Returns the resources of a stack.

    Args:
        stack: The name of the stack; None for the one that is selected in this folder.
        show_secrets: Whether the secrets are needed.

    Returns:
        The resources; None if they cannot be read, but are not needed.

    Raises:
        UsageError: The resources cannot be read, although the user named the stack or the secrets are needed.
    """
    pulumi = shutil.which("pulumi")
    if pulumi is None:
        problem = "pulumi is not on PATH"
    else:
        command = [pulumi, "stack", "export", "--non-interactive", "--color=never"]
        command += [f"--stack={stack}"] if stack is not None else []
        export = subprocess.run(  # noqa: S603 - pulumi, as the user would run it
            [*command, "--show-secrets"] if show_secrets else command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
        if export.returncode == 0:
            resources: list[dict[str, Any]] = json.loads(export.stdout)["deployment"].get("resources", [])
            return resources
        said = next((line for line in export.stderr.splitlines() if line.strip()), "it said nothing")
        problem = f"`pulumi stack export` failed: {one_line(said.removeprefix('error: '))}"
    if show_secrets or stack is not None:
        what = (
            "the API key of the provider could not be taken from the state"
            if show_secrets
            else "the state could not be read"
        )
        raise UsageError(f"{what}: {problem}")
    return None


def _provider(urn: str, state: Iterable[Mapping[str, Any]]) -> Mapping[str, Any]:
    providers = [resource for resource in state if resource["type"] == tokens.PROVIDER]
    for provider in providers:
        if urn in (provider["urn"], f"{provider['urn']}::{provider.get('id')}"):
            return provider
    # The engine's default provider has no key.
    there = ", ".join(one_line(one["urn"]) for one in providers if API_KEY in one.get("inputs", {}))
    raise UsageError(
        f"the stack has no provider {one_line(urn)}; "
        + (f"it has {there}" if there else "it has none with an API key: run `pulumi up` with the provider first")
    )


def _path(parent: str | None, name: str) -> str:
    """Returns the end of the URN of the resource: its types and its name."""
    types = _types(parent) if parent is not None else tokens.STACK
    return f"{tokens.AGENT_INGRESS}::{name}" if types == tokens.STACK else f"{types}${tokens.AGENT_INGRESS}::{name}"


def _owner(ingress: AgentIngress, path: str, state: Iterable[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Returns the resource that already has the ingress in the stack, if a later `up` would then delete the ingress."""
    for resource in state:
        is_ingress = resource["type"] in (tokens.AGENT_INGRESS, tokens.NATIVE_AGENT_INGRESS)
        if not is_ingress or resource.get("id") != ingress.id or resource.get("external"):
            continue
        if resource.get("delete") or resource["urn"].split("::", 2)[2] != path:
            return resource
    return None


def _way_on(owner: Mapping[str, Any], stack: str | None) -> str:
    """Says what to do, because the stack has the ingress already."""
    if owner.get("delete"):
        return STILL_TO_BE_DELETED
    if owner["type"] == tokens.AGENT_INGRESS:
        return UNDER_TWO_NAMES
    line = state_delete_line(owner["urn"], stack=stack)
    return (
        ", a resource of the provider plugin. If the program is not in Python, there is nothing to do. A program in "
        "Python lacks it, so its `pulumi up` would delete it: to make it a resource of such a program, first take it "
        f"out of the state, which leaves the Agent Ingress as it is\n{line}"
    )


# -- names ------------------------------------------------------------------------------------------------


def _name(ingress: AgentIngress) -> str:
    return re.sub("[^a-z0-9_]+", "-", ingress.domain).strip("-") or ingress.id


def _identifier(name: str) -> str:
    identifier = re.sub("[^a-z0-9]+", "_", name.lower()).strip("_") or "ingress"
    if identifier[0].isdigit():
        identifier = f"ingress_{identifier}"
    taken = keyword.iskeyword(identifier) or identifier in ("agin", "parent", "provider", "pulumi")
    return f"{identifier}_ingress" if taken else identifier


def _unique(names: Iterable[str], separator: str) -> list[str]:
    """Returns the names, with a number after each that is already taken."""
    unique: list[str] = []
    for name in names:
        number, candidate = 1, name
        while candidate in unique:
            number += 1
            candidate = f"{name}{separator}{number}"
        unique.append(candidate)
    return unique


# -- the program ------------------------------------------------------------------------------------------


def _declaration(identifier: str, name: str, ingress: AgentIngress, parent: str | None, provider: str | None) -> str:
    """Returns the code of one resource. Every value is on a line of its own, so that formatters change nothing."""
    arguments = [_literal(name), f"domain={_literal(ingress.domain)}"]
    for field in ("description", "metadata"):
        if getattr(ingress, field):
            arguments.append(f"{field}={_literal(getattr(ingress, field))}")
    policy = outputs_of(ingress).get(POLICY)
    if policy is not None:
        arguments.append(f"{POLICY}={_policy(policy)}")
    # `pulumi import` protects what it takes over. Without this, the next `up` would remove the protection.
    options = ["protect=True,"]
    if parent is not None and _types(parent) != tokens.STACK:
        options.append(f"parent=parent,  # fill in: {one_line(parent, len(parent))}")
    if provider is not None:
        options.append(f"provider=provider,  # fill in: {one_line(provider, len(provider))}")
    lines = "".join(f"        {option}\n" for option in options)
    arguments.append(f"opts=pulumi.ResourceOptions(\n{lines}    )")
    return f"{identifier} = agin.AgentIngress(\n" + "".join(f"    {argument},\n" for argument in arguments) + ")\n"


def _policy(policy: Mapping[str, str]) -> str:
    values = "".join(f"        {field}={_literal(value)},\n" for field, value in policy.items())
    return f"agin.AgentIngressCertPolicyArgs(\n{values}    )"


def _literal(text: str) -> str:
    """Returns the text as Python source, in double quotes unless single ones need fewer escapes, as formatters do."""
    # The added double quote makes repr use single quotes.
    body = repr(text + '"')[1:-2]
    if text.count('"') > text.count("'"):
        return f"'{body}'"
    return '"' + body.replace("\\'", "'").replace('"', '\\"') + '"'
