"""The names that Agent Ingresses get as resources: those of the user's file, else those made of their domains."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from pulumi_agin.api.canonical import canonical_domain
from pulumi_agin.api.constants import AGENT_INGRESS_ID, ID_LOOKS_LIKE
from pulumi_agin.api.models import AgentIngress
from pulumi_agin.api.redaction import one_line

from .common import UsageError

_FORM = 'give {"ID or domain": "name", …}, or CSV with the id or domain and the name in each line'

# Of the names that a message lists.
_MOST_LISTED = 5


def read_names(file: str) -> dict[str, str]:
    """Reads which Agent Ingress gets which name.

    Args:
        file: The path of a JSON object or of CSV with two columns; "-" for stdin.

    Returns:
        The names, by the ids and canonical domains in the file.

    Raises:
        UsageError: The file can't be read, is neither of the two, or has an empty name or something twice.
    """
    where = "--names -" if file == "-" else f"--names {one_line(file)}"
    try:
        # Some programs begin a file with a byte order mark.
        if file == "-" and sys.stdin is None:
            raise UsageError("--names - needs an input, but stdin is closed")
        text = (sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()).decode("utf-8-sig")
        pairs = list(_pairs_of_json(text) if text.lstrip().startswith(("{", "[")) else _pairs_of_csv(text))
    except OSError as error:
        raise UsageError(f"{where} can't be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{where} is not UTF-8") from None
    except RecursionError:
        raise UsageError(f"{where} is malformed: it is nested too deeply; {_FORM}") from None
    except (ValueError, csv.Error) as error:
        raise UsageError(f"{where} is malformed: {error}; {_FORM}") from None
    if not pairs:
        raise UsageError(f"{where} names no Agent Ingress: {_FORM}")
    names: dict[str, str] = {}
    owners: dict[str, str] = {}
    for given, name in pairs:
        key = given if AGENT_INGRESS_ID.fullmatch(given) else canonical_domain(given)
        if not key:
            raise UsageError(f"{where} has the name {one_line(name)} without an id or a domain")
        if not AGENT_INGRESS_ID.fullmatch(key) and not re.fullmatch(r"[^\s/.]+(\.[^\s/.]+)+", key):
            raise UsageError(
                f'{where} has "{one_line(given, 100)}", which is neither an id nor a domain; {ID_LOOKS_LIKE}'
            )
        if not name.strip():
            raise UsageError(f"{where} gives {one_line(key)} an empty name")
        if key in names:
            raise UsageError(f"{where} names {one_line(key)} twice")
        if name in owners:
            raise UsageError(
                f"{where} gives {one_line(owners[name])} and {one_line(key)} the name {one_line(name)}, but no two "
                "resources have the same name"
            )
        names[key], owners[name] = name, key
    return names


class _FormError(ValueError):
    """The file does not have the right form. The text is a clause that says why."""


def _pairs_of_json(text: str) -> Iterator[tuple[str, str]]:
    # A dict would keep only the last of two equal names.
    pairs = json.loads(text, object_pairs_hook=list)
    if not text.lstrip().startswith("{"):
        raise _FormError("it is a list")
    for key, name in pairs:
        if not isinstance(name, str):
            raise _FormError(f"the name of {one_line(key)} is not text")
        yield key, name


def _pairs_of_csv(text: str) -> Iterator[tuple[str, str]]:
    reader = csv.reader(io.StringIO(text), strict=True)
    rows = ((reader.line_num, [cell.strip() for cell in row]) for row in reader)
    for index, (line, cells) in enumerate((line, cells) for line, cells in rows if any(cells)):
        if len(cells) != 2:
            raise _FormError(f"line {line} has {len(cells)} column{'s' * (len(cells) > 1)}; it must have 2")
        is_heading = index == 0 and cells[0].lower() in ("id", "domain") and cells[1].lower() == "name"
        if not is_heading:
            yield cells[0], cells[1]


def names_by_id(names: Mapping[str, str], ingresses: Iterable[AgentIngress]) -> tuple[dict[str, str], list[str]]:
    """Finds the Agent Ingresses that a file names.

    Args:
        names: The names by ids and canonical domains.
        ingresses: The ingresses to find them among.

    Returns:
        The names by ids, and the ids and domains of which there is no ingress.

    Raises:
        UsageError: The file has both the id and the domain of an ingress.
    """
    ids = {key: ingress.id for ingress in ingresses for key in (ingress.domain, ingress.id)}
    found: dict[str, str] = {}
    for key, name in names.items():
        id_ = ids.get(key)
        if id_ in found:
            raise UsageError(f"--names names {one_line(key)} twice, by its id and by its domain")
        if id_ is not None:
            found[id_] = name
    return found, [key for key in names if key not in ids]


def refuse_unknown(unknown: Sequence[str], account: str) -> None:
    """Refuses the ids and domains of a file of which the account has no Agent Ingress.

    Args:
        unknown: The ids and domains.
        account: What messages call the account.

    Raises:
        UsageError: There is one.
    """
    if unknown:
        more = f" and {len(unknown) - _MOST_LISTED} more" if len(unknown) > _MOST_LISTED else ""
        listed = ", ".join(one_line(key) for key in unknown[:_MOST_LISTED])
        raise UsageError(f"--names names {listed}{more}, but there is no such Agent Ingress in {account}")


def name_all(ingresses: Iterable[AgentIngress], given: Mapping[str, str]) -> list[str]:
    """Returns a name for each Agent Ingress: the given one, or its domain with hyphens in place of dots.

    Args:
        ingresses: The ingresses.
        given: Names by ids. No other ingress gets one of these.
    """
    taken = set(given.values())
    return [given.get(ingress.id) or unique(_default_name(ingress), taken, "-") for ingress in ingresses]


def _default_name(ingress: AgentIngress) -> str:
    return re.sub("[^a-z0-9_]+", "-", ingress.domain).strip("-") or ingress.id


def unique(name: str, taken: set[str], separator: str) -> str:
    """Returns a name, with a number after it if the name is taken. The result is taken from then on.

    Args:
        name: The name.
        taken: The names that are taken.
        separator: What is between the name and the number.
    """
    number, candidate = 1, name
    while candidate in taken:
        number += 1
        candidate = f"{name}{separator}{number}"
    taken.add(candidate)
    return candidate
