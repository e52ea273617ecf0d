"""Other accounts: domains that are taken, keys of another account, and explicit providers."""

from __future__ import annotations

import pytest

from pulumi_agin.emulator import Emulator
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY, OURS, THEIRS
from tests.support.ngrok import create
from tests.support.project import Project

TAKEN = """
for name in ["theirs", "ours"]:
    agin.AgentIngress(name, domain=f"{name}.acme.com")
agin.AgentIngress("first", domain="first.acme.com")
"""


@pytest.mark.main
def test_taken_domains_are_told_in_the_preview_and_never_owned(project: Project, emulator: Emulator) -> None:
    create(emulator, "theirs.acme.com", OTHER_ACCOUNTS_KEY)
    ours = create(emulator, "ours.acme.com")
    project.program(TAKEN)
    emulator.clear_requests()
    preview = project.pulumi("preview")
    taken = f"ours.acme.com already has the Agent Ingress {ours}: if this stack has it under another name, add an alias"
    assert taken in preview.messages["ours"]
    assert "theirs" not in preview.messages
    # One list, for all of them.
    assert [request["method"] for request in emulator.requests()] == ["GET"]

    failed = project.up("--continue-on-error", fails=True)
    expected = {"ours": taken, "theirs": "theirs.acme.com belongs to another account"}
    assert failed.unexpected(expected) == {}
    assert "ERR_NGROK_6706" in failed.messages["ours"]
    assert not failed.has_traceback
    assert {each["outputs"]["domain"] for each in project.resources()} == {"first.acme.com"}

    # The stack has it under another name. Without an alias, the new name fails first, and nothing is deleted.
    project.program('agin.AgentIngress("renamed", domain="first.acme.com")')
    assert "first.acme.com already has the Agent Ingress" in project.pulumi("preview").messages["renamed"]
    project.up(fails=True)
    assert {each["outputs"]["domain"] for each in project.resources()} == {"first.acme.com"}
    assert "first.acme.com" in {each["domain"] for each in emulator.ingresses()}


def test_key_of_another_account_changes_no_state(project: Project, emulator: Emulator) -> None:
    project.program('agin.AgentIngress("connect", domain="connect.acme.com", description="one")')
    project.up()
    [before] = project.resources()
    project.environment["NGROK_API_KEY"] = OTHER_ACCOUNTS_KEY
    not_proven = "This does not prove that it was deleted"
    assert not_proven in project.refresh(fails=True).messages["connect"]
    project.edit({'"one"': '"two"'})
    assert not_proven in project.up(fails=True).messages["connect"]
    failed = project.destroy(fails=True)
    assert not_proven in failed.messages["connect"]
    assert not failed.has_traceback
    [after] = project.resources()
    assert (after["id"], after["outputs"]) == (before["id"], before["outputs"])
    assert len(emulator.ingresses()) == 1

    # With the key that read it last, a 404 is proof.
    project.environment["NGROK_API_KEY"] = API_KEY
    emulator.delete_ingress(before["id"])
    assert "deleted" in project.refresh()
    assert project.resources() == []


PROVIDERS = """
config = pulumi.Config()


async def later(value):
    return value


theirs = agin.Provider("theirs", config.require_secret("theirs"), api_base_url=later(config.require("url")))


class Site(pulumi.ComponentResource):
    def __init__(self, name, opts=None):
        super().__init__("acme:index:Site", name, None, opts)
        ingress = agin.AgentIngress(
            name,
            domain=f"{name}.acme.com",
            description=later("one"),
            certificate_management_policy={"authority": later("letsencrypt")},
            opts=pulumi.ResourceOptions(parent=self),
        )
        ingress.created_at.apply(lambda at: print(f"known of {name}"))


agin.AgentIngress("default", domain="default.acme.com")
agin.AgentIngress("explicit", domain="explicit.acme.com", opts=pulumi.ResourceOptions(provider=theirs))
Site("inherited", pulumi.ResourceOptions(providers=[theirs]))
found = agin.get_agent_ingresses_output(opts=pulumi.InvokeOutputOptions(provider=theirs, depends_on=[]))
pulumi.export("found", found.agent_ingresses.apply(lambda each: [one.domain for one in each]))
"""


@pytest.mark.main
def test_explicit_providers_own_ingresses_of_two_accounts(project: Project, emulator: Emulator) -> None:
    create(emulator, "looked-up.acme.com", OTHER_ACCOUNTS_KEY)
    del project.environment["NGROK_API_KEY"]
    project.config(plain={"url": emulator.url}, secret={"agin:apiKey": API_KEY, "theirs": OTHER_ACCOUNTS_KEY})
    project.program(PROVIDERS)
    output = project.up().output
    accounts = {each["domain"].partition(".")[0]: each["account"] for each in emulator.ingresses()}
    assert accounts == {"looked-up": THEIRS, "default": OURS, "explicit": THEIRS, "inherited": THEIRS}
    assert "looked-up.acme.com" in project.outputs()["found"]

    project.edit({'"one"': '"two"'})
    preview = project.preview()
    assert "~ 1 to update" in preview
    assert "known of inherited" in preview
    output += preview.output + project.refresh().output + project.up().output + project.destroy().output
    assert [each["domain"] for each in emulator.ingresses()] == ["looked-up.acme.com"]
    for key in (API_KEY, OTHER_ACCOUNTS_KEY):
        project.assert_no_key(output, key)
