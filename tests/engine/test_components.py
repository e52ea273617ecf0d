"""The provider that a resource really got, in components of another process and with transforms, over a whole life.

All cases are Agent Ingresses of one stack, each with NS records and the domain of its name.
"""

from __future__ import annotations

from pathlib import Path

from pulumi_agin.dynamic.run_facts import RUN_FACTS

from pulumi_agin.emulator import Emulator
from tests.support.cloud_provider import Cloud, install_dns
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY, OTHER_ROTATED_KEY, OURS, THEIRS
from tests.support.ngrok import create
from tests.support.project import Project

# The process of the components. The lookups have the account of the component's own children.
HOST = """
from typing import TypedDict

import pulumi
import pulumi_agin as agin
from pulumi.provider.experimental import component_provider_host
from typing_extensions import NotRequired


class SiteArgs(TypedDict):
    description: pulumi.Input[str]
    api_key: NotRequired[pulumi.Input[str]]


class Site(pulumi.ComponentResource):
    found: pulumi.Output[str]
    created_at: pulumi.Output[str]

    def __init__(self, name: str, args: SiteArgs, opts: pulumi.ResourceOptions | None = None):
        super().__init__("site:index:Site", name, {}, opts)
        opts = pulumi.ResourceOptions(parent=self)
        if "api_key" in args:
            opts = pulumi.ResourceOptions(parent=self, provider=agin.Provider(name, args["api_key"], opts=opts))
        ingress = agin.AgentIngress(name, domain=f"{name}.acme.com", description=args["description"], opts=opts)
        agin.AgentIngressDelegation(name, ingress, agin.dns.cloudflare("Z1"), opts=pulumi.ResourceOptions(parent=self))
        look_up = pulumi.InvokeOutputOptions(parent=self, provider=opts.provider)
        found = agin.get_agent_ingresses_output('obj.metadata == "shared"', look_up)
        self.found = found.agent_ingresses[0].domain
        self.created_at = ingress.created_at
        self.register_outputs({"found": self.found})


component_provider_host(name="site", components=[Site])
"""

CONSUMER = """
key = pulumi.Config().require_secret("theirKey")
theirs = agin.Provider("provider", key)


class Site(pulumi.ComponentResource):
    found: pulumi.Output[str]
    createdAt: pulumi.Output[str]

    def __init__(self, name, opts=None, **inputs):
        props = {"description": "DESCRIPTION", "found": None, "createdAt": None, **inputs}
        super().__init__("site:index:Site", name, props, opts, remote=True)

def set_provider(args):
    if args.name.startswith("transformed") and args.type_.endswith(":AgentIngress"):
        opts = pulumi.ResourceOptions.merge(args.opts, pulumi.ResourceOptions(provider=theirs))
        return pulumi.ResourceTransformResult(args.props, opts)


pulumi.runtime.register_resource_transform(set_provider)

sites = {
    "default": Site("default"),
    "inherited": Site("inherited", pulumi.ResourceOptions(providers=[theirs])),
    "own": Site("own", apiKey=key),
    "transformed-inside": Site("transformed-inside"),
}
transformed = agin.AgentIngress("transformed", domain="transformed.acme.com", description="DESCRIPTION")
agin.AgentIngressDelegation("transformed", transformed, agin.dns.cloudflare("Z1"))

pulumi.export("found", {name: site.found for name, site in sites.items()})
for name, site in sites.items():
    site.createdAt.apply(lambda _, name=name: print(f"createdAt of {name} is known"))
"""
CASES = {"default": OURS, "inherited": THEIRS, "own": THEIRS, "transformed-inside": THEIRS, "transformed": THEIRS}
# A transform of resources does not reach lookups.
FOUND = {
    "default": "ours.acme.com",
    "inherited": "theirs.acme.com",
    "own": "theirs.acme.com",
    "transformed-inside": "ours.acme.com",
}
# The stack, the providers of the consumer and of "own", the components, and each case with a delegation and 4 records.
RESOURCES = 3 + len(FOUND) + 6 * len(CASES)


def accounts(emulator: Emulator, description: str) -> dict[str, int]:
    """Returns the account of each ingress with this description, by the name of its case."""
    found = {each["domain"]: each["account"] for each in emulator.ingresses() if each["description"] == description}
    return {domain.removesuffix(".acme.com"): account for domain, account in found.items()}


def start(project: Project, emulator: Emulator, dns_packages: Path) -> Cloud:
    """Prepares the processes, the settings of both accounts and an ingress in each, which lookups find."""
    cloud = install_dns(project, dns_packages)
    host = project.folder / "host.py"
    host.write_text(HOST)
    executable = project.folder / "pulumi-resource-site"
    executable.write_text(f'#!/bin/sh\nexec {project.user_env}/bin/python {host} "$@"\n')
    executable.chmod(0o755)
    settings = (project.folder / "Pulumi.yaml").read_text()
    project.yaml(settings.replace("]}", f", {{name: site, path: {project.folder}}}]}}"))
    del project.environment["NGROK_API_KEY"]
    project.config(secret={"agin:apiKey": API_KEY, "theirKey": OTHER_ACCOUNTS_KEY})
    create(emulator, "ours.acme.com", metadata="shared")
    create(emulator, "theirs.acme.com", OTHER_ACCOUNTS_KEY, metadata="shared")
    return cloud


def test_components_of_another_process_and_transforms_over_a_whole_life(
    project: Project, emulator: Emulator, dns_packages: Path
) -> None:
    cloud = start(project, emulator, dns_packages)
    project.program(CONSUMER.replace("DESCRIPTION", "one"))
    created = project.up()
    assert f"+ {RESOURCES} created" in created
    assert project.outputs()["found"] == FOUND
    assert accounts(emulator, "one") == CASES
    records = {name: cloud.records(f"{name}.acme.com") for name in CASES}
    assert [name for name in CASES if len(records[name]) != 4] == []

    # An update of all ingresses, and of the two providers with the key.
    emulator.add_key(OTHER_ROTATED_KEY, account_of=OTHER_ACCOUNTS_KEY)
    emulator.remove_key(OTHER_ACCOUNTS_KEY)
    project.config(secret={"theirKey": OTHER_ROTATED_KEY})
    project.program(CONSUMER.replace("DESCRIPTION", "two"))
    updated = project.pulumi("up", "--yes")
    preview = updated.output.partition("Updating (")[0]
    assert f"~ {len(CASES) + 2} to update\n    {RESOURCES - len(CASES) - 2} unchanged" in preview
    assert [name for name in FOUND if f"createdAt of {name} is known" not in preview] == []
    assert accounts(emulator, "two") == CASES
    assert {name: cloud.records(f"{name}.acme.com") for name in CASES} == records

    refreshed = project.refresh("--run-program")
    assert f"{RESOURCES} unchanged" in refreshed
    # Only `check` receives the facts about a run, and here the CLI shows inputs before their check.
    assert "run_facts" not in refreshed
    assert [each["urn"] for each in project.resources() if RUN_FACTS in each.get("inputs", {})] == []
    destroyed = project.destroy("--run-program")
    assert accounts(emulator, "two") == {}
    assert [name for name in CASES if cloud.records(f"{name}.acme.com")] == []

    outputs = "".join(each.output for each in (created, updated, refreshed, destroyed))
    assert "warning: " not in outputs
    assert "error: " not in outputs
    for key in (API_KEY, OTHER_ACCOUNTS_KEY, OTHER_ROTATED_KEY):
        project.assert_no_key(outputs, key)
