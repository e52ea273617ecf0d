"""Numbers, allowed values and forms that a program's signatures and the declarations of resources share.

Loads nothing heavy, so a program can import it at no cost. Facts come from ngrok's API page "Agent Ingresses"
unless a comment says otherwise.
"""

from __future__ import annotations

import re
from typing import Literal, TypeAlias, get_args

# -- an Agent Ingress -------------------------------------------------------------------------------------

DESCRIPTION_MAX_BYTES = 255
METADATA_MAX_BYTES = 4096

# RFC 1035, 2.3.4, without the root's dot and length byte.
DOMAIN_MAX_BYTES = 253
LABEL_MAX_BYTES = 63

CertificateAuthorityText: TypeAlias = Literal["letsencrypt"]
CERTIFICATE_AUTHORITIES: tuple[CertificateAuthorityText, ...] = get_args(CertificateAuthorityText)

PrivateKeyTypeText: TypeAlias = Literal["rsa", "ecdsa"]
PRIVATE_KEY_TYPES: tuple[PrivateKeyTypeText, ...] = get_args(PrivateKeyTypeText)

EXAMPLE_DOMAIN = "connect.acme.com"

# Such as agin_2k5okIo7afS6bKA3xNDLRZ9rjqk. Only ngrok knows whether an id exists.
PLAIN_ID = re.compile(r"^[0-9A-Za-z_-]{1,100}$")
AGENT_INGRESS_ID = re.compile(r"agin_[0-9A-Za-z]{1,95}")
ID_LOOKS_LIKE = "an id looks like agin_2k5okIo7afS6bKA3xNDLRZ9rjqk"

# -- the wait for a certificate ---------------------------------------------------------------------------

# Issuing takes minutes, or longer if DNS is slow. The AWS provider waits 45 minutes for ACM.
DEFAULT_TIMEOUT_SECONDS = 2700

# New DNS records take time to spread.
DEFAULT_GRACE_SECONDS = 600

# -- NS records -------------------------------------------------------------------------------------------

# RFC 2181, 8.
LONGEST_TTL_SECONDS = 2**31 - 1

DNS_PORT = 53

# dnspython's algorithms, without those that truncate the signature. Its own name for the first one is longer.
TsigAlgorithmText: TypeAlias = Literal[
    "hmac-md5", "hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"
]
TSIG_ALGORITHMS: tuple[TsigAlgorithmText, ...] = get_args(TsigAlgorithmText)
DEFAULT_TSIG_ALGORITHM: TsigAlgorithmText = "hmac-sha256"
