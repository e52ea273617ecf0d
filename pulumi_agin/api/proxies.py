"""The proxies that this machine's settings name, such as HTTPS_PROXY: whether they can be used, and what is secret."""

from __future__ import annotations

import re
from base64 import b64encode
from urllib.parse import unquote
from urllib.request import getproxies

from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

# What stands in a message in the place of a user name or password.
MARK = "[proxy credentials]"

WRONG_URL = (
    "the proxy that HTTPS_PROXY or ALL_PROXY names can't be used, as its URL is malformed. It must look like "
    "http://USER:PASSWORD@HOST:PORT, with a port of 65535 at most; in the user name and the password, write every "
    "character other than a letter, a digit, '-', '.', '_' or '~' as %XX, its Latin-1 code"
)


def is_any_malformed() -> bool:
    """Whether a proxy for ngrok's API has a URL that requests can't use, or takes for that of another host."""
    return any(_is_malformed(url) for scheme, url in getproxies().items() if scheme in ("https", "all"))


def _is_malformed(url: str) -> bool:
    userinfo = _userinfo(url)
    try:
        # So requests sends it.
        unquote(userinfo).encode("latin-1")
        parsed = parse_url(url if "://" in url else f"http://{url}")
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
        # As "Proxy-Authorization: Basic …" has them, which a proxy may repeat.
        found |= {
            b64encode(sent.encode(encoding, "replace")).decode().rstrip("=")
            for sent in (userinfo, ":".join(plain))
            for encoding in ("latin-1", "utf-8")
        }
    # What is shorter stands in any text.
    return sorted((each for each in found if len(each) > 2), key=len, reverse=True)


def _userinfo(url: str) -> str:
    before, _, _ = url.rpartition("@")
    return before.partition("://")[2] if "://" in before else before
