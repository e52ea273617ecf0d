"""The questions, each with the guess that it checks.

A question says what is interesting about an answer, in words that are the same for the same behavior. It leaves out
what other questions ask about, so that one difference is found by one question.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from tools.acceptance.service import COLLECTION, Answer, CouldNotAskError
from tools.acceptance.world import (
    POLICY,
    STATUS,
    WATCH_SECONDS,
    Ingress,
    Seen,
    World,
    bare,
    job_in,
    listed_in,
    names_in,
    object_in,
    outcome,
)

JOB_SECONDS = 60
"""How long to wait for the job of a certificate."""

UNKNOWN_ID = "agin_" + "0" * 27
NO_KEY = "not-a-key"
NOBODYS_KEY = "2aginAcceptanceTestNobodys0_" + "0" * 21
"""As long as a key of ngrok's, and of nobody."""


@dataclass(frozen=True)
class Probe:
    """One question."""

    guess: str
    """The name of the guess, as docs/reference/emulator.md has it."""
    asks: str
    """What is asked, in words. No two questions have the same."""
    ask: Callable[[World], Seen]


# Requests that need no ingress


def _unknown_key(key: str) -> Callable[[World], Seen]:
    def ask(world: World) -> Seen:
        seen = outcome(world.ask("GET", authorization=f"Bearer {key}"))
        repeats = "repeats" if key in seen.msg else "does not repeat"
        return Seen(f"{seen.found}; the message {repeats} the key", seen.msg)

    return ask


def _request(method: str, path: str = COLLECTION, **options: Any) -> Callable[[World], Seen]:
    return lambda world: outcome(world.ask(method, path, **options))


def _create(**body: object) -> Callable[[World], Seen]:
    return lambda world: world.create_and_delete(body={"domain": world.names.refused, **body})


def _create_as(text: str, content_type: str | None) -> Callable[[World], Seen]:
    return lambda world: world.create_and_delete(text=text, content_type=content_type)


_BASIC = "Basic " + base64.b64encode(f"acceptance:{NO_KEY}".encode()).decode()
_BODY = {"description": "made by make acceptance"}

WITHOUT_INGRESS = (
    Probe("unknown-key", "a key that does not look like one", _unknown_key(NO_KEY)),
    Probe("unknown-key", "a key that looks like one", _unknown_key(NOBODYS_KEY)),
    Probe("other-credentials", "Basic credentials", _request("GET", authorization=_BASIC)),
    Probe("other-credentials", "Digest credentials", _request("GET", authorization='Digest username="acceptance"')),
    Probe("wrong-method", "PUT on the list", _request("PUT", body=_BODY)),
    Probe(
        "order-of-checks",
        "a wrong path, without a key",
        _request("GET", "/agent_ingresses_acceptance", authorization=None),
    ),
    Probe("order-of-checks", "a wrong method, without a key", _request("PUT", body=_BODY, authorization=None)),
    Probe("order-of-checks", "no key, and no version", _request("GET", authorization=None, version=None)),
    Probe("order-of-checks", "no version, and an unknown query parameter", _request("GET", query="a=b", version=None)),
    Probe("order-of-checks", "an unknown query parameter, and a body on GET", _request("GET", query="a=b", body={})),
    Probe("order-of-checks", "a body on GET, and a malformed id", _request("GET", f"{COLLECTION}/nonsense", body={})),
    Probe(
        "order-of-checks",
        "a malformed id, and a body that can't be parsed",
        _request("PATCH", f"{COLLECTION}/nonsense", text="{"),
    ),
    Probe(
        "order-of-checks",
        "an unknown id, and an unknown parameter",
        _request("PATCH", f"{COLLECTION}/{UNKNOWN_ID}", body={"a": "b"}),
    ),
    Probe("unknown-id", "an id that nothing has", _request("GET", f"{COLLECTION}/{UNKNOWN_ID}")),
    Probe("unknown-id", "a malformed id", _request("GET", f"{COLLECTION}/nonsense")),
    Probe("before-id", "a malformed before_id", _request("GET", query="limit=1&before_id=nonsense")),
    Probe("page-size", "a size that is not a number", _request("GET", query="limit=many")),
    Probe("page-size", "a size of 0", _request("GET", query="limit=0")),
    Probe("page-size", "a size of 101", _request("GET", query="limit=101")),
    Probe(
        "wrong-filter", "a filter with another field", _request("GET", query="filter=" + quote('obj.acceptance == "a"'))
    ),
    Probe(
        "wrong-filter", "a filter that is neither true nor false", _request("GET", query="filter=" + quote('"text"'))
    ),
    Probe("refused-input", "an id of something else", _request("GET", f"{COLLECTION}/ep_{'0' * 27}")),
    Probe("refused-input", "a repeated query parameter", _request("GET", query="limit=1&limit=2")),
    Probe("refused-input", "an API version that is none", _request("GET", version="1000000")),
)


