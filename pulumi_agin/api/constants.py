"""Limits, allowed values and patterns that a program's signatures and the declarations of resources share.

This module loads quickly, so programs can import it. Facts come from ngrok's API page "Agent Ingresses"
unless a comment says otherwise.
"""

from __future__ import annotations

import re
from typing import Literal, TypeAlias

# -- an Agent Ingress -------------------------------------------------------------------------------------

DESCRIPTION_MAX_BYTES = 255
METADATA_MAX_BYTES = 4096

# RFC 1035, 2.3.4, without the dot and the length byte of the root.
DOMAIN_MAX_BYTES = 253
LABEL_MAX_BYTES = 63

CertificateAuthorityLiteral: TypeAlias = Literal["letsencrypt"]
PrivateKeyTypeLiteral: TypeAlias = Literal["rsa", "ecdsa"]

EXAMPLE_DOMAIN = "connect.acme.com"

# Such as agin_2k5okIo7afS6bKA3xNDLRZ9rjqk.
# One that began with a hyphen would be an option in a command to paste.
PLAIN_ID = re.compile(r"^[0-9A-Za-z][0-9A-Za-z_-]{0,99}$")
AGENT_INGRESS_ID = re.compile(r"agin_[0-9A-Za-z]{1,95}")
ID_HINT = "an ID looks like agin_2k5okIo7afS6bKA3xNDLRZ9rjqk"

# -- the wait for a certificate ---------------------------------------------------------------------------

# Issuing takes minutes, or longer if DNS is slow. The AWS provider waits 45 minutes for ACM.
DEFAULT_TIMEOUT_SECONDS = 2700

# New DNS records take time to propagate.
DEFAULT_GRACE_SECONDS = 600

# -- NS records -------------------------------------------------------------------------------------------

# RFC 2181, 8.
LONGEST_TTL_SECONDS = 2**31 - 1

DNS_PORT = 53

# dnspython's algorithms, without those that truncate the signature. dnspython has a longer name for the first one.
TsigAlgorithmLiteral: TypeAlias = Literal[
    "hmac-md5", "hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"
]
DEFAULT_TSIG_ALGORITHM: TsigAlgorithmLiteral = "hmac-sha256"
