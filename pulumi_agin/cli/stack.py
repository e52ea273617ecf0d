"""The project in this folder, and its stack, read with Pulumi's CLI: the settings for ngrok, and the resources.

In each function, `stack` is the option --stack; None for the selected one.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import yaml  # Pulumi's SDK needs it too

from pulumi_agin.api.client import AgentIngressClient
from pulumi_agin.base.budget import Budget
from pulumi_agin.base.redaction import listed, one_line
from pulumi_agin.lifecycle import urns
from pulumi_agin.lifecycle.shell_commands import pulumi_line
from pulumi_agin.settings import ENVIRONMENT, IN_PLUGIN, IN_PYTHON, PROVIDER_NAME, Names, Setting, Settings

from .output import UsageError

Resources = Sequence[dict[str, Any]]

PYTHON = "python"


class _CliError(Exception):
    """The CLI failed. The message is the reason, as a clause."""


class _NoStackError(_CliError):
    """There is no stack."""


def project_language() -> str | None:
    """Returns the runtime of the nearest project, in this folder or above it; None without a project."""
    folders = (Path.cwd(), *Path.cwd().parents)
    files = (folder / f"Pulumi.{ending}" for folder in folders for ending in ("yaml", "yml", "json"))
    project = next((file for file in files if file.is_file()), None)
    if project is None:
        return None
    try:
        content = project.read_text(encoding="utf-8")
        # JSON can be indented with tabs, and YAML can't.
        runtime = (json.loads(content) if project.suffix == ".json" else yaml.safe_load(content))["runtime"]
        name = runtime["name"] if isinstance(runtime, dict) else runtime
    except (OSError, ValueError, LookupError, TypeError, yaml.YAMLError):
        name = None
    # The CLI reports what is wrong with the file.
    return name if name and isinstance(name, str) else PYTHON


def read_stack(stack: str | None, provider: str | None) -> tuple[Settings, str | None, Resources]:
    """Returns the settings for a command, the URN of the provider that has them, and all resources of the stack.

    `provider` is the option --provider. The URN is None for the default provider. There are no resources if the
    settings come from no stack.
    """
    if provider is not None:
        resources = read_resources(stack, show_secrets=True)
        urn, settings = provider_settings(provider, resources, stack)
        return settings, urn, resources
    settings = load_settings(stack)
    return settings, None, read_resources(stack, show_secrets=False) if settings.stack else []


def load_settings(stack: str | None = None) -> Settings:
    """Reads the settings, with an API key, from the config of a stack and the environment, as the provider does.

    If there is a stack whose config can't be read, that is a UsageError: the environment is not used instead, because
    its key may belong to another account. A missing key is one, too.
    """
    try:
        settings = _settings_of_stack(stack)
    except _NoStackError as error:
        if stack is not None:
            raise _unreadable_config(error, stack) from None
        settings = Settings.load(lambda key: None, names=_names_in(project_language()))
        missing = str(error)
    except _CliError as error:
        raise _unreadable_config(error, stack) from None
    else:
        missing = (
            f"the stack {one_line(settings.stack, 100)} has no {settings.names.key(Setting.API_KEY)} in its config"
        )
    if not settings.api_key.get_secret_value():
        raise _missing_key(settings, missing, stack)
    return settings


def _missing_key(settings: Settings, missing: str, stack: str | None) -> UsageError:
    """Returns that no key is set. `missing` is the reason that it is not in the config of a stack."""
    reason = (
        f"there is no ngrok API key: {missing}, and the environment variable {ENVIRONMENT[Setting.API_KEY]} is not set"
    )
    if not settings.stack:
        return UsageError(f"{reason}. Set it, or run this in the folder of a project whose stack config has the key")
    line = pulumi_line(f"config set --secret {settings.names.key(Setting.API_KEY)}", stack)
    return UsageError(
        f"{reason}. Set it for this shell, use the key of an explicit provider with --provider URN, or store one in "
        f"the config\n{line}"
    )


def _unreadable_config(reason: _CliError, stack: str | None) -> UsageError:
    if stack is not None:
        return UsageError(f"the config of the stack {one_line(stack, 100)} could not be read: {reason}")
    return UsageError(
        f"the config of the selected stack could not be read: {reason}. The environment is not used instead, because "
        "its key may belong to another account: fix this, or, to use the environment, run the command outside the "
        "project's folder"
    )


def read_resources(stack: str | None, *, show_secrets: bool) -> Resources:
    """Returns the resources of a stack.

    If the stack can't be read, there are none, but a named stack or the need for its secrets makes that an error.
    """
    try:
        exported = _pulumi("stack export", stack, *(["--show-secrets"] if show_secrets else []))
    except _CliError as error:
        if show_secrets:
            raise UsageError(f"the API key of the provider could not be read from the state: {error}") from None
        if stack is not None:
            raise UsageError(f"the state could not be read: {error}") from None
        return []
    # A stack without an update may have no deployment.
    deployment = json.loads(exported)["deployment"] or {}
    resources: Resources = deployment.get("resources") or []
    return resources


def agent_ingresses(resources: Resources) -> Resources:
    """Returns the Agent Ingresses that a stack manages, without those that it only reads."""
    return [each for each in resources if each["type"] in urns.AGENT_INGRESS_TYPES and not each.get("external")]


def provider_settings(urn: str, resources: Resources, stack: str | None) -> tuple[str, Settings]:
    """Returns the URN and the settings of an explicit provider. `resources` are the stack's, with their secrets.

    States append an ID to the URN, which may be omitted. A UsageError lists the providers if it is none of them. The
    key never comes from the environment, because that may belong to another account.
    """
    found = [(each, _settings_of_provider(each)) for each in resources if urns.is_explicit_provider(each)]
    # Another package's provider for Python has no key.
    providers = [(each, settings) for each, settings in found if settings.api_key.get_secret_value()]
    for provider, settings in providers:
        if urn in (provider["urn"], f"{provider['urn']}::{provider.get('id')}"):
            return provider["urn"], settings
    others = listed([provider["urn"] for provider, _ in providers])
    raise UsageError(
        f"the stack has no provider {one_line(urn)} with an API key"
        + (f"; it has {others}" if others else f": first add it to the program, and run\n{pulumi_line('up', stack)}")
    )


def _settings_of_provider(provider: Mapping[str, Any]) -> Settings:
    """Returns the settings of a provider of either front end, as the state has it with its secrets."""
    urn, inputs = urns.Urn.parse(provider["urn"]), _plain_value(provider.get("inputs") or {})
    if provider["type"] == urns.PROVIDER:
        # A provider that is not a `pulumi_agin.Provider` has no name among its inputs. Messages treat it as one.
        return Settings.load({PROVIDER_NAME: urn.name, **inputs}.get, stack=urn.stack)
    values = {IN_PLUGIN.key(setting): inputs.get(setting.value) for setting in Setting}
    return Settings.load({PROVIDER_NAME: urn.name, **values}.get, names=IN_PLUGIN, stack=urn.stack)


def _plain_value(value: Any) -> Any:
    """Returns a value in the output of `pulumi stack export --show-secrets` with its secrets as plain values."""
    if isinstance(value, list):
        return [_plain_value(each) for each in value]
    if not isinstance(value, dict):
        return value
    if "plaintext" in value:
        try:
            return json.loads(value["plaintext"])
        except (ValueError, TypeError):
            # The state was edited. No property accepts this.
            return value
    return {name: _plain_value(each) for name, each in value.items()}


def request_budget(client: AgentIngressClient) -> Budget:
    """Returns the budget for a command's requests to ngrok. It is short, because the user is at the terminal."""
    return client.budget(min(30.0, client.timeout_seconds))


