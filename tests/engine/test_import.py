"""Imports of existing ingresses with the option `import_`, which writes nothing at ngrok."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pulumi_agin.emulator import Emulator
from tests.support.keys import OTHER_ACCOUNTS_KEY
from tests.support.ngrok import create, requests
from tests.support.project import Project

# In the program, in a component, with an explicit provider of another account, and with an ID that is an Output.
CASES = f"""
opts = pulumi.ResourceOptions
theirs = agin.Provider("theirs", pulumi.Output.secret("{OTHER_ACCOUNTS_KEY}"))


class Site(pulumi.ComponentResource):
    def __init__(self, name, id):
        super().__init__("acme:index:Site", name)
        agin.AgentIngress(name, domain=f"{{name}}.acme.com", opts=opts(parent=self, import_=id))


imported = agin.AgentIngress(
    "plain",
    domain="Plain.acme.com.",
    description="theirs",
    certificate_management_policy={{"authority": "letsencrypt"}},
    opts=opts(import_="PLAIN"),
)
Site("child", "CHILD")
agin.AgentIngress("provider", domain="provider.acme.com", opts=opts(provider=theirs, import_="PROVIDER"))
agin.AgentIngress("output", domain="output.acme.com", opts=opts(import_=pulumi.Output.from_input("OUTPUT")))
imported.ns_targets.apply(lambda targets: print(f"known: {{len(targets)}}"))
"""


def existing(emulator: Emulator) -> dict[str, str]:
    """Creates the ingresses of CASES, and returns their IDs by the placeholders in the program."""
    policy = {"authority": "letsencrypt", "private_key_type": "ecdsa"}
    ids = {
        "PLAIN": create(emulator, "plain.acme.com", description="theirs", certificate_management_policy=policy),
        "CHILD": create(emulator, "child.acme.com"),
        "PROVIDER": create(emulator, "provider.acme.com", OTHER_ACCOUNTS_KEY),
        "OUTPUT": create(emulator, "output.acme.com"),
    }
    emulator.clear_requests()
    return ids


def methods(emulator: Emulator) -> set[str]:
    return {method for method, _ in requests(emulator)}


@pytest.mark.main
def test_import_writes_nothing_and_then_does_nothing(project: Project, emulator: Emulator) -> None:
    ids = existing(emulator)
    project.program(CASES)
    project.edit(ids)
    before = emulator.ingresses()
    created = project.pulumi("up", "--yes", "--diff")
    preview = created.output.partition("Updating (")[0]
    assert "known: 4" in preview
    assert "warning" not in created
    assert methods(emulator) == {"GET"}
    assert emulator.ingresses() == before
    assert {each["id"] for each in project.resources()} == set(ids.values())

    # Left in the program, it does nothing. The update of another field does not show it.
    assert "to create" not in project.preview()
    assert "unchanged" in project.up()
    assert methods(emulator) == set()
    project.edit({'description="theirs"': 'description="ours"'})
    updated = project.preview()
    assert "~ 1 to update" in updated
    assert "import" not in updated
    project.up()
    assert methods(emulator) == {"GET", "PATCH"}

    # A refresh leaves it, too, and the stack owns what it has imported.
    assert "unchanged" in project.refresh()
    project.destroy()
    assert emulator.ingresses() == []


# Each field, a policy and its key type, and an ID that the account lacks.
DIFFERENT = """
opts = pulumi.ResourceOptions
letsencrypt = {"authority": "letsencrypt"}
agin.AgentIngress("domain", domain="other.acme.com", opts=opts(import_="DOMAIN"))
agin.AgentIngress("empty", domain="empty.acme.com", opts=opts(import_="EMPTY"))
agin.AgentIngress("metadata", domain="metadata.acme.com", metadata="m", opts=opts(import_="METADATA"))
agin.AgentIngress(
    "policy", domain="policy.acme.com", certificate_management_policy=letsencrypt, opts=opts(import_="POLICY")
)
agin.AgentIngress("theirs", domain="theirs.acme.com", opts=opts(import_="THEIRS"))
agin.AgentIngress("ignored", domain="ignored.acme.com", opts=opts(import_="IGNORED", ignore_changes=["description"]))
"""
UNKNOWN = """
first = agin.AgentIngress("first", domain="first.acme.com")
agin.AgentIngress("second", domain="empty.acme.com", opts=pulumi.ResourceOptions(import_=first.id))
"""
SENTENCES = {
    "domain": 'at ngrok, it has domain "domain.acme.com"',
    "empty": 'at ngrok, it has description "left out"',
    "metadata": "at ngrok, it has no metadata",
    "policy": "at ngrok, it has no certificate_management_policy",
    "ignored": 'at ngrok, it has description "left out"',
}


def test_import_of_what_differs_fails_and_names_it(project: Project, emulator: Emulator) -> None:
    left_out = {"description": "left out"}
    names = {"domain": {}, "empty": left_out, "metadata": {}, "policy": {}, "ignored": left_out}
    ids = {name.upper(): create(emulator, f"{name}.acme.com", **inputs) for name, inputs in names.items()}
    ids["THEIRS"] = create(emulator, "theirs.acme.com", OTHER_ACCOUNTS_KEY)
    before = emulator.ingresses()
    project.program(DIFFERENT)
    project.edit({f'"{name}"': f'"{id_}"' for name, id_ in ids.items()})
    lacking = "the account of the API key from the environment variable NGROK_API_KEY does not have it"
    preview = project.pulumi("preview")
    assert preview.unexpected({**SENTENCES, "theirs": lacking}) == {}

    emulator.clear_requests()
    failed = project.up("--continue-on-error", fails=True)
    assert failed.unexpected({**SENTENCES, "theirs": lacking}) == {}
    assert not failed.has_traceback
    assert methods(emulator) == {"GET"}
    assert emulator.ingresses() == before
    assert project.resources() == []

    # Nothing is known about an ID that only the update will know, also not that the domain is taken.
    project.program(UNKNOWN)
    assert "warning" not in project.preview()


ONE = """
agin.AgentIngress("connect", domain="connect.acme.com", opts=pulumi.ResourceOptions(import_="ID"))
"""
KEPT = "was not deleted at ngrok"


def add_to_state(project: Project, resources: list[dict[str, Any]]) -> None:
    state = project.state()
    state["deployment"]["resources"] += resources
    (project.folder / "state.json").write_text(json.dumps(state))
    project.pulumi("stack", "import", "--file", "state.json")


@pytest.mark.main
def test_import_left_in_the_program_loses_nothing(project: Project, emulator: Emulator) -> None:
    id_ = create(emulator, "connect.acme.com")
    project.program(ONE)
    project.edit({"ID": id_})
    project.up()
    of_old = [each for each in project.state()["deployment"]["resources"] if each["urn"].endswith("::connect")]

    # Another domain, also if the old ingress would be deleted first.
    for options in ("", "delete_before_replace=True, "):
        project.edit({"connect.acme.com": "other.acme.com", "import_": f"{options}import_"})
        failed = project.up(fails=True)
        assert "remove the option import_" in failed.messages["connect"]
        project.edit({"other.acme.com": "connect.acme.com", f"{options}import_": "import_"})
    assert [each["id"] for each in emulator.ingresses()] == [id_]

    # The replacement would be the same ingress.
    assert KEPT in project.up("--replace", "**::connect")
    # A run that ended before the delete.
    add_to_state(project, [{**each, "delete": True} for each in of_old])
    assert KEPT in project.up()

    # A rename without an alias, and one whose run ended before the delete of the old name.
    project.edit({'"connect"': '"renamed"'})
    assert KEPT in project.up()
    assert [each["id"] for each in emulator.ingresses()] == [id_]
    add_to_state(project, of_old)
    assert KEPT in project.up()
    assert [each["id"] for each in emulator.ingresses()] == [id_]
    assert [each["id"] for each in project.resources()] == [id_]
