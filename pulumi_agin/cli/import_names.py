"""Resource names of Agent Ingresses: from the user's file, or else derived from their domains."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from pulumi_agin.api.client import AgentIngressClient
from pulumi_agin.api.models import IngressModel
from pulumi_agin.base.facts import AGENT_INGRESS_ID, ID_HINT
from pulumi_agin.base.names import EXAMPLE_DOMAIN
from pulumi_agin.base.redaction import one_line
from pulumi_agin.lifecycle.inputs import AgentIngressInputs
from pulumi_agin.lifecycle.schema import validate

from .output import UsageError

_FORM = 'use {"ID or domain": "name", …}'


def canonical_key(given: str, client: AgentIngressClient) -> str:
    """Returns an ID, or a domain in canonical form. The client keeps the API key out of the message."""
    if AGENT_INGRESS_ID.fullmatch(given):
        return given
    inputs, problems = validate(AgentIngressInputs, {"domain": given})
    if problems or "." not in given:
        # An API key has no dot.
        shown = f'"{client.sanitize(given, 100)}"' if "." in given else "an argument without a dot"
        raise UsageError(
            f"{shown} is neither the ID of an Agent Ingress nor a domain; {ID_HINT}, and a domain looks like "
            f"{EXAMPLE_DOMAIN}"
        )
    return str(inputs["domain"])


def read_names(file: str, client: AgentIngressClient) -> dict[str, str]:
    """Returns the names in a JSON file, or on stdin for "-", by IDs and canonical domains."""
    source = f"--names {one_line(file)}"
    names: dict[str, str] = {}
    for given, name in _read_pairs(file, source):
        key = canonical_key(given, client)
        if not isinstance(name, str) or not name.strip():
            raise UsageError(f"{source} has no name for {key}: it must be a non-empty string")
        if key in names:
            raise UsageError(f"{source} has {key} twice")
        names[key] = name
    return names


def _read_pairs(file: str, source: str) -> tuple[tuple[str, object], ...]:
    """Returns the keys and values of the JSON object in a file. `source` is the beginning of an error message."""
    try:
        if file == "-" and sys.stdin is None:
            raise UsageError(f"{source} reads from stdin, which is closed")
        content = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        # As bytes, because some programs begin a file with a byte order mark, which only these may have. An object
        # becomes a tuple of its pairs, because a dict would keep only the last of two equal keys.
        pairs = json.loads(content, object_pairs_hook=tuple)
    except OSError as error:
        raise UsageError(f"{source} can't be read: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{source} is malformed: {error}; {_FORM}") from None
    if not pairs or not isinstance(pairs, tuple):
        raise UsageError(f"{source} contains no Agent Ingress: {_FORM}")
    return pairs


def name_all(ingresses: Iterable[IngressModel], given: Mapping[str, str], name: str | None) -> list[str]:
    """Returns a name for each ingress: `name`, the one given for its ID, or its domain with hyphens for dots."""
    # Also those of ingresses that are not selected now: another command may import them.
    taken = set(given.values())
    return [
        name
        or given.get(ingress.id)
        or unique(re.sub("[^a-z0-9_]+", "-", ingress.domain).strip("-") or ingress.id, taken)
        for ingress in ingresses
    ]


def unique(name: str, taken: set[str]) -> str:
    """Returns a name, with a number after it if it is taken, and adds it to `taken`."""
    number, candidate = 1, name
    while candidate in taken:
        number += 1
        candidate = f"{name}-{number}"
    taken.add(candidate)
    return candidate
