"""Reports of `pulumi-agin doctor`: checks and their remedies, as tables and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pulumi_agin.base.redaction import one_line

from .output import GREEN, MAGENTA, RED, YELLOW, Style

State = Literal["ok", "wait", "unknown", "wrong"]

# The worst comes last.
_COLORS: dict[State, int] = {"ok": GREEN, "wait": YELLOW, "unknown": MAGENTA, "wrong": RED}
_STATES = list(_COLORS)
_STATE_WIDTH = max(map(len, _STATES))

_TITLES = {"api_key": "API key", "agent_ingress": "Agent Ingress"}
_TITLE_WIDTH = max(map(len, _TITLES.values()))

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


def _table_of_checks(checks: Mapping[str, Check], style: Style) -> list[str]:
    """Returns a row for each check, followed by the remedies."""
    lines: list[str] = []
    remedies: list[str] = []
    for name, check in checks.items():
        title = _TITLES.get(name, name)
        first, *others = style.beside(_TITLE_WIDTH + 2 + _STATE_WIDTH + 2, check.reason)
        state = _cell(check.state, _STATE_WIDTH, check.state, style)
        lines += [f"{title:{_TITLE_WIDTH}}  {state}  {first}", *others]
        for remedy in check.remedies:
            first, *others = style.beside(len(title) + 2, f"{remedy.do}{':' if remedy.lines else ''}")
            # The lines are never wrapped, so that they can be pasted.
            remedies += ["", f"{title}: {first}", *others, *(f"  {line}" for line in remedy.lines)]
    return lines + remedies


def _cell(content: str, width: int, state: State | None, style: Style) -> str:
    """Returns a table cell. A state at its beginning is in color."""
    colored = style.colored(state, _COLORS[state]) + content.removeprefix(state) if state else content
    return colored + " " * (width - len(content))


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

    def table(self, style: Style) -> str:
        return "\n".join([self.domain, "", *_table_of_checks(self.checks, style)]) + "\n"

    def plain(self) -> dict[str, Any]:
        """Returns the report as JSON values."""
        checks = {name: check.plain() for name, check in self.checks.items()}
        return {"domain": self.domain, "ok": self.state == "ok", "checks": checks}


@dataclass(frozen=True)
class FleetReport:
    """The reports of many domains of an account."""

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

    def table(self, style: Style) -> str:
        """Returns the report as a table: the count of each state, and a row for each domain, the worst first."""
        lines = _table_of_checks({"api_key": self.api_key}, style)
        if self.reports:
            states = [report.state for report in self.reports]
            counts = [
                f"{states.count(state)} {style.colored(state, _COLORS[state])}"
                for state in reversed(_STATES)
                if state in states
            ]
            total = f"{len(states)} domain{'' if len(states) == 1 else 's'}"
            lines += ["", f"{total}: {', '.join(counts)}", "", *self._table_of_reports(style)]
            if self.reports[0].state != "ok":
                lines += ["", "to see how to fix the first one:", f"  {self.details_line}"]
        return "\n".join(lines) + "\n"

    def _table_of_reports(self, style: Style) -> list[str]:
        columns = ("delegation", "certificate")
        header = ("domain", *columns)
        rows = [
            (one_line(each.domain, _WIDEST_CELL), *(_in_short(each.checks[name]) for name in columns))
            for each in self.reports
        ]
        widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
        lines = ["  ".join(map(str.ljust, header, widths)).rstrip()]
        for report, row in zip(self.reports, rows, strict=True):
            states: list[State | None] = [None, *(report.checks[name].state for name in columns)]
            cells = [_cell(*cell, style) for cell in zip(row, widths, states, strict=True)]
            first, *others = style.beside(sum(widths) + 2 * len(widths), report.due)
            lines += ["  ".join([*cells, first]).rstrip(), *others]
        return lines

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
    return max(states, key=_STATES.index)


def worst_first(reports: Iterable[Report]) -> list[Report]:
    """Sorts reports, the worst first; within a state, those without an ingress first, and then by domain."""
    return sorted(
        reports,
        key=lambda each: (-_STATES.index(each.state), -_STATES.index(each.checks["agent_ingress"].state), each.domain),
    )