# Requests about the first ingress


def _patch(which: Callable[[World], Ingress], body: object) -> Callable[[World], Seen]:
    return lambda world: outcome(world.ask("PATCH", which(world).path, body=body))


def _first(world: World) -> Ingress:
    return world.first


def _shown_at_once(world: World) -> Seen:
    created, *reads = world.first.answers
    found = world.find(f'obj.domain == "{world.names.first}"')
    in_list = [each.get("id") for each in listed_in(found)] == [world.first.id]
    by_id = [answer.status for answer in reads]
    return Seen(f"created with {created.status}; read with {', '.join(map(str, by_id))}; in a list: {_yes(in_list)}")


def _order(world: World) -> Seen:
    answers = [answer for answer in world.first.answers if answer.id]
    answers.append(world.ask("GET", world.first.path))
    kinds: list[str] = []
    for name in ("ns_targets", "region_domains"):
        orders = [bare(names_in(answer.fields, name)) for answer in answers]
        if any(order != orders[0] for order in orders):
            kinds.append(f"{name} in another order each time")
        elif name == "ns_targets":
            kinds.append("ns_targets sorted" if orders[0] == sorted(orders[0]) else "ns_targets not sorted")
        else:
            kinds.append(f"region_domains from {_region(orders[0][0], world)}" if orders[0] else "no region_domains")
    return Seen("; ".join(kinds))


def _regions(world: World) -> Seen:
    names = bare(names_in(world.first.answers[0].fields, "region_domains"))
    return Seen(", ".join(sorted(_region(name, world) for name in names)))


def _region(name: str, world: World) -> str:
    return name.removesuffix(f".{world.names.first}")


def _trailing_dots(world: World) -> Seen:
    names = names_in(world.first.answers[0].fields, "ns_targets")
    dots = sum(name.endswith(".") for name in names)
    return Seen(f"{len(names)} ns_targets, {dots} with a dot at the end")


def _empty_keys(world: World) -> Seen:
    first = world.ask("PATCH", world.first.path, body={"description": ""})
    if first.id is None:
        return outcome(first)
    return Seen(
        "; ".join(f"the description is {_text(answer)}" for answer in (first, world.ask("GET", _first(world).path)))
    )


def _text(answer: Answer) -> str:
    if "description" not in answer.fields:
        return "absent"
    return {"": '""', None: "null"}.get(answer.fields["description"], "still there")


def _empty_patch(**options: Any) -> Callable[[World], Seen]:
    def ask(world: World) -> Seen:
        before = _values(world.ask("GET", world.first.path))
        answer = world.ask("PATCH", world.first.path, **options)
        if answer.id is None:
            return outcome(answer)
        return Seen(f"{answer.status}, {'nothing' if _values(answer) == before else 'something'} has changed")

    return ask


def _values(answer: Answer) -> list[object]:
    return [answer.fields.get(name) or None for name in ("description", "metadata", POLICY)]


def _own_id(world: World) -> Seen:
    return _patch(_first, {"id": world.first.id})(world)


def _change_domain(world: World) -> Seen:
    return _patch(_first, {"domain": world.names.refused})(world)


def _existing_domain(world: World) -> Seen:
    return world.create_and_delete(body={"domain": _first(world).domain})


def _full_page(world: World) -> Seen:
    page = world.find(f'obj.domain == "{_first(world).domain}"', limit=1)
    if len(listed_in(page)) != 1:
        raise CouldNotAskError("the filter did not find the one ingress")
    next_page = page.fields.get("next_page_uri")
    if not next_page:
        return Seen("a page that is full names no next page")
    # The host may be one that must not see the key.
    query = urlsplit(str(next_page)).query
    second = world.ask("GET", query=query)
    end = "names no other" if second.fields.get("next_page_uri") is None else "names another one"
    return Seen(
        f"a next page, with {', '.join(sorted(parse_qs(query)))}; it has {len(listed_in(second))} ingresses and {end}"
    )


