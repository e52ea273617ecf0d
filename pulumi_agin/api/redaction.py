"""Strings that are safe to show: without the API key and the passwords of proxies, on one line, and not too long."""

from __future__ import annotations

import re
from base64 import b64encode
from itertools import groupby
from urllib.parse import quote, unquote
from urllib.request import getproxies

from .credentials import Secret

# Strings that others wrote are cut here, so that no response fills the screen.
EXCERPT_CHARACTERS = 300

# They are cut here before they are searched for secrets. No message shows more than this.
SEARCHED_CHARACTERS = 20_000

# This many characters of a key in a row already reveal too much.
TELLING_CHARACTERS = 8

PROXY_MARK = "[proxy credentials]"


def one_line(text: str, limit: int = EXCERPT_CHARACTERS) -> str:
    """Returns a string on one line, cut at the limit, without characters that can't be printed.

    These include control characters, direction characters and halves of surrogate pairs, which can't be encoded.
    """
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= limit else f"{line[:limit]}…"


def redact(text: str, secret: str, mark: str = "[key]") -> str:
    """Returns a string with a mark in place of a secret, and of any 8 characters of the secret in a row.

    Services may repeat a key: whole, shortened, URL-encoded or in HTML. The case of letters does not matter.
    """
    import html  # a program's start need not wait for it

    size = min(TELLING_CHARACTERS, len(secret))
    pieces = {secret[start : start + size] for start in range(len(secret) - size + 1)} - {""}
    searched = _ascii_lower(text)
    is_secret = bytearray(len(text))
    encoded = {quote(piece, safe="", errors="replace") for piece in pieces} | {html.escape(piece) for piece in pieces}
    for form in map(_ascii_lower, pieces | encoded):
        begin = searched.find(form)
        while begin >= 0:
            is_secret[begin : begin + len(form)] = b"\1" * len(form)
            begin = searched.find(form, begin + 1)
    runs = groupby(zip(text, is_secret, strict=True), key=lambda pair: pair[1])
    return "".join(mark if is_secret_run else "".join(c for c, _ in run) for is_secret_run, run in runs)


def holds_secret(text: str, secret: str) -> bool:
    return redact(text, secret) != text


class Redactor:
    """Takes the API key, and the passwords of the proxies that the environment names, out of strings."""

    def __init__(self, api_key: Secret) -> None:
        self._api_key = api_key
        found: set[str] = set()
        for scheme, url in getproxies().items():
            # A URL that no library can parse has credentials, too: everything before its last "@".
            userinfo = url.rpartition("@")[0].rpartition("://")[2]
            if userinfo and scheme != "no":
                sent = unquote(userinfo)
                in_header = b64encode(sent.encode("latin-1", "replace")).decode()
                found |= {userinfo, sent.partition(":")[2], in_header.rstrip("=")}
        # As written and as sent in "Proxy-Authorization", the longest first.
        self._proxy_secrets = sorted(found - {""}, key=len, reverse=True)

    def sanitize(self, text: str, limit: int = EXCERPT_CHARACTERS) -> str:
        """Returns a string that a message may show: one line, cut at the limit, without secrets."""
        # Cut before it is searched, because searching takes time.
        shown = redact(text[:SEARCHED_CHARACTERS], self._api_key.get_secret_value())
        for secret in self._proxy_secrets:
            if len(secret) < TELLING_CHARACTERS:
                # Such a short one can occur in any word.
                shown = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", PROXY_MARK, shown)
            else:
                shown = redact(shown, secret, PROXY_MARK)
        return one_line(shown, limit)


def _ascii_lower(text: str) -> str:
    # str.lower can change the length of a string that is not ASCII, and so shift every position after it.
    return text.lower() if text.isascii() else "".join(c.lower() if c.isascii() else c for c in text)
