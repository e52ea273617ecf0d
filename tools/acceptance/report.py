"""The report, in Markdown, fit for an issue: it has neither keys nor ids nor anything else of the account."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from pulumi_agin.settings import Settings
from pulumi_agin.version import VERSION
from tools.acceptance.comparison import Results, Unasked, Verdict
from tools.acceptance.life import STEPS, Life
from tools.acceptance.probes import NOT_ASKED, PROBES
from tools.acceptance.probes.probe import Probe
from tools.acceptance.session import Seen
from tools.acceptance.wording import DOMAIN


def report(
    settings: Settings,
    results: Results | None,
    emulator: Results,
    guesses: Mapping[str, str],
    life: Life | None,
    requests: int,
) -> str:
    """Writes the report.

    Args:
        settings: What was asked.
        results: What the service answered; None if it was not asked. Some answers may be missing.
        emulator: What the emulator answered.
        guesses: The guesses of the emulator, by name.
        life: What came of the whole life; None if it was left out.
        requests: How many requests were sent, without those of Pulumi.
    """
    is_ngrok = not settings.other_base_url
    asked = settings.base_url.value if is_ngrok else f"{settings.base_url.value}, **which is not ngrok**"
    lines = [
        "# `make acceptance`",
        "",
        f"pulumi-agin {VERSION} sent {requests} requests to {asked}.",
        f"`{DOMAIN}` stands for the domain, and BASE-URL for the URL that was asked.",
    ]
    if results is not None:
        lines += _of_questions(results, emulator, guesses, "ngrok" if is_ngrok else "the service")
    return "\n".join([*lines, *_of_life(life), ""])


def _of_questions(results: Results, emulator: Results, guesses: Mapping[str, str], name: str) -> list[str]:
    verdicts = {probe.asks: results.verdict(probe, emulator) for probe in PROBES}
    lines = [
        "",
        "## The guesses of the emulator",
        "",
        *_rows(
            ("guess", "result", "text"),
            ((f"`{guess}`", _of_guess(guess, verdicts), text) for guess, text in guesses.items()),
        ),
    ]
    for verdict in Verdict:
        probes = [probe for probe in PROBES if verdicts[probe.asks] is verdict]
        if probes:
            lines += ["", f"## {verdict.value.capitalize()}: {len(probes)} of {len(PROBES)} questions", ""]
            lines += _of_verdict(verdict, probes, results, emulator, name)
    if results.jobs:
        lines += ["", "## Jobs of certificates that were seen", "", *(f"- {_code(job)}" for job in results.jobs)]
    return lines


def _of_guess(guess: str, verdicts: Mapping[str, Verdict]) -> str:
    """Returns the worst result of the questions about a guess."""
    if guess in NOT_ASKED:
        return f"not asked: {NOT_ASKED[guess]}"
    found = [verdicts[probe.asks] for probe in PROBES if probe.guess == guess]
    worst = next(verdict for verdict in Verdict if verdict in found)
    return f"**{worst.value}**" if worst is Verdict.DIFFERS else worst.value


def _of_verdict(verdict: Verdict, probes: Sequence[Probe], results: Results, emulator: Results, name: str) -> list[str]:
    columns = {Verdict.SAME: ["both"], Verdict.UNASKED: ["the emulator", "why"]}.get(verdict, ["the emulator", name])

    def row(probe: Probe) -> list[str]:
        answers = [emulator.seen[probe.asks], results.seen.get(probe.asks, Unasked())]
        return [f"`{probe.guess}`", probe.asks, *map(_cell, answers[-len(columns) :])]

    return _rows(["guess", "asked", *columns], map(row, probes))


def _of_life(life: Life | None) -> list[str]:
    if life is None:
        return []
    not_run = STEPS[len(life.passed) + bool(life.failed) :]
    return [
        "",
        "## The whole life of an ingress, through Pulumi's engine",
        "",
        *(f"- passed: {step}" for step in life.passed),
        *([f"- **failed**: {life.failed}: {_code(life.why)}"] if life.failed else []),
        *(f"- not run: {step}" for step, _ in not_run),
    ]


def _rows(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)]


def _cell(result: Seen | Unasked) -> str:
    if isinstance(result, Unasked):
        text = result.why
    else:
        text = f"{result.found}: {result.msg}" if result.msg else result.found
    return _code(text).replace("|", "\\|")


def _code(text: str) -> str:
    """Returns text that somebody else wrote, so that it is shown as it is."""
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence} {text} {fence}" if len(fence) > 1 else f"`{text}`"
