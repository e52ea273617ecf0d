"""Takes the key, ids and everything else of an account out of text, so that anybody may read it."""

from __future__ import annotations

import ipaddress
import re

from pulumi_agin.api import proxies
from pulumi_agin.api.access import Secret
from pulumi_agin.api.text import one_line, redact

DOMAIN = "domain.example"
"""Stands for the user's domain."""
LONGEST_TEXT = 300

# Ids of ngrok, such as agin_…, op_… and ac_….
_ID = re.compile(r"(?<![0-9A-Za-z])([a-z]{2,12})_[0-9A-Za-z]{20,40}(?![0-9A-Za-z])")
# A word that somebody else has cut, such as the package in its messages: what is left may be half of an id or a domain.
_CUT_WORD = re.compile(r"[\w.@:+-]+…")
_IPV6 = re.compile(r"(?<![\w:.])[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]+(?:%\w+)?(?!\w)")
_OF_THE_ACCOUNT = (
    (re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)"), "TIME"),
    (re.compile(r"[\w.+-]+@(?!ngrok\.com\b)[\w-]+(?:\.[\w-]+)+"), "EMAIL"),
    (_IPV6, lambda found: _without_ipv6(found[0])),
    (re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b"), "IP"),
)


class Wording:
    """Makes text of one service comparable with that of another.

    A text is cut only after everything was replaced, because half of an id or a domain would not be found.
    """

    def __init__(self, domain: str, api_key: Secret, base_url: str) -> None:
        """Keeps what is replaced.

        Args:
            domain: The user's domain. `DOMAIN` replaces it, in upper case where the text has it in upper case.
            api_key: The key. No 8 characters of it in a row stay.
            base_url: The URL that was asked.
        """
        self._domain = re.compile(re.escape(domain), re.IGNORECASE)
        self._api_key = api_key
        self._base_url = base_url
        self._proxy_credentials = proxies.credentials()

    def for_user(self, text: str, limit: int = LONGEST_TEXT) -> str:
        """Returns the text on one line, without secrets and ids.

        Args:
            text: The text.
            limit: The number of characters after which it is cut.
        """
        return one_line(_ID.sub(r"\1_…", self._without_secrets(text)), limit)

    def for_anybody(self, text: str, limit: int = LONGEST_TEXT) -> str:
        """Returns the text on one line, and without anything of the account.

        Args:
            text: The text.
            limit: The number of characters after which it is cut.
        """
        text = _CUT_WORD.sub("…", self._without_secrets(text))
        # Before the domain is replaced, which may be a part of the URL.
        text = _ID.sub(r"\1_…", text).replace(self._base_url, "BASE-URL")
        text = self._domain.sub(lambda found: _in_case_of(found[0]), text)
        for pattern, replacement in _OF_THE_ACCOUNT:
            text = pattern.sub(replacement, text)
        return one_line(text, limit)

    def end_for_anybody(self, text: str, limit: int) -> str:
        """Returns the last lines of a text as one, without anything of the account.

        Args:
            text: The text.
            limit: The number of characters that the lines have together. The last one is cut if it has more.
        """
        end = ""
        for line in reversed(text.splitlines()):
            cleaned = self.for_anybody(line, limit)
            if end and len(cleaned) + 1 + len(end) > limit:
                return f"… {end}"
            end = f"{cleaned} {end}".strip()
        return end

    def _without_secrets(self, text: str) -> str:
        # On one line first, because a character that can't be printed could hide in the middle of an id.
        text = redact(one_line(text, len(text)), self._api_key.get_secret_value())
        return proxies.redact_credentials(text, self._proxy_credentials)


def _in_case_of(text: str) -> str:
    if text == text.lower():
        return DOMAIN
    return DOMAIN.upper() if text == text.upper() else DOMAIN.title()


def _without_ipv6(text: str) -> str:
    """Returns "IP" in place of an IPv6 address, which a full stop or a colon may follow."""
    for length in (len(text), len(text) - 1):
        address = text[:length]
        try:
            ipaddress.IPv6Address(address)
        except ValueError:
            continue
        # A pair of colons alone is an address too, but no text means that.
        return f"IP{text[length:]}" if address.strip(":") else text
    return text
