"""Undocumented names of Pulumi's SDK in the process of a Python program.

`program.current` calls `is_real_run` for each resource and lookup. If a name in `is_real_run` is missing, a program
runs as under mocks: the program sends nothing, lookups fail, and the option `import_` does not work.

`Run.require_settings` calls `has_environment_of_cli`. If the environment variable is missing, the program does not
report a missing API key. The plugin then reports it for each resource.
"""

from __future__ import annotations

import os

from pulumi.runtime import mocks, settings


def is_real_run() -> bool:
    """Returns whether Pulumi's engine runs the program. Under mocks, as in a user's unit test, nothing may be sent."""
    try:
        monitor, mocked = settings.get_monitor(), mocks.MockMonitor
    except AttributeError:
        return False
    return monitor is not None and not isinstance(monitor, mocked)


def has_environment_of_cli() -> bool:
    """Returns whether the CLI's language host for Python has set this process's environment variables.

    An inline program of the Automation API runs in the user's process, whose variables may differ from the plugin's.
    """
    return "PULUMI_CONFIG_SECRET_KEYS" in os.environ
