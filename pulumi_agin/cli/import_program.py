"""The Python program that declares existing Agent Ingresses as they are, and their delegations."""

from __future__ import annotations

import inspect
import json
import keyword
import re
import shlex
import textwrap
from collections.abc import Mapping, Sequence

from pulumi_agin import dns
from pulumi_agin.api.certificate_policy import POLICY
from pulumi_agin.api.models import IngressModel
from pulumi_agin.base.redaction import one_line
from pulumi_agin.delegation import DEFAULT_TTL_SECONDS
from pulumi_agin.lifecycle import urns
from pulumi_agin.lifecycle.outputs import outputs_of
from pulumi_agin.native.names import camel_case

from .import_delegations import Delegations
from .import_names import unique

# Optional arguments that almost every user of an adapter needs. No signature shows that.
_USUAL_ARGUMENTS = {"rfc2136": ("port", "tsig_key_name", "tsig_secret")}

_RECORD_IDS = "recordIds"

# The variables of the program besides the ingresses.
_VARIABLES = ("agin", "config", "dns", "new_dns", "parent", "provider", "pulumi", "record_ids")


def program(
    ingresses: Mapping[str, IngressModel],
    left_out: Sequence[str],
    parent: str | None,
    provider: str | None,
    delegations: Delegations | None,
) -> str:
    """Returns the program that declares ingresses, by resource name, with `left_out` as comments.

    Every value is on a separate line, so that formatters change nothing. The user fills in the parent and the
    provider, whose URNs are in comments.
    """
    parents = {} if parent is None or urns.Urn.parse(parent).types == urns.STACK else {"parent": parent}
    references = parents if provider is None else {**parents, "provider": provider}
    code = None if delegations is None else _DelegationCode(delegations)
    blocks = ["import pulumi\nimport pulumi_agin as agin\n"]
    if left_out:
        blocks.append("".join(f"# skipped: {sentence}\n" for sentence in left_out))
    if code is not None:
        blocks.append(code.begin(list(ingresses.values())))
    taken: set[str] = set()
    for name, ingress in ingresses.items():
        identifier = unique(_identifier(name), taken, "_")
        blocks.append(f"{identifier} = {_declaration(name, ingress, references)}")
        if code is not None:
            blocks.append(code.delegation(name, identifier, ingress.domain, parents))
    return "\n".join(blocks)


def _identifier(name: str) -> str:
    identifier = re.sub("[^a-z0-9]+", "_", name.lower()).strip("_") or "ingress"
    if identifier[0].isdigit():
        identifier = f"ingress_{identifier}"
    taken = keyword.iskeyword(identifier) or identifier in _VARIABLES
    return f"{identifier}_ingress" if taken else identifier


def _declaration(name: str, ingress: IngressModel, references: Mapping[str, str]) -> str:
    arguments = [_literal(name), f"domain={_literal(ingress.domain)}"]
    for field in ("description", "metadata"):
        if getattr(ingress, field):
            arguments.append(f"{field}={_literal(getattr(ingress, field))}")
    policy = outputs_of(ingress).get(POLICY)
    if policy is not None:
        values = [f"{field}={_literal(value)}" for field, value in policy.items()]
        arguments.append(f"{POLICY}={_call('agin.AgentIngressCertPolicyArgs', values)}")
    # `pulumi import` protects the resources. Without the options, the next `up` would remove the protection.
    return _call("agin.AgentIngress", [*arguments, _options(references)]) + "\n"


def _getter(name: str, annotation: str) -> str:
    """Returns the method of pulumi.Config that reads an adapter's argument."""
    if name.endswith("_secret"):
        return "require_secret"
    return "require_int" if annotation == "pulumi.Input[int]" else "require"


