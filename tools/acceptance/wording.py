"""Takes the key, ids and everything else of an account out of text, so that anybody may read it."""

from __future__ import annotations

import re

from pulumi_agin.api.access import Secret
from pulumi_agin.api.text import one_line, redact

DOMAIN = "domain.example"
"""Stands for the user's domain."""
LONGEST_TEXT = 300

# Ids of ngrok, such as agin_…, op_… and ac_….
_ID = re.compile(r"\b([a-z]{2,12})_[0-9A-Za-z]{20,40}\b")
_OF_THE_ACCOUNT = (
    (re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)"), "TIME"),
    (re.compile(r"[\w.+-]+@(?!ngrok\.com\b)[\w-]+(?:\.[\w-]+)+"), "EMAIL"),
    (re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b"), "IP"),
)


class Wording:
    """Makes text of one service comparable with that of another."""

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

    def for_user(self, text: str, limit: int = LONGEST_TEXT) -> str:
        """Returns the text on one line, without the key and ids.

        Args:
            text: The text.
            limit: The number of characters after which it is cut.
        """
        return one_line(_ID.sub(r"\1_…", redact(text, self._api_key.get_secret_value())), limit)

    def for_anybody(self, text: str, limit: int = LONGEST_TEXT) -> str:
        """Returns the text on one line, and without anything of the account.

        Args:
            text: The text.
            limit: The number of characters after which it is cut.
        """
        # Before the domain is replaced, which may be a part of the URL.
        text = self.for_user(text, limit).replace(self._base_url, "BASE-URL")
        text = self._domain.sub(lambda found: _in_case_of(found[0]), text)
        for pattern, replacement in _OF_THE_ACCOUNT:
            text = pattern.sub(replacement, text)
        return text


def _in_case_of(text: str) -> str:
    if text == text.lower():
        return DOMAIN
    return DOMAIN.upper() if text == text.upper() else DOMAIN.title()
