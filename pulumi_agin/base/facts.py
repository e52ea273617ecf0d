"""Facts about ngrok's API: its URL, limits, allowed values and patterns, and what a certificate policy means.

This module loads quickly, so programs can import it. Facts come from ngrok's API page "Agent Ingresses"
unless a comment says otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias
from urllib.parse import urlsplit

PUBLIC_API = "https://api.ngrok.com"

_DEFAULT_PORTS = {"https": 443, "http": 80}

# The time budget of one call, in total, unless a setting or a resource has another one.
DEFAULT_CALL_SECONDS = 300

# How long to wait for a certificate. Issuing takes minutes, or longer if DNS is slow. The AWS provider waits 45 minutes
# for ACM.
DEFAULT_VALIDATION_SECONDS = 2700

# How long ngrok may report a DNS error. New DNS records take time to propagate.
DEFAULT_GRACE_SECONDS = 600

RATE_LIMITED = 429

# Too many requests, and failures of the service or of a gateway in front of it.
# ngrok's maintenance responses (ERR_NGROK_1500 and 1501) are 503.
TRANSIENT_STATUSES = frozenset({RATE_LIMITED, 500, 502, 503, 504})

DESCRIPTION_MAX_BYTES = 255
METADATA_MAX_BYTES = 4096

# The field of the policy.
POLICY = "certificate_management_policy"

CertificateAuthorityLiteral: TypeAlias = Literal["letsencrypt"]
PrivateKeyTypeLiteral: TypeAlias = Literal["rsa", "ecdsa"]

# Such as agin_2k5okIo7afS6bKA3xNDLRZ9rjqk.
# One that began with a hyphen would be an option in a command to paste.
PLAIN_ID = re.compile(r"^[0-9A-Za-z][0-9A-Za-z_-]{0,99}$")
AGENT_INGRESS_ID = re.compile(r"agin_[0-9A-Za-z]{1,95}")
ID_HINT = "an ID looks like agin_2k5okIo7afS6bKA3xNDLRZ9rjqk"


def matches_policy(existing: Mapping[str, Any] | None, inputs: Mapping[str, Any] | None) -> bool:
    """Returns whether an existing policy has the desired values. Without a desired key type, any key type matches."""
    if not existing or not inputs:
        return not existing and not inputs
    return all(value is None or value == existing.get(name) for name, value in inputs.items())


def canonical_base_url(base_url: str) -> str:
    """Returns a valid base URL with its scheme and host in lower case, without a default port or a slash at the end."""
    parts = urlsplit(base_url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    port = "" if parts.port in (None, _DEFAULT_PORTS.get(parts.scheme)) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}{parts.path.rstrip('/')}"
