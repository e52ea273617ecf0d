"""Defaults that a program's signatures and the declarations of resources share. This module loads quickly."""

from __future__ import annotations

# How long to wait for a certificate. Issuing takes minutes, or longer if DNS is slow. The AWS provider waits 45 minutes
# for ACM.
DEFAULT_VALIDATION_SECONDS = 2700

# How long ngrok may report a DNS error. New DNS records take time to propagate.
DEFAULT_GRACE_SECONDS = 600