def _settings_of_stack(stack: str | None) -> Settings:
    """Reads the config of a stack with the CLI; None is the selected one. A setting that it lacks is the environment's.

    Invalid settings are `problems` of the result. Raises _NoStackError without a CLI, a project or a selected stack,
    and _CliError if the config can't be read.
    """
    language = project_language()
    if language is None:
        raise _NoStackError("there is no Pulumi project in this folder")
    with ThreadPoolExecutor() as threads:
        # Each takes a few tenths of a second.
        listing = threads.submit(_pulumi, "config", stack, "--json")
        naming = threads.submit(_pulumi, "stack", None, "--show-name") if stack is None else None
        config = json.loads(listing.result())
        name = naming.result().strip() if naming else str(stack)
    # A program in Python can use the plugin, and one in another language a component in Python.
    with_key = [names for names in (IN_PYTHON, IN_PLUGIN) if names.key(Setting.API_KEY) in config]
    names = with_key[0] if len(with_key) == 1 else _names_in(language)
    # The list has no secrets.
    values = {
        key: config[key].get("value") or _pulumi("config get", stack, key).removesuffix("\n")
        for key in map(names.key, ENVIRONMENT)
        if key in config
    }
    return Settings.load(values.get, names=names, stack=name)


def _names_in(language: str | None) -> Names:
    """Returns the names of the settings in a language; None is that of no project."""
    return IN_PYTHON if language in (None, PYTHON) else IN_PLUGIN


def _pulumi(command: str, stack: str | None, *arguments: str) -> str:
    """Returns the output of a command of the CLI. Raises _CliError if it fails, with the CLI's reason."""
    pulumi = shutil.which("pulumi")
    if pulumi is None:
        raise _NoStackError("pulumi is not on PATH")
    selection = [] if stack is None else [f"--stack={stack}"]
    run = subprocess.run(  # noqa: S603 - pulumi, as the user would run it
        [pulumi, *command.split(), *arguments, *selection, "--non-interactive", "--color=never"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if run.returncode == 0:
        return run.stdout
    reason = _reason(run.stderr)
    # The exit status does not show it.
    if "no stack selected" in reason:
        raise _NoStackError("no stack is selected in this folder")
    raise _CliError(f"`pulumi {command}` failed: {one_line(reason)}")


def _reason(stderr: str) -> str:
    """Returns the line with the error. A warning may come before it, such as that there is a new CLI."""
    lines = [line for line in stderr.splitlines() if line.strip()] or ["it printed nothing"]
    return next((line for line in lines if line.startswith("error: ")), lines[0]).removeprefix("error: ")
