"""Programs that `pulumi-agin import --code` printed."""

from __future__ import annotations

import re

_ADAPTER = 'agin.dns.aws(zone_id="…", zone_name="…", adopt=True)'


def with_delegations(program: str, adapter: str) -> str:
    """Returns a program in which the comment with the delegation is code, with another adapter."""
    program = re.sub(r"^    # (?=agin\.| |\))", "    ", program, flags=re.MULTILINE)
    assert program.count(f"        dns={_ADAPTER},\n") == 1
    return program.replace(_ADAPTER, adapter)
