"""The credentials of the proxies that the environment names, such as in HTTPS_PROXY."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable
from urllib.parse import quote, unquote
from urllib.request import getproxies

from .text import TELLING_CHARACTERS, redact

# What messages show in place of a user name or password.
MARK = "[proxy credentials]"


def credentials() -> list[str]:
    """Returns the user names and passwords of all proxies, in each form that is written or sent, the longest first.

    A URL that no library can parse has credentials too: everything before its last "@".
    """
    found: set[str] = set()
    for scheme, url in getproxies().items():
        userinfo = _userinfo(url) if scheme != "no" else ""
        user, _, password = userinfo.partition(":")
        plain = (unquote(user), unquote(password))
        found |= {userinfo, user, password, *plain, ":".join(plain)}
        for encoding in ("latin-1", "utf-8"):
            found |= {quote(each, safe="", encoding=encoding, errors="replace") for each in plain}
            # A proxy may repeat the value of "Proxy-Authorization: Basic …", alone or after other text.
            for sent in (userinfo, ":".join(plain)):
                for ahead in range(3):
                    encoded = b64encode(b"x" * ahead + sent.encode(encoding, "replace")).decode().rstrip("=")
                    found.add(encoded[ahead and ahead + 1 :])
    # Shorter ones can occur in any text.
    return sorted((each for each in found if len(each) > 2), key=len, reverse=True)


def redact_credentials(text: str, secrets: Iterable[str]) -> str:
    """Returns a text with MARK in place of credentials.

    Args:
        text: The text.
        secrets: What `credentials()` returned. A secret of fewer than 8 characters, such as a name, is only replaced if
            it is a whole word.
    """
    for credential in secrets:
        if len(credential) < TELLING_CHARACTERS:
            text = re.sub(rf"(?<!\w){re.escape(credential)}(?!\w)", MARK, text, flags=re.IGNORECASE)
        else:
            text = redact(text, credential, MARK)
    return text


def _userinfo(url: str) -> str:
    before, _, _ = url.rpartition("@")
    return before.partition("://")[2] if "://" in before else before
