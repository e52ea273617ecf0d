"""The stack of the project in this folder, by Pulumi's CLI: its settings for ngrok, and its resources."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from pulumi_agin.api.redaction import one_line
from pulumi_agin.lifecycle import urns
from pulumi_agin.settings import API_KEY, ENVIRONMENT, IN_PYTHON, Names, Settings

from .common import UsageError

# What the CLI says in a project of which no stack is selected. Its exit status does not tell.
_NO_STACK_SELECTED = "no stack selected"

Resources = list[dict[str, Any]]


def load_settings(stack: str | None = None) -> Settings:
    """Reads the settings as the provider does: from the stack config, and what is not there from the environment.

    Without a stack, all of them come from the environment. If there is a stack whose config can't be read, the
    environment is not used, because its key may belong to another account.

    Args:
        stack: The stack as the CLI calls it; None for the one that is selected in this folder, if there is one.

    Returns:
        The settings, with an API key. Other problems are left to `Settings.client`.

    Raises:
        UsageError: There is no API key, or the config can't be read.
    """
    project = _project_file()
    if project is None:
        missing = "there is no Pulumi project in this folder"
    elif shutil.which("pulumi") is None:
        missing = "pulumi is not on PATH"
    else:
        try:
            return _settings_of_stack(_names(project), stack)
        except _CliError as error:
            if stack is not None or _NO_STACK_SELECTED not in str(error):
                which = "selected stack" if stack is None else f"stack {one_line(stack, 100)}"
                raise UsageError(
                    f"the config of the {which} could not be read: {error}. The environment is not used in its place, "
                    "because its key may belong to another account: correct this, or use the environment by running "
                    "the command outside of the project's folder"
                ) from None
        missing = "no stack is selected in this folder"
    if stack is not None:
        raise UsageError(f"the config of the stack {one_line(stack, 100)} could not be read: {missing}")
    settings = Settings.load(lambda key: None)
    if not settings.api_key.value.get_secret_value():
        raise UsageError(
            f"there is no ngrok API key: {missing}, and the environment variable {ENVIRONMENT[API_KEY]} is not set. "
            "Set it, or run this in the folder of a project whose stack config has the key"
        )
    return settings


def read_resources(stack: str | None, *, show_secrets: bool) -> Resources | None:
    """Returns the resources of a stack.

    Args:
        stack: The stack as the CLI calls it; None for the one that is selected in this folder.
        show_secrets: Whether the secrets are needed.

    Returns:
        The resources; None if they can't be read, but are not needed.

    Raises:
        UsageError: The resources can't be read, although the user named the stack or the secrets are needed.
    """
    try:
        exported = _pulumi("stack export", stack, ["--show-secrets"] if show_secrets else [])
    except _CliError as error:
        if show_secrets:
            raise UsageError(f"the API key of the provider could not be taken from the state: {error}") from None
        if stack is not None:
            raise UsageError(f"the state could not be read: {error}") from None
        return None
    # Of a stack without an update, a backend may have no deployment.
    deployment = json.loads(exported)["deployment"] or {}
    resources: Resources = deployment.get("resources") or []
    return resources


def agent_ingresses(resources: Resources) -> Resources:
    """Returns those resources of a stack that are Agent Ingresses of its own, and not only read.

    Args:
        resources: The resources of the stack.
    """
    types = (urns.AGENT_INGRESS, urns.NATIVE_AGENT_INGRESS)
    return [each for each in resources if each["type"] in types and not each.get("external")]


# -- the config -------------------------------------------------------------------------------------------


def _settings_of_stack(names: Names, stack: str | None) -> Settings:
    """Returns the settings of a stack. Raises _CliError if there is none, or its config can't be read."""
    with ThreadPoolExecutor() as threads:
        # Each takes the CLI some tenths of a second.
        listing = threads.submit(_pulumi, "config", stack, ["--json"])
        naming = threads.submit(_pulumi, "stack", None, ["--show-name"]) if stack is None else None
        config: Mapping[str, Any] = json.loads(listing.result())
        name = naming.result().strip() if naming else str(stack)
    keys = [names.key(key) for key in ENVIRONMENT]
    # The list has no secrets.
    values = {
        key: config[key].get("value") or _pulumi("config get", stack, [key]).removesuffix("\n")
        for key in keys
        if key in config
    }
    settings = Settings.load(lambda key: values.get(names.key(key)), names=names, stack=name)
    if not settings.api_key.value.get_secret_value():
        raise UsageError(
            f"there is no ngrok API key: the stack {one_line(name, 100)} has no {names.key(API_KEY)} in its config, "
            f"and the environment variable {ENVIRONMENT[API_KEY]} is not set. Set it in the config with "
            f"`pulumi config set --secret {names.key(API_KEY)}`"
        )
    return settings


def _project_file() -> Path | None:
    """Returns the file of the project that the CLI finds: that of this folder, or of the nearest one above."""
    folder = Path.cwd()
    candidates = (each / f"Pulumi.{ending}" for each in (folder, *folder.parents) for ending in ("yaml", "yml", "json"))
    return next((path for path in candidates if path.is_file()), None)


def _names(project: Path) -> Names:
    """Returns what programs in the language of the project call the settings."""
    import yaml  # Pulumi's SDK needs it too

    try:
        runtime = yaml.safe_load(project.read_text(encoding="utf-8"))["runtime"]
        language = runtime["name"] if isinstance(runtime, dict) else runtime
    except (OSError, ValueError, LookupError, TypeError, yaml.YAMLError):
        # The CLI says what is wrong with it.
        return IN_PYTHON
    if language == "python":
        return IN_PYTHON
    from pulumi_agin.native.provider import NAMES

    return NAMES


# -- the CLI ----------------------------------------------------------------------------------------------


class _CliError(Exception):
    """The CLI failed. The text is a clause that says why."""


def _pulumi(command: str, stack: str | None, arguments: Sequence[str]) -> str:
    """Returns what a command of the CLI prints. Raises _CliError if it fails."""
    pulumi = shutil.which("pulumi")
    if pulumi is None:
        raise _CliError("pulumi is not on PATH")
    selection = [] if stack is None else [f"--stack={stack}"]
    run = subprocess.run(  # noqa: S603 - pulumi, as the user would run it
        [pulumi, *command.split(), *arguments, *selection, "--non-interactive", "--color=never"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if run.returncode != 0:
        lines = [line for line in run.stderr.splitlines() if line.strip()] or ["it said nothing"]
        # Before the error there may be a warning, such as of a new version of the CLI.
        said = next((line for line in lines if line.startswith("error: ")), lines[0])
        raise _CliError(f"`pulumi {command}` failed: {one_line(said.removeprefix('error: '))}")
    return run.stdout
