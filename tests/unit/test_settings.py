"""The key, the base URL and the time: where they come from, and what is refused."""

from __future__ import annotations

import pickle

import pytest

from pulumi_agin.api.errors import InvalidInputsError
from pulumi_agin.settings import Settings

KEY = "2AbCdEfGhIjKlMnOpQrStUvWxYz_0123456789"


def load(config: dict[str, str] | None = None, environment: dict[str, str] | None = None) -> Settings:
    return Settings.load((config or {}).get, environment or {})


def test_the_stack_config_wins_over_the_environment_and_empty_is_absent() -> None:
    environment = {
        "NGROK_API_KEY": "from-env",
        "NGROK_API_BASE_URL": "https://env.example",
        "NGROK_API_TIMEOUT_SECONDS": "5",
    }
    config = {"ngrok:apiKey": "from-config", "ngrok:apiBaseUrl": "", "ngrok:timeoutSeconds": " "}
    settings = load(config, environment)
    assert settings.api_key.get_secret_value() == "from-config"
    assert settings.api_key_source == "ngrok:apiKey of the stack config"
    assert (settings.base_url, settings.timeout_seconds) == ("https://env.example", "5")
    assert settings.base_url_source == "the environment variable NGROK_API_BASE_URL"
    assert load(None, {"NGROK_API_KEY": KEY}).problems() == []
    assert load(None, {"NGROK_API_KEY": KEY}).base_url == "https://api.ngrok.com"


@pytest.mark.parametrize(
    ("config", "says"),
    [
        (
            {"ngrok:apiKey": ""},
            "`pulumi config set --secret ngrok:apiKey`, or in the environment variable NGROK_API_KEY",
        ),
        ({"ngrok:apiKey": f"{KEY}\n"}, "holds white space"),
        ({"ngrok:apiKey": f"{KEY} x"}, "holds white space"),
        ({"ngrok:apiKey": f"{KEY}\x00"}, "holds control characters"),
        ({"ngrok:apiKey": f"{KEY}é"}, "holds control characters, or others that no key has"),
        ({"ngrok:apiBaseUrl": "http://api.ngrok.com"}, "must begin with https://"),
        ({"ngrok:apiBaseUrl": "ftp://api.ngrok.com"}, "not a URL that begins with https://"),
        ({"ngrok:apiBaseUrl": "api.ngrok.com"}, "not a URL that begins with https://"),
        ({"ngrok:apiBaseUrl": "https://"}, "not a URL that begins with https://"),
        ({"ngrok:apiBaseUrl": "https://[::1"}, "is not a URL"),
        ({"ngrok:apiBaseUrl": "https://me:pass@host"}, "holds a user name or password"),
        ({"ngrok:apiBaseUrl": "https://host/?a=b"}, "has a query"),
        ({"ngrok:timeoutSeconds": "soon"}, "a number of seconds above 0"),
        ({"ngrok:timeoutSeconds": "0"}, "a number of seconds above 0"),
        ({"ngrok:timeoutSeconds": "nan"}, "a number of seconds above 0"),
        ({"ngrok:timeoutSeconds": "inf"}, "a number of seconds above 0"),
    ],
)
def test_a_wrong_setting_is_named_with_what_would_be_right(config: dict[str, str], says: str) -> None:
    settings = load({"ngrok:apiKey": KEY, **config})
    [problem] = settings.problems()
    assert says in problem
    assert KEY not in problem
    assert "pass" not in problem.replace("password", "")
    with pytest.raises(InvalidInputsError, match="ngrok"):
        settings.client()


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080", "http://localhost:1", "http://[::1]:8080/prefix"])
def test_loopback_needs_no_tls(url: str) -> None:
    assert load({"ngrok:apiKey": KEY, "ngrok:apiBaseUrl": url}).problems() == []


def test_nothing_that_holds_the_key_shows_it() -> None:
    settings = load({"ngrok:apiKey": KEY})
    client = settings.client()
    for shown in (repr(settings), str(settings), repr(client), repr(vars(client)), str(client.fingerprint("agin_1"))):
        assert KEY[:8] not in shown
    for holder in (settings, client):
        with pytest.raises(TypeError):
            pickle.dumps(holder)


def test_a_fingerprint_tells_keys_apart_and_ingresses_too() -> None:
    one, other = load({"ngrok:apiKey": KEY}).client(), load({"ngrok:apiKey": KEY[::-1]}).client()
    assert one.fingerprint("agin_1") == one.fingerprint("agin_1")
    assert len({one.fingerprint("agin_1"), other.fingerprint("agin_1"), one.fingerprint("agin_2")}) == 3
