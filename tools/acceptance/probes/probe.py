"""What a question is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tools.acceptance.service import Request
from tools.acceptance.session import Seen, Session, outcome

UNKNOWN_ID = "agin_" + "0" * 27


@dataclass(frozen=True)
class Probe:
    """One question.

    It says what is interesting about an answer, in words that are the same for the same behavior. It leaves out what
    other questions ask about, so that one difference is found by one question.
    """

    guess: str
    """The name of the guess, as docs/reference/emulator.md has it."""
    asks: str
    """What is asked, in words. No two questions have the same."""
    ask: Callable[[Session], Seen]


def outcome_of(request: Request) -> Callable[[Session], Seen]:
    """Asks what the outcome of a request is."""
    return lambda session: outcome(session.ask(request))
