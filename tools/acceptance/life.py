"""The whole life of an ingress through Pulumi's engine, with the package as a user has it."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tools.acceptance.service import COLLECTION, CouldNotAskError, Request, Service
from tools.acceptance.session import outcome
from tools.acceptance.wording import Wording
from tools.steps import BUILD, LOGS, StepError

COMMAND_SECONDS = 900
"""How long one command may take, which may wait for the limit of the account."""
GRACE_SECONDS = 20
"""How long Pulumi gets to finish what it has begun."""
LONGEST_FAILURE = 3000
"""How many characters of what a failed command printed are in the report."""
STACK = "acceptance"
NAME = "connect"

_PROJECT_FILE = "name: acceptance\nruntime: python\n"
_PROGRAM = f"""\
import pulumi
import pulumi_agin as agin

config = pulumi.Config()
ingress = agin.AgentIngress("{NAME}", domain=config.require("domain"), description=config.get("description"))
pulumi.export("id", ingress.id)
"""
_URN = f"urn:pulumi:{STACK}::acceptance::pulumi-python:dynamic/agin:AgentIngress::{NAME}"


@dataclass
class Life:
    """The result."""

    passed: list[str] = field(default_factory=list[str])
    """The steps that went as they should."""
    failed: str = ""
    """The step that did not; "" if all did."""
    why: str = ""
    """Why it did not, in words of Pulumi or ngrok."""
    log: Path | None = None
    """What the commands printed."""


class _FailedCommandError(StepError):
    """A command failed. `printed` is what it printed."""

    def __init__(self, text: str, printed: str) -> None:
        super().__init__(text)
        self.printed = printed


class Project:
    """A Pulumi project with a state of its own, and what ngrok has of its ingress."""

    def __init__(self, folder: Path, env: Mapping[str, str], log: Path, service: Service, domain: str) -> None:
        self.folder = folder
        self.env = env
        self.log = log
        self.service = service
        self.domain = domain
        self.id = ""

    def pulumi(self, *arguments: str, output: str | None = None) -> None:
        """Runs Pulumi's CLI; see `run`."""
        self.run("pulumi", *arguments, "--non-interactive", output=output)

    def run(self, *command: str, output: str | None = None) -> None:
        """Runs a command. It must succeed.

        Args:
            command: The command.
            output: The file in the folder that gets its output; None for the log.
        """
        with self.log.open("ab") as log, ExitStack() as stack:
            log.write(f"$ {' '.join(command)}\n".encode())
            log.flush()
            began = log.tell()
            stdout = log if output is None else stack.enter_context((self.folder / output).open("wb"))
            process = subprocess.Popen(
                command,
                cwd=self.folder,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=log,
                # Ctrl-C in the terminal must not reach it: the first one and that of `_ended` would be two.
                start_new_session=True,
            )
            with _ended(process):
                status = process.wait(COMMAND_SECONDS)
        if status != 0:
            printed = self.log.read_bytes()[began:].decode(errors="replace")
            raise _FailedCommandError(f"{' '.join(command[:2])} ended with exit code {status}", printed)

    def up(self, description: str) -> None:
        """Runs `pulumi up` with another description, which ngrok must have then."""
        self.pulumi("config", "set", "description", description)
        self.pulumi("up", "--yes")
        self.check_has(description)

    def change_outside(self, description: str) -> None:
        """Changes the description without Pulumi."""
        answer = self.service.ask(Request("PATCH", f"{COLLECTION}/{self.id}", json={"description": description}))
        check(answer.id is not None, f"the change was answered with {outcome(answer).found}")

    def check_has(self, description: str) -> None:
        """Makes sure that ngrok has the ingress, with a description."""
        answer = self.service.ask(Request(path=f"{COLLECTION}/{self.id}"))
        check(answer.id is not None, f"the ingress was answered with {outcome(answer).found}")
        shown = answer.fields.get("description") or ""
        check(shown == description, f"ngrok has the description {shown!r}, not {description!r}")

    def check_is_gone(self) -> None:
        """Makes sure that ngrok has the ingress no more."""
        answer = self.service.ask(Request(path=f"{COLLECTION}/{self.id}"))
        check(answer.status == 404, f"ngrok answers {answer.status}, not 404")
        self.service.forget(self.id)


@contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Ends a command of Pulumi's CLI after the block, as a user would.

    If it were killed, its plugins would go on, because they are in process groups of their own, and could still create
    an ingress. After the first SIGINT, Pulumi waits for what it has begun. After the second one, it ends its plugins.
    """
    try:
        yield
    except subprocess.TimeoutExpired:
        raise StepError(f"it took longer than {COMMAND_SECONDS} seconds") from None
    finally:
        for _ in range(2):
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(GRACE_SECONDS)
        if process.poll() is None:
            process.kill()
            process.wait()


def check(is_so: bool, otherwise: str) -> None:
    """Fails the step.

    Args:
        is_so: Whether it is as it should be.
        otherwise: What it is instead.

    Raises:
        StepError: It is not so.
    """
    if not is_so:
        raise StepError(otherwise)


def _create(project: Project) -> None:
    project.pulumi("stack", "init", STACK)
    project.pulumi("config", "set", "domain", project.domain)
    project.pulumi("config", "set", "description", "one")
    project.pulumi("up", "--yes")
    project.pulumi("stack", "output", "id", output="id")
    project.id = (project.folder / "id").read_text(encoding="utf-8").strip()
    project.service.remember(project.id, project.domain)
    project.check_has("one")


def _unchanged(project: Project) -> None:
    project.pulumi("preview", "--expect-no-changes")


def _update(project: Project) -> None:
    project.up("two")


def _remove_a_text(project: Project) -> None:
    project.pulumi("config", "rm", "description")
    project.pulumi("up", "--yes")
    project.check_has("")
    project.pulumi("preview", "--expect-no-changes")
    project.up("two")


def _refresh(project: Project) -> None:
    project.pulumi("refresh", "--yes", "--expect-no-changes")


def _drift(project: Project) -> None:
    project.change_outside("changed outside of Pulumi")
    project.pulumi("refresh", "--yes")
    project.up("two")


def _take_over(project: Project) -> None:
    project.pulumi("state", "delete", _URN, "--yes")
    project.run("pulumi-agin", "import", project.id, "--name", NAME, output="import.json")
    project.pulumi("import", "--file", "import.json", "--generate-code=false", "--yes")
    project.pulumi("preview", "--expect-no-changes")
    project.check_has("two")


def _destroy(project: Project) -> None:
    project.pulumi("state", "unprotect", "--all", "--yes")
    project.pulumi("destroy", "--yes")
    project.check_is_gone()


def _hide_the_key(project: Project) -> None:
    key = project.service.api_key.get_secret_value().encode()
    files = [path for path in project.folder.rglob("*") if path.is_file() and not path.is_symlink()]
    check(not any(key in path.read_bytes() for path in [*files, project.log]), "the API key is in a file")


STEPS: tuple[tuple[str, Callable[[Project], None]], ...] = (
    ("`pulumi up` creates it", _create),
    ("`pulumi preview` finds no change", _unchanged),
    ("`pulumi up` changes the description", _update),
    ("`pulumi up` removes the description, and sets it again", _remove_a_text),
    ("`pulumi refresh` finds no change", _refresh),
    ("`pulumi refresh` finds a change made outside, and `pulumi up` undoes it", _drift),
    ("`pulumi-agin import` and `pulumi import` take it over into a state that does not know it", _take_over),
    ("`pulumi destroy` deletes it", _destroy),
    ("no file of the project, its state or its log contains the API key", _hide_the_key),
)


def live(project: Project, wording: Wording, life: Life, show: Callable[[str], None]) -> None:
    """Takes an ingress through its life, until a step fails.

    Args:
        project: The project, in which nothing was done yet.
        wording: Takes what is of the account out of messages.
        life: Where the result goes. After an interrupt, it has the steps up to then.
        show: Shows how far this is.
    """
    life.log = project.log
    project.service.expect(project.domain)
    for number, (title, step) in enumerate(STEPS, 1):
        show(f"[{number}/{len(STEPS)}] {title.replace('`', '')}")
        try:
            step(project)
        except (StepError, CouldNotAskError) as error:
            life.failed = title
            life.why = wording.for_anybody(str(error))
            if isinstance(error, _FailedCommandError):
                life.why += f": {wording.end_for_anybody(error.printed, LONGEST_FAILURE)}"
            show(f"this failed; the log is {project.log}")
            return
        life.passed.append(title)


@contextmanager
def new_project(service: Service, domain: str, programs: Sequence[Path]) -> Iterator[Project]:
    """Makes a project, and removes it after the block, except for its log.

    Args:
        service: The service.
        domain: The domain of the ingress.
        programs: The folders of the user's environment and of Pulumi's CLI, which come first on PATH.
    """
    LOGS.mkdir(parents=True, exist_ok=True)
    # One for each run: what another one prints is of no concern, and may be of another account.
    log, path = tempfile.mkstemp(prefix="acceptance-", suffix=".log", dir=LOGS)
    os.close(log)
    with tempfile.TemporaryDirectory(prefix="acceptance-", dir=BUILD, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / "Pulumi.yaml").write_text(_PROJECT_FILE, encoding="utf-8")
        (folder / "__main__.py").write_text(_PROGRAM, encoding="utf-8")
        yield Project(folder, _environment(service, folder, programs), Path(path), service, domain)


def _environment(service: Service, folder: Path, programs: Sequence[Path]) -> dict[str, str]:
    """Returns an environment without the user's own settings for Pulumi, in which nothing outside is changed."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PULUMI_", "PYTHON"))}
    state = folder / "state"
    state.mkdir()
    return {
        **inherited,
        "PATH": os.pathsep.join([*map(str, programs), inherited.get("PATH", os.defpath)]),
        "VIRTUAL_ENV": str(programs[0].parent),
        "NGROK_API_KEY": service.api_key.get_secret_value(),
        "NGROK_API_BASE_URL": service.base_url,
        "PULUMI_HOME": str(folder / "home"),
        "PULUMI_BACKEND_URL": state.as_uri(),
        "PULUMI_CONFIG_PASSPHRASE": secrets.token_hex(),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "NO_COLOR": "1",
        # Python would take the bytecode of the program before it if both were written in the same second.
        "PYTHONDONTWRITEBYTECODE": "1",
    }
