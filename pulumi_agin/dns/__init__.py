"""Adapters that create the NS records of an `AgentIngressDelegation`, one for the package of each DNS provider.

`adapter` has the protocol and what all adapters use. In `record_sets`, one resource has all values; in
`single_records`, each value has a resource of its own. `rfc2136_delegation` is for name servers that accept DNS
updates.

Each adapter needs the extra of the same name, such as `pulumi-agin[aws]`. It loads the package when it is called, and
raises a pulumi.RunError if the package is not installed. All adapters have in common:

- `opts` are the options of the records. With `import_`, Pulumi imports an existing record set.
- Case and trailing dots in zone names are ignored.

See docs/reference/dns-adapters.md in the repository.
"""

from .adapter import DnsAdapter, NsRecords, custom
from .record_sets import aws, azure, external_dns, gandi, gcp, hcloud, ns1
from .rfc2136_delegation import Rfc2136Delegation, rfc2136
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
