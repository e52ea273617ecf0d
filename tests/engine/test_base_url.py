"""A changed base URL, which is another account: its 404 says nothing about the ingresses of the stack."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pulumi_agin.emulator import Emulator
from tests.support.keys import API_KEY
from tests.support.ports import closed_port
from tests.support.project import Project
from tests.support.public_api import HOST, public_api

NGROK = f"https://{HOST}"
NAMES = ("a", "b", "c")

PYTHON = """
    for name in ("a", "b", "c"):
        agin.AgentIngress(name, domain=f"{name}.acme.com", description="first")
    """
YAML = """
    resources:
      a: {type: agin:AgentIngress, properties: {domain: a.acme.com, description: first}}
      b: {type: agin:AgentIngress, properties: {domain: b.acme.com, description: first}}
      c: {type: agin:AgentIngress, properties: {domain: c.acme.com, description: first}}
    """


@pytest.fixture
def ngrok(project: Project, tmp_path: Path) -> Iterator[Emulator]:
    """ngrok's public API, which the project uses by default. The key is also one of `emulator`."""
    with Emulator(API_KEY, allowed_hosts=[HOST]) as running, public_api(running, tmp_path) as environment:
        project.environment |= environment
        yield running


def fingerprints(project: Project) -> dict[str, str]:
    """Returns what recognizes the account of each ingress in the state, by the names of the resources."""
    ingresses = [*project.of_type(Project.INGRESS), *project.of_type("agin:index:AgentIngress")]
    return {each["urn"].rpartition("::")[2]: each["outputs"]["_key_fingerprint"] for each in ingresses}


@pytest.mark.parametrize("language", [pytest.param("python", marks=pytest.mark.main), "yaml"])
def test_variable_left_in_the_shell_costs_nothing(
    language: str, yaml_project: Project, ngrok: Emulator, emulator: Emulator
) -> None:
    project = yaml_project
    if language == "python":
        project.program(PYTHON)
    else:
        project.yaml_program(YAML)
    shown = project.pulumi("up", "--yes").output
    before, ingresses = fingerprints(project), ngrok.ingresses()
    assert before.keys() == set(NAMES)
    # Without a base URL.
    assert all(re.fullmatch("[0-9a-f]{8}", each) for each in before.values())

    left = {"NGROK_API_BASE_URL": emulator.url}
    source = "the environment variable NGROK_API_BASE_URL"
    announcement = f"this command does not use ngrok itself: the base URL is {emulator.url}, from {source}\n"
    change = (
        f"last read at {NGROK}, but the base URL is now {emulator.url}, from {source}. To use the old one again, "
        f"unset {source}"
    )
    preview = project.preview(env=left).output
    assert preview.count(announcement) == 1
    assert re.findall("warning: (.*)", preview) == [
        f"according to the state, Agent Ingresses of this stack were {change}; only if both lead to the same account, "
        "run `pulumi refresh --run-program`, which records the new one"
    ]
    refreshed = project.refresh(fails=True, env=left)
    project.edit({"first": "second"})
    updated = project.up("--continue-on-error", fails=True, env=left)
    destroyed = project.destroy("--continue-on-error", fails=True, env=left)
    for failed in (refreshed, updated, destroyed):
        # A refresh ends at the first failure.
        names = failed.by_resource.keys() & set(NAMES) if failed is refreshed else NAMES
        sentence = f"This does not prove that it was deleted: according to the state, it was {change}\n"
        assert failed.unexpected(dict.fromkeys(names, sentence)) == {}, failed.output
        assert failed.output.partition("Diagnostics:")[2].count(announcement) == 1
    assert fingerprints(project) == before
    assert ngrok.ingresses() == ingresses
    assert emulator.ingresses() == []

    # Without the variable, everything is as before.
    shown += project.refresh("--expect-no-changes").output
    updated = project.pulumi("up", "--yes")
    assert "3 updated" in updated
    shown += updated.output + project.destroy().output
    assert ngrok.ingresses() == []
    for word in ("does not use ngrok itself", "warning"):
        assert word not in shown


def test_trial_whose_emulator_is_gone_is_explained(project: Project, ngrok: Emulator, emulator: Emulator) -> None:
    project.program(PYTHON)
    trial = {"NGROK_API_BASE_URL": f"{emulator.url.replace('http', 'HTTP')}/"}
    project.up(env=trial)
    before = fingerprints(project)
    assert {each.partition(" ")[2] for each in before.values()} == {emulator.url}
    project.refresh("--expect-no-changes", env=trial)
    emulator.stop()
    failed = project.destroy("--continue-on-error", fails=True)
    sentences = (
        f"last read at {emulator.url}, but the base URL is now {NGROK}, the default. To use the old one again, run "
        f"`pulumi config set ngrok:apiBaseUrl {emulator.url}`\n"
    )
    assert failed.unexpected(dict.fromkeys(NAMES, sentences)) == {}
    assert "pulumi-agin explain other-account" in failed.diagnostics
    assert fingerprints(project) == before
    project.pulumi("stack", "rm", "--force", "--yes")


@pytest.mark.parametrize("language", ["python", "yaml"])
def test_message_about_an_old_base_url_says_how_to_use_the_new_one(
    language: str, yaml_project: Project, tmp_path: Path
) -> None:
    project, file = yaml_project, tmp_path / "ingresses.json"
    key = "ngrok:apiBaseUrl" if language == "python" else "agin:apiBaseUrl"
    if language == "python":
        project.program(PYTHON)
    else:
        project.yaml_program(YAML)
    with Emulator(API_KEY, file=file) as first:
        project.config(plain={key: first.url})
        project.up()
    # The emulator is started again, on another port.
    with closed_port(first.url), Emulator(API_KEY, file=file) as second:
        project.config(plain={key: second.url})
        message = (
            f" no connection to {first.url} (the base URL from {key} in the stack config): Connection refused; start "
            f"the emulator there with `pulumi-agin emulator --port {first.url.rpartition(':')[2]}` (and its --file, "
            "if any), or correct the base URL (refresh and destroy use the base URL of the last `pulumi up`: after "
            "changing the base URL, run `pulumi up` first, or add --run-program)\n"
        )
        failed = project.destroy("--continue-on-error", fails=True)
        assert failed.unexpected(dict.fromkeys(NAMES, message)) == {}, failed.output
        project.up()
        project.refresh()
        project.config(plain={key: first.url})
        project.refresh()
        failed = project.destroy("--run-program", "--continue-on-error", fails=True)
        assert failed.unexpected(dict.fromkeys(NAMES, message)) == {}, failed.output
        project.config(plain={key: second.url})
        project.destroy("--run-program")
        assert second.ingresses() == []
