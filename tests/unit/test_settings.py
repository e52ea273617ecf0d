"""The settings: the sources of the key, the base URL and the timeout, and invalid values."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from urllib.parse import urlsplit

import pytest
import requests
from urllib3.util import parse_url

from pulumi_agin.api.errors import InvalidInputsError
from pulumi_agin.base.facts import PUBLIC_API
from pulumi_agin.lifecycle.services import Account
from pulumi_agin.settings import Settings

KEY = "2AbCdEfGhIjKlMnOpQrStUvWxYz_0123456789"


def load(config: dict[str, str] | None = None, environment: dict[str, str] | None = None) -> Settings:
    return Settings.load((config or {}).get, environment or {})


def test_stack_config_wins_over_the_environment() -> None:
    environment = {
        "NGROK_API_KEY": "from-env",
        "NGROK_API_BASE_URL": "https://env.example",
        "NGROK_API_TIMEOUT_SECONDS": "5",
    }
    config = {"agin:apiKey": "from-config", "agin:apiBaseUrl": "", "agin:timeoutSeconds": " "}
    settings = load(config, environment)
    assert settings.api_key.get_secret_value() == "from-config"
    assert settings.api_key_source.shown_as == "agin:apiKey in the stack config"
    assert (settings.base_url, settings.timeout_seconds) == ("https://env.example", 5)
    assert settings.base_url_source.shown_as == "the environment variable NGROK_API_BASE_URL"
    assert load(None, {"NGROK_API_KEY": KEY}).problems == []
    assert load(None, {"NGROK_API_KEY": KEY}).base_url == "https://api.ngrok.com"


def test_provider_uses_only_its_own_key() -> None:
    environment = {"NGROK_API_KEY": KEY, "NGROK_API_BASE_URL": "https://env.example"}
    # Its name looks like another source.
    named = load({"ngrok:provider": "agin:apiKey in the stack config"}, environment)
    assert named.problems[0].startswith('api_key of the Provider "agin:apiKey in the stack config" is empty')
    # The key of the environment may belong to another account.
    assert named.api_key.get_secret_value() == ""
    filled = load({"ngrok:provider": "p", "agin:apiKey": KEY}, environment)
    assert filled.api_key_source.shown_as == 'api_key of the Provider "p"'
    assert filled.base_url_source.shown_as == "the environment variable NGROK_API_BASE_URL"
    # The hint is about keys of a stack.
    assert filled.api_key_hint == load({"agin:apiKey": KEY}).api_key_hint != ""
    assert load(None, environment).api_key_hint == ""


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            {"agin:apiKey": ""},
            "`pulumi config set --secret agin:apiKey`, or in the environment variable NGROK_API_KEY",
        ),
        ({"agin:apiKey": f"{KEY}\r\nX-Forged: yes"}, "contains whitespace"),
        ({"agin:apiKey": f"{KEY}\x00"}, "contains whitespace or other invalid characters"),
        ({"agin:apiKey": f"{KEY}é"}, "contains whitespace or other invalid characters"),
        ({"agin:apiBaseUrl": "http://api.ngrok.com"}, "must begin with https://"),
        ({"agin:apiBaseUrl": "api.ngrok.com"}, "not a URL that begins with https://"),
        ({"agin:apiBaseUrl": "https://[::1"}, "is not a URL"),
        ({"agin:apiBaseUrl": "https://me:pass@host"}, "contains a user name or password"),
        ({"agin:apiBaseUrl": "https://host/?a=b"}, "has a query"),
        ({"agin:timeoutSeconds": "soon"}, "a number of seconds greater than 0"),
        ({"agin:timeoutSeconds": "0"}, "a number of seconds greater than 0"),
        ({"agin:timeoutSeconds": "nan"}, "a number of seconds greater than 0"),
        ({"agin:timeoutSeconds": "31536001"}, "greater than 0 and at most 31536000, such as 300"),
    ],
)
def test_wrong_setting_is_explained(config: dict[str, str], message: str) -> None:
    settings = load({"agin:apiKey": KEY, **config})
    [problem] = settings.problems
    assert message in problem
    assert problem.isprintable()
    assert KEY not in problem
    assert "pass" not in problem.replace("password", "")
    with pytest.raises(InvalidInputsError, match="ngrok"):
        Account(settings).require_client()


def test_missing_key_is_explained() -> None:
    [problem] = load({}).problems
    assert problem == (
        "there is no ngrok API key: set it with `pulumi config set --secret agin:apiKey`, or in the environment "
        "variable NGROK_API_KEY"
    )


@pytest.mark.parametrize(("log", "problems"), [("", 0), ("debug", 0), ("verbose", 1)])
def test_log_is_debug_or_not_set(log: str, problems: int) -> None:
    assert len(load(None, {"NGROK_API_KEY": KEY, "PULUMI_AGIN_LOG": log}).problems) == problems


@pytest.mark.parametrize("seconds", ["0.5", "300", "31536000"])
def test_timeout_can_be_up_to_a_year(seconds: str) -> None:
    account = Account(load({"agin:apiKey": KEY, "agin:timeoutSeconds": seconds}))
    assert account.require_client().timeout_seconds == float(seconds)


# These could send the key to another host, hide a part of the URL, or forge a line.
TRICKY_URLS = (
    "http://evil.com:\\[::1]",
    "http://evil.com\\@127.0.0.1",
    "http://127.0.0.1\\@evil.com",
    "http://evil.com#@127.0.0.1",
    "http://127.0.0.1 evil.com",
    "http://127.0.0.1:65536",
    "http://127.0.0.1:80\n",
    " http://127.0.0.1",
    "http:\\\\127.0.0.1",
    "http://loc%61lhost",
    "http\u017f://api.ngrok.com",
    "https://api.ngrok.com/a b",
    "https://api.ngrok.com/?",
    "https://api.ngrok.com/\x1b[31m",
    "https://api.ngrok.com\r\nX-Forged: yes",
)


@pytest.mark.parametrize("url", TRICKY_URLS)
def test_ambiguous_base_url_is_rejected(url: str) -> None:
    [problem] = base_url_problems(url)
    assert problem.startswith("the base URL from agin:apiBaseUrl in the stack config ")
    assert problem.isprintable()


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://127.0.0.1:8080", "127.0.0.1"),
        ("HTTP://LocalHost", "localhost"),
        ("http://[::1]:8080/prefix", "::1"),
        ("https://[::ffff:192.0.2.1]:65535", "::ffff:192.0.2.1"),
        ("https://API.ngrok.com./", "api.ngrok.com."),
        ("https://a_b-c.internal:8443/ngrok/v1.0~x/%C3%BC/", "a_b-c.internal"),
    ],
)
def test_valid_base_url_has_the_same_host_for_all_parsers(url: str, host: str) -> None:
    assert base_url_problems(url) == []
    assert hosts(url) == {host}


@pytest.mark.parametrize("host", ["127.0.0.2", "127.1", "2130706433", "0.0.0.0", "localhost.", "[0::1]"])
def test_http_is_only_for_loopback(host: str) -> None:
    [problem] = base_url_problems(f"http://{host}:8080")
    assert f"must begin with https://, because the API key would be sent unencrypted to {host.strip('[]')}; " in problem


def base_url_problems(url: str) -> Sequence[str]:
    return load({"agin:apiKey": KEY, "agin:apiBaseUrl": url}).problems


def hosts(url: str) -> set[str]:
    found = set()
    for asked in (url, f"{url.rstrip('/')}/agent_ingresses/agin_1"):
        prepared = requests.Request("GET", asked).prepare().url or ""
        found |= {urlsplit(asked).hostname, urlsplit(prepared).hostname}
        found |= {str(parse_url(each).host).strip("[]").lower() for each in (asked, prepared)}
    return {str(host) for host in found}


@pytest.mark.parametrize(
    ("spelling", "canonical"),
    [
        ("HTTPS://API.Ngrok.com:443/", "https://api.ngrok.com"),
        ("https://api.ngrok.com//", "https://api.ngrok.com"),
        ("https://api.ngrok.com:", "https://api.ngrok.com"),
        ("https://api.ngrok.com:80", "https://api.ngrok.com:80"),
        ("https://gateway.acme.com:8443/Ngrok/v1/", "https://gateway.acme.com:8443/Ngrok/v1"),
        ("http://LocalHost:80", "http://localhost"),
        ("http://[::1]:80/", "http://[::1]"),
        ("http://[::1]:24404", "http://[::1]:24404"),
    ],
)
def test_spellings_of_a_base_url_are_one_account(spelling: str, canonical: str) -> None:
    settings = load({"agin:apiKey": KEY, "agin:apiBaseUrl": spelling})
    assert settings.problems == []
    assert settings.describe_change_of_base_url(canonical) == ""
    assert settings.shown_base_url == f"{canonical}, from agin:apiBaseUrl in the stack config"
    assert settings.has_other_base_url == (canonical != PUBLIC_API)
    mark, _, url = Account(settings).fingerprint("agin_1").partition(" ")
    assert (mark, url) == ("5fe6372c", "" if canonical == PUBLIC_API else canonical)


EMULATOR, OTHER = "http://127.0.0.1:24404", "http://127.0.0.1:24405"
HINT = (
    " (refresh and destroy use the base URL of the last `pulumi up`: after changing the base URL, run `pulumi up` "
    "first, or add --run-program)"
)


@pytest.mark.parametrize(
    ("config", "variable", "last", "now", "step"),
    [
        (
            {},
            EMULATOR,
            PUBLIC_API,
            f"{EMULATOR}, from the environment variable NGROK_API_BASE_URL",
            "unset the environment variable NGROK_API_BASE_URL",
        ),
        (
            {},
            EMULATOR,
            OTHER,
            f"{EMULATOR}, from the environment variable NGROK_API_BASE_URL",
            "change the environment variable NGROK_API_BASE_URL",
        ),
        ({}, "", EMULATOR, f"{PUBLIC_API}, the default", f"run `pulumi config set agin:apiBaseUrl {EMULATOR}`{HINT}"),
        (
            {"agin:apiBaseUrl": EMULATOR},
            OTHER,
            PUBLIC_API,
            f"{EMULATOR}, from agin:apiBaseUrl in the stack config",
            f"run `pulumi config set agin:apiBaseUrl {PUBLIC_API}`{HINT}",
        ),
        (
            {"agin:apiBaseUrl": EMULATOR, "ngrok:provider": "p"},
            "",
            PUBLIC_API,
            f'{EMULATOR}, from agin:apiBaseUrl of the Provider "p"',
            f'set agin:apiBaseUrl of the Provider "p"{HINT}',
        ),
    ],
    ids=["left in the shell", "another emulator", "unset", "stack config", "provider"],
)
def test_changed_base_url_is_explained(config: dict[str, str], variable: str, last: str, now: str, step: str) -> None:
    settings = load({"agin:apiKey": KEY, **config}, {"NGROK_API_BASE_URL": variable})
    assert settings.describe_change_of_base_url(last) == f"last read at {last}, but the base URL is now {now}"
    assert f"{settings.how_to_set_base_url(last)}{settings.base_url_hint}" == step


def test_edited_base_url_forges_no_line_and_no_command() -> None:
    settings, forged = load({"agin:apiKey": KEY}), "https://x/$(true)\nerror: forged"
    assert settings.describe_change_of_base_url(forged).isprintable()
    step = "run `pulumi config set agin:apiBaseUrl 'https://x/$(true) error: forged'`"
    assert settings.how_to_set_base_url(forged) == step


def test_key_is_not_in_a_repr_or_pickle() -> None:
    settings = load({"agin:apiKey": KEY})
    account = Account(settings)
    client = account.require_client()
    for shown in (repr(settings), str(settings), repr(client), repr(vars(client)), account.fingerprint("agin_1")):
        assert KEY[:8] not in shown
    for holder in (settings, client):
        with pytest.raises(TypeError):
            pickle.dumps(holder)


def test_fingerprints_of_keys_and_ingresses_differ() -> None:
    one, other = (Account(load({"agin:apiKey": key})) for key in (KEY, KEY[::-1]))
    # States hold this, so it never changes.
    assert one.fingerprint("agin_1") == "5fe6372c"
    assert len({one.fingerprint("agin_1"), other.fingerprint("agin_1"), one.fingerprint("agin_2")}) == 3
