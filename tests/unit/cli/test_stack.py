"""The settings of the `pulumi-agin` command, from the stack config in this folder or the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from pulumi_agin.cli.output import UsageError
from pulumi_agin.cli.stack import load_settings, project_language
from pulumi_agin.settings import Settings
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY
from tests.support.stub_cli import NO_STACK, StubCli

URL = "http://127.0.0.1:1"
IN_ENVIRONMENT = "the environment variable NGROK_API_KEY"


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StubCli:
    """No `pulumi` and no project yet, and another account's key in the environment."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("NGROK_API_KEY", OTHER_ACCOUNTS_KEY)
    monkeypatch.chdir(tmp_path)
    return StubCli(tmp_path)


def key_of(settings: Settings) -> tuple[str, str]:
    return settings.api_key.get_secret_value(), settings.api_key_source.shown_as


def test_config_of_the_selected_stack_wins(cli: StubCli) -> None:
    cli.stack(config={"agin:apiBaseUrl": URL, "test:apiKey": "x"}, secrets={"agin:apiKey": API_KEY})
    settings = load_settings()
    assert key_of(settings) == (API_KEY, "the config of the stack dev (agin:apiKey)")
    assert settings.base_url == URL
    assert settings.timeout_seconds == 300
    assert sorted(call.partition(" --non")[0] for call in cli.calls) == [
        "config --json",
        "config get agin:apiKey",
        "stack --show-name",
    ]


def test_named_stack_is_used(cli: StubCli) -> None:
    cli.stack(secrets={"agin:apiKey": API_KEY})
    assert key_of(load_settings("acme/prod"))[1] == "the config of the stack acme/prod (agin:apiKey)"
    assert all("--stack=acme/prod" in call for call in cli.calls)
    assert len(cli.calls) == 2


def test_project_in_another_language_uses_the_agin_namespace(cli: StubCli) -> None:
    secrets = {"agin:apiKey": OTHER_ACCOUNTS_KEY, "agin:apiKey": API_KEY}
    cli.stack(config={"agin:apiBaseUrl": URL}, secrets=secrets, runtime="{name: nodejs, options: {typescript: true}}")
    settings = load_settings()
    assert key_of(settings) == (API_KEY, "the config of the stack dev (agin:apiKey)")
    assert settings.base_url == URL


def test_config_with_the_key_of_the_plugin_alone_uses_the_agin_namespace(cli: StubCli) -> None:
    # A program in Python can use the plugin.
    cli.stack(
        config={"agin:apiBaseUrl": "http://127.0.0.1:2", "agin:apiBaseUrl": URL}, secrets={"agin:apiKey": API_KEY}
    )
    settings = load_settings()
    assert key_of(settings) == (API_KEY, "the config of the stack dev (agin:apiKey)")
    assert settings.base_url == URL
    # With both keys, the language of the project decides.
    cli.stack(secrets={"agin:apiKey": API_KEY, "agin:apiKey": OTHER_ACCOUNTS_KEY})
    assert key_of(load_settings()) == (API_KEY, "the config of the stack dev (agin:apiKey)")


def test_config_with_the_key_of_python_alone_uses_the_ngrok_namespace(cli: StubCli) -> None:
    # A program in another language can use a component in Python.
    config = {"agin:apiBaseUrl": "http://127.0.0.1:2", "agin:apiBaseUrl": URL}
    cli.stack(config=config, secrets={"agin:apiKey": API_KEY}, runtime="yaml")
    settings = load_settings()
    assert key_of(settings) == (API_KEY, "the config of the stack dev (agin:apiKey)")
    assert settings.base_url == URL


