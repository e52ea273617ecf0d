"""The names of Agent Ingresses as resources: those of the user's file, else those made of their domains."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from pulumi_agin.api.canonical import canonical_domain
from pulumi_agin.api.constants import AGENT_INGRESS_ID, ID_LOOKS_LIKE
from pulumi_agin.api.models import AgentIngress
from pulumi_agin.api.redaction import one_line

from .output import UsageError

_FORM = 'give {"ID or domain": "name", …}'


def read_names(file: str) -> dict[str, str]:
    """Returns the names in a JSON file, or on stdin for "-", by ids and canonical domains."""
    where = f"--names {one_line(file)}"
    try:
        if file == "-" and sys.stdin is None:
            raise UsageError(f"{where} needs an input, but stdin is closed")
        content = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        # An object becomes a tuple of its pairs, because a dict would keep only the last of two equal keys.
        pairs = json.loads(content, object_pairs_hook=tuple)
    except OSError as error:
        raise UsageError(f"{where} can't be read: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{where} is malformed: {error}; {_FORM}") from None
    if not pairs or not isinstance(pairs, tuple):
        raise UsageError(f"{where} names no Agent Ingress: {_FORM}")
    names: dict[str, str] = {}
    owners: dict[str, str] = {}
    for given, name in pairs:
        key = given if AGENT_INGRESS_ID.fullmatch(given) else canonical_domain(given)
        if not AGENT_INGRESS_ID.fullmatch(key) and not re.fullmatch(r"[^\s/.]+(\.[^\s/.]+)+", key):
            raise UsageError(
                f'{where} has "{one_line(given, 100)}", which is neither an id nor a domain; {ID_LOOKS_LIKE}'
            )
        if not isinstance(name, str) or not name.strip():
            raise UsageError(f"{where} gives {one_line(key)} no name: it must be a string that is not empty")
        if key in names:
            raise UsageError(f"{where} names {one_line(key)} twice")
        if name in owners:
            raise UsageError(
                f"{where} gives {one_line(owners[name])} and {one_line(key)} the name {one_line(name)}, but no two "
                "resources have the same name"
            )
        names[key], owners[name] = name, key
    return names


def names_by_id(names: Mapping[str, str], ingresses: Iterable[AgentIngress]) -> tuple[dict[str, str], list[str]]:
    """Returns the names of a file by ids, and the ids and domains in the file of which there is no ingress."""
    ids = {key: ingress.id for ingress in ingresses for key in (ingress.domain, ingress.id)}
    found: dict[str, str] = {}
    for key, name in names.items():
        id_ = ids.get(key)
        if id_ in found:
            raise UsageError(f"--names names {one_line(key)} twice, by its id and by its domain")
        if id_ is not None:
            found[id_] = name
    return found, [key for key in names if key not in ids]


def name_all(ingresses: Iterable[AgentIngress], given: Mapping[str, str]) -> list[str]:
    """Returns a name for each ingress: the one given for its id, or its domain with hyphens in place of dots."""
    taken = set(given.values())
    return [
        given.get(ingress.id) or unique(re.sub("[^a-z0-9_]+", "-", ingress.domain).strip("-") or ingress.id, taken, "-")
        for ingress in ingresses
    ]


def unique(name: str, taken: set[str], separator: str) -> str:
    """Returns a name, with a number after it if the name is taken. The result is taken from then on."""
    number, candidate = 1, name
    while candidate in taken:
        number += 1
        candidate = f"{name}{separator}{number}"
    taken.add(candidate)
    return candidate
