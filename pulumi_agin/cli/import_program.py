"""The Python program that declares existing Agent Ingresses as they are, and their delegations."""

from __future__ import annotations

import inspect
import json
import keyword
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pulumi_agin import dns
from pulumi_agin.api.canonical import POLICY
from pulumi_agin.api.models import AgentIngress
from pulumi_agin.api.redaction import one_line
from pulumi_agin.lifecycle import urns
from pulumi_agin.lifecycle.outputs import outputs_of
from pulumi_agin.native.names import camel_case

from .import_names import unique
from .output import UsageError

# The adapters of pulumi_agin.dns; `custom` takes a function.
ADAPTERS = sorted({name for name in dns.__all__ if name.islower()} - {"custom"})

# Arguments that an adapter does not need, but almost every user.
_USUAL_ARGUMENTS = {"rfc2136": ("port", "tsig_key_name", "tsig_secret")}
# The methods of the config that return them. All others are strings.
_GETTERS = {"port": "require_int", "tsig_secret": "require_secret"}

_RECORD_IDS = "recordIds"

# What variables of the program are called besides the ingresses.
_VARIABLES = ("agin", "config", "dns", "parent", "provider", "pulumi", "record_ids")


def program(
    ingresses: Mapping[str, AgentIngress],
    left_out: Sequence[str],
    parent: str | None,
    provider: str | None,
    adapter: str | None,
) -> str:
    """Returns the program. Every value is on a line of its own, so that formatters change nothing.

    Args:
        ingresses: The Agent Ingresses by the names of their resources.
        left_out: Sentences about those that it does not declare.
        parent: The URN of their parent, which the user fills in; None for the stack.
        provider: The URN of their explicit provider, which the user fills in.
        adapter: One of ADAPTERS, whose delegations take over the records that exist; None for no delegations.
    """
    options = [] if parent is None or urns.Urn.parse(parent).types == urns.STACK else [("parent", parent)]
    delegations = None if adapter is None else _Delegations(adapter, options)
    blocks = ["import pulumi\nimport pulumi_agin as agin\n"]
    if left_out:
        blocks.append("".join(f"# left out: {sentence}\n" for sentence in left_out))
    if delegations is not None:
        blocks.append(delegations.begin(list(ingresses.values())))
    if provider is not None:
        options = [*options, ("provider", provider)]
    taken: set[str] = set()
    for name, ingress in ingresses.items():
        identifier = unique(_identifier(name), taken, "_")
        blocks.append(_declaration(identifier, name, ingress, options))
        if delegations is not None:
            blocks.append(delegations.declare(identifier, name, ingress))
    return "\n".join(blocks)


def check_adapter(adapter: str) -> None:
    """Refuses what is not the name of an adapter.

    Args:
        adapter: The name as the user gave it.

    Raises:
        UsageError: There is no such adapter.
    """
    if adapter not in ADAPTERS:
        raise UsageError(f"--delegations {one_line(adapter)} is not an adapter of agin.dns: give {', '.join(ADAPTERS)}")


def _identifier(name: str) -> str:
    identifier = re.sub("[^a-z0-9]+", "_", name.lower()).strip("_") or "ingress"
    if identifier[0].isdigit():
        identifier = f"ingress_{identifier}"
    taken = keyword.iskeyword(identifier) or identifier in _VARIABLES
    return f"{identifier}_ingress" if taken else identifier


def _declaration(identifier: str, name: str, ingress: AgentIngress, options: list[tuple[str, str]]) -> str:
    """Returns the code of one ingress."""
    arguments = [_literal(name), f"domain={_literal(ingress.domain)}"]
    for field in ("description", "metadata"):
        if getattr(ingress, field):
            arguments.append(f"{field}={_literal(getattr(ingress, field))}")
    policy = outputs_of(ingress).get(POLICY)
    if policy is not None:
        values = [f"{field}={_literal(value)}" for field, value in policy.items()]
        arguments.append(f"{POLICY}={_call('agin.AgentIngressCertPolicyArgs', values)}")
    # `pulumi import` protects what it takes over. Without this, the next `up` would remove the protection.
    arguments.append(f"opts={_options(['protect=True'], options)}")
    return f"{identifier} = {_call('agin.AgentIngress', arguments)}\n"


