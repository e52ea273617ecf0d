"""The proxies that this machine's settings name, such as HTTPS_PROXY: whether they can be used, and what is secret."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable
from urllib.parse import quote, unquote
from urllib.request import getproxies

from requests.utils import get_environ_proxies, select_proxy
from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

from .text import TELLING_CHARACTERS, redact

# What stands in a message in the place of a user name or password.
MARK = "[proxy credentials]"

WRONG_URL = (
    "the proxy that HTTPS_PROXY or ALL_PROXY names can't be used, as its URL is malformed. It must look like "
    "http://USER:PASSWORD@HOST:PORT, with a port of 65535 at most. In the user name and the password, percent-encode "
    "(%XX, Latin-1) every character except letters, digits, '-', '.', '_' and '~'"
)


def chosen_for(url: str) -> str | None:
    """The URL of the proxy by which requests sends to a URL; None where it uses none."""
    return select_proxy(url, get_environ_proxies(url))


def is_malformed(proxy: str) -> bool:
    """Whether requests can't use a proxy of this URL, or takes it for that of another host."""
    userinfo = _userinfo(proxy)
    try:
        # So requests sends it.
        unquote(userinfo).encode("latin-1")
        parsed = parse_url(proxy if "://" in proxy else f"http://{proxy}")
    except (LocationParseError, UnicodeError):
        return True
    return not parsed.host or re.search(r"[][/?#]", userinfo) is not None


def credentials() -> list[str]:
    """User names and passwords of all proxies, in each form in which they are written or sent; the longest first.

    A URL that no library can parse still has some: all that stands before its last "@".
    """
    found: set[str] = set()
    for scheme, url in getproxies().items():
        userinfo = _userinfo(url) if scheme != "no" else ""
        user, _, password = userinfo.partition(":")
        plain = (unquote(user), unquote(password))
        found |= {userinfo, user, password, *plain, ":".join(plain)}
        for encoding in ("latin-1", "utf-8"):
            found |= {quote(each, safe="", encoding=encoding, errors="replace") for each in plain}
            # As "Proxy-Authorization: Basic …" has them, which a proxy may repeat, alone or behind other text.
            for sent in (userinfo, ":".join(plain)):
                for ahead in range(3):
                    encoded = b64encode(b"x" * ahead + sent.encode(encoding, "replace")).decode().rstrip("=")
                    found.add(encoded[ahead and ahead + 1 :])
    # What is shorter stands in any text.
    return sorted((each for each in found if len(each) > 2), key=len, reverse=True)


def redact_credentials(text: str, found: Iterable[str]) -> str:
    """The text with MARK for each of `credentials()`; for a short one where it is a word of its own, as names are."""
    for credential in found:
        if len(credential) < TELLING_CHARACTERS:
            text = re.sub(rf"(?<!\w){re.escape(credential)}(?!\w)", MARK, text, flags=re.IGNORECASE)
        else:
            text = redact(text, credential, MARK)
    return text


def _userinfo(url: str) -> str:
    before, _, _ = url.rpartition("@")
    return before.partition("://")[2] if "://" in before else before
