"""Reports of `pulumi-agin doctor`: checks and their remedies, as tables and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pulumi_agin.base.redaction import one_line

State = Literal["ok", "wait", "unknown", "wrong"]

_WORST_FIRST: list[State] = ["wrong", "unknown", "wait", "ok"]

# The titles of the checks in a table, by their names in JSON.
_TITLES = {
    "api_key": "API key",
    "agent_ingress": "Agent Ingress",
    "delegation": "delegation",
    "certificate": "certificate",
}
_TITLE_WIDTH = max(map(len, _TITLES.values()))
_STATE_WIDTH = max(map(len, _WORST_FIRST))

# The limit of a column in the table of many domains. All rows are as wide as the longest cell.
_WIDEST_CELL = 100


@dataclass(frozen=True)
class Remedy:
    """A next step, such as a way to fix something: what to do, and lines to paste or to create."""

    do: str
    lines: Sequence[str] = ()


@dataclass(frozen=True)
class Check:
    """The result of one check: its state, and the reason in one line."""

    state: State
    reason: str
    remedies: Sequence[Remedy] = ()
    details: dict[str, Any] = field(default_factory=dict[str, Any])

    def plain(self) -> dict[str, Any]:
        """Returns the check as JSON values."""
        remedies = [{"do": remedy.do, "lines": list(remedy.lines)} for remedy in self.remedies]
        return {"state": self.state, "reason": self.reason, "remedies": remedies, **self.details}


def _table_of_checks(checks: Mapping[str, Check]) -> list[str]:
    """Returns a row for each check, followed by the remedies."""
    rows: list[str] = []
    remedies: list[str] = []
    for name, check in checks.items():
        title = _TITLES[name]
        rows.append(f"{title:{_TITLE_WIDTH}}  {check.state:{_STATE_WIDTH}}  {check.reason}")
        for remedy in check.remedies:
            remedies += ["", f"{title}: {remedy.do}{':' if remedy.lines else ''}"]
            remedies += [f"  {line}" for line in remedy.lines]
    return rows + remedies


@dataclass(frozen=True)
class Report:
    """The results of all checks of a domain, by check."""

    domain: str
    checks: dict[str, Check]
    due: str
    """The next event of the certificate, or the reason why there is no ingress."""

    @property
    def state(self) -> State:
        """The worst state of all checks."""
        return _worst(check.state for check in self.checks.values())

    def table(self) -> str:
        return "\n".join([self.domain, "", *_table_of_checks(self.checks)]) + "\n"

    def plain(self) -> dict[str, Any]:
        """Returns the report as JSON values."""
        checks = {name: check.plain() for name, check in self.checks.items()}
        return {"domain": self.domain, "ok": self.state == "ok", "checks": checks}


@dataclass(frozen=True)
class AccountReport:
    """The reports of the domains of an account, or of those that match a filter."""

    api_key: Check
    reports: Sequence[Report] = ()
    """The worst comes first. Empty if ngrok could not be queried, or if no ingress can be read."""
    details_line: str = ""
    """The command that shows the whole report on the first one."""
    skipped: Sequence[str] = ()
    """The reason for each ingress that can't be read."""
    other_providers: Sequence[str] = ()
    """The URNs of the explicit providers whose ingresses in the stack were left out: their keys may differ."""

    @property
    def state(self) -> State:
        """The worst state of all checks. Those of an ingress that can't be read are unknown."""
        skipped: list[State] = ["unknown"] if self.skipped else []
        return _worst([self.api_key.state, *skipped, *(report.state for report in self.reports)])

    def table(self) -> str:
        """Returns the report as a table: the count of each state, and a row for each domain, the worst first."""
        lines = _table_of_checks({"api_key": self.api_key})
        if self.reports:
            states = [report.state for report in self.reports]
            counts = [f"{states.count(each)} {each}" for each in _WORST_FIRST if each in states]
            total = f"{len(states)} domain{'' if len(states) == 1 else 's'}"
            lines += ["", f"{total}: {', '.join(counts)}", "", *self._table_of_reports()]
            if self.reports[0].state != "ok":
                lines += ["", "to see how to fix the first one:", f"  {self.details_line}"]
        return "\n".join(lines) + "\n"

    def _table_of_reports(self) -> list[str]:
        """Returns a row for each domain below a header; the last column, the event that is due, has no title."""
        rows = [("domain", "delegation", "certificate", "")]
        for each in self.reports:
            delegation, certificate = _in_short(each.checks["delegation"]), _in_short(each.checks["certificate"])
            rows.append((one_line(each.domain, _WIDEST_CELL), delegation, certificate, each.due))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]

    def plain(self) -> dict[str, Any]:
        """Returns the report as JSON values."""
        reports = [report.plain() for report in self.reports]
        return {
            "ok": self.state == "ok",
            "checks": {"api_key": self.api_key.plain()},
            "agent_ingresses": reports,
            "skipped": list(self.skipped),
            "other_providers": list(self.other_providers),
        }


def _in_short(check: Check) -> str:
    """Returns the state of a check, with the numbers of missing and extra records."""
    differences = (("missing", check.details.get("missing")), ("too many", check.details.get("extra")))
    counts = ", ".join(f"{len(names)} {word}" for word, names in differences if names)
    return f"{check.state}: {counts}" if counts else check.state


def _worst(states: Iterable[State]) -> State:
    return min(states, key=_WORST_FIRST.index)


def worst_first(reports: Iterable[Report]) -> list[Report]:
    """Sorts reports, the worst first; within a state, those without an ingress first, and then by domain."""
    return sorted(
        reports,
        key=lambda each: (
            _WORST_FIRST.index(each.state),
            _WORST_FIRST.index(each.checks["agent_ingress"].state),
            each.domain,
        ),
    )
