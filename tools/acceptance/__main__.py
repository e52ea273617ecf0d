"""`python -m tools.acceptance`, which `make acceptance` runs. It reads the environment:

| variable | what |
|---|---|
| `DOMAIN` | the domain below which the run makes Agent Ingresses |
| `NGROK_API_KEY`, `NGROK_API_BASE_URL` | as everywhere in this package |
| `CONFIRM` | `yes` answers the question whether to begin |
| `PART` | `questions` or `life`: only the questions, or only the whole life through Pulumi's engine |

The report goes to stdout, and everything else to stderr. The exit status is 0 if the run was complete, whatever the
answers were.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import FrameType

from pulumi_agin.api.clock import SYSTEM_CLOCK, Clock
from pulumi_agin.api.inputs import Domain
from pulumi_agin.settings import Settings
from tools import environment, pulumi_cli
from tools.acceptance.comparison import PAGE, Rehearsal, Results, ask_all, guesses, rehearse
from tools.acceptance.ingresses import Ingresses, Names, how_to_delete, names_below
from tools.acceptance.life import Life, live
from tools.acceptance.report import report
from tools.acceptance.service import PACE, CouldNotAskError, Service
from tools.acceptance.wording import Wording
from tools.steps import LOGS, StepError, exit_status, say

LOG = LOGS / "acceptance.log"
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class Request:
    """What the user asks for."""

    domain: str
    names: Names
    settings: Settings
    is_confirmed: bool
    with_questions: bool
    with_life: bool

    @classmethod
    def read(cls, env: Mapping[str, str]) -> Request:
        """Reads the environment.

        Raises:
            StepError: Something is missing or malformed.
        """
        given = env.get("DOMAIN", "")
        if not given.strip():
            raise StepError(
                "DOMAIN is missing: name a domain that you own and that nothing uses, as in "
                "make acceptance DOMAIN=test.acme.com"
            )
        try:
            domain = Domain()(given)
        except ValueError as error:
            raise StepError(f"DOMAIN {error}.") from None
        if "." not in domain or "*" in domain:
            raise StepError("DOMAIN must be a domain with a dot and without a wildcard, such as test.acme.com.")
        if not env.get("NGROK_API_KEY", "").strip():
            raise StepError("NGROK_API_KEY is missing: set this environment variable to an ngrok API key.")
        settings = Settings.load(lambda _: None, env)
        if problems := settings.problems():
            raise StepError(f"{'; '.join(problems)}.")
        part = env.get("PART", "")
        if part not in ("", "questions", "life"):
            raise StepError('PART must be "questions" or "life", or not set.')
        names = names_below(domain)
        return cls(domain, names, settings, env.get("CONFIRM") == "yes", part != "life", part != "questions")


class Interrupts:
    """The first SIGINT, SIGTERM or SIGHUP ends the run. The clean-up goes on, whatever comes after."""

    def __init__(self) -> None:
        """Handles no signal yet."""
        self.number = 0
        self.is_cleaning_up = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Handles a signal."""
        if self.number or self.is_cleaning_up:
            tell("The clean-up goes on: otherwise, ingresses that cost money would be left.")
            return
        self.number = number
        tell("Interrupted. What was begun is ended, and what was made is deleted.")
        raise KeyboardInterrupt

    @contextmanager
    def handled(self) -> Iterator[None]:
        """Handles the signals within a block."""
        before = {number: signal.signal(number, self) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def run(env: Mapping[str, str] = os.environ, clock: Clock = SYSTEM_CLOCK) -> None:
    """Does all of it.

    Args:
        env: The environment variables.
        clock: Measures the time and waits. Pulumi has its own.

    Raises:
        StepError: The run was refused, or is not complete. The message says why.
    """
    request = Request.read(env)
    settings = request.settings
    base_url = settings.base_url.value.rstrip("/")
    wording = Wording(request.domain, settings.api_key.value, base_url)
    ingresses = Ingresses(settings.client(clock, show=tell), request.names, clock)
    ingresses.refuse_existing()
    rehearsal = rehearse(request.names, request.domain)
    if rehearsal.results.stopped:
        raise StepError(f"Nothing was changed: {rehearsal.results.stopped}")
    confirm(request, rehearsal, base_url)
    programs = set_up() if request.with_life else ()

    service = Service(base_url, settings.api_key.value, clock)
    began = begin(service, ingresses)
    results = Results() if request.with_questions else None
    life = Life() if request.with_life else None
    interrupts = Interrupts()
    with interrupts.handled():
        try:
            # The outer one cleans up even if a signal comes just before the inner one has its turn.
            try:
                if results is not None:
                    ask_all(service, request.names, wording, results, tell)
                if life is not None and not (results and results.stopped):
                    with tempfile.TemporaryDirectory(prefix="agin-acceptance-") as folder:
                        live(service, request.names.life, wording, Path(folder), programs, LOG, life, tell)
            finally:
                interrupts.is_cleaning_up = True
        finally:
            tell("deleting what this run made, and looking whether it is gone")
            left = ingresses.clean_up(service.created, began, tell)
            service.close()
            for each in left:
                tell(how_to_delete(each, base_url))
            if not left:
                tell("Nothing is left: all Agent Ingresses that this run made are deleted.")
            told = guesses(PAGE.read_text(encoding="utf-8"))
            print_report(report(base_url, results, rehearsal.results, told, life, service.sent))
            if interrupts.number not in (0, signal.SIGINT):
                sys.exit(128 + interrupts.number)
    if results and results.stopped:
        raise StepError(results.stopped)
    if life and life.failed:
        raise StepError(f"The whole life of an ingress failed: see the end of the report, and {LOG}")
    if left:
        raise StepError("The run is complete, but not everything that it made is deleted.")


def begin(service: Service, ingresses: Ingresses) -> datetime | None:
    """Looks again whether the names are free: somebody may have created an ingress during the question and the set-up.

    Returns:
        The time by the server's clock, before this look; None if it does not tell.

    Raises:
        StepError: One of the names has an ingress, or ngrok can't be asked.
    """
    try:
        now = service.ask("GET", query="limit=1").sent_at
    except CouldNotAskError as error:
        raise StepError(f"Nothing was changed: ngrok can't be asked: {error}.") from None
    service.protect(ingresses.refuse_existing())
    return now


def set_up() -> tuple[Path, ...]:
    """Returns the folders of the package as a user has it, and of Pulumi's CLI."""
    user = environment.user()
    return user / "bin", pulumi_cli.ensure(pulumi_cli.from_environment(), python=user / "bin" / "python")


def tell(text: str) -> None:
    """Prints to stderr. If the terminal was closed, the run must still clean up."""
    with suppress(OSError):
        say(text)


def print_report(text: str) -> None:
    """Prints to stdout.

    Raises:
        StepError: It can't be written.
    """
    try:
        print(text, flush=True)
    except OSError as error:
        # Otherwise Python would try again when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise StepError(f"The report can't be printed: {error.strerror}.") from None


def confirm(request: Request, rehearsal: Rehearsal, base_url: str) -> None:
    """Says what the run does and costs, and asks whether to begin.

    Raises:
        StepError: The user does not say yes.
    """
    number = request.with_questions * rehearsal.ingresses + request.with_life
    names = [name for name in request.names if request.with_life or name != request.names.life]
    say(
        f"This run makes {number} Agent Ingresses at {base_url}, at most 2 at a time, each for a few minutes.\n"
        "ngrok charges for custom connect URLs: $250 a month for each in one price list. Whether a few minutes cost\n"
        "anything depends on your contract.\n"
        f"The domains are {', '.join(names)}. They need no DNS records.\n"
        f"It sends about {rehearsal.requests} requests, at most {PACE} of the 120 that the account may send in a minute"
        f"{', and Pulumi sends some more' if request.with_life else ''}.\n"
        "At the end it deletes what it made, also after a failure or Ctrl+C."
    )
    if request.is_confirmed:
        return
    if not sys.stdin.isatty():
        raise StepError("Nothing was changed: confirm with CONFIRM=yes, as there is no terminal to ask on.")
    print('Type "yes" to begin: ', end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip() != "yes":
        raise StepError("Nothing was changed.")


if __name__ == "__main__":
    sys.exit(exit_status(run))
