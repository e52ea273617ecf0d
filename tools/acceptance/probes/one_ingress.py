"""Questions about the first ingress."""

from __future__ import annotations

import json
from collections.abc import Callable
from urllib.parse import parse_qs

from tools.acceptance.probes.probe import UNKNOWN_ID, Probe
from tools.acceptance.service import Answer, CouldNotAskError, Request
from tools.acceptance.session import POLICY, Seen, Session, bare, listed_in, names_in, outcome


def _read(session: Session) -> Answer:
    return session.ask(Request(path=session.first.path))


def _patch(body: object) -> Callable[[Session], Seen]:
    return lambda session: outcome(session.ask(Request("PATCH", session.first.path, json=body)))


def _create(**body: object) -> Callable[[Session], Seen]:
    return lambda session: session.create_and_delete(Request("POST", json={"domain": session.names.refused, **body}))


def _create_as(text: str, content_type: str) -> Callable[[Session], Seen]:
    return lambda session: session.create_and_delete(Request("POST", text=text, content_type=content_type))


def _no_type(session: Session) -> Seen:
    text = json.dumps({"description": session.service.description})
    return session.create_and_delete(Request("POST", text=text, content_type=None))


def _forbidden_domain(session: Session) -> Seen:
    return session.create_and_delete(Request("POST", json={"domain": f"not a {session.names.refused}"}))


def _no_domain(session: Session) -> Seen:
    return session.create_and_delete(Request("POST", json={"description": session.service.description}))


def _existing_domain(session: Session) -> Seen:
    return session.create_and_delete(Request("POST", json={"domain": session.first.domain}))


def _wildcard(session: Session) -> Seen:
    name = session.names.wildcard
    return session.create_and_delete(Request("POST", json={"domain": name}), domain=name)


def _own_id(session: Session) -> Seen:
    return _patch({"id": session.first.id})(session)


def _change_domain(session: Session) -> Seen:
    return _patch({"domain": session.names.refused})(session)


def _shown_at_once(session: Session) -> Seen:
    first = session.first
    found = session.find(f'obj.domain == "{first.domain}"')
    in_list = "yes" if [each.get("id") for each in listed_in(found)] == [first.id] else "no"
    by_id = ", ".join(str(answer.status) for answer in first.reads)
    return Seen(f"created with {first.creates[-1].status}; read with {by_id}; in a list: {in_list}")


def _order(session: Session) -> Seen:
    first = session.first
    answers = [answer for answer in (*first.creates, *first.reads, _read(session)) if answer.id]
    kinds: list[str] = []
    for name in ("ns_targets", "region_domains"):
        orders = [bare(names_in(answer.fields, name)) for answer in answers]
        if any(order != orders[0] for order in orders):
            kinds.append(f"{name} in another order each time")
        elif name == "ns_targets":
            kinds.append("ns_targets sorted" if orders[0] == sorted(orders[0]) else "ns_targets not sorted")
        else:
            kinds.append(f"region_domains from {_region(orders[0][0], session)}" if orders[0] else "no region_domains")
    return Seen("; ".join(kinds))


def _regions(session: Session) -> Seen:
    names = bare(names_in(session.first.creates[-1].fields, "region_domains"))
    return Seen(", ".join(sorted(_region(name, session) for name in names)))


def _region(name: str, session: Session) -> str:
    return name.removesuffix(f".{session.names.first}")


def _trailing_dots(session: Session) -> Seen:
    names = names_in(session.first.creates[-1].fields, "ns_targets")
    dots = sum(name.endswith(".") for name in names)
    return Seen(f"{len(names)} ns_targets, {dots} with a dot at the end")


def _empty_keys(session: Session) -> Seen:
    changed = session.ask(Request("PATCH", session.first.path, json={"description": ""}))
    if changed.id is None:
        return outcome(changed)
    return Seen("; ".join(f"the description is {_description(answer)}" for answer in (changed, _read(session))))


def _description(answer: Answer) -> str:
    if "description" not in answer.fields:
        return "absent"
    shown = answer.fields["description"]
    if shown is None:
        return "null"
    return '""' if shown == "" else "still there"


