"""CAA records: whether they allow an authority, and their lookup at simulated servers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from pulumi_agin.base.budget import Budget
from pulumi_agin.base.names import Server
from pulumi_agin.cli.doctor_caa import CaaRecord, CaaSet, find_caa
from tests.support.clock import Clock
from tests.support.dns_server import Respond, dns_server

ISSUER = "letsencrypt.org"
DOMAIN = "connect.acme.com"


@pytest.mark.parametrize(
    ("records", "is_forbidden"),
    [
        ([], False),
        (['0 issue "letsencrypt.org"'], False),
        (['0 issue "\t LetsEncrypt.org ; accounturi=x"'], False),
        (['0 issue "letsencrypt.org;"'], False),
        (['128 issue "letsencrypt.org"'], False),
        (['0 ISSUE "letsencrypt.org"'], False),
        (['0 issue "digicert.com"', '0 issue "letsencrypt.org"'], False),
        (['0 issue ";"', '0 issue "letsencrypt.org"'], False),
        (['0 issue "digicert.com"'], True),
        (['0 issue "www.letsencrypt.org"'], True),
        (['0 issue ";"'], True),
        (['0 issue ""'], True),
        (['0 issue "; letsencrypt.org"'], True),
        # A parameter without a value, which makes the whole record invalid.
        (['0 issue "letsencrypt.org; foo"'], True),
        (['0 issue "letsencrypt.org; a=b;"'], True),
        (['0 issue "letsencrypt.org; foo"', '0 issue "letsencrypt.org; a=b; c="'], False),
        # Neither limits certificates for names without a wildcard.
        (['0 issuewild ";"', '128 iodef "mailto:a@acme.com"', '128 issuemail ";"', '0 tbs "x"'], False),
        (['0 issuewild "letsencrypt.org"', '0 issue "digicert.com"'], True),
    ],
)
def test_issue_records_allow_or_forbid_an_authority(records: Sequence[str], is_forbidden: bool) -> None:
    with dns_server(zone({DOMAIN: records})) as server:
        found = look_up(server)[DOMAIN]
    assert found is not None
    assert (found.forbids(ISSUER), found.unknown_critical) == (is_forbidden, [])


@pytest.mark.parametrize("flags", [128, 255, 1])
def test_unknown_critical_property_forbids_every_authority(flags: int) -> None:
    critical = CaaRecord(flags, "tbs", "Unknown")
    assert CaaSet(DOMAIN, (CaaRecord(0, "issue", ISSUER), critical)).unknown_critical == [critical]


def test_parameters_limit_an_authority_unless_another_record_has_none() -> None:
    by_account = CaaRecord(0, "issue", f"{ISSUER}; AccountURI=https://acme.example/1; other=1")
    by_method = CaaRecord(0, "issue", f"{ISSUER};validationmethods=http-01")
    others = CaaRecord(0, "issue", "digicert.com; accounturi=x")
    unlimited = CaaRecord(0, "issue", f"{ISSUER}; other=1")
    assert CaaSet(DOMAIN, (by_account, by_method, others)).limits(ISSUER) == ["accounturi", "validationmethods"]
    assert CaaSet(DOMAIN, (by_account, unlimited)).limits(ISSUER) == []
    assert CaaSet(DOMAIN, (others,)).limits(ISSUER) == []


# -- the lookup -------------------------------------------------------------------------------------------

COM = ['0 issue "com.example"']


def zone(
    names: Mapping[str, Sequence[str] | dns.rcode.Rcode | str],
    flags: dns.flags.Flag = dns.flags.RA,
    queries: Counter[str] | None = None,
) -> Respond:
    """Responds with the CAA records of a name, with a response code, or with a CNAME record and what is at its target.

    Other names do not exist.
    """

    def respond(query: dns.message.Message, response: dns.message.Message) -> None:
        [question] = query.question
        assert question.rdtype == dns.rdatatype.CAA
        name = str(question.name).lower().rstrip(".")
        if queries is not None:
            queries[name] += 1
        response.flags |= flags
        found = names.get(name, dns.rcode.NXDOMAIN)
        if isinstance(found, str):
            response.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", "CNAME", f"{found}."))
            name, found = found, names.get(found, dns.rcode.NXDOMAIN)
        if isinstance(found, dns.rcode.Rcode):
            response.set_rcode(found)
        elif found:
            assert not isinstance(found, str)
            response.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", "CAA", *found))

    return respond


def look_up(server: Server, *names: str, seconds: float = 10) -> dict[str, CaaSet | None]:
    return find_caa(names or [DOMAIN], Budget(seconds, Clock()), server)


def test_nearest_name_with_caa_records_counts() -> None:
    digicert = ['0 issue "digicert.com"', '0 iodef "mailto:a@acme.com"']
    names = {
        "com": COM,
        "acme.com": digicert,
        DOMAIN: [],
        # This one has records that allow everything, and so ends the search.
        "other.acme.com": ['0 iodef "mailto:a@acme.com"'],
        # The parents of the target of a CNAME record do not count.
        "alias.acme.com": "target.example.net",
        "target.example.net": [],
        "example.net": ['0 issue "net.example"'],
        "to.acme.com": "records.example.net",
        "records.example.net": ['0 issue "there.example"'],
        "dangling.acme.com": "nowhere.example.net",
    }
    owners = {
        DOMAIN: "acme.com",
        "a.b.c.other.acme.com": "other.acme.com",
        "missing.acme.com": "acme.com",
        "acme.com": "acme.com",
        "new.com": "com",
        "alias.acme.com": "acme.com",
        "to.acme.com": "records.example.net",
        "dangling.acme.com": "acme.com",
    }
    with dns_server(zone(names)) as server:
        found = look_up(server, *owners, "acme.org")
    assert {name: caa.owner for name, caa in found.items() if caa} == {**owners, "acme.org": "org"}
    issue, iodef = CaaRecord(0, "issue", "digicert.com"), CaaRecord(0, "iodef", "mailto:a@acme.com")
    assert found[DOMAIN] == CaaSet("acme.com", (iodef, issue))
    assert found["acme.org"] == CaaSet("org")


def test_each_name_is_queried_once_however_many_names_are_below_it() -> None:
    queries: Counter[str] = Counter()
    names = [f"d{number}.{part}.acme.com" for number in range(20) for part in "ab"]
    with dns_server(zone({}, queries=queries)) as server:
        look_up(server, *names)
    assert queries == Counter([*names, "a.acme.com", "b.acme.com", "acme.com", "com"])


@pytest.mark.parametrize("rcode", [dns.rcode.SERVFAIL, dns.rcode.REFUSED])
def test_failed_query_ends_the_search(rcode: dns.rcode.Rcode) -> None:
    with dns_server(zone({"acme.com": rcode, "com": COM})) as server:
        found = look_up(server)[DOMAIN]
    assert found == CaaSet("acme.com", problem=f"{server} returned an error such as SERVFAIL")


def test_refused_query_of_a_server_that_is_no_resolver_shows_nothing() -> None:
    # Such as a name server of ngrok, for a parent of the domain.
    responses = zone({DOMAIN: [], "acme.com": dns.rcode.REFUSED, "other.com": dns.rcode.SERVFAIL}, dns.flags.AA)
    with dns_server(responses) as server:
        found = look_up(server, DOMAIN, "other.com")
    assert found == {
        DOMAIN: None,
        "other.com": CaaSet("other.com", problem=f"{server} returned an error such as SERVFAIL"),
    }


def test_queries_share_one_time_limit() -> None:
    with dns_server(zone({})) as server:
        assert look_up(server, seconds=0)[DOMAIN] == CaaSet(DOMAIN, problem="timed out")


def test_server_without_an_address() -> None:
    found = look_up(Server("nowhere.invalid", 53))[DOMAIN]
    assert found is not None
    assert found.problem


def test_server_that_is_no_resolver_shows_only_its_own_names() -> None:
    digicert = CaaSet("acme.com", (CaaRecord(0, "issue", "digicert.com"),))
    with dns_server(zone({"acme.com": ['0 issue "digicert.com"'], "a.acme.com": "b.example.net"}, dns.flags.AA)) as own:
        assert look_up(own, "new.acme.com") == {"new.acme.com": digicert}
    # It does not follow a CNAME record to another zone, and a delegation shows nothing of the delegated name.
    with dns_server(zone({"a.acme.com": "b.net", "b.net": [], "acme.com": COM}, dns.flags.AA)) as own:
        assert look_up(own, "a.acme.com") == {"a.acme.com": None}
    with dns_server(zone({DOMAIN: [], "acme.com": COM}, dns.flags.Flag(0))) as parent:
        assert look_up(parent) == {DOMAIN: None}
