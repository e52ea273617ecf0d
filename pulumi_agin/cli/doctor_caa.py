"""CAA records (RFC 8659): the lookup of those that count for a name, and whether they allow an authority to issue."""

from __future__ import annotations

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pulumi_agin.base.budget import Budget
from pulumi_agin.base.installation import missing_extra
from pulumi_agin.base.names import Server, canonical_domain

from .doctor_ns import LOOKUP_SECONDS, LOOKUPS_AT_ONCE, address_of, reason_of

try:
    import dns.exception
    import dns.flags
    import dns.name
    import dns.rcode
    import dns.resolver
except ImportError as error:
    raise ImportError(missing_extra("a DNS lookup", "doctor"), name=error.name) from None

# RFC 8659, 4, and RFC 9495.
_KNOWN_TAGS = ("issue", "issuewild", "iodef", "issuemail")

# Let's Encrypt treats 1 as critical, too, because it is a common mistake.
_CRITICAL_FLAGS = 128 | 1

# RFC 8657. An authority that supports them compares them with the account and the method of the request.
_LIMITS = ("accounturi", "validationmethods")


@dataclass(frozen=True)
class CaaRecord:
    """A CAA record. Its tag is in lower case."""

    flags: int
    tag: str
    value: str

    def __str__(self) -> str:
        return f'{self.flags} {self.tag} "{self.value}"'

    @property
    def issuer(self) -> str:
        """The authority that an `issue` record allows; "" if it allows none, as with a malformed parameter."""
        issuer, _, parameters = self.value.partition(";")
        # RFC 8659, 4.2. A semicolon can follow the authority, but not the last parameter.
        is_malformed = parameters.strip() and not all("=" in parameter for parameter in parameters.split(";"))
        # Let's Encrypt requires lower case, although the case of a domain does not matter.
        return "" if is_malformed else issuer.strip().lower()

    @property
    def limits(self) -> set[str]:
        """The parameters of an `issue` record that limit the authority."""
        _, *parameters = self.value.split(";")
        return {parameter.partition("=")[0].strip().lower() for parameter in parameters}.intersection(_LIMITS)


@dataclass(frozen=True)
class CaaSet:
    """The CAA records of a name, or the reason that they could not be read."""

    owner: str
    """The name in canonical form."""
    records: tuple[CaaRecord, ...] = ()
    problem: str = ""

    @property
    def unknown_critical(self) -> list[CaaRecord]:
        """The records that forbid every certificate, because Let's Encrypt does not know their critical property."""
        return [record for record in self.records if record.flags & _CRITICAL_FLAGS and record.tag not in _KNOWN_TAGS]

    def forbids(self, issuer: str) -> bool:
        """Returns whether the `issue` records forbid an authority. Without any, every authority is allowed."""
        # `issuewild` is only for names with a wildcard.
        issuers = [record.issuer for record in self.records if record.tag == "issue"]
        return bool(issuers) and issuer not in issuers

    def limits(self, issuer: str) -> list[str]:
        """Returns the parameters that limit an authority; none if one of its records has no limit."""
        limits = [record.limits for record in self.records if record.tag == "issue" and record.issuer == issuer]
        return sorted(set().union(*limits)) if all(limits) else []


def find_caa(names: Collection[str], budget: Budget, server: Server | None) -> dict[str, CaaSet | None]:
    """Finds the CAA records that count for each name: its own, or those of the nearest parent with any. Raises nothing.

    Queries each name once, however many names have it as a parent: a level side by side, and then their parents.
    Without a server, it queries this machine's resolver. A result is None if the server does not show it: it is no
    resolver, and has delegated the name or has no zone with it.
    """
    found: dict[str, CaaSet | None] = {}
    wanted = set(names)
    with ThreadPoolExecutor(LOOKUPS_AT_ONCE) as threads:
        while wanted:
            level = sorted(wanted)
            found |= zip(level, threads.map(lambda name: _query(name, budget, server), level), strict=True)
            wanted = {parent_of(name) for name in level if _is_empty(found[name])} - found.keys() - {""}
    return {name: _nearest(name, found) for name in names}


def parent_of(name: str) -> str:
    """Returns the name without its first label; "" for a top-level domain."""
    return name.partition(".")[2]


def _nearest(name: str, found: dict[str, CaaSet | None]) -> CaaSet | None:
    while _is_empty(found[name]) and (parent := parent_of(name)):
        name = parent
    return found[name]


def _is_empty(caa: CaaSet | None) -> bool:
    return caa is not None and not caa.records and not caa.problem


def _query(name: str, budget: Budget, server: Server | None) -> CaaSet | None:
    """Queries a server for the CAA records of a name; None if it does not show them. It follows a CNAME record."""
    try:
        answer = _resolver(server).resolve(
            dns.name.from_text(f"{name}."), "CAA", lifetime=min(LOOKUP_SECONDS, budget.left), raise_on_no_answer=False
        )
    except dns.resolver.NXDOMAIN:
        return CaaSet(name)
    except dns.resolver.NoNameservers as error:
        if server is not None and _is_refused(error):
            return None
        return CaaSet(name, problem=f"{server or 'the resolver of this machine'} returned an error such as SERVFAIL")
    except (dns.exception.DNSException, OSError, UnicodeError) as error:
        return CaaSet(name, problem=reason_of(error))
    if answer.rrset is not None:
        records = [CaaRecord(each.flags, _text(each.tag).lower(), _text(each.value)) for each in answer.rrset]
        return CaaSet(canonical_domain(str(answer.rrset.name)), tuple(sorted(records, key=str)))
    flags = answer.response.flags
    # An authoritative server does not follow a CNAME record to another zone.
    is_authoritative = flags & dns.flags.AA and answer.canonical_name == answer.qname
    return CaaSet(name) if flags & dns.flags.RA or is_authoritative else None


def _resolver(server: Server | None) -> dns.resolver.Resolver:
    if server is None:
        return dns.resolver.Resolver()
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers = [address_of(server)]
    resolver.port = server.port
    return resolver


def _is_refused(error: dns.resolver.NoNameservers) -> bool:
    """Returns whether the server responded that it is no resolver, and has no zone with the name."""
    responses = [response for *_, response in error.kwargs["errors"] if response is not None]
    return any(each.rcode() == dns.rcode.REFUSED and not each.flags & dns.flags.RA for each in responses)


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")