def _list_uris(world: World) -> Seen:
    page = world.find(f'obj.domain == "{_first(world).domain}"', limit=1)
    listed_in(page)
    uris = [str(page.fields.get(name)).partition("?")[0] for name in ("uri", "next_page_uri")]
    return Seen(f"uri: {uris[0]}, next_page_uri: {uris[1]}")


def _filter(expression: str) -> Callable[[World], Seen]:
    def ask(world: World) -> Seen:
        page = world.find(f'obj.id == "{world.first.id}" && ({expression})')
        if page.status != 200:
            return outcome(page)
        found = [each.get("id") for each in listed_in(page)] == [world.first.id]
        return Seen(f"200, the ingress is {'there' if found else 'not there'}")

    return ask


def _wildcard(world: World) -> Seen:
    name = world.names.wildcard
    return world.create_and_delete(body={"domain": name}, domain=name)


def _yes(value: object) -> str:
    return "yes" if value else "no"


WITH_ONE_INGRESS = (
    Probe("at-once", "a new ingress, read by its id and in a list", _shown_at_once),
    Probe("trailing-dots", "ns_targets of a new ingress", _trailing_dots),
    Probe("regions", "region_domains of a new ingress", _regions),
    Probe("order", "ns_targets and region_domains in three answers", _order),
    Probe("refused-input", "a body that can't be parsed", _create_as("{", "application/json")),
    Probe("refused-input", "a body that is not JSON", _create_as("a=b", "text/plain")),
    Probe("refused-input", "a body without a type", _create_as("{}", None)),
    Probe("refused-input", "an unknown parameter", _create(acceptance="a")),
    Probe("refused-input", "a value of the wrong type", _create(description=1)),
    Probe("refused-input", "an unknown certificate authority", _create(**{POLICY: {"authority": "acceptance"}})),
    Probe(
        "refused-input",
        "a domain that DNS does not allow",
        lambda world: world.create_and_delete(body={"domain": f"not a {world.names.refused}"}),
    ),
    Probe("no-domain", "a create without a domain", lambda world: world.create_and_delete(body=_BODY)),
    Probe("refused-input", "the domain of another ingress", _existing_domain),
    Probe("refused-input", "a description of 256 bytes", _patch(_first, {"description": "a" * 256})),
    Probe("refused-input", "a description of 129 characters in 258 bytes", _patch(_first, {"description": "ä" * 129})),
    Probe("refused-input", "metadata of 4097 bytes", _patch(_first, {"metadata": "a" * 4097})),
    Probe("refused-input", "a change of the domain", _change_domain),
    Probe("empty-keys", "a description that is set to an empty text", _empty_keys),
    Probe("empty-patch", "PATCH with an empty object", _empty_patch(body={})),
    Probe("empty-patch", "PATCH without a body", _empty_patch()),
    Probe("id-in-patch", "PATCH with the id of the path", _own_id),
    Probe("id-in-patch", "PATCH with another id", _patch(_first, {"id": UNKNOWN_ID})),
    Probe("full-page", "a page of one, of one ingress", _full_page),
    Probe("list-uris", "uri and next_page_uri of a list", _list_uris),
    Probe("filters", "timestamp(time.now)", _filter("obj.created_at <= timestamp(time.now)")),
    Probe("filters", '.subtract("7d")', _filter('obj.created_at > timestamp(time.now).subtract("7d")')),
    Probe("filters", "matches()", _filter('obj.domain.matches("^first[.]")')),
    Probe("filters", "startsWith()", _filter('obj.domain.startsWith("first.")')),
    Probe("filters", "a list, and in", _filter('obj.metadata in ["{}"]')),
    Probe("filters", "a condition with ?", _filter('obj.metadata == "" ? false : true')),
    Probe("wildcard", "a create with * as a whole label", _wildcard),
)


# Requests about the second ingress, which gets a policy and is deleted


def _second_spelling(world: World) -> Seen:
    _ = world.second
    return world.spelling


def _set_policy(world: World, key_type: str | None) -> Answer:
    policy = {"authority": "letsencrypt"} | ({"private_key_type": key_type} if key_type else {})
    answer = world.ask("PATCH", world.second.path, body={POLICY: policy})
    if answer.id is None:
        raise CouldNotAskError(f"a policy was refused with {outcome(answer).found}: {answer.msg}")
    return answer


def _key_type(world: World) -> Seen:
    return Seen(f"private_key_type: {object_in(_set_policy(world, None).fields, POLICY).get('private_key_type')}")


