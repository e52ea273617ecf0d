"""The language of the project in this folder, and its words in reports."""

from __future__ import annotations

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
        runtime = yaml.safe_load(project.read_text(encoding="utf-8"))["runtime"]
        return str(runtime["name"] if isinstance(runtime, dict) else runtime)
    except (OSError, ValueError, LookupError, TypeError, yaml.YAMLError):
        # The CLI reports what is wrong with it.
        return PYTHON


def declarations(language: str, domain: str) -> list[str]:
    """Returns the line of a program that declares an Agent Ingress, or none for a language without an example."""
    return [_DECLARATIONS[language].format(domain=domain)] if language in _DECLARATIONS else []
