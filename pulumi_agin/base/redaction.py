"""Secrets, and strings for messages: no API key, no proxy passwords, one line, limited length."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import NoReturn
from urllib.parse import quote, unquote
from urllib.request import getproxies

# The default limit for quoted strings, so that no response fills the screen.
EXCERPT_CHARACTERS = 300

# The limit of values that a message lists.
LISTED_VALUES = 10

# The limit for strings that are searched for secrets. No message is longer.
SEARCHED_CHARACTERS = 20_000

# So many consecutive characters of a key reveal too much.
REVEALING_CHARACTERS = 8

PROXY_MARK = "[proxy credentials]"


@dataclass(frozen=True)
class Secret:
    """A string that is never shown by `repr` and can't be pickled."""

    _value: str = field(repr=False)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret must not be pickled")

    def get_secret_value(self) -> str:
        return self._value


def one_line(string: str, limit: int = EXCERPT_CHARACTERS) -> str:
    """Returns a string on one line, cut at the limit, without unprintable characters.

    These include control characters, direction characters and lone surrogates, which can't be encoded.
    """
    line = " ".join("".join(c if c.isprintable() else " " for c in string).split())
    return line if len(line) <= limit else f"{line[:limit]}…"


def listed(values: Sequence[str]) -> str:
    """Returns values as a list for messages, with a count of those beyond the first ten."""
    shown = ", ".join(map(one_line, values[:LISTED_VALUES]))
    rest = len(values) - LISTED_VALUES
    return f"{shown} and {rest} more" if rest > 0 else shown


def redact(string: str, secret: str, mark: str = "[key]") -> str:
    """Returns a string with a mark instead of a secret, and instead of any 8 consecutive characters of it.

    Services may repeat a key completely, shortened, URL-encoded or in HTML. The comparison ignores case.
    """
    import html  # slow to load, and a program's start does not need it

    size = min(REVEALING_CHARACTERS, len(secret))
    pieces = {secret[start : start + size] for start in range(len(secret) - size + 1)} - {""}
    searched = _ascii_lower(string)
    is_secret = bytearray(len(string))
    encoded = {quote(piece, safe="", errors="replace") for piece in pieces} | {html.escape(piece) for piece in pieces}
    for form in map(_ascii_lower, pieces | encoded):
        begin = searched.find(form)
        while begin >= 0:
            is_secret[begin : begin + len(form)] = b"\1" * len(form)
            begin = searched.find(form, begin + 1)
    runs = groupby(zip(string, is_secret, strict=True), key=lambda pair: pair[1])
    return "".join(mark if is_secret_run else "".join(c for c, _ in run) for is_secret_run, run in runs)


def holds_secret(string: str, secret: str) -> bool:
    return redact(string, secret) != string


class Redactor:
    """Removes the API key, and the credentials of the environment's proxies, from strings."""

    def __init__(self, api_key: Secret) -> None:
        self._api_key = api_key
        found: set[str] = set()
        for scheme, url in getproxies().items():
            # Malformed URLs have credentials too: everything before the last "@".
            userinfo = url.rpartition("@")[0].rpartition("://")[2]
            if userinfo and scheme != "no":
                sent = unquote(userinfo)
                in_header = b64encode(sent.encode("latin-1", "replace")).decode()
                found |= {userinfo, sent.partition(":")[2], in_header.rstrip("=")}
        # As written and as sent in "Proxy-Authorization", the longest first.
        self._proxy_secrets = sorted(found - {""}, key=len, reverse=True)

    def sanitize(self, string: str, limit: int = EXCERPT_CHARACTERS) -> str:
        """Returns a string for messages: one line, cut at the limit, without secrets."""
        # Cut first, because the search takes time.
        shown = redact(string[:SEARCHED_CHARACTERS], self._api_key.get_secret_value())
        for secret in self._proxy_secrets:
            if len(secret) < REVEALING_CHARACTERS:
                # Such a short one can be part of any word.
                shown = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", PROXY_MARK, shown)
            else:
                shown = redact(shown, secret, PROXY_MARK)
        return one_line(shown, limit)


def _ascii_lower(string: str) -> str:
    # str.lower can change the length of a string that is not ASCII, and so shift every position after it.
    return string.lower() if string.isascii() else "".join(c.lower() if c.isascii() else c for c in string)
