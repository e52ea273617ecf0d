"""Lookups of the CAA records that a certificate authority would find for a name."""

from __future__ import annotations

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor

from pulumi_agin.base.budget import Budget
from pulumi_agin.base.installation import missing_extra
from pulumi_agin.base.names import canonical_domain

from .caa import CaaRecord, CaaSet
from .ns_lookup import LOOKUP_SECONDS, LOOKUPS_AT_ONCE, address_of, reason_of
from .values import Server

try:
    import dns.exception
    import dns.flags
    import dns.name
    import dns.rcode
    import dns.resolver
except ImportError as error:
    raise ImportError(missing_extra("a DNS lookup", "doctor"), name=error.name) from None


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
