"""The Python program that declares existing Agent Ingresses as they are."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

from pulumi_agin.api.models import IngressModel
from pulumi_agin.base.facts import POLICY
from pulumi_agin.base.redaction import one_line
from pulumi_agin.lifecycle import urns
from pulumi_agin.lifecycle.outputs import STRINGS, outputs_of


def program(
    ingresses: Mapping[str, IngressModel], left_out: Sequence[str], parent: str | None, provider: str | None
) -> str:
    """Returns the program that declares ingresses, by resource name, with `left_out` as comments.

    Every value is on a separate line, so that formatters change nothing. The user fills in the parent and the
    provider, whose URNs are in comments.
    """
    blocks = ["import pulumi\nimport pulumi_agin as agin\n"]
    if left_out:
        blocks.append("".join(f"# skipped: {sentence}\n" for sentence in left_out))
    if ingresses:
        # Not dicts, because type checkers reject `**` with values of different types.
        items = [f"{_literal(name)}: {_arguments(ingress)}" for name, ingress in ingresses.items()]
        blocks.append(f"ingresses = {_lines('{', items, '}')}\n{_loop(parent, provider)}")
    return "\n".join(blocks)


def _arguments(ingress: IngressModel) -> str:
    arguments = [f"domain={_literal(ingress.domain)}"]
    for field in STRINGS:
        if getattr(ingress, field):
            arguments.append(f"{field}={_literal(getattr(ingress, field))}")
    policy = outputs_of(ingress).get(POLICY)
    if policy is not None:
        values = [f"{_literal(field)}: {_literal(value)}" for field, value in policy.items()]
        arguments.append(f"{POLICY}={_lines('{', values, '}')}")
    return _lines("agin.AgentIngressArgs(", arguments, ")")


def _loop(parent: str | None, provider: str | None) -> str:
    """Returns the loop over the ingresses, with a delegation as a comment."""
    references = {}
    if parent is not None and urns.Urn.parse(parent).types != urns.STACK:
        references["parent"] = parent
    if provider is not None:
        references["provider"] = provider
    lines = [f"{option}={option},  # must be {one_line(urn, len(urn))}" for option, urn in references.items()]
    # `pulumi import` protects the resources. Without the option, the next `up` would remove the protection. The records
    # inherit that of the delegation. Otherwise `pulumi destroy` would delete them, although it can't delete the
    # ingresses.
    options = textwrap.indent("".join(f"{line}\n" for line in ["protect=True,", *lines]), " " * 12)
    options_of_delegation = "protect=True, parent=parent" if "parent" in references else "protect=True"
    return f"""\
for name, args in ingresses.items():
    ingress = agin.AgentIngress(
        name,
        args,
        opts=pulumi.ResourceOptions(
{options}        ),
    )
    # To adopt the NS records, too, use this with the adapter of your DNS provider:
    # agin.AgentIngressDelegation(
    #     name,
    #     agent_ingress=ingress,
    #     dns=agin.dns.aws(zone_id="…", zone_name="…", adopt=True),
    #     opts=pulumi.ResourceOptions({options_of_delegation}),
    # )
"""


def _lines(begin: str, items: Sequence[str], end: str) -> str:
    """Returns a call or a dict with each item on a separate line."""
    return f"{begin}\n" + "".join(textwrap.indent(f"{item},\n", "    ") for item in items) + end


def _literal(value: str) -> str:
    """Returns a string as Python source, in double quotes unless single ones need fewer escapes, as formatters do."""
    # The added double quote makes repr use single quotes.
    body = repr(value + '"')[1:-2]
    if value.count('"') > value.count("'"):
        return f"'{body}'"
    return '"' + body.replace("\\'", "'").replace('"', '\\"') + '"'
