"""`pulumi-agin import`: what `pulumi import` and a program need to take over Agent Ingresses that exist.

`pulumi import` believes the file: where a resource has outputs, the engine asks the provider for nothing. So the file
holds just what a create would have left in the state.
"""

from __future__ import annotations

import json
import keyword
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from pulumi.dynamic.dynamic import serialize_provider

from .api.access import Secret
from .api.client import AgentIngressClient
from .api.errors import NotFoundError
from .api.models import AgentIngress, AgentIngressCertPolicy, without_none
from .api.text import one_line
from .dynamic.agent_ingress import AgentIngressProvider, followed_inputs, kept_outputs
from .dynamic.servicer import PROVIDER_KEY
from .settings import Settings

TYPE = "pulumi-python:dynamic/agin:AgentIngress"
PROVIDER_TYPE = "pulumi:providers:pulumi-python"
STACK_TYPE = "pulumi:pulumi:Stack"

# Under this key `pulumi stack export --show-secrets` has a secret, as JSON.
PLAINTEXT = "plaintext"

STILL_TO_BE_DELETED = (
    ", which is still to be deleted: finish that first, by a `pulumi up` of the program with the domain that took its "
    "place"
)
UNDER_TWO_NAMES = (
    ". With two names it would be deleted by the one that the program lacks: where it was renamed or moved, give the "
    "resource its old name or parent in ResourceOptions(aliases=[pulumi.Alias(name=…, parent=…)]) instead"
)


class NotImportableError(Exception):
    """What was asked for can't be done until the user sets something right: one sentence that says what."""


@dataclass(frozen=True)
class Asked:
    """What the command line asked for: exactly one of ids, all and filter."""

    ids: Sequence[str] = ()
    all: bool = False
    filter: str | None = None
    name: str | None = None
    parent: str | None = None
    """A URN."""
    provider: str | None = None
    """The URN of an explicit provider; with its id behind, as a state has it, it means the same."""
    stack: str | None = None
    """What the stack is called; else it is the one that is selected."""


@dataclass(frozen=True)
class Found:
    """The ingresses by the names that their resources get, and what was left out, in sentences."""

    client: AgentIngressClient
    ingresses: Mapping[str, AgentIngress]
    parent: str | None
    provider: str | None
    left_out: Sequence[str]

    def file(self) -> str:
        """The JSON for `pulumi import --file`. ASCII only, whatever a shell makes of other letters."""
        references = {"parent": self.parent, "provider": self.provider}
        given = {kind: urn for kind, urn in references.items() if urn is not None}
        mark = {PROVIDER_KEY: serialize_provider(AgentIngressProvider())}
        resources = [
            {
                "type": TYPE,
                "name": name,
                "id": ingress.id,
                **given,
                "inputs": {**followed_inputs(ingress, {}), **mark},
                "outputs": {**kept_outputs(self.client, ingress), **mark},
            }
            for name, ingress in self.ingresses.items()
        ]
        # Names of the table are names of the file too. A URN is the one that no resource has.
        return json.dumps({"nameTable": {urn: urn for urn in given.values()}, "resources": resources}, indent=2) + "\n"

    def program(self) -> str:
        """The Python program that declares the ingresses as they are."""
        identifiers = _unique((_identifier(name) for name in self.ingresses), "_")
        blocks = [
            _declaration(identifier, name, ingress, self.parent, self.provider)
            for identifier, (name, ingress) in zip(identifiers, self.ingresses.items(), strict=True)
        ]
        return "\n".join(["import pulumi\nimport pulumi_agin as agin\n", *blocks])