@dataclass(frozen=True)
class _Delegations:
    """The code of the delegations. It reads the arguments of the adapter from the program's config."""

    adapter: str
    options: list[tuple[str, str]]
    """Each an option and the URN that the user fills in."""

    def begin(self, ingresses: list[AgentIngress]) -> str:
        """Returns the code before the first delegation, and in comments what it needs."""
        lines = ["# Before the first run:"]
        lines += [f"# pulumi config set {self._flag(name)}{camel_case(name)}" for name in self._arguments]
        if self._is_by_record_ids:
            ids = {ingress.domain: dict.fromkeys(ingress.ns_targets, "ID") for ingress in ingresses}
            lines.append(f"# pulumi config set {_RECORD_IDS} {shlex.quote(json.dumps(ids))}")
            lines.append("# with the id of the existing record in place of each ID")
        if len(ingresses) > 1:
            lines.append("# A domain in another zone needs another adapter.")
        lines.append("config = pulumi.Config()")
        if self._is_by_record_ids:
            lines.append(f'record_ids = config.require_object("{_RECORD_IDS}")')
        else:
            lines.append(f"dns = {self._adapter_call('True')}")
        return "\n".join(lines) + "\n"

    def declare(self, identifier: str, name: str, ingress: AgentIngress) -> str:
        """Returns the code of one delegation."""
        adapter = "dns"
        if self._is_by_record_ids:
            adapter = self._adapter_call(f"record_ids[{_literal(ingress.domain)}]")
        arguments = [_literal(name), f"agent_ingress={identifier}", f"dns={adapter}"]
        # The records inherit it. Without it, `pulumi destroy` would delete them, although it can't delete the ingress.
        arguments.append(f"opts={_options(['protect=True'], self.options)}")
        return f"{_call('agin.AgentIngressDelegation', arguments)}\n"

    @property
    def _is_by_record_ids(self) -> bool:
        # Its package can't look up records, so `take_over` is no bool.
        take_over = self._parameters.get("take_over")
        return take_over is not None and take_over.default is None

    @property
    def _parameters(self) -> Mapping[str, inspect.Parameter]:
        return inspect.signature(getattr(dns, self.adapter)).parameters

    @property
    def _arguments(self) -> list[str]:
        needed = [each.name for each in self._parameters.values() if each.default is each.empty]
        return [*needed, *_USUAL_ARGUMENTS.get(self.adapter, ())]

    @staticmethod
    def _flag(name: str) -> str:
        return "--secret " if _GETTERS.get(name) == "require_secret" else ""

    def _adapter_call(self, take_over: str) -> str:
        arguments = [f'{name}=config.{_GETTERS.get(name, "require")}("{camel_case(name)}")' for name in self._arguments]
        # external-dns decides by itself what it does with records that exist.
        if "take_over" in self._parameters:
            arguments.append(f"take_over={take_over}")
        return _call(f"agin.dns.{self.adapter}", arguments)


# -- code -------------------------------------------------------------------------------------------------


def _call(function: str, arguments: list[str]) -> str:
    """Returns a call with each argument on a line of its own."""
    return f"{function}(\n" + "".join(f"    {_indented(argument)},\n" for argument in arguments) + ")"


def _options(options: list[str], references: list[tuple[str, str]]) -> str:
    """Returns the options of a resource, and in comments the URNs to which the user must refer."""
    lines = [f"{option}," for option in options]
    lines += [f"{option}={option},  # must be {one_line(urn, len(urn))}" for option, urn in references]
    return "pulumi.ResourceOptions(\n" + "".join(f"    {line}\n" for line in lines) + ")"


def _indented(code: str) -> str:
    return code.replace("\n", "\n    ")


def _literal(text: str) -> str:
    """Returns the text as Python source, in double quotes unless single ones need fewer escapes, as formatters do."""
    # The added double quote makes repr use single quotes.
    body = repr(text + '"')[1:-2]
    if text.count('"') > text.count("'"):
        return f"'{body}'"
    return '"' + body.replace("\\'", "'").replace('"', '\\"') + '"'
