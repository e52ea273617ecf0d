"""What `pulumi-agin doctor` found out: checks and their remedies, for people and for machines."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

# How many Agent Ingresses ngrok lists in one answer.
PAGE_LENGTH = 100

State = Literal["ok", "wait", "unknown", "wrong"]

# The worst comes last.
_STATES: tuple[State, ...] = ("ok", "wait", "unknown", "wrong")

_TITLES = {
    "api_key": "API key",
    "agent_ingress": "Agent Ingress",
    "delegation": "delegation",
    "certificate": "certificate",
}
_WIDTH = max(map(len, _TITLES.values()))


@dataclass(frozen=True)
class Remedy:
    """How to fix something: what to do, and lines to paste or to create."""

    do: str
    lines: Sequence[str] = ()


@dataclass(frozen=True)
class Check:
    """The result of one check: its state, and a line that says why."""

    state: State
    says: str
    remedies: Sequence[Remedy] = ()
    details: dict[str, Any] = field(default_factory=dict[str, Any])

    def plain(self) -> dict[str, Any]:
        """Returns the check as JSON has it."""
        remedies = [{"do": remedy.do, "lines": list(remedy.lines)} for remedy in self.remedies]
        return {"state": self.state, "says": self.says, "remedies": remedies, **self.details}


def _rows(checks: Mapping[str, Check]) -> list[str]:
    return [f"{_TITLES[name]:{_WIDTH}}  {check.state:7}  {check.says}" for name, check in checks.items()]


def _remedies(checks: Mapping[str, Check]) -> list[str]:
    lines: list[str] = []
    for name, check in checks.items():
        for remedy in check.remedies:
            lines += ["", f"{_TITLES[name]}: {remedy.do}{':' if remedy.lines else ''}"]
            lines += [f"  {line}" for line in remedy.lines]
    return lines


@dataclass(frozen=True)
class Report:
    """The results of all checks of a domain, by the name of the check."""

    domain: str
    checks: dict[str, Check]
    due: str = ""
    """When something happens to the certificate, in words."""

    @property
    def is_ok(self) -> bool:
        """Whether all is well."""
        return self.state == "ok"

    @property
    def state(self) -> State:
        """The worst state of a check."""
        return _STATES[max(_STATES.index(check.state) for check in self.checks.values())]

    @property
    def can_change(self) -> bool:
        """Whether another look can find something else."""
        return self.checks["api_key"].state != "wrong"

    @property
    def requests(self) -> int:
        """How many requests another look sends to ngrok, more or less."""
        return 1

    def table(self) -> str:
        """Returns the report for people: a row for each check, followed by what to do."""
        return "\n".join([self.domain, "", *_rows(self.checks), *_remedies(self.checks)]) + "\n"

    def plain(self) -> dict[str, Any]:
        """Returns the report as JSON has it."""
        checks = {name: check.plain() for name, check in self.checks.items()}
        return {"domain": self.domain, "ok": self.is_ok, "checks": checks}

    def json(self) -> str:
        """Returns the report for machines, in ASCII only, so that every terminal shows it."""
        return json.dumps(self.plain(), indent=2) + "\n"


@dataclass(frozen=True)
class FleetReport:
    """The reports of many domains of an account."""

    api_key: Check
    reports: Sequence[Report] = ()
    """The worst comes first. Empty if ngrok could not be asked."""
    details_line: str = ""
    """The command that shows all of the first one."""

    @property
    def is_ok(self) -> bool:
        """Whether all is well."""
        return self.api_key.state == "ok" and all(report.is_ok for report in self.reports)

    @property
    def can_change(self) -> bool:
        """Whether another look can find something else."""
        return self.api_key.state != "wrong"

    @property
    def requests(self) -> int:
        """How many requests another look sends to ngrok, more or less."""
        return max(1, math.ceil(len(self.reports) / PAGE_LENGTH))

    def table(self) -> str:
        """Returns the report for people: how many are in which state, and a row for each domain, the worst first."""
        checks = {"api_key": self.api_key}
        lines = [*_rows(checks), *_remedies(checks)]
        if self.reports:
            states = [report.state for report in self.reports]
            counts = ", ".join(f"{states.count(state)} {state}" for state in reversed(_STATES) if state in states)
            lines += ["", f"{len(states)} Agent Ingress{'' if len(states) == 1 else 'es'}: {counts}", ""]
            lines += self._table_of_reports()
        if self.reports and not self.is_ok:
            lines += ["", "what to do about the first one:", f"  {self.details_line}"]
        return "\n".join(lines) + "\n"

    def _table_of_reports(self) -> list[str]:
        rows = [("domain", "delegation", "certificate", "")]
        rows += [
            (each.domain, _in_short(each.checks["delegation"]), each.checks["certificate"].state, each.due)
            for each in self.reports
        ]
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        return ["  ".join([*map(str.ljust, row, widths), row[3]]).rstrip() for row in rows]

    def json(self) -> str:
        """Returns the report for machines, in ASCII only, so that every terminal shows it."""
        reports = [report.plain() for report in self.reports]
        plain = {"ok": self.is_ok, "checks": {"api_key": self.api_key.plain()}, "agent_ingresses": reports}
        return json.dumps(plain, indent=2) + "\n"


def _in_short(delegation: Check) -> str:
    """Returns the state of a delegation, and how many records are missing or too many."""
    differences = (("missing", delegation.details["missing"]), ("too many", delegation.details["extra"]))
    counts = ", ".join(f"{len(names)} {word}" for word, names in differences if names)
    return f"{delegation.state}: {counts}" if counts else delegation.state


def worst_first(reports: Iterable[Report]) -> list[Report]:
    """Returns the reports, the worst first, and those of the same state in the order of their domains."""
    return sorted(reports, key=lambda report: (-_STATES.index(report.state), report.domain))
