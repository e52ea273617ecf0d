"""The settings: where each comes from, and what is wrong with it."""

from __future__ import annotations

import pickle

import pytest

from pulumi_agin.settings import API_KEY, BASE_URL, PROVIDER_NAME, TIMEOUT_SECONDS, Settings
from tests.support import keys

ENVIRONMENT = {
    "NGROK_API_KEY": keys.OTHER_ACCOUNTS_KEY,
    "NGROK_API_BASE_URL": "https://gateway.acme.com/ngrok/",
    "NGROK_API_TIMEOUT_SECONDS": "7",
}


def test_stack_config_wins_over_the_environment_and_empty_is_absent() -> None:
    config = {API_KEY: keys.API_KEY, BASE_URL: "", TIMEOUT_SECONDS: "60"}
    settings = Settings.load(config.get, ENVIRONMENT)
    assert settings.problems == ()
    assert settings.api_key.get_secret_value() == keys.API_KEY
    assert settings.api_key_source == "agin:apiKey in the stack config"
    assert (settings.base_url, settings.is_ngrok) == ("https://gateway.acme.com/ngrok", False)
    assert settings.timeout_seconds == 60
    default = Settings.load({API_KEY: keys.API_KEY}.get, {})
    assert (default.base_url, default.timeout_seconds, default.is_ngrok) == ("https://api.ngrok.com", 300, True)


def test_explicit_provider_never_uses_the_key_of_the_environment() -> None:
    settings = Settings.load({PROVIDER_NAME: "theirs", API_KEY: ""}.get, ENVIRONMENT)
    assert settings.problems == ('agin:apiKey of the Provider "theirs" is empty; set the key of its account',)
    assert settings.timeout_seconds == 7


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        (API_KEY, "", "there is no ngrok API key: set it with `pulumi config set --secret agin:apiKey`"),
        (API_KEY, "two words", "contains whitespace"),
        (BASE_URL, "ftp://acme.com", "is not a URL that begins with https://"),
        (BASE_URL, "https://[", "is not a URL that begins with https://"),
        (BASE_URL, "http://acme.com", "must begin with https://, because the API key would be sent unencrypted"),
        (BASE_URL, "https://user:password@acme.com", "contains a user name"),
        (BASE_URL, "https://acme.com?x", "a query"),
        (TIMEOUT_SECONDS, "0", "greater than 0"),
        (TIMEOUT_SECONDS, "soon", "must be a number of seconds"),
        (TIMEOUT_SECONDS, "nan", "must be a number of seconds"),
    ],
)
def test_problems_name_the_source_and_what_is_right(name: str, value: str, words: str) -> None:
    [problem] = Settings.load({API_KEY: keys.API_KEY, name: value}.get, {}).problems
    assert words in problem
    assert "password" not in problem


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8080", "http://localhost", "http://[::1]:80", "https://acme.com/path"]
)
def test_right_base_urls(url: str) -> None:
    assert Settings.load({API_KEY: "key", BASE_URL: url}.get, {}).problems == ()


def test_settings_show_no_key_and_are_not_pickled() -> None:
    settings = Settings.load({API_KEY: keys.API_KEY}.get, {})
    keys.assert_without_key(repr(settings))
    with pytest.raises(TypeError):
        pickle.dumps(settings)
    with pytest.raises(TypeError):
        pickle.dumps(settings.api_key)
