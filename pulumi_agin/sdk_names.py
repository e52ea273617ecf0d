"""Undocumented names of Pulumi's SDK in the process of a Python program.

`program.current` calls `is_real_run` for each resource and lookup. Without its names, a program runs as under mocks: it
sends nothing, lookups fail, and the option `import_` does not work. `Run.require_settings` calls the other function.
Without its name, the program does not report a missing API key: the plugin does, for each resource.
"""

from __future__ import annotations

import os

from pulumi.runtime import mocks, settings


def is_real_run() -> bool:
    """Returns whether Pulumi's engine runs the program. Its mocks, as in a user's unit test, must send nothing."""
    try:
        monitor, mocked = settings.get_monitor(), mocks.MockMonitor
    except AttributeError:
        return False
    return monitor is not None and not isinstance(monitor, mocked)


def has_environment_of_cli() -> bool:
    """Returns whether the CLI's host of Python programs has set this process's environment.

    An inline program of the Automation API runs in the user's process, and its plugin may have other variables.
    """
    return "PULUMI_CONFIG_SECRET_KEYS" in os.environ