class _DelegationCode:
    """The code of the delegations and their adapter, whose arguments the program reads from its config."""

    def __init__(self, delegations: Delegations) -> None:
        self._delegations = delegations
        parameters = inspect.signature(getattr(dns, delegations.adapter)).parameters
        needed = [name for name, parameter in parameters.items() if parameter.default is parameter.empty]
        names = (*needed, *_USUAL_ARGUMENTS.get(delegations.adapter, ()))
        self._getters = {name: _getter(name, parameters[name].annotation) for name in names}
        # external-dns has its own policy for existing records.
        self._can_adopt = "adopt" in parameters
        # Some providers' packages can't look up records. There, `adopt` is not a bool, but has record IDs.
        self._is_by_record_ids = self._can_adopt and parameters["adopt"].default is None

    def begin(self, ingresses: Sequence[IngressModel]) -> str:
        """Returns the code before the first delegation, with the config that it reads in comments."""
        adopting = [ingress for ingress in ingresses if self._delegations.by_domain[ingress.domain].adopts]
        lines = ["# Before the first run:"]
        for name, getter in self._getters.items():
            lines.append(f"# pulumi config set {'--secret ' if getter == 'require_secret' else ''}{camel_case(name)}")
        if self._is_by_record_ids and adopting:
            ids = {ingress.domain: dict.fromkeys(ingress.ns_targets, "ID") for ingress in adopting}
            lines.append(f"# pulumi config set {_RECORD_IDS} {shlex.quote(json.dumps(ids))}")
            lines.append("# Replace each ID with that of the existing record.")
        lines += [f"# {comment}" for comment in self._delegations.comments]
        lines.append("config = pulumi.Config()")
        if self._is_by_record_ids and adopting:
            lines.append(f'record_ids = config.require_object("{_RECORD_IDS}")')
        variables = {self._adapter(ingress.domain) for ingress in ingresses}
        if "dns" in variables:
            lines.append(f"dns = {self._call('True')}")
        if "new_dns" in variables:
            lines += ["# For domains without NS records.", f"new_dns = {self._call(None)}"]
        return "\n".join(lines) + "\n"

    def delegation(self, name: str, identifier: str, domain: str, parents: Mapping[str, str]) -> str:
        """Returns the delegation of the ingress in a variable."""
        delegation = self._delegations.by_domain[domain]
        arguments = [_literal(name), f"agent_ingress={identifier}", f"dns={self._adapter(domain)}"]
        if delegation.ttl != DEFAULT_TTL_SECONDS:
            arguments.append(f"ttl={delegation.ttl}")
        # The records inherit the protection. Without it, `pulumi destroy` would delete them, although it can't delete
        # the ingress.
        call = _call("agin.AgentIngressDelegation", [*arguments, _options(parents)])
        return "".join(f"# {comment}\n" for comment in delegation.comments) + call + "\n"

    def _adapter(self, domain: str) -> str:
        """Returns the adapter of a delegation: a variable, or a call with the record IDs of the domain."""
        adopts = self._delegations.by_domain[domain].adopts
        if self._is_by_record_ids:
            return self._call(f"record_ids[{_literal(domain)}]" if adopts else None)
        return "dns" if adopts or not self._can_adopt else "new_dns"

    def _call(self, adopt: str | None) -> str:
        arguments = [f'{name}=config.{getter}("{camel_case(name)}")' for name, getter in self._getters.items()]
        if self._can_adopt and adopt is not None:
            arguments.append(f"adopt={adopt}")
        return _call(f"agin.dns.{self._delegations.adapter}", arguments)


def _call(function: str, arguments: list[str]) -> str:
    """Returns a call with each argument on a separate line."""
    return f"{function}(\n" + "".join(textwrap.indent(f"{argument},\n", "    ") for argument in arguments) + ")"


def _options(references: Mapping[str, str]) -> str:
    """Returns the options of a resource, with the URNs of the resources to fill in as comments."""
    lines = ["protect=True,"]
    lines += [f"{option}={option},  # must be {one_line(urn, len(urn))}" for option, urn in references.items()]
    return "opts=pulumi.ResourceOptions(\n" + "".join(f"    {line}\n" for line in lines) + ")"


def _literal(value: str) -> str:
    """Returns a string as Python source, in double quotes unless single ones need fewer escapes, as formatters do."""
    # The added double quote makes repr use single quotes.
    body = repr(value + '"')[1:-2]
    if value.count('"') > value.count("'"):
        return f"'{body}'"
    return '"' + body.replace("\\'", "'").replace('"', '\\"') + '"'
