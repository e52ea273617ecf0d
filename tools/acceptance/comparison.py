"""Asks both the emulator and the service, and compares the answers."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

from pulumi_agin.api.access import Secret
from pulumi_agin.api.clock import Clock
from pulumi_agin.emulator import Emulator
from tools.acceptance.ingresses import Names
from tools.acceptance.probes import PROBES
from tools.acceptance.probes.probe import Probe
from tools.acceptance.service import CouldNotAskError, Service, WaitedInVainError
from tools.acceptance.session import Seen, Session, StopError
from tools.acceptance.wording import Wording
from tools.steps import ROOT

PAGE = ROOT / "docs" / "reference" / "emulator.md"
SECTION = "## Where it guesses"

# No word is a part of it, so that it is found in no message by accident.
_KEY_OF_EMULATOR = Secret("q7Zx0kV9Jw3Yh5Tn8Lb2")
_GUESS = re.compile(r"^- `(?P<name>[a-z-]+)`: (?P<text>.+(?:\n  .+)*)$", re.MULTILINE)


def guesses(page: str) -> dict[str, str]:
    """Returns the guesses of the emulator by their names, as its page lists them.

    Args:
        page: The text of docs/reference/emulator.md.

    Raises:
        ValueError: The list has something that is not a guess with a name, or two with one name.
    """
    section = page.partition(f"{SECTION}\n")[2].partition("\n## ")[0]
    # The introduction ends at the first heading.
    listed = section[section.find("\n**") :]
    found = [(match["name"], " ".join(match["text"].split())) for match in _GUESS.finditer(listed)]
    others = [line for line in _GUESS.sub("", listed).splitlines() if line and not re.fullmatch(r"\*\*.+\*\*", line)]
    if not found or others or len({name for name, _ in found}) < len(found):
        raise ValueError(f"Each item under {SECTION!r} must be: - `a-name-of-its-own`: text.")
    return dict(found)


class Verdict(Enum):
    """What came of a question, the worst first."""

    DIFFERS = "differs from the emulator"
    UNASKED = "could not be asked"
    OTHER_WORDING = "same, with different wording"
    SAME = "same as the emulator"


STOPPED_EARLIER = "not asked: the run stopped earlier"


@dataclass(frozen=True)
class Unasked:
    """A question without an answer."""

    why: str = STOPPED_EARLIER


Result = Seen | Unasked


@dataclass
class Results:
    """What one service answered, by question."""

    seen: dict[str, Result] = field(default_factory=dict[str, Result])
    jobs: list[str] = field(default_factory=list[str])
    """The texts of the jobs of certificates that were seen on the way."""
    stopped: str = ""
    """Why nothing more could be asked; "" if everything could."""

    def verdict(self, probe: Probe, emulator: Results) -> Verdict:
        """Compares the answer of this service with that of the emulator."""
        here, there = emulator.seen[probe.asks], self.seen.get(probe.asks)
        if not isinstance(here, Seen) or not isinstance(there, Seen):
            return Verdict.UNASKED
        if here.found != there.found:
            return Verdict.DIFFERS
        return Verdict.SAME if here.msg == there.msg else Verdict.OTHER_WORDING


def ask_all(
    service: Service,
    names: Names,
    wording: Wording,
    results: Results,
    show: Callable[[str], None],
    probes: Sequence[Probe] = PROBES,
) -> None:
    """Asks a service all questions.

    Args:
        service: The service.
        names: The domains to use.
        wording: Takes what is of the account out of the answers.
        results: Where the answers go. After an interrupt, it has those up to then.
        show: Shows how far this is.
        probes: The questions.
    """
    session = Session(service, names)
    for number, probe in enumerate(probes, 1):
        result: Result
        if results.stopped:
            result = Unasked()
        else:
            show(f"[{number}/{len(probes)}] {probe.guess}: {probe.asks}")
            try:
                seen = probe.ask(session)
                result = Seen(wording.for_anybody(seen.found), wording.for_anybody(seen.msg))
            except StopError as error:
                results.stopped = wording.for_user(str(error))
                result = Unasked(wording.for_anybody(str(error)))
            except WaitedInVainError as error:
                results.stopped = f"The run stopped, because ngrok did not answer: {error}."
                result = Unasked(wording.for_anybody(str(error)))
            except CouldNotAskError as error:
                result = Unasked(wording.for_anybody(str(error)))
        results.seen[probe.asks] = result
        results.jobs = [wording.for_anybody(job) for job in session.jobs]


@dataclass(frozen=True)
class Baseline:
    """What the emulator answered, and what it took to ask."""

    results: Results
    requests: int
    ingresses: int


def ask_emulator(names: Names, domain: str) -> Baseline:
    """Asks an emulator with its own defaults all questions. It takes no real time.

    Args:
        names: The domains to use.
        domain: The user's domain.
    """
    clock = _SkippingClock()
    with Emulator(_KEY_OF_EMULATOR.get_secret_value(), clock=clock.utc_now) as emulator:
        service = Service(emulator.url, _KEY_OF_EMULATOR, clock)
        results = Results()
        ask_all(service, names, Wording(domain, _KEY_OF_EMULATOR, emulator.url), results, lambda _: None)
        service.close()
    return Baseline(results, service.sent, service.ingresses)


class _SkippingClock(Clock):
    """Time passes only while somebody sleeps, and takes no time."""

    def __init__(self) -> None:
        self._passed = 0.0
        self._began = super().utc_now()

    def monotonic(self) -> float:
        return self._passed

    def utc_now(self) -> datetime:
        return self._began + timedelta(seconds=self._passed)

    def sleep(self, seconds: float) -> None:
        self._passed += seconds
