"""`python -m tools.acceptance`, which `make acceptance` runs. It reads the environment:

| variable | what |
|---|---|
| `DOMAIN` | the domain below which the run creates Agent Ingresses |
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
from tools.acceptance.comparison import PAGE, Baseline, Results, ask_all, ask_emulator, guesses
from tools.acceptance.ingresses import Ingresses, Names, how_to_delete, names_below
from tools.acceptance.life import Life, live, new_project
from tools.acceptance.report import report
from tools.acceptance.service import PACE, CouldNotAskError, Request, Service
from tools.acceptance.wording import Wording
from tools.steps import LOGS, StepError, exit_status, say

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class Options:
    """What the user asks for."""

    domain: str
    names: Names
    settings: Settings
    is_confirmed: bool
    with_questions: bool
    with_life: bool

    @property
    def base_url(self) -> str:
        """The URL of the API, without a slash at the end."""
        return self.settings.base_url.value.rstrip("/")

    @property
    def wording(self) -> Wording:
        """Takes everything of the account out of text."""
        return Wording(self.domain, self.settings.api_key.value, self.base_url)

    @classmethod
    def read(cls, env: Mapping[str, str]) -> Options:
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
        self._ends_run = True

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Handles a signal."""
        if not self._ends_run:
            tell("The clean-up goes on: otherwise, ingresses that cost money would be left.")
            return
        self._ends_run = False
        tell(
            "Interrupted. Finishing the current step, then deleting what this run created. "
            "Another Ctrl+C does not stop that."
        )
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        sys.exit(128 + number)

    @contextmanager
    def handled(self) -> Iterator[None]:
        """Handles the signals within a block."""
        before = {number: signal.signal(number, self) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def ignored_afterwards(self) -> Iterator[None]:
        """Lets a signal end a block, and none what follows it."""
        try:
            yield
        finally:
            self._ends_run = False


@dataclass
class Outcome:
    """The result of a run."""

    results: Results | None
    """What the service answered; None if it is not to be asked."""
    life: Life | None
    """The whole life of an ingress; None if it is left out."""

    def check(self) -> None:
        """Makes sure that the run is complete.

        Raises:
            StepError: It is not. The message says why.
        """
        if self.results and self.results.stopped:
            raise StepError(self.results.stopped)
        if self.life and self.life.failed:
            raise StepError(f"The whole life of an ingress failed: see the end of the report, and {self.life.log}")


def run(env: Mapping[str, str] = os.environ, clock: Clock = SYSTEM_CLOCK) -> None:
    """Does all of it.

    Args:
        env: The environment variables.
        clock: Measures the time and waits. Pulumi has its own.

    Raises:
        StepError: The run was refused, or is not complete. The message says why.
    """
    options = Options.read(env)
    ingresses = Ingresses(options.settings.client(clock, show=tell), options.names, clock)
    ingresses.refuse_existing()
    emulator = ask_emulator(options.names, options.domain)
    if emulator.results.stopped:
        raise StepError(f"Nothing was changed: {emulator.results.stopped}")
    confirm(options, emulator)
    programs = set_up() if options.with_life else ()
    service = Service(options.base_url, options.settings.api_key.value, clock)
    began = begin(service, ingresses)
    outcome = Outcome(Results() if options.with_questions else None, Life() if options.with_life else None)
    interrupts = Interrupts()
    with interrupts.handled():
        # The `try` is outside: a signal may come when the block has ended, just before signals are ignored.
        try:
            with interrupts.ignored_afterwards():
                ask_and_live(options, service, programs, outcome)
        finally:
            is_clean = clean_up(options, service, ingresses, began)
            is_printed = print_report(options, service, emulator, outcome)
    outcome.check()
    if not is_clean:
        raise StepError("The run is complete, but maybe not everything that it created is deleted: see above.")
    if not is_printed:
        raise StepError("The run is complete, but its report could not be printed.")


def ask_and_live(options: Options, service: Service, programs: tuple[Path, ...], outcome: Outcome) -> None:
    """Asks the questions, and then runs the whole life of an ingress."""
    if outcome.results is not None:
        ask_all(service, options.names, options.wording, outcome.results, tell)
        if outcome.results.stopped:
            return
    if outcome.life is not None:
        with new_project(service, options.names.life, programs) as project:
            live(project, options.wording, outcome.life, tell)


def clean_up(options: Options, service: Service, ingresses: Ingresses, began: datetime | None) -> bool:
    """Deletes what the run created, and says what is left. Returns whether certainly nothing is."""
    tell("deleting what this run created, and checking that it is gone")
    left, problem = ingresses.clean_up(service, began, tell)
    service.close()
    for each in left:
        tell(how_to_delete(each, options.base_url))
    if problem:
        tell(
            f"The Agent Ingresses could not be listed ({problem}). Look at ngrok's dashboard for one of the domains "
            f"{', '.join(options.names)}: this run may have created it, and it costs money until it is deleted."
        )
    if left or problem:
        return False
    tell("Nothing is left: all Agent Ingresses that this run created are deleted.")
    return True


def begin(service: Service, ingresses: Ingresses) -> datetime | None:
    """Looks again whether the names are free: somebody may have created an ingress during the question and the set-up.

    Returns:
        The time by the server's clock, before this look; None if it does not tell.

    Raises:
        StepError: One of the names has an ingress, or ngrok can't be asked.
    """
    try:
        now = service.ask(Request(query="limit=1")).sent_at
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


def print_report(options: Options, service: Service, emulator: Baseline, outcome: Outcome) -> bool:
    """Prints the report to stdout. Returns whether it could be written."""
    told = guesses(PAGE.read_text(encoding="utf-8"))
    text = report(options.settings, outcome.results, emulator.results, told, outcome.life, service.sent)
    try:
        print(text, flush=True)
    except OSError as error:
        # Otherwise Python would try again when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        tell(f"The report can't be printed ({error.strerror}). It is in {save(text)}")
        return False
    return True


def save(text: str) -> Path:
    """Writes the report to a file of its own, and returns its path."""
    LOGS.mkdir(parents=True, exist_ok=True)
    file, path = tempfile.mkstemp(prefix="acceptance-", suffix=".md", dir=LOGS)
    os.close(file)
    Path(path).write_text(text, encoding="utf-8")
    return Path(path)


def confirm(options: Options, emulator: Baseline) -> None:
    """Says what the run does and costs, and asks whether to begin.

    Raises:
        StepError: The user does not say yes.
    """
    number = options.with_questions * emulator.ingresses + options.with_life
    names = [name for name in options.names if name != options.names.life] if options.with_questions else []
    names += [options.names.life] if options.with_life else []
    requests = []
    if options.with_questions:
        requests.append(f"It sends about {emulator.requests} requests, at most {PACE} a minute.")
    if options.with_life:
        requests.append("Pulumi sends some more." if options.with_questions else "Pulumi sends some requests.")
    say(
        f"This run creates {number} Agent Ingresses at {options.base_url}, at most 2 at a time, each for a few "
        "minutes.\n"
        "ngrok charges for custom connect URLs. One price list says $250 a month for each. Whether a few minutes cost\n"
        "anything depends on your contract.\n"
        f"The domains are {', '.join(names)}. They need no DNS records.\n"
        f"{' '.join(requests)} The limit of the account is 120 a minute.\n"
        "At the end it deletes what it created, also after a failure or Ctrl+C."
    )
    if options.is_confirmed:
        return
    if not sys.stdin.isatty():
        raise StepError("Nothing was changed: confirm with CONFIRM=yes, as there is no terminal to ask on.")
    print('Type "yes" to begin: ', end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip() != "yes":
        raise StepError("Nothing was changed.")


if __name__ == "__main__":
    sys.exit(exit_status(run))
