"""Tests with the emulator of ngrok's API and the real Pulumi engine. They take 5 to 20 seconds."""

from pathlib import Path

import pytest
from gateway import program
from pulumi import automation

from pulumi_agin.emulator import Emulator


@pytest.fixture
def stack(agin_emulator: Emulator, tmp_path: Path) -> automation.Stack:
    """A stack in a temporary folder. For a program in a folder, pass `work_dir` in place of name and program."""
    state = {"PULUMI_BACKEND_URL": tmp_path.as_uri(), "PULUMI_CONFIG_PASSPHRASE": "test"}
    stack = automation.create_stack(
        "test",
        project_name="gateway",
        program=program,
        opts=automation.LocalWorkspaceOptions(env_vars=state),
    )
    stack.set_config("domain", automation.ConfigValue("connect.acme.com"))
    return stack


def test_from_up_to_destroy(stack: automation.Stack, agin_emulator: Emulator) -> None:
    # ngrok creates the ingress, but its response is lost.
    agin_emulator.add_fault("POST", "reset_after")
    outputs = stack.up().outputs
    [ingress] = agin_emulator.ingresses()
    assert outputs["ns_targets"].value == sorted(f"{name}." for name in ingress["ns_targets"])

    # An update keeps the ingress.
    stack.set_config("description", automation.ConfigValue("devices"))
    stack.up()
    [updated] = agin_emulator.ingresses()
    assert (updated["id"], updated["description"]) == (ingress["id"], "devices")

    stack.destroy()
    assert agin_emulator.ingresses() == []


def test_a_wrong_domain(stack: automation.Stack, agin_emulator: Emulator) -> None:
    stack.set_config("domain", automation.ConfigValue("https://connect.acme.com"))
    with pytest.raises(automation.CommandError, match="use only the domain"):
        stack.preview()
    assert agin_emulator.requests() == []
