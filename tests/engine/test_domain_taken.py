"""A domain that already has an ingress, after a killed `up` or a rename: the error ends with the fix."""

from __future__ import annotations

from pulumi_agin.emulator import Emulator
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY
from tests.support.killed_up import kill_up_during_creates
from tests.support.ngrok import create
from tests.support.project import Project

# Of the two gateways, only one has an ingress: its URN does not show which.
GATEWAYS = """
    class Gateway(pulumi.ComponentResource):
        def __init__(self, name, opts=None):
            super().__init__("test:index:Gateway", name, None, opts)

    second = agin.Provider("second", api_key=pulumi.Config().require_secret("second"))
    Gateway("other")
    gateway = Gateway("it's a gateway", pulumi.ResourceOptions(providers=[second]))
    agin.AgentIngress("child", domain="child.acme.com", opts=pulumi.ResourceOptions(parent=gateway))
    agin.AgentIngress("connect", domain="connect.acme.com", description="ours", metadata='{"team": "iot"}')
    """
TWO_MORE = """
    agin.AgentIngress("theirs", domain="theirs.acme.com")
    agin.AgentIngress("lost", domain="lost.acme.com")
    """


def test_printed_commands_import_ingresses_of_killed_creates(project: Project, emulator: Emulator) -> None:
    project.config(secret={"ngrok:apiKey": API_KEY, "second": OTHER_ACCOUNTS_KEY})
    del project.environment["NGROK_API_KEY"]
    project.program(GATEWAYS)
    kill_up_during_creates(project, emulator, {"connect.acme.com", "child.acme.com"})
    ids = {each["domain"]: each["id"] for each in emulator.ingresses()}

    # With another stack selected, and two more that fail in other ways.
    create(emulator, "theirs.acme.com", OTHER_ACCOUNTS_KEY)
    emulator.add_fault("POST", "respond_after", domain="lost.acme.com", status=200, body="<html>hello</html>")
    emulator.add_fault(
        "GET", "respond", domain="lost.acme.com", status=400, json_body={"msg": "no", "status_code": 400}
    )
    project.program(GATEWAYS + TWO_MORE)
    project.init("prod")
    failed = project.up("--stack", "dev", "--continue-on-error", fails=True)
    expected = {
        "connect": f"The domain belongs to {ids['connect.acme.com']}",
        "child": f"The domain belongs to {ids['child.acme.com']}",
        "theirs": "ngrok lists none with this domain for this key, so another account has it",
        "lost": "it is unknown whether the Agent Ingress lost.acme.com was created",
    }
    assert failed.unexpected(expected) == {}
    assert not failed.has_traceback
    lines = {name: text.splitlines()[-1] for name, text in failed.by_resource.items()}
    emulator.clear_faults()
    [lost] = [each["id"] for each in emulator.ingresses() if each["domain"] == "lost.acme.com"]
    assert lines["lost"].endswith("If it was created, `pulumi preview` shows its ID and the next step")
    assert f"The domain belongs to {lost}, created at" in project.preview("--stack", "dev")
    for name, shell in (("connect", "sh"), ("child", "bash")):
        (project.folder / "line.sh").write_text(lines[name])
        assert "1 imported" in project.shell(f"{shell} line.sh")
    assert project.resources() == []

    project.pulumi("stack", "select", "dev")
    project.program(GATEWAYS)
    emulator.clear_requests()
    up = project.up()
    assert "6 unchanged" in up
    assert emulator.requests() == []
    assert {each["outputs"]["domain"]: each["id"] for each in project.resources()} == ids
    # Pulumi warns of the interrupted creates until a refresh clears them.
    assert "interrupted while creating" in up
    project.refresh("--clear-pending-creates")
    assert "warning" not in project.destroy()
    assert {each["domain"] for each in emulator.ingresses()} == {"lost.acme.com", "theirs.acme.com"}


def test_renamed_resources_keep_their_ingresses(project: Project, emulator: Emulator) -> None:
    urn = "urn:pulumi:dev::test::pulumi-python:dynamic/agin:AgentIngress::"
    project.program(
        """
        agin.AgentIngress("old", domain="a.acme.com")
        agin.AgentIngress("first", domain="b.acme.com")
        """
    )
    project.up()
    before = emulator.ingresses()
    # Imported under its new name, and still in the state under its old one.
    state = project.state()
    resources = state["deployment"]["resources"]
    [first] = [each for each in resources if each["urn"] == f"{urn}first"]
    resources.append({**first, "urn": f"{urn}second", "protect": True})
    project.write_state(state)
    program = """
        agin.AgentIngress("new", domain="a.acme.com", opts=pulumi.ResourceOptions({options}))
        agin.AgentIngress("second", domain="b.acme.com")
        """
    project.program(program.format(options=""))
    failed = project.up("--continue-on-error", fails=True)
    expected = {"new": "don't import it: use ResourceOptions(aliases=[…]) after a rename, or see `"}
    assert failed.unexpected(expected) == {}
    assert emulator.ingresses() == before
    # The next `up` would delete what is in the state under two names.
    printed = project.shell(failed.by_resource["new"].splitlines()[-1], fails=True)
    assert f"is already in the stack as {urn}old" in printed
    project.program(program.format(options='aliases=[pulumi.Alias(name="old")]'))
    failed = project.up(fails=True)
    assert failed.unexpected({"first": f"is not deleted, because {urn}second has it too"}) == {}
    project.shell(failed.by_resource["first"].splitlines()[-1])
    assert "3 unchanged" in project.up()
    assert {each["urn"] for each in project.resources()} == {f"{urn}new", f"{urn}second"}
    assert emulator.ingresses() == before
