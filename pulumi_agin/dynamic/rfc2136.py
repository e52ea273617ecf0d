"""Rfc2136Provider: what happens to the NS records of a delegation at a primary server that takes DNS updates.

Stateless and pickled by reference: `pulumi_agin.dynamic.rfc2136.Rfc2136Provider` stands in every user's state. All
that it needs, the key too, is an input of the resource, so that refresh and destroy, which run no program, have it.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    CreateResult,
    DiffResult,
    ReadResult,
    ResourceProvider,
    UpdateResult,
)

from . import servicer
from .servicer import PartialFailureError, ProviderError, sentences

if TYPE_CHECKING:
    from pulumi_agin.nameservers import Server

    from .dns_update import NsSet, PrimaryServer, UnsettledError

# How long a call takes at most, where the resource has no custom_timeouts: a name server that is started again needs
# seconds.
TIMEOUT_SECONDS = 60.0

# RFC 2181, 8.
LONGEST_TTL_SECONDS = 2**31 - 1

# Records of another name, or in another zone, are other records.
REPLACING = ("domain", "zone")

# A server that moved has the same zone; of the key, the state has to have the one that is valid.
UPDATED_IN_PLACE = ("ns_targets", "ttl", "server", "port", "tsig_key_name", "tsig_secret", "tsig_algorithm")

# Both, or none: then messages are unsigned.
KEY = ("tsig_key_name", "tsig_secret")

# A hidden output after a write of unknown outcome: the values, besides those of `ns_targets`, that the server may have
# of ours.
UNSETTLED = "_unsettled_ns_targets"


class Rfc2136Provider(ResourceProvider):
    """The lifecycle of the NS records that delegate one domain. Every failure is one sentence for the user."""

    # Only the secret is one: as a secret, the provider would be another value in every state.
    serialize_as_secret_always = False

    def __getstate__(self) -> None:
        """Nothing is pickled but the class."""

    # -- what is wanted -----------------------------------------------------------------------------------

    @sentences
    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Normalizes what the program gave, and finds everything that is wrong with it, in the preview already."""
        inputs, problems = _judged(servicer.without_provider(news), _JUDGES)
        if missing := missing_package():
            problems = [missing, *problems]
        # Of a property that is named to it, the engine prints the value.
        return CheckResult(inputs, [CheckFailure("", problem) for problem in problems])

    # The underscores are those of the SDK's signatures.
    @sentences
    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """What an update would change, canonical on both sides. `take_over` is for what is made: it is no change."""
        kept = _kept(_olds)
        # A value that is not known yet equals none.
        changed = [field for field in (*REPLACING, *UPDATED_IN_PLACE) if kept.get(field) != _news.get(field)]
        return DiffResult(
            changes=bool(changed),
            replaces=[field for field in REPLACING if field in changed],
            # Also where only the zone is another: a wrong one is found out before anything is deleted.
            delete_before_replace=False,
        )

    # -- what is done -------------------------------------------------------------------------------------

    @sentences
    def create(self, props: dict[str, Any]) -> CreateResult:
        """Makes the records, where there are none; with `take_over`, in the place of those that are there."""
        from .dns_update import UnsettledError

        server, domain, wanted = _primary_server(props), props["domain"], _ns_set(props)
        try:
            if props.get("take_over"):
                there = server.replace(domain, wanted, f"create the NS records of {domain}")
            else:
                there = server.create(domain, wanted)
        except UnsettledError as error:
            raise _unsettled(error, {**_outputs(props), "ns_targets": []}, wanted.targets) from None
        if there is not None:
            raise _taken(props, there)
        return CreateResult(domain, _outputs(props))

    @sentences
    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """A refresh. They are gone only where the primary server of the zone says so."""
        if not servicer.without_provider(props):
            raise ProviderError("NS records can't be imported: records that exist are taken over by take_over=True")
        kept = _kept(props)
        there = _primary_server(kept).read(kept["domain"])
        if there is None:
            return ReadResult(None, {})
        outputs = {**_outputs(kept), "ns_targets": list(there.targets), "ttl": there.ttl}
        if not kept["ns_targets"] and not set(there.targets) <= set(kept[UNSETTLED]):
            # None was known to be its own, and some of these are somebody else's.
            if not set(there.targets) & set(kept[UNSETTLED]):
                return ReadResult(None, {})
            outputs |= {"ns_targets": [], UNSETTLED: kept[UNSETTLED]}
        # The inputs too, so that the next preview compares the program with what is there.
        inputs = servicer.without_provider(servicer.inputs_before() or _outputs(outputs))
        return ReadResult(id_, outputs, {**inputs, "ns_targets": outputs["ns_targets"], "ttl": there.ttl})

    @sentences
    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Replaces the records, also by equal ones: so a new key is tried before the state keeps it."""
        from .dns_update import UnsettledError

        kept, domain, wanted = _kept(_olds), _news["domain"], _ns_set(_news)
        moved = any(kept[field] != _news[field] for field in ("server", "port"))
        known = {*wanted.targets, *kept["ns_targets"], *kept[UNSETTLED]}
        # Where none is known to be its own, those that are there may be somebody else's.
        may_be_others = moved or not kept["ns_targets"]
        ours = known if may_be_others and not _news.get("take_over") else None
        try:
            there = _primary_server(_news).replace(domain, wanted, f"update the NS records of {domain}", ours)
        except UnsettledError as error:
            # Of the connection, the new values: they have just served to read what is there.
            outputs = {
                **_outputs(_news),
                "ns_targets": [] if moved else kept["ns_targets"],
                "ttl": error.there.ttl if error.there else kept["ttl"],
            }
            old_place = _place(kept) if moved else None
            raise _unsettled(error, outputs, known, old_place) from None
        if there is not None:
            raise _taken(_news, there)
        return UpdateResult(_outputs(_news))

    @sentences
    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Deletes the records that the state knows of. What others have added is theirs."""
        kept = _kept(_props)
        _primary_server(kept).delete(kept["domain"], sorted({*kept["ns_targets"], *kept[UNSETTLED]}))


