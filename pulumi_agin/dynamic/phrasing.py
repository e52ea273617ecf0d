"""Phrasing for Python programs."""

from __future__ import annotations

import json
from collections.abc import Mapping

from pulumi_agin.lifecycle import shell_commands, urns
from pulumi_agin.lifecycle.operation import Placement
from pulumi_agin.lifecycle.phrasing import Phrasing


class PythonPhrasing(Phrasing):
    """See `lifecycle.phrasing.Phrasing`."""

    boolean = "True or False"
    mapping = "a dict"
    certificate_policy = "a dict or AgentIngressCertPolicyArgs"
    to_json = "use `json.dumps(…)`"
    to_concatenate = "use `pulumi.Output.concat(…)` or its `apply` instead of an f-string"
    delete_before_replace = "ResourceOptions(delete_before_replace=True)"
    aliases = "ResourceOptions(aliases=[…])"
    provider = "ResourceOptions(provider=…)"
    custom_timeouts = "custom_timeouts"
    adopt_records = "adopt=True"
    rfc2136 = "dns.rfc2136"

    def declare(self, name: str, value: Mapping[str, str]) -> str:
        return f"{name}={json.dumps(value)}"

    def import_step(self, id_: str, urn: str, placement: Placement) -> str:
        stack, project, _, name = urns.Urn.parse(urn)
        # The parent, at least the stack, is always named, so that the command fails if another stack is selected.
        if placement.parent is None:
            placement = placement._replace(parent=shell_commands.stack_urn(stack, project))
        return f":\n{shell_commands.import_line(id_, name, placement)}"
