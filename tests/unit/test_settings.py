"""The key, the base URL and the time: where they come from, and what is refused."""

from __future__ import annotations

import pickle
from urllib.parse import urlsplit

import hypothesis
import pytest
import requests
from hypothesis import strategies as st
from urllib3.util import parse_url

from pulumi_agin.api.errors import InvalidInputsError
from pulumi_agin.settings import ENVIRONMENT, Settings

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
    assert settings.api_key.value.get_secret_value() == "from-config"
    assert str(settings.api_key.origin) == "ngrok:apiKey of the stack config"
    assert (settings.base_url.value, settings.timeout_seconds.value) == ("https://env.example", "5")
    assert str(settings.base_url.origin) == "the environment variable NGROK_API_BASE_URL"
    assert load(None, {"NGROK_API_KEY": KEY}).problems() == []
    assert load(None, {"NGROK_API_KEY": KEY}).base_url.value == "https://api.ngrok.com"


def test_a_provider_takes_its_key_from_nowhere_else() -> None:
    environment = {"NGROK_API_KEY": KEY, "NGROK_API_BASE_URL": "https://env.example"}
    named = load({"ngrok:provider": "ngrok:apiKey of the stack config"}, environment)
    assert named.problems()[0].startswith('api_key of the Provider "ngrok:apiKey of the stack config" is empty')
    of_the_state = Settings.load({"ngrok:apiKey": KEY}.get, environment, is_of_provider=True)
    assert str(of_the_state.api_key.origin) == "ngrok:apiKey of the provider"
    assert str(of_the_state.base_url.origin) == "the environment variable NGROK_API_BASE_URL"
    # Never the environment's, which may be another account's.
    keyless = Settings.load(lambda key: None, environment, is_of_provider=True)
    assert keyless.api_key.value.get_secret_value() == ""
    # What a refresh uses is only of interest where the key is in the stack.
    filled = load({"ngrok:provider": "p", "ngrok:apiKey": KEY})
    assert filled.api_key_hint == load({"ngrok:apiKey": KEY}).api_key_hint != ""
    assert load(None, environment).api_key_hint == of_the_state.api_key_hint == ""


def test_every_setting_says_where_it_is_from() -> None:
    settings = Settings.load(lambda key: None, dict.fromkeys(ENVIRONMENT.values(), "1"))
    assert origins(settings) == [f"the environment variable {variable}" for variable in ENVIRONMENT.values()]
    settings = Settings.load(dict.fromkeys(ENVIRONMENT, "1").get, {})
    assert origins(settings) == [f"{key} of the stack config" for key in ENVIRONMENT]
    # The command line knows which stack that is.
    settings = Settings.load(dict.fromkeys(ENVIRONMENT, "1").get, {}, stack="acme/dev")
    assert origins(settings) == [f"the config of the stack acme/dev ({key})" for key in ENVIRONMENT]
    assert settings.api_key_hint == ""


def origins(settings: Settings) -> list[str]:
    return [str(setting.origin) for setting in (settings.api_key, settings.base_url, settings.timeout_seconds)]