def _primary_server(props: Mapping[str, Any]) -> PrimaryServer:
    from pulumi_agin.api.access import Secret

    from .dns_update import PrimaryServer, TsigKey

    if missing := missing_package():
        raise ProviderError(missing)
    key = None
    if "tsig_key_name" in props:
        key = TsigKey(props["tsig_key_name"], Secret(props["tsig_secret"]), props["tsig_algorithm"])
    seconds = servicer.timeout_seconds() or TIMEOUT_SECONDS
    return PrimaryServer(_place(props), props["zone"], key, seconds)


def _ns_set(props: Mapping[str, Any]) -> NsSet:
    from .dns_update import NsSet

    return NsSet(tuple(props["ns_targets"]), int(props["ttl"]))


def _outputs(props: Mapping[str, Any]) -> dict[str, Any]:
    return {field: props[field] for field in (*REPLACING, *UPDATED_IN_PLACE) if field in props}


def _place(props: Mapping[str, Any]) -> Server:
    from pulumi_agin.nameservers import Server

    return Server(props["server"], int(props["port"]))


def _unsettled(
    error: UnsettledError, outputs: Mapping[str, Any], values: Iterable[str], old_place: Server | None = None
) -> PartialFailureError:
    """What keeps the resource in the state, with these values as such that the server may have of ours."""
    unsettled = sorted(set(values) - set(outputs["ns_targets"]))
    every = ", ".join(sorted({*outputs["ns_targets"], *unsettled}))
    left_alone = f". The records at {old_place} are left alone: nothing of this deletes them" if old_place else ""
    return PartialFailureError(
        f"{error}. So the state keeps every value of this resource that the server may have ({every}): the next "
        "`pulumi up` sets the records again, `pulumi refresh` takes into the state what the server has, and "
        f"`pulumi destroy` deletes the records with any of these values{left_alone}",
        outputs["domain"],
        {**outputs, UNSETTLED: unsettled},
    )


def _taken(props: Mapping[str, Any], there: NsSet) -> ProviderError:
    cut_off = ""
    if there == _ns_set(props):
        cut_off = " They are those that this resource would make: a run that was cut off may have made them."
    return ProviderError(
        f"{props['domain']} has NS records already at {_place(props)}, which are left alone: {there}.{cut_off} To "
        "replace them by those of this resource, set take_over=True; otherwise remove them. Where another resource of "
        "this stack made them, and was renamed or moved in the program, do neither, as the old one is deleted with its "
        "records: undo that and run `pulumi up`, then rename or move it again, together with "
        "ResourceOptions(aliases=[pulumi.Alias(name=…, parent=…)]) of what is renamed"
    )


def missing_package() -> str | None:
    """What to do where dnspython can't be loaded; None where it can. Loads nothing, as `dns` may be the program's."""
    import importlib.machinery
    import importlib.util

    found = importlib.util.find_spec("dns")
    folders = found.submodule_search_locations if found else None
    if folders and importlib.machinery.PathFinder.find_spec("dns.update", folders):
        return None
    if found and found.has_location:
        return f"dns.rfc2136 needs dnspython, whose module `dns` is hidden by {found.origin}: rename that module"
    return "dns.rfc2136 needs a package that is not installed here: pip install 'pulumi-agin[rfc2136]'"


# -- what is judged ---------------------------------------------------------------------------------------
# No message repeats a value, which may be a secret of the program's.

_LABEL = "[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_DNS_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*")


def _kept(outputs: Mapping[str, Any]) -> dict[str, Any]:
    """The outputs that the state has, in canonical form.

    Raises:
        ProviderError: Somebody edited the state, and it is not what this provider can have written.
    """
    kept, problems = _judged({UNSETTLED: [], **servicer.without_provider(outputs)}, _JUDGES_OF_OUTPUTS)
    if problems:
        raise ProviderError(
            f"the state of this resource has been damaged: {'; '.join(problems)}. Put it right with `pulumi state edit`"
        )
    return kept


