"""Components in Python in another process, used by programs in Python and in YAML."""

from __future__ import annotations

from pathlib import Path

import pytest

from pulumi_agin.emulator import Emulator
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY, OURS, THEIRS
from tests.support.ngrok import create
from tests.support.project import Project

HOST = """
from typing import TypedDict

import pulumi
import pulumi_agin as agin
from pulumi.provider.experimental import component_provider_host
from typing_extensions import NotRequired


class SiteArgs(TypedDict):
    description: pulumi.Input[str]
    import_id: NotRequired[pulumi.Input[str]]


class Site(pulumi.ComponentResource):
    uri: pulumi.Output[str]

    def __init__(self, name: str, args: SiteArgs, opts: pulumi.ResourceOptions | None = None):
        super().__init__("site:index:Site", name, {}, opts)
        ingress = agin.AgentIngress(
            name,
            domain=f"{name}.acme.com",
            description=args["description"],
            opts=pulumi.ResourceOptions(parent=self, import_=args.get("import_id")),
        )
        self.uri = ingress.uri
        self.register_outputs({"uri": self.uri})


component_provider_host(name="site", components=[Site])
"""

IN_PYTHON = """
theirs = agin.Provider("theirs", pulumi.Config().require_secret("theirs"))


class Site(pulumi.ComponentResource):
    uri: pulumi.Output[str]

    def __init__(self, name, opts=None, **inputs):
        super().__init__("site:index:Site", name, {"description": "one", "uri": None, **inputs}, opts, remote=True)


site = Site("default")
Site("inherited", pulumi.ResourceOptions(providers=[theirs]))
Site("imported", importId="ID")
pulumi.export("uri", site.uri)
"""

IN_YAML = """
resources:
  site:
    type: site:index:Site
    name: default
    properties: {description: one}
outputs:
  uri: ${site.uri}
"""


@pytest.fixture
def host(project: Project) -> str:
    """Makes the component's process, and returns the part of Pulumi.yaml by which the engine finds it."""
    file = project.folder / "host.py"
    file.write_text(HOST)
    executable = project.folder / "pulumi-resource-site"
    executable.write_text(f'#!/bin/sh\nexec {project.user_env}/bin/python {file} "$@"\n')
    executable.chmod(0o755)
    # The dynamic resources in it run in the consumer's Python.
    project.environment["PULUMI_PYTHON_CMD"] = str(project.user_env / "bin" / "python")
    return f"plugins: {{providers: [{{name: site, path: {project.folder}}}]}}\n"


def test_component_used_from_python(project: Project, emulator: Emulator, host: str) -> None:
    existing = create(emulator, "imported.acme.com", description="one")
    project.yaml(f"name: {project.name}\nruntime: python\n{host}")
    project.config(secret={"agin:apiKey": API_KEY, "theirs": OTHER_ACCOUNTS_KEY})
    del project.environment["NGROK_API_KEY"]
    project.program(IN_PYTHON.replace("ID", existing))
    output = project.up().output
    accounts = {each["domain"].partition(".")[0]: each["account"] for each in emulator.ingresses()}
    assert accounts == {"imported": OURS, "default": OURS, "inherited": THEIRS}
    project.edit({'"one"': '"two"'})
    updated = project.pulumi("up", "--yes")
    assert "~ 3 to update" in updated.output.partition("Updating (")[0]
    output += updated.output + project.destroy().output
    assert emulator.ingresses() == []
    for key in (API_KEY, OTHER_ACCOUNTS_KEY):
        project.assert_no_key(output, key)


@pytest.mark.main
def test_component_used_from_yaml(yaml_project: Project, emulator: Emulator, host: str, user_env: Path) -> None:
    project = yaml_project
    project.yaml(f"name: {project.name}\nruntime: yaml\n{host}{IN_YAML}")
    project.up()
    [ingress] = emulator.ingresses()
    assert project.outputs() == {"uri": f"/agent_ingresses/{ingress['id']}"}
    assert "unchanged" in project.preview()
    project.destroy()
    assert emulator.ingresses() == []