def _null_policy(world: World) -> Seen:
    _set_policy(world, None)
    answer = world.ask("PATCH", world.second.path, body={POLICY: None})
    if answer.id is None:
        return outcome(answer)
    read = world.ask("GET", world.second.path)
    after = ["gone" if not object_in(each.fields, POLICY) else "still there" for each in (answer, read)]
    return Seen(f"{answer.status}, the policy is {after[0]}; in the next read it is {after[1]}")


def _restart(world: World) -> Seen:
    clock = world.service.clock
    _set_policy(world, "rsa")
    end = clock.monotonic() + JOB_SECONDS
    while not (job := job_in(world.ask("GET", world.second.path))):
        if clock.monotonic() > end:
            raise CouldNotAskError(f"a certificate had no job within {JOB_SECONDS} seconds")
        clock.sleep(2)
    same = _starts_again(world, "rsa", job["started_at"])
    other = _starts_again(world, "ecdsa", job["started_at"])
    return Seen(f"the same policy: {same}; another one: {other}")


def _starts_again(world: World, key_type: str, started_at: str) -> str:
    answers = [_set_policy(world, key_type)]
    world.service.clock.sleep(WATCH_SECONDS)
    answers.append(world.ask("GET", world.second.path))
    jobs = [job_in(answer) for answer in answers]
    is_pending = any(answer.fields.get(STATUS) is None for answer in answers)
    is_new = is_pending or any(job and job["started_at"] > started_at for job in jobs)
    return "the certificate starts again" if is_new else "it goes on"


def _delete(world: World) -> Seen:
    deleted = world.ask("DELETE", world.second.path)
    return Seen(outcome(deleted).found + ("" if deleted.content is None else ", with a body"), deleted.msg)


def _read_deleted(world: World) -> Seen:
    return outcome(world.ask("GET", world.second.path))


def _delete_again(world: World) -> Seen:
    return outcome(world.ask("DELETE", world.second.path))


def _before_deleted(world: World) -> Seen:
    ids = f'obj.id == "{world.first.id}" || obj.id == "{world.second.id}"'
    page = world.find(ids, before_id=world.second.id)
    if page.status != 200:
        return outcome(page)
    found = [each.get("id") for each in listed_in(page)] == [world.first.id]
    return Seen(f"200, the older ingress is {'there' if found else 'not there'}")


WITH_TWO_INGRESSES = (
    Probe("spelling", "a domain in mixed case, with a dot at the end", _second_spelling),
    Probe("key-type", "a policy without a private key type", _key_type),
    Probe("null-policy", "PATCH with a null policy", _null_policy),
    Probe("policy-restart", "the same policy again, and then another one", _restart),
    Probe("at-once", "a delete", _delete),
    Probe("unknown-id", "the id of a deleted ingress", _read_deleted),
    Probe("unknown-id", "a second delete", _delete_again),
    Probe("before-id", "the id of a deleted ingress as before_id", _before_deleted),
)


# What all requests have shown


def _unknown_keys(world: World) -> Seen:
    found = [f"{place}: {', '.join(sorted(keys))}" for place, keys in sorted(world.unknown_keys.items())]
    return Seen("; ".join(found) or "none")


def _limit(world: World) -> Seen:
    headers = f"headers about the limit: {', '.join(sorted(world.limit_headers)) or 'none'}"
    refused = world.service.over_limit
    if not refused:
        return Seen(f"no request was refused; {headers}")
    first = refused[0]
    seen = outcome(first.answer)
    return Seen(
        f"{seen.found} ({seen.msg}), after {first.sent} requests of this run within a minute, to which those of others "
        f"in the account are added; {headers}"
    )


FROM_ALL_ANSWERS = (
    Probe("unknown-keys", "undocumented keys in all answers", _unknown_keys),
    Probe("limit", "requests that were refused because of the limit", _limit),
)

PROBES = (*WITHOUT_INGRESS, *WITH_ONE_INGRESS, *WITH_TWO_INGRESSES, *FROM_ALL_ANSWERS)

NOT_ASKED = {
    "limit-counts": "it would mean going over the limit on purpose, and so refusing everybody who uses the account",
    "one-label": "it would need a domain that is not below DOMAIN",
    "ngrok-domains": "it would need domains that are not below DOMAIN",
    "certificate-times": "it would need NS records for the domain, and up to two days",
    "certificate-errors": "it would need wrong NS records for the domain, and up to a day. What was seen is at the end",
}
"""The guesses that can't be found out by asking, and why."""