def _judged(
    given: Mapping[str, Any], judges: Mapping[str, Callable[[object], object]]
) -> tuple[dict[str, Any], list[str]]:
    """The values in canonical form, and what is wrong with them. What is not known yet is left as it is."""
    inputs = dict(given)
    problems = []
    for field, judge in judges.items():
        if field not in given:
            if field not in KEY:
                problems.append(f"property {field} is required")
        elif not servicer.is_unknown(given[field]):
            try:
                inputs[field] = judge(given[field])
            except ValueError as error:
                problems.append(f"property {field} {error}")
    given_of_key = [field for field in KEY if field in given]
    if given_of_key not in ([], list(KEY)):
        problems.append(
            f"property {given_of_key[0]} is only half of a key: give both tsig_key_name and tsig_secret, or neither "
            "where the server takes unsigned updates"
        )
    domain, zone = inputs.get("domain"), inputs.get("zone")
    if not problems and isinstance(domain, str) and isinstance(zone, str):
        if domain == zone:
            problems.append(
                f"the domain {domain} is the apex of the zone, whose NS records are the zone's own: a delegation is of "
                f"a name below it, such as connect.{zone}"
            )
        elif not domain.endswith(f".{zone}"):
            problems.append(f"the domain {domain} is not in the zone {zone}: set zone to the one that it is in")
    return inputs, problems


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("must be text")
    return value.strip()


def _dns_name(example: str) -> Callable[[object], str]:
    def name(value: object) -> str:
        from pulumi_agin.api.models import canonical_domain
        from pulumi_agin.nameservers import is_ip

        canonical = canonical_domain(_text(value))
        if not _DNS_NAME.fullmatch(canonical) or len(canonical) > 253 or is_ip(canonical):
            raise ValueError(f"must be a name as DNS has it, such as {example}")
        return canonical

    return name


def _ns_targets(value: object) -> object:
    from pulumi_agin.api.models import canonical_ns_targets

    if not isinstance(value, list) or not value:
        raise ValueError("must be a list of one name server or more")
    known = [target for target in value if not servicer.is_unknown(target)]
    try:
        canonical = canonical_ns_targets([_dns_name("ns1.acme.com")(target) for target in known])
    except ValueError as error:
        raise ValueError(f"has a value that {error}") from None
    return canonical if len(known) == len(value) else value


def _kept_ns_targets(value: object) -> list[str]:
    """As `_ns_targets`, but none are right too, and so is whatever name a server had at a refresh."""
    if not isinstance(value, list) or not all(isinstance(target, str) for target in value):
        raise ValueError("must be a list of names of name servers")
    return sorted({target.lower().rstrip(".") + "." for target in value})


def _server(value: object) -> str:
    from pulumi_agin.nameservers import is_ip

    text = _text(value).lower()
    if is_ip(text):
        return text
    try:
        return _dns_name("")(text)
    except ValueError:
        raise ValueError(
            "must be the host name or IP address of the zone's primary server, without brackets or port, such as "
            "ns1.acme.com"
        ) from None


def _whole_number(lowest: int, highest: int, unit: str = "") -> Callable[[object], int]:
    def number(value: object) -> int:
        if not isinstance(value, int | float) or isinstance(value, bool) or not lowest <= value <= highest or value % 1:
            raise ValueError(f"must be a whole number{unit} from {lowest} to {highest}")
        return int(value)

    return number


def _base64(value: object) -> str:
    text = _text(value)
    try:
        is_right = bool(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        is_right = False
    if not is_right:
        raise ValueError("must be base64, as it stands after `secret` in the key's file")
    return text


def _algorithm(value: object) -> str:
    from .dns_update import ALGORITHMS

    text = _text(value).lower().removesuffix(".")
    if text not in ALGORITHMS:
        raise ValueError(f"must be one of {', '.join(ALGORITHMS)}")
    return text


def _yes_or_no(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be True or False")
    return value


_JUDGES: dict[str, Callable[[object], object]] = {
    "domain": _dns_name("connect.acme.com"),
    "zone": _dns_name("acme.com"),
    "ns_targets": _ns_targets,
    "ttl": _whole_number(0, LONGEST_TTL_SECONDS, " of seconds"),
    "server": _server,
    "port": _whole_number(1, 65535),
    "tsig_key_name": _dns_name("agin"),
    "tsig_secret": _base64,
    "tsig_algorithm": _algorithm,
    "take_over": _yes_or_no,
}

_JUDGES_OF_OUTPUTS: dict[str, Callable[[object], object]] = {
    **{field: judge for field, judge in _JUDGES.items() if field != "take_over"},
    "ns_targets": _kept_ns_targets,
    UNSETTLED: _kept_ns_targets,
}
