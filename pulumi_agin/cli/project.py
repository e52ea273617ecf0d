"""The project in the current folder: the settings and the Agent Ingresses of a stack, read with Pulumi's CLI.

In each function, `stack` is the option `--stack`; None for the selected stack.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from pulumi_agin.api.budget import Budget
from pulumi_agin.api.redaction import one_line
from pulumi_agin.lifecycle.operation import FailedError
from pulumi_agin.settings import ENVIRONMENT, Settings

# The types of Agent Ingresses in a state: from a Python program, and from the provider plugin.
AGENT_INGRESSES = ("pulumi-python:dynamic/agin:AgentIngress", "agin:index:AgentIngress")

# The time limit of the requests to ngrok. A rate limit of ngrok ends within a minute.
REQUEST_SECONDS = 60.0

# The time limit of one run of Pulumi's CLI, because the CLI's backend may not respond.
PULUMI_SECONDS = 60.0


def add_stack_to(parser: ArgumentParser) -> None:
    """Adds the option that selects a stack to a command."""
    parser.add_argument("--stack", metavar="NAME", help="use the config of this stack; default: the selected one")


def load_settings(stack: str | None) -> Settings:
    """Returns the settings from the config of a stack. A setting that the config lacks comes from the environment.

    All settings come from the environment if the user names no stack, and there is no project, no selected stack, or no
    `pulumi` on PATH. Otherwise, a config that can't be read is an error, because the key in the environment may belong
    to another account.
    """
    config: dict[str, Any] = {}
    if stack or (_has_project() and shutil.which("pulumi")):
        try:
            config = _pulumi("config", "--show-secrets", "--json", stack=stack)
        except FailedError as error:
            if stack or "no stack selected" not in str(error):
                raise
    settings = Settings.load({name: config.get(name, {}).get("value") for name in ENVIRONMENT}.get)
    if settings.problems:
        raise FailedError("; ".join(settings.problems))
    return settings


def new_budget(settings: Settings) -> Budget:
    """Returns the time budget for all requests of a command."""
    return Budget(min(REQUEST_SECONDS, settings.timeout_seconds))


def domains_of_stack(stack: str | None) -> list[str]:
    """Returns the domains of the Agent Ingresses in the state of a stack.

    Omits pending deletes, and ingresses that the program only reads.
    """
    if not stack and not _has_project():
        raise FailedError("there is no Pulumi project in this folder: name the domains, or use --all")
    # A stack without an update has no deployment. An empty stack has no resources.
    deployment = _pulumi("stack", "export", stack=stack)["deployment"] or {}
    domains = [
        resource["outputs"]["domain"]
        for resource in deployment.get("resources") or []
        if resource["type"] in AGENT_INGRESSES and not resource.get("external") and not resource.get("delete")
    ]
    if not all(isinstance(domain, str) for domain in domains):
        raise FailedError("a domain in the stack is a secret: name the domains, or use --all")
    return sorted(domains)


def _has_project() -> bool:
    """Returns whether Pulumi's CLI finds a project, in this folder or in a folder above."""
    folders = (Path.cwd(), *Path.cwd().parents)
    return any((folder / f"Pulumi.{ending}").is_file() for folder in folders for ending in ("yaml", "yml", "json"))


def _pulumi(*command: str, stack: str | None) -> dict[str, Any]:
    """Runs Pulumi's CLI, and returns the JSON object that the CLI prints."""
    selection = [f"--stack={stack}"] if stack else []
    try:
        ran = subprocess.run(  # noqa: S603 - a command of ours
            ["pulumi", *command, *selection, "--non-interactive", "--color=never"],  # noqa: S607 - the user's CLI
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=PULUMI_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise FailedError(f"could not run `pulumi {command[0]}`: {error}") from None
    if ran.returncode:
        # A warning may come before the error.
        reason = ran.stderr.rpartition("error: ")[2] or "it printed nothing"
        raise FailedError(f"`pulumi {command[0]}` failed: {one_line(reason)}")
    found: dict[str, Any] = json.loads(ran.stdout or "{}")
    return found
