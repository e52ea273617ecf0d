"""The questions, each with the guess that it checks."""

from __future__ import annotations

from tools.acceptance.probes.all_answers import FROM_ALL_ANSWERS
from tools.acceptance.probes.one_ingress import WITH_ONE_INGRESS
from tools.acceptance.probes.two_ingresses import WITH_TWO_INGRESSES
from tools.acceptance.probes.without_ingress import WITHOUT_INGRESS

PROBES = (*WITHOUT_INGRESS, *WITH_ONE_INGRESS, *WITH_TWO_INGRESSES, *FROM_ALL_ANSWERS)

NOT_ASKED = {
    "limit-counts": "it would mean going over the limit on purpose, and so refusing everybody who uses the account",
    "one-label": "it would need a domain that is not below DOMAIN",
    "ngrok-domains": "it would need domains that are not below DOMAIN",
    "certificate-times": "it would need NS records for the domain, and up to two days",
    "certificate-errors": "it would need wrong NS records for the domain, and up to a day. What was seen is at the end",
}
"""The guesses that can't be found out by asking, and why."""
