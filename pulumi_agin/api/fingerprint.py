"""The string by which a later call recognizes the account that an ingress was read from.

States hold it, so its form never changes. This module loads quickly, so programs can import it.
"""

from __future__ import annotations

import hmac

from pulumi_agin.base.redaction import Secret

from .facts import PUBLIC_API


def fingerprint(api_key: Secret, base_url: str, id_: str) -> str:
    """Returns a mark of the key, and the base URL in canonical form unless it is that of ngrok's public API.

    The mark is 4 bytes of an HMAC, which only show whether two reads of one ingress used the same key.
    """
    mark = hmac.new(api_key.get_secret_value().encode(), id_.encode(), "sha256").hexdigest()[:8]
    return mark if base_url == PUBLIC_API else f"{mark} {base_url}"


def base_url_of(fingerprint: str) -> str:
    """Returns the base URL in a fingerprint; "" for an empty one."""
    if not fingerprint:
        return ""
    return fingerprint.partition(" ")[2] or PUBLIC_API