@pytest.mark.parametrize(
    ("config", "says"),
    [
        (
            {"ngrok:apiKey": ""},
            "`pulumi config set --secret ngrok:apiKey`, or in the environment variable NGROK_API_KEY",
        ),
        ({"ngrok:apiKey": f"{KEY}\n"}, "contains white space"),
        ({"ngrok:apiKey": f"{KEY} x"}, "contains white space"),
        ({"ngrok:apiKey": f"{KEY}\x00"}, "contains control characters"),
        ({"ngrok:apiKey": f"{KEY}é"}, "contains control characters, or others that no key has"),
        ({"ngrok:apiBaseUrl": "http://api.ngrok.com"}, "must begin with https://"),
        ({"ngrok:apiBaseUrl": "ftp://api.ngrok.com"}, "not a URL that begins with https://"),
        ({"ngrok:apiBaseUrl": "api.ngrok.com"}, "not a URL that begins with https://"),
        ({"ngrok:apiBaseUrl": "https://"}, "not a URL that begins with https://"),
        ({"ngrok:apiBaseUrl": "https://[::1"}, "is not a URL"),
        ({"ngrok:apiBaseUrl": "https://me:pass@host"}, "contains a user name or password"),
        ({"ngrok:apiBaseUrl": "https://host/?a=b"}, "has a query"),
        ({"ngrok:timeoutSeconds": "soon"}, "a number of seconds above 0"),
        ({"ngrok:timeoutSeconds": "0"}, "a number of seconds above 0"),
        ({"ngrok:timeoutSeconds": "nan"}, "a number of seconds above 0"),
        ({"ngrok:timeoutSeconds": "inf"}, "a number of seconds above 0"),
        ({"ngrok:timeoutSeconds": "31536001"}, "above 0 and at most 31536000, such as 300"),
        ({"ngrok:timeoutSeconds": "99999999999"}, "above 0 and at most 31536000, such as 300"),
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


@pytest.mark.parametrize("seconds", ["0.5", "300", "31536000"])
def test_a_call_may_take_up_to_a_year(seconds: str) -> None:
    assert load({"ngrok:apiKey": KEY, "ngrok:timeoutSeconds": seconds}).client().timeout_seconds == float(seconds)


# -- the base URL -----------------------------------------------------------------------------------------

# Parsers of URLs read these as different hosts, or not at all.
TRICKY_URLS = (
    "http://evil.com:\\[::1]",
    "http://evil.com\\[::1]",
    "http://evil.com\\@127.0.0.1",
    "http://127.0.0.1\\@evil.com",
    "http://127.0.0.1\\.evil.com",
    "http://evil.com#@127.0.0.1",
    "http://127.0.0.1#@evil.com",
    "http://127.0.0.1%2f@evil.com",
    "http://127.0.0.1%00.evil.com",
    "http://127.0.0.1;evil.com",
    "http://127.0.0.1,evil.com",
    "http://127.0.0.1 evil.com",
    "http://evil.com/[::1]",
    "http://evil.com:80:[::1]",
    "http://[::1]evil.com",
    "http://[::1].evil.com",
    "http://[::1%25eth0]",
    "http://[::1]]",
    "http://[127.0.0.1]",
    "http://[localhost]",
    "http://[:]",
    "http://::1",
    "http://127.0.0.1:",
    "http://127.0.0.1:0",
    "http://127.0.0.1:080",
    "http://127.0.0.1:65536",
    "http://127.0.0.1:+80",
    "http://127.0.0.1:8_0",
    "http://127.0.0.1:\u0661",
    "http://127.0.0.1:80\n",
    "http://127.0.0.1\t.evil.com",
    " http://127.0.0.1",
    "http:\\\\127.0.0.1",
    "http:/127.0.0.1",
    "http:127.0.0.1",
    "http:///127.0.0.1",
    "http://",
    "http://.",
    "http://.localhost",
    "http://localhost..",
    "http://loc%61lhost",
    "http://l\u2024ocalhost",
    "http://\uff4cocalhost",
    "http\u017f://api.ngrok.com",
    f"https://{'a' * 64}.com",
    "https://api.ngrok.com/a b",
    "https://api.ngrok.com/%",
    "https://api.ngrok.com/%zz",
    "https://api.ngrok.com/a;b",
    "https://api.ngrok.com/a:b",
    "https://api.ngrok.com/\u00fc",
)


@pytest.mark.parametrize("url", TRICKY_URLS)
def test_a_base_url_that_parsers_could_read_differently_is_refused(url: str) -> None:
    [problem] = base_url_problems(url)
    assert problem.startswith("the base URL from ngrok:apiBaseUrl of the stack config ")
    assert problem.isprintable()


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://127.0.0.1:8080", "127.0.0.1"),
        ("http://localhost:1", "localhost"),
        ("HTTP://LocalHost", "localhost"),
        ("http://[::1]:8080/prefix", "::1"),
        ("https://[2001:DB8::1]", "2001:db8::1"),
        ("https://[::ffff:192.0.2.1]:65535", "::ffff:192.0.2.1"),
        ("https://api.ngrok.com", "api.ngrok.com"),
        ("https://API.ngrok.com./", "api.ngrok.com."),
        ("https://a_b-c.internal:8443/ngrok/v1.0~x/%C3%BC/", "a_b-c.internal"),
        (f"https://{'a' * 63}.example//x", f"{'a' * 63}.example"),
    ],
)
def test_a_base_url_that_is_taken_has_one_host_for_everybody(url: str, host: str) -> None:
    assert base_url_problems(url) == []
    assert hosts(url) == {host}


@pytest.mark.parametrize("host", ["127.0.0.2", "127.1", "2130706433", "0.0.0.0", "localhost.", "[::]", "[0::1]", "x"])
def test_plain_http_is_for_loopback_alone(host: str) -> None:
    [problem] = base_url_problems(f"http://{host}:8080")
    assert f"must begin with https://, as the API key would be sent in clear to {host.strip('[]')}; " in problem


def _or_odd(usual: list[str], odd: str) -> st.SearchStrategy[str]:
    return st.one_of(*[st.sampled_from(usual)] * 3, st.text(odd, max_size=5))


# Near to what is right, so that many are taken.
_near_urls = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["https://", "https://", "http://", "HTTP://", "https:\\\\"]),
    _or_odd(["localhost", "127.0.0.1", "[::1]", "evil.com", "EVIL.com.", "[1::2]"], "a1.:[]-_\\@%"),
    _or_odd(["", "", "", ":80", ":[::1]", "@localhost", ".localhost"], ":1\\[]@#.l"),
    _or_odd(["", "", "/", "/a/b", "//%2F~", "/../.%2e", "/@localhost", "\\@[::1]"], "/\\.@#?%2F:[]a "),
)


@hypothesis.settings(derandomize=True, deadline=None, database=None, max_examples=1000)
@hypothesis.given(_near_urls)
def test_whatever_is_taken_has_one_host_for_everybody(url: str) -> None:
    if base_url_problems(url):
        return
    [host] = hosts(url)
    assert url.lower().startswith("https://") or host in ("localhost", "127.0.0.1", "::1")


def base_url_problems(url: str) -> list[str]:
    return load({"ngrok:apiKey": KEY, "ngrok:apiBaseUrl": url}).problems()


def hosts(url: str) -> set[str]:
    """The host that each parser in use reads from a URL, and from one of its paths."""
    found = set()
    for asked in (url, f"{url.rstrip('/')}/agent_ingresses/agin_1"):
        prepared = requests.Request("GET", asked).prepare().url or ""
        found |= {urlsplit(asked).hostname, urlsplit(prepared).hostname}
        found |= {str(parse_url(each).host).strip("[]").lower() for each in (asked, prepared)}
    return {str(host) for host in found}


# -- the key ----------------------------------------------------------------------------------------------


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
