"""Checks of one Agent Ingress: its NS records at the zone's own servers, its certificate, and CAA records."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from enum import Enum
from typing import Any

from pulumi_agin.api.clock import parse_time
from pulumi_agin.api.models import IngressModel
from pulumi_agin.api.values import canonical_domain, canonical_ns_targets
from pulumi_agin.lifecycle.certificate import Issuance, describe_certificate
from pulumi_agin.lifecycle.operation import FailedError

QUERY_SECONDS = 5.0

# The name of Let's Encrypt in CAA records.
LETSENCRYPT = "letsencrypt.org"


class Verdict(Enum):
    """The result of a check."""

    OK = "ok"
    WRONG = "wrong"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Finding:
    """One check with its result as a sentence. `subject` is a domain, or the API key."""

    subject: str
    verdict: Verdict
    sentence: str

    def as_json(self) -> dict[str, str]:
        return {"subject": self.subject, "verdict": self.verdict.value, "sentence": self.sentence}


class _NotFoundOutError(Exception):
    """DNS gave no answer. The message is a clause."""


def check_ingress(ingress: IngressModel, sanitize: Callable[[str, int], str], dns: str | None) -> Iterator[Finding]:
    """Yields the findings about an ingress. `dns` is the server that has the zones, in place of public DNS."""
    domain, lookup = ingress.domain, _Lookup(dns)
    yield Finding(domain, *_ns_records(ingress, lookup))
    yield Finding(domain, *_certificate(ingress, sanitize))
    if ingress.certificate_management_policy is not None:
        yield Finding(domain, *_caa(domain, lookup))


def _ns_records(ingress: IngressModel, lookup: _Lookup) -> tuple[Verdict, str]:
    try:
        found = lookup.delegation(ingress.domain)
    except _NotFoundOutError as error:
        return Verdict.UNKNOWN, f"its NS records could not be read: {error}"
    wanted = set(ingress.ns_targets)
    if not found:
        return Verdict.WRONG, f"it is not delegated: the zone has no NS records for it; they must be {_listed(wanted)}"
    if found == wanted:
        return Verdict.OK, "its NS records are right"
    parts = [f"{_listed(wanted - found)} missing" if wanted - found else ""]
    parts += [f"{_listed(found - wanted)} too many" if found - wanted else ""]
    return Verdict.WRONG, f"its NS records are wrong: {', and '.join(filter(None, parts))}"


def _certificate(ingress: IngressModel, sanitize: Callable[[str, int], str]) -> tuple[Verdict, str]:
    issuance, status = Issuance.of(ingress), ingress.certificate_management_status
    described = f"its certificate is {sanitize(describe_certificate(ingress), 400)}"
    if not issuance.is_ready:
        return Verdict.WRONG, described
    renews_at = parse_time(status.renews_at) if status and status.renews_at else None
    if issuance is Issuance.NOT_MANAGED or renews_at is None:
        return Verdict.OK, described
    days = (datetime.now(timezone.utc) - renews_at).days
    if days > 0:
        return Verdict.WRONG, f"{described}, but its renewal is overdue for {days} days; see the reason at ngrok"
    return Verdict.OK, f"{described}, and will be renewed at {renews_at:%Y-%m-%d}"


def _caa(domain: str, lookup: _Lookup) -> tuple[Verdict, str]:
    try:
        owner, issuers = lookup.caa(domain)
    except _NotFoundOutError as error:
        return Verdict.UNKNOWN, f"its CAA records could not be read: {error}"
    if issuers is None or LETSENCRYPT in issuers:
        return Verdict.OK, "its CAA records allow Let's Encrypt"
    return Verdict.WRONG, f'the CAA records of {owner} forbid Let\'s Encrypt; add `0 issue "{LETSENCRYPT}"` there'


def _listed(targets: set[str]) -> str:
    return ", ".join(sorted(targets))


class _Lookup:
    """DNS lookups, at the servers of the zones themselves, so that no cache is in between."""

    def __init__(self, server: str | None) -> None:
        try:
            import dns.resolver
        except ImportError:
            raise FailedError("doctor needs dnspython: pip install 'pulumi-agin[doctor]'") from None
        self._server: tuple[str, int] | None = None
        if server:
            host, _, port = server.rpartition(":")
            if not host or not port.isdecimal():
                raise FailedError("--dns must be HOST:PORT, such as 127.0.0.1:5353")
            self._server = (host.strip("[]"), int(port))
        self._resolver = dns.resolver.Resolver(configure=self._server is None)
        if self._server:
            self._resolver.nameservers = [self._server[0]]
            self._resolver.port = self._server[1]
        self._resolver.lifetime = QUERY_SECONDS

    def delegation(self, domain: str) -> set[str]:
        """Returns the values of the NS records that the zone above a domain has for it. It has none if empty."""
        import dns.rdatatype

        response = self._ask_zone_of(domain.partition(".")[2], domain, "NS")
        found: set[str] = set()
        # A delegation is in the authority section of a referral, or in the answer if the server has both zones.
        for records in (*response.answer, *response.authority):
            if records.rdtype == dns.rdatatype.NS and canonical_domain(str(records.name)) == domain:
                found |= set(canonical_ns_targets(str(record.target) for record in records))
        return found

    def caa(self, domain: str) -> tuple[str, set[str] | None]:
        """Returns the name whose CAA records apply to a domain, with the issuers that they allow; None without any.

        The records of the domain itself are ngrok's, so those of the names above it are read.
        """
        import dns.rdatatype

        name = domain.partition(".")[2]
        while "." in name:
            response = self._ask_zone_of(name, name, "CAA")
            for records in response.answer:
                if records.rdtype == dns.rdatatype.CAA:
                    issued = [each for each in records if each.tag == b"issue"]
                    return name, {each.value.decode().partition(";")[0].strip() for each in issued}
            name = name.partition(".")[2]
        return "", None

    def _ask_zone_of(self, zone_name: str, domain: str, rdtype: str) -> Any:
        """Asks a server of the zone that has a name, without recursion."""
        import dns.exception
        import dns.message
        import dns.query
        import dns.resolver

        query = dns.message.make_query(f"{domain}.", rdtype, flags=0)
        try:
            if self._server:
                return dns.query.tcp(query, self._server[0], QUERY_SECONDS, self._server[1])
            zone = dns.resolver.zone_for_name(f"{zone_name}.", resolver=self._resolver)
            servers = [str(each.target) for each in self._resolver.resolve(zone, "NS")]
            for server in servers:
                address = str(self._resolver.resolve(server, "A")[0])
                try:
                    return dns.query.tcp(query, address, QUERY_SECONDS)
                except (dns.exception.DNSException, OSError, EOFError):
                    continue
        except (dns.exception.DNSException, OSError, EOFError) as error:
            raise _NotFoundOutError(str(error) or type(error).__name__) from None
        raise _NotFoundOutError("none of the zone's servers responded")
