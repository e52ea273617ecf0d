"""Adapters that create the NS records of an `AgentIngressDelegation`, one for the package of each DNS provider.

An extra: only programs with a delegation need it. `adapter` has the protocol and what all adapters use. The tables of
adapters are `single_records` and `record_sets`, built by `builders`; `rfc2136` is for name servers that accept DNS
updates. `declared_record` and `adoption` keep records from being created or deleted twice, `state_records` reads them
from a state, and `former_domain` is the check of a changed domain. It stands on `program`.

Each adapter needs the extra of the same name, such as `pulumi-agin[aws]`. It loads the package when it is called, and
raises a pulumi.RunError if the package is not installed. All adapters have in common:

- `opts` are the options of the records.
- With `adopt`, the stack adopts existing NS records. It is needed for one `pulumi up`. The records must have exactly
  the values and the TTL of the delegation. If the package can't find them, specify a dict that maps their values
  to their IDs, such as {"ns-1.example.net": "…"}.
- Case and trailing dots in zone names are ignored.

See docs/reference/dns-adapters.md in the repository.
"""

from .adapter import DnsAdapter, NsRecords, custom
from .record_sets import aws, azure, external_dns, gandi, gcp, hcloud, ns1
from .rfc2136 import Rfc2136Delegation, rfc2136
from .single_records import cloudflare, digitalocean, dnsimple, linode, ovh, scaleway, vercel

__all__ = [
    "DnsAdapter",
    "NsRecords",
    "Rfc2136Delegation",
    "aws",
    "azure",
    "cloudflare",
    "custom",
    "digitalocean",
    "dnsimple",
    "external_dns",
    "gandi",
    "gcp",
    "hcloud",
    "linode",
    "ns1",
    "ovh",
    "rfc2136",
    "scaleway",
    "vercel",
]