def _empty_patch(request: Callable[[str], Request]) -> Callable[[Session], Seen]:
    def ask(session: Session) -> Seen:
        before = _values(_read(session))
        answer = session.ask(request(session.first.path))
        if answer.id is None:
            return outcome(answer)
        return Seen(f"{answer.status}, {'nothing' if _values(answer) == before else 'something'} has changed")

    return ask


def _values(answer: Answer) -> list[object]:
    return [answer.fields.get(name) or None for name in ("description", "metadata", POLICY)]


def _full_page(session: Session) -> Seen:
    page = session.find(f'obj.domain == "{session.first.domain}"', limit=1)
    if len(listed_in(page)) != 1:
        raise CouldNotAskError("the filter did not find the one ingress")
    next_page = page.fields.get("next_page_uri")
    if not next_page:
        return Seen("a page that is full names no next page")
    # Only the query is used: the host may be one that must not see the key.
    query = str(next_page).partition("?")[2]
    second = session.ask(Request(query=query))
    end = "names no other" if second.fields.get("next_page_uri") is None else "names another one"
    return Seen(
        f"a next page, with {', '.join(sorted(parse_qs(query)))}; it has {len(listed_in(second))} ingresses and {end}"
    )


def _list_uris(session: Session) -> Seen:
    page = session.find(f'obj.domain == "{session.first.domain}"', limit=1)
    listed_in(page)
    uris = [str(page.fields.get(name)).partition("?")[0] for name in ("uri", "next_page_uri")]
    return Seen(f"uri: {uris[0]}, next_page_uri: {uris[1]}")


def _filter(expression: str) -> Callable[[Session], Seen]:
    def ask(session: Session) -> Seen:
        page = session.find(f'obj.id == "{session.first.id}" && ({expression})')
        if page.status != 200:
            return outcome(page)
        found = [each.get("id") for each in listed_in(page)] == [session.first.id]
        return Seen(f"200, the ingress is {'there' if found else 'not there'}")

    return ask


WITH_ONE_INGRESS = (
    Probe("at-once", "a new ingress, read by its id and in a list", _shown_at_once),
    Probe("trailing-dots", "ns_targets of a new ingress", _trailing_dots),
    Probe("regions", "region_domains of a new ingress", _regions),
    Probe("order", "ns_targets and region_domains in three answers", _order),
    Probe("refused-input", "a body that can't be parsed", _create_as("{", "application/json")),
    Probe("refused-input", "a body that is not JSON", _create_as("a=b", "text/plain")),
    Probe("refused-input", "a body without a type", _no_type),
    Probe("refused-input", "an unknown parameter", _create(acceptance="a")),
    Probe("refused-input", "a value of the wrong type", _create(description=1)),
    Probe("refused-input", "an unknown certificate authority", _create(**{POLICY: {"authority": "acceptance"}})),
    Probe("refused-input", "a domain that DNS does not allow", _forbidden_domain),
    Probe("no-domain", "a create without a domain", _no_domain),
    Probe("refused-input", "the domain of another ingress", _existing_domain),
    Probe("refused-input", "a description of 256 bytes", _patch({"description": "a" * 256})),
    Probe("refused-input", "a description of 129 characters in 258 bytes", _patch({"description": "ä" * 129})),
    Probe("refused-input", "metadata of 4097 bytes", _patch({"metadata": "a" * 4097})),
    Probe("refused-input", "a change of the domain", _change_domain),
    Probe("empty-keys", "a description that is set to an empty text", _empty_keys),
    Probe("empty-patch", "PATCH with an empty object", _empty_patch(lambda path: Request("PATCH", path, json={}))),
    Probe("empty-patch", "PATCH without a body", _empty_patch(lambda path: Request("PATCH", path))),
    Probe("id-in-patch", "PATCH with the id of the path", _own_id),
    Probe("id-in-patch", "PATCH with another id", _patch({"id": UNKNOWN_ID})),
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
