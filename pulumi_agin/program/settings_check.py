"""Check of the settings in the program, before it registers a resource.

The plugin checks them, too. But when it rejects a resource, the engine ends the program while Pulumi's SDK registers
others, and the SDK may print a traceback for each of them: without an API key, for all of them.
"""

from __future__ import annotations

from collections.abc import Mapping

import pulumi

from pulumi_agin.lifecycle import urns

from . import sdk
from .run import ProgramRun


def check_settings(opts: pulumi.ResourceOptions) -> None:
    """Raises a RunError if a resource with these options uses the program's settings, and they have problems.

    Also warns once of an API key in plain text. Where a transformation may change the options, or the plugin may have
    another environment, only the plugin checks the settings.
    """
    run = ProgramRun.current()
    run.warn_of_plain_api_key()
    if not run.sends_requests or sdk.may_be_transformed(opts) or has_explicit_provider(opts):
        return
    if run.settings_problems and sdk.has_environment_of_cli():
        raise pulumi.RunError("; ".join(run.settings_problems))


def has_explicit_provider(opts: pulumi.ResourceOptions) -> bool:
    """Returns whether a resource of this package with these options has an explicit provider, or inherits one."""
    more = opts.providers or []
    given = [opts.provider, *(more.values() if isinstance(more, Mapping) else more)]
    inherited = opts.parent and opts.parent.get_provider(urns.AGENT_INGRESS)
    return bool(inherited) or any(each is not None and each.package == urns.PYTHON_PACKAGE for each in given)
