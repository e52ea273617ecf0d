"""Phrasing for programs in any language that use the plugin."""

from __future__ import annotations

import json
from collections.abc import Mapping

from pulumi_agin.lifecycle import shell_commands, urns
from pulumi_agin.lifecycle.operation import Placement
from pulumi_agin.lifecycle.phrasing import Phrasing
from pulumi_agin.lifecycle.urns import camel_case


class NativePhrasing(Phrasing):
    """See `lifecycle.phrasing.Phrasing`."""

    # In Go and C#, only a string is possible.
    to_json = "use `fn::toJSON` in YAML or `JSON.stringify(…)` in TypeScript"
    to_concatenate = "use its `apply`, or `pulumi.interpolate` in TypeScript"
    delete_before_replace = "the option `deleteBeforeReplace: true`"
    # In YAML, an alias must be a URN.
    aliases = "the option `aliases` with the old URN"
    provider = "`provider` option"
    custom_timeouts = "customTimeouts"
    adopt_records = "`adopt: true`"
    rfc2136 = "Rfc2136Delegation"

    def spell(self, name: str) -> str:
        return camel_case(name)

    def declare(self, name: str, value: Mapping[str, str]) -> str:
        # Valid in YAML and in TypeScript.
        fields = ", ".join(f"{camel_case(field)}: {json.dumps(each)}" for field, each in value.items())
        return f"{camel_case(name)}: {{ {fields} }}"

    def import_step(self, id_: str, urn: str, placement: Placement) -> str:
        if placement.provider or "$" in urns.Urn.parse(urn).types:
            # The command below names no provider, and no parent, which the engine does not send to a plugin.
            return f': with the option `import: "{id_}"` for one `pulumi up`'
        return f":\n{shell_commands.native_import_line(id_, urn)}"
