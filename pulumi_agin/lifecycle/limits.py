"""Limits and defaults of inputs, and the time limit of a preview.

Programs load this module. Tests compare the docs with these values.
"""

from __future__ import annotations

# The 255 bytes of RFC 1035, section 2.3.4, without the dot and the length byte of the root.
DOMAIN_MAX_BYTES = 253
LABEL_MAX_BYTES = 63

# From ngrok's API page "Agent Ingresses".
DESCRIPTION_MAX_BYTES = 255
METADATA_MAX_BYTES = 4096

# How long a validation waits for a certificate. Issuing takes minutes, or longer if DNS is slow. The AWS provider waits
# 45 minutes for ACM.
DEFAULT_VALIDATION_SECONDS = 2700

# How long ngrok may report a DNS error before a validation fails. New DNS records take time to propagate.
DEFAULT_GRACE_SECONDS = 600

# How long a preview waits for ngrok, once for all resources.
PREVIEW_SECONDS = 30

# RFC 2181, section 8.
LONGEST_TTL_SECONDS = 2**31 - 1
DEFAULT_TTL_SECONDS = 300
