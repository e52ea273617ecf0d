"""The project in the current folder: the settings and the Agent Ingresses of a stack, read with Pulumi's CLI.

In each function, `stack` is the option `--stack`; None for the selected one.
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

# The types of Agent Ingresses in a state: of a Python program, and of the provider plugin.
AGENT_INGRESSES = ("pulumi-python:dynamic/agin:AgentIngress", "agin:index:AgentIngress")

# The time limit of the requests to ngrok. A rate limit of ngrok ends within a minute.
REQUEST_SECONDS = 60.0

# The time limit of a run of Pulumi's CLI, whose backend may not respond.
PULUMI_SECONDS = 60.0


def add_stack_to(parser: ArgumentParser) -> None:
    """Adds the option that selects a stack to a command."""
    parser.add_argument("--stack", metavar="NAME", help="use the config of this stack; default: the selected one")


def load_settings(stack: str | None) -> Settings:
    """Returns the settings of a stack's config, and for what it lacks, those of the environment.

    Without a project, a selected stack, or `pulumi` on PATH, they are all from the environment, unless the user names a
    stack. If there is a stack whose config can't be read, that is an error, because the key in the environment may
    belong to another account.
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
    """Returns the time for the requests of a command."""
    return Budget(min(REQUEST_SECONDS, settings.timeout_seconds))


def domains_of_stack(stack: str | None) -> list[str]:
    """Returns the domains of the Agent Ingresses in the state of a stack, without those that the program only reads."""
    if not stack and not _has_project():
        raise FailedError("there is no Pulumi project in this folder: name the domains, or use --all")
    # A stack without an update has no deployment, and an empty one no resources.
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
    """Returns whether Pulumi's CLI finds a project, in this folder or above it."""
    folders = (Path.cwd(), *Path.cwd().parents)
    return any((folder / f"Pulumi.{ending}").is_file() for folder in folders for ending in ("yaml", "yml", "json"))


def _pulumi(*command: str, stack: str | None) -> dict[str, Any]:
    """Runs Pulumi's CLI, and returns its JSON."""
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