@pytest.mark.parametrize(
    ("file", "content", "language"),
    [
        ("Pulumi.yaml", "runtime: {name: nodejs}", "nodejs"),
        ("Pulumi.yml", "runtime: go", "go"),
        ("Pulumi.json", '{\n\t"runtime": "yaml"\n}', "yaml"),
        # The CLI rejects these.
        ("Pulumi.yaml", "runtime:", "python"),
        ("Pulumi.yaml", "runtime: {name: 1}", "python"),
        ("Pulumi.yaml", 'runtime: ""', "python"),
        ("Pulumi.yaml", "- runtime", "python"),
        ("Pulumi.json", "runtime: yaml", "python"),
    ],
)
def test_language_of_the_project(
    file: str, content: str, language: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert project_language() is None
    (tmp_path / file).write_text(content)
    assert project_language() == language


def test_project_can_be_in_a_parent_folder(cli: StubCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cli.stack(secrets={"agin:apiKey": API_KEY}, runtime="{name: python}")
    (tmp_path / "a" / "b").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "a" / "b")
    assert key_of(load_settings())[0] == API_KEY


def test_without_a_stack_the_environment_is_used(cli: StubCli, tmp_path: Path) -> None:
    # Without a project, the CLI is not run.
    cli.write("echo error: it was run >&2; exit 1")
    assert key_of(load_settings()) == (OTHER_ACCOUNTS_KEY, IN_ENVIRONMENT)
    assert cli.calls == []
    # No stack is selected.
    cli.write(f"echo 'warning: A new version of Pulumi is available.' >&2; echo 'error: {NO_STACK}' >&2; exit 1")
    assert key_of(load_settings()) == (OTHER_ACCOUNTS_KEY, IN_ENVIRONMENT)
    # No CLI.
    (tmp_path / "pulumi").unlink()
    assert key_of(load_settings()) == (OTHER_ACCOUNTS_KEY, IN_ENVIRONMENT)


def test_unreadable_config_is_not_replaced_by_the_environment(cli: StubCli) -> None:
    cli.fail("PULUMI_ACCESS_TOKEN must be set for login")
    with pytest.raises(UsageError) as refused:
        load_settings()
    assert str(refused.value) == (
        "the config of the selected stack could not be read: `pulumi config` failed: PULUMI_ACCESS_TOKEN must be set "
        "for login. The environment is not used instead, because its key may belong to another account: fix "
        "this, or, to use the environment, run the command outside the project's folder"
    )
    cli.stack(secrets={"agin:apiKey": API_KEY}, secrets_fail="incorrect passphrase")
    with pytest.raises(UsageError, match="`pulumi config get` failed: incorrect passphrase"):
        load_settings()
    with pytest.raises(UsageError, match="the config of the stack prod could not be read: "):
        load_settings("prod")
    # No ngrok key needs to be decrypted.
    cli.stack(secrets={"test:other": "x"}, secrets_fail="incorrect passphrase")
    assert key_of(load_settings()) == (OTHER_ACCOUNTS_KEY, IN_ENVIRONMENT)


def test_named_stack_must_exist(cli: StubCli, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"stack prod could not be read: there is no Pulumi project in this folder$"):
        load_settings("prod")
    (tmp_path / "Pulumi.yaml").write_text("name: test\nruntime: python\n")
    with pytest.raises(UsageError, match=r"stack prod could not be read: pulumi is not on PATH$"):
        load_settings("prod")


def test_missing_key_is_an_error(cli: StubCli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NGROK_API_KEY")
    with pytest.raises(UsageError) as refused:
        load_settings()
    assert str(refused.value) == (
        "there is no ngrok API key: there is no Pulumi project in this folder, and the environment variable "
        "NGROK_API_KEY is not set. Set it, or run this in the folder of a project whose stack config has the key"
    )
    cli.stack(runtime="yaml")
    with pytest.raises(UsageError) as refused:
        load_settings()
    assert str(refused.value) == (
        "there is no ngrok API key: the stack dev has no agin:apiKey in its config, and the environment variable "
        "NGROK_API_KEY is not set. Set it for this shell, use the key of an explicit provider with --provider URN, or "
        "store one in the config\n"
        "pulumi config set --secret agin:apiKey"
    )
    with pytest.raises(UsageError, match=r"\npulumi config set --secret agin:apiKey --stack acme/prod$"):
        load_settings("acme/prod")
