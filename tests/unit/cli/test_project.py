"""The settings of a command, and the domains of a stack, with a stand-in for Pulumi's CLI."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from pulumi_agin.cli import project
from pulumi_agin.cli.project import domains_of_stack, load_settings
from pulumi_agin.lifecycle.operation import FailedError
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY, assert_without_key

# The message of the real CLI.
NO_STACK = "no stack selected; please use `pulumi stack select` or `pulumi stack init` to choose one"


class StubCli:
    """`pulumi` in the folder of a project."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (folder / "Pulumi.yaml").write_text("name: test\nruntime: python\n")

    def stack(self, resources: Sequence[Mapping[str, Any]] = (), **config: str) -> None:
        """Makes it print a stack. The names in `config` are without `agin:`."""
        deployment = {"deployment": {"resources": list(resources)}}
        (self._folder / "stack.json").write_text(json.dumps(deployment))
        values = {f"agin:{name}": {"value": value, "secret": True} for name, value in config.items()}
        (self._folder / "config.json").write_text(json.dumps(values))
        self._write(f"exec /bin/cat '{self._folder}'/\"$1\".json")

    def fail(self, message: str) -> None:
        """Makes each of its commands fail, after a warning."""
        self._write(f"printf 'warning: there is a newer version\\nerror: {message}\\n' >&2; exit 255")

    def hang(self) -> None:
        """Makes it run until it is killed."""
        self._write("exec /bin/sleep 3600")

    @property
    def calls(self) -> list[str]:
        return (self._folder / "calls").read_text().splitlines()

    def _write(self, script: str) -> None:
        pulumi = self._folder / "pulumi"
        pulumi.write_text(f"#!/bin/sh\nprintf '%s\\n' \"$*\" >>'{self._folder}/calls'\n{script}\n")
        pulumi.chmod(0o755)


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StubCli:
    """A project with `pulumi` in a folder on PATH, and another account's key in the environment."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("NGROK_API_KEY", OTHER_ACCOUNTS_KEY)
    monkeypatch.chdir(tmp_path)
    return StubCli(tmp_path)


def source(stack: str | None = None) -> str:
    """Returns where the key is from: our key from the stack config, or the other account's from the environment."""
    settings = load_settings(stack)
    key, where = settings.api_key.get_secret_value(), settings.api_key_source
    sources = {
        (API_KEY, "agin:apiKey in the stack config"): "config",
        (OTHER_ACCOUNTS_KEY, "the environment variable NGROK_API_KEY"): "environment",
    }
    return sources[key, where]


def test_stack_config_wins_also_below_the_projects_folder(
    cli: StubCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli.stack(apiKey=API_KEY, timeoutSeconds="7")
    (tmp_path / "below").mkdir()
    for folder in (tmp_path, tmp_path / "below"):
        monkeypatch.chdir(folder)
        assert source() == "config"
    assert load_settings(None).timeout_seconds == 7


def test_named_stack_is_used(cli: StubCli) -> None:
    cli.stack(apiKey=API_KEY)
    assert source("acme/prod") == "config"
    domains_of_stack("acme/prod")
    assert [call.partition(" --non")[0] for call in cli.calls] == [
        "config --show-secrets --json --stack=acme/prod",
        "stack export --stack=acme/prod",
    ]


def test_environment_has_what_the_config_lacks(cli: StubCli) -> None:
    cli.stack(apiBaseUrl="http://127.0.0.1:1")
    assert source() == "environment"
    assert load_settings(None).base_url == "http://127.0.0.1:1"


def test_environment_is_used_without_a_selected_stack(cli: StubCli) -> None:
    cli.fail(NO_STACK)
    assert source() == "environment"
    with pytest.raises(FailedError, match="no stack selected"):
        load_settings("prod")


def test_environment_is_used_without_a_cli_or_a_project(cli: StubCli, tmp_path: Path) -> None:
    assert source() == "environment"
    with pytest.raises(FailedError, match=r"could not run `pulumi config`: .*No such file"):
        load_settings("prod")
    (tmp_path / "Pulumi.yaml").unlink()
    cli.stack(apiKey=API_KEY)
    assert source() == "environment"


def test_unreadable_config_is_not_replaced_by_the_environment(cli: StubCli, monkeypatch: pytest.MonkeyPatch) -> None:
    cli.fail("incorrect passphrase")
    with pytest.raises(FailedError, match=r"^`pulumi config` failed: incorrect passphrase$"):
        load_settings(None)
    cli.hang()
    monkeypatch.setattr(project, "PULUMI_SECONDS", 0.1)
    with pytest.raises(FailedError, match=r"^could not run `pulumi config`: .* timed out after 0.1 seconds$"):
        load_settings(None)


def test_invalid_settings_are_one_sentence_without_the_key(cli: StubCli) -> None:
    cli.stack(apiKey=f"{API_KEY} {API_KEY}", timeoutSeconds="never")
    with pytest.raises(FailedError, match=r"the API key from agin:apiKey.*; the timeout from") as caught:
        load_settings(None)
    assert_without_key(str(caught.value))


def test_domains_are_those_that_the_stack_manages(cli: StubCli) -> None:
    def ingress(domain: object, **more: object) -> Mapping[str, object]:
        return {"type": "pulumi-python:dynamic/agin:AgentIngress", "outputs": {"domain": domain}, **more}

    resources = [
        ingress("", type="pulumi:pulumi:Stack"),
        ingress("python.acme.com"),
        ingress("native.acme.com", type="agin:index:AgentIngress"),
        ingress("read.acme.com", external=True),
        ingress("replaced.acme.com", delete=True),
        ingress("other.acme.com", type="aws:route53/record:Record"),
    ]
    cli.stack(resources)
    assert domains_of_stack(None) == ["native.acme.com", "python.acme.com"]
    cli.stack([ingress({"ciphertext": "v1:"})])
    with pytest.raises(FailedError, match="a domain in the stack is a secret: name the domains, or use --all"):
        domains_of_stack(None)