def find(asked: Asked) -> Found:
    """Asks ngrok for what is to be taken over.

    Raises NotImportableError for what the user has to set right, and whatever the client raises. Where the folder has
    a stack, what it holds under another name is refused, or left out where it was not asked for by its id.
    """
    _see_whole(asked)
    state = _state(asked.stack, show_secrets=asked.provider is not None)
    provider = _provider(asked.provider, state or []) if asked.provider is not None else None
    client = _settings(provider).client()
    ingresses = _asked_for(asked, client)
    if asked.name is not None and len(ingresses) > 1:
        raise NotImportableError(
            f"{len(ingresses)} Agent Ingresses can't all be named {one_line(asked.name)}: no two resources have the "
            "same name. Leave out --name, or ask for one"
        )
    names = [asked.name] if asked.name is not None else _unique((_name(ingress) for ingress in ingresses), "-")
    wanted: dict[str, AgentIngress] = {}
    left_out: list[str] = []
    for name, ingress in zip(names, ingresses, strict=True):
        owner = _owner(ingress, _path(asked.parent, name), state or [])
        if owner is None:
            wanted[name] = ingress
            continue
        fact = f"the Agent Ingress {ingress.domain} ({ingress.id}) is in the stack already, as {one_line(owner['urn'])}"
        if asked.ids:
            raise NotImportableError(f"{fact}{STILL_TO_BE_DELETED if owner.get('delete') else UNDER_TWO_NAMES}")
        left_out.append(fact)
    if not wanted:
        raise NotImportableError(f"there is nothing to take over: the stack has all {len(left_out)} already")
    return Found(client, wanted, asked.parent, provider["urn"] if provider else None, left_out)


# -- what was asked for -----------------------------------------------------------------------------------


def _see_whole(asked: Asked) -> None:
    """Judges what can be judged before anything is asked."""
    ways = [bool(asked.ids), asked.all, asked.filter is not None]
    if sum(ways) != 1:
        raise NotImportableError("give the ids of Agent Ingresses, or --all, or --filter: exactly one of the three")
    if asked.filter is not None and not asked.filter.strip():
        raise NotImportableError("--filter is empty; give CEL, such as 'obj.domain == \"connect.acme.com\"', or --all")
    twice = next((id_ for id_ in asked.ids if list(asked.ids).count(id_) > 1), None)
    if twice is not None:
        raise NotImportableError(
            f"{one_line(twice)} is given twice, and no two resources have the same name: give each id once"
        )
    if asked.name == "":
        raise NotImportableError("--name is empty; give the name that the resource has in the program")
    if asked.stack is not None and not asked.stack.strip():
        raise NotImportableError("--stack is empty; give the stack's name, such as dev")
    for option, urn in (("--parent", asked.parent), ("--provider", asked.provider)):
        if urn is not None and not _is_urn(urn):
            raise NotImportableError(
                f"{option} {one_line(urn)} is not a URN; `pulumi stack --show-urns` prints those of the stack, "
                "such as urn:pulumi:dev::project::acme:index:Site::site"
            )
    if asked.provider is not None and _types(asked.provider).rpartition("$")[2] != PROVIDER_TYPE:
        raise NotImportableError(
            f"--provider {one_line(asked.provider)} is not one that has Agent Ingresses; the URN of such a provider "
            f"holds {PROVIDER_TYPE}"
        )


def _is_urn(text: str) -> bool:
    # A name can hold line breaks and whatever else can't be printed.
    return re.match(r"urn:pulumi:[^:]+::[^:]+::.+?::.", text, re.DOTALL) is not None


def _types(urn: str) -> str:
    """The resource's type in a URN, with those of its parents before it."""
    return urn.split("::", 3)[2]


def _asked_for(asked: Asked, client: AgentIngressClient) -> list[AgentIngress]:
    if asked.ids:
        return [_by_id(client, id_) for id_ in asked.ids]
    # In an order of its own, so that names with a number behind are the same the next time.
    found = sorted(client.list(filter=asked.filter), key=lambda ingress: (ingress.created_at, ingress.id))
    if not found:
        raise NotImportableError(
            "the account of this key has no Agent Ingress"
            + ("" if asked.filter is None else f" for which the filter holds: {one_line(asked.filter)}")
        )
    return found


def _by_id(client: AgentIngressClient, id_: str) -> AgentIngress:
    try:
        return client.get(id_)
    except NotFoundError as error:
        problem = f"{error}: there is no such Agent Ingress in the account of this key"
    raise NotImportableError(problem)


