"""The language of the project in this folder, and the code in it that declares an Agent Ingress."""

from __future__ import annotations

import json
from pathlib import Path

import yaml  # Pulumi's SDK needs it too

PYTHON = "python"

# The code that declares an Agent Ingress, by the runtime in Pulumi.yaml.
_DECLARATIONS = {
    PYTHON: 'agin.AgentIngress("connect", domain="{domain}")',
    "yaml": 'connect: {{type: agin:AgentIngress, properties: {{domain: "{domain}"}}}}',
    "nodejs": 'new agin.AgentIngress("connect", {{ domain: "{domain}" }});',
    "go": 'agin.NewAgentIngress(ctx, "connect", &agin.AgentIngressArgs{{Domain: pulumi.String("{domain}")}})',
    "dotnet": 'new AgentIngress("connect", new() {{ Domain = "{domain}" }});',
}


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


def declarations(language: str, domain: str) -> list[str]:
    """Returns the line of a program that declares an Agent Ingress, or none for a language without an example."""
    return [_DECLARATIONS[language].format(domain=domain)] if language in _DECLARATIONS else []
