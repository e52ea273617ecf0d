"""Adapters that create the NS records of an `AgentIngressDelegation`, one adapter for each DNS provider's package.

- `adapter`: the protocol, and the code that adapters share
- `record_sets`: adapters for packages in which one resource has all values
- `single_records`: adapters for packages in which each value has its own resource
- `rfc2136_delegation`: the adapter for name servers that accept DNS updates

All adapters except `custom` have in common:

- An adapter needs the extra of the same name, such as `pulumi-agin[aws]`. A call of the adapter loads the package, and
  raises a pulumi.RunError if the package is not installed.
- `opts` are the options of the records. If one resource has all values, `import_` imports an existing record set.
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