def _settings(provider: Mapping[str, Any] | None) -> Settings:
    if provider is None:
        settings = Settings.load(lambda key: None)
        if not settings.api_key.get_secret_value():
            raise NotImportableError(
                "there is no ngrok API key: set the environment variable NGROK_API_KEY, such as with "
                'NGROK_API_KEY="$(pulumi config get ngrok:apiKey)" where the stack config has it'
            )
        return settings
    inputs = provider.get("inputs", {})
    settings = Settings.load(lambda key: _plain(inputs.get(key)))
    api_key = _plain(inputs.get("ngrok:apiKey"))
    if not api_key:
        # Never that of the environment, which may be another account's.
        raise NotImportableError(f"the provider {one_line(provider['urn'])} has no ngrok:apiKey in the state")
    of_provider = {
        source: getattr(settings, source).replace("of the stack config", "of the provider")
        for source in ("api_key_source", "base_url_source", "timeout_seconds_source")
    }
    return replace(settings, api_key=Secret(str(api_key)), **of_provider)


def _plain(value: Any) -> Any:
    return json.loads(value[PLAINTEXT]) if isinstance(value, dict) and PLAINTEXT in value else value


# -- what the stack has -----------------------------------------------------------------------------------


def _state(stack: str | None, *, show_secrets: bool) -> list[dict[str, Any]] | None:
    """The resources of the stack, or the one that is selected in this folder.

    None where there is none to be had; where it was named, or its secrets are needed, that is an error.
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
        raise NotImportableError(f"{what}: {problem}")
    return None


def _provider(urn: str, state: Iterable[Mapping[str, Any]]) -> Mapping[str, Any]:
    providers = [resource for resource in state if resource["type"] == PROVIDER_TYPE]
    for provider in providers:
        if urn in (provider["urn"], f"{provider['urn']}::{provider.get('id')}"):
            return provider
    # The engine's own one, for what names none, has no key.
    there = ", ".join(one_line(one["urn"]) for one in providers if "ngrok:apiKey" in one.get("inputs", {}))
    raise NotImportableError(
        f"the stack has no provider {one_line(urn)}; "
        + (f"it has {there}" if there else "it has none with an API key: run `pulumi up` with the provider first")
    )


def _path(parent: str | None, name: str) -> str:
    """The end of the resource's URN: its types and its name."""
    types = _types(parent) if parent is not None else STACK_TYPE
    return f"{TYPE}::{name}" if types == STACK_TYPE else f"{types}${TYPE}::{name}"


def _owner(ingress: AgentIngress, path: str, state: Iterable[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The resource by which the stack has the ingress already, where a later `up` would delete that one."""
    for resource in state:
        has = resource["type"] == TYPE and resource.get("id") == ingress.id and not resource.get("external")
        if has and (resource.get("delete") or resource["urn"].split("::", 2)[2] != path):
            return resource
    return None


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
    """The names, with a number behind those that were there already."""
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
    """One resource. Every value has a line of its own, so that no formatter has anything to do."""
    arguments = [_literal(name), f"domain={_literal(ingress.domain)}"]
    for field in ("description", "metadata"):
        if getattr(ingress, field):
            arguments.append(f"{field}={_literal(getattr(ingress, field))}")
    if ingress.certificate_management_policy is not None:
        arguments.append(f"certificate_management_policy={_policy(ingress.certificate_management_policy)}")
    # As `pulumi import` protects what it takes over, the next `up` would take the protection away.
    options = ["protect=True,"]
    if parent is not None and _types(parent) != STACK_TYPE:
        options.append(f"parent=parent,  # fill in: {one_line(parent, len(parent))}")
    if provider is not None:
        options.append(f"provider=provider,  # fill in: {one_line(provider, len(provider))}")
    lines = "".join(f"        {option}\n" for option in options)
    arguments.append(f"opts=pulumi.ResourceOptions(\n{lines}    )")
    return f"{identifier} = agin.AgentIngress(\n" + "".join(f"    {argument},\n" for argument in arguments) + ")\n"


def _policy(policy: AgentIngressCertPolicy) -> str:
    fields = without_none(asdict(policy)).items()
    values = "".join(f"        {field}={_literal(value)},\n" for field, value in fields)
    return f"agin.AgentIngressCertPolicyArgs(\n{values}    )"


def _literal(text: str) -> str:
    """Python for the text, in double quotes unless the other ones need fewer escapes, as formatters want it."""
    # With a double quote in it, repr takes single ones.
    body = repr(text + '"')[1:-2]
    if text.count('"') > text.count("'"):
        return f"'{body}'"
    return '"' + body.replace("\\'", "'").replace('"', '\\"') + '"'
