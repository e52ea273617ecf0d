"""The project in the current folder: the settings and the Agent Ingresses of its selected stack, by Pulumi's CLI."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from pulumi_agin.lifecycle.operation import FailedError
from pulumi_agin.settings import API_KEY, BASE_URL, TIMEOUT_SECONDS, Settings

# The types of Agent Ingresses in a state: in a Python program, and in other languages.
TYPES = ("pulumi-python:dynamic/agin:AgentIngress", "agin:index:AgentIngress")


def load_settings() -> Settings:
    """Returns the settings of the selected stack and the environment. Without a project, those of the environment."""
    config: dict[str, Any] = {}
    if Path("Pulumi.yaml").exists() and shutil.which("pulumi"):
        config = _pulumi("config", "--show-secrets", "--json")
    values = {name: config.get(name, {}).get("value") for name in (API_KEY, BASE_URL, TIMEOUT_SECONDS)}
    settings = Settings.load(values.get)
    if settings.problems:
        raise FailedError("; ".join(settings.problems))
    return settings


def domains_of_stack() -> list[str]:
    """Returns the domains of the Agent Ingresses in the state of the selected stack."""
    if not Path("Pulumi.yaml").exists():
        raise FailedError("there is no Pulumi project in this folder: name the domains, or use --all")
    resources = _pulumi("stack", "export")["deployment"].get("resources", [])
    ingresses = [each for each in resources if each["type"] in TYPES and not each.get("delete")]
    return sorted({each["outputs"]["domain"] for each in ingresses if each.get("outputs", {}).get("domain")})


def _pulumi(*arguments: str) -> dict[str, Any]:
    """Runs Pulumi's CLI, and returns its JSON."""
    try:
        ran = subprocess.run(  # noqa: S603 - the arguments are ours
            ["pulumi", *arguments, "--non-interactive"],  # noqa: S607 - the user's CLI
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError as error:
        raise FailedError(f"could not run pulumi: {error.strerror}") from None
    if ran.returncode:
        last = (ran.stderr.strip() or "no message").splitlines()[-1]
        raise FailedError(f"pulumi {' '.join(arguments[:2])} failed: {last}")
    found: dict[str, Any] = json.loads(ran.stdout or "{}")
    return found
