"""The certificate validation: its requests, its lines, and its errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from pulumi_agin.api.client import AgentIngressClient
from pulumi_agin.api.errors import ApiError, NotConnectedError
from pulumi_agin.base.clock import Clock
from pulumi_agin.base.redaction import Secret
from pulumi_agin.dynamic.phrasing import PythonPhrasing
from pulumi_agin.emulator import Emulator
from pulumi_agin.lifecycle.certificate import CertificateValidationLifecycle
from pulumi_agin.lifecycle.claims import Claims
from pulumi_agin.lifecycle.operation import Abandoned, Call, Failed
from pulumi_agin.lifecycle.services import Services, log_line
from pulumi_agin.lifecycle.shell_commands import agin_line, doctor_line
from pulumi_agin.settings import PROVIDER_NAME, Settings
from tests.support.keys import API_KEY

DOMAIN = "connect.acme.com"
URN = "urn:pulumi:dev::test::pulumi-python:dynamic/agin:AgentIngressCertificateValidation::connect"
BEGIN = datetime(2024, 8, 2, 7, 15, 39, tzinfo=timezone.utc)
NO_RECORDS = f"No DNS records were returned when querying for an NS record for the domain `{DOMAIN}`."

FINDS = "shows what prevents it, such as CAA records"


class Waiting(Clock):
    """The clock of an emulator and of a validation, which stands still until the validation sleeps."""

    def __init__(self) -> None:
        self.seconds = self.began = 1000.0
        self.read_at: set[float] = set()
        self.emulator = Emulator(api_key=API_KEY, limit=0, clock=self.now)
        self.events: list[tuple[float, Callable[[], object]]] = []
        self.settings = {"NGROK_API_KEY": API_KEY}
        self.config: dict[str, str] = {}

    def now(self) -> datetime:
        """Returns the time of the emulator, which calls this for each request."""
        self.read_at.add(self.seconds)
        return BEGIN + timedelta(seconds=self.seconds - self.began)

    def monotonic(self) -> float:
        return self.seconds

    def jitter(self, seconds: float) -> float:
        return seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        while self.events and self.events[0][0] <= self.seconds - self.began:
            self.events.pop(0)[1]()

    def create_ingress(self, policy: bool = True, state: Any = "in_progress", **job: str) -> None:
        """Creates an ingress whose certificate stays in a state, and does not count as a read."""
        client = AgentIngressClient(Secret(API_KEY), self.emulator.url)
        extra = {"certificate_management_policy": {"authority": "letsencrypt"}} if policy else {}
        self.id = client.create({"domain": DOMAIN, **extra}).id
        self.emulator.set_certificate(self.id, state, **job)
        self.read_at.clear()

    def change(self, second: float, state: Any, **job: str) -> None:
        """Changes the certificate at a second of the validation."""
        self.events.append((second, lambda: self.emulator.set_certificate(self.id, state, **job)))

    @property
    def reads(self) -> list[float]:
        """The moments of the reads, in seconds since the validation began."""
        return sorted(moment - self.began for moment in self.read_at)

    def validate(
        self,
        timeout: float = 2700,
        grace: float = 600,
        custom_timeout: float | None = None,
        is_cancelled: Callable[[], bool] = lambda: False,
    ) -> dict[str, Any]:
        environment = {"NGROK_API_BASE_URL": self.emulator.url, **self.settings}
        settings = Settings.load(self.config.get, environment)
        services = Services(PythonPhrasing(), log_line, self, warn=lambda sentence, urn: None)
        lifecycle = CertificateValidationLifecycle(services.account(settings), services, Claims())
        inputs = {"agent_ingress_id": self.id, "timeout_seconds": timeout, "dns_error_grace_seconds": grace}
        call = Call(URN, timeout_seconds=custom_timeout, is_cancelled=is_cancelled)
        return lifecycle.create(call, inputs).outputs

    def failure_of_validation(self, timeout: float = 2700, grace: float = 600) -> str:
        """Returns the message of a validation that fails, with "ID" for the ID."""
        with pytest.raises((Failed, ApiError)) as caught:
            self.validate(timeout, grace)
        return str(caught.value).replace(self.id, "ID")


@pytest.fixture
def waiting() -> Iterator[Waiting]:
    waiting = Waiting()
    with waiting.emulator:
        yield waiting


@pytest.mark.parametrize(
    ("policy", "state", "renews_at"),
    [(False, None, ""), (True, "issued", "2024-10-01T07:15:59Z"), (True, "renewing", "2024-10-01T07:15:59Z")],
)
def test_ready_certificate_sends_one_request_and_shows_no_line(
    policy: bool, state: Any, renews_at: str, waiting: Waiting, capsys: pytest.CaptureFixture[str]
) -> None:
    waiting.create_ingress(policy, state)
    outputs = waiting.validate()
    assert (outputs["renews_at"], outputs["domain"], outputs["agent_ingress_id"]) == (renews_at, DOMAIN, waiting.id)
    assert waiting.reads == [0]
    assert capsys.readouterr().err == ""


def test_line_is_shown_on_each_change_and_every_30_seconds(
    waiting: Waiting, capsys: pytest.CaptureFixture[str]
) -> None:
    waiting.create_ingress(state="pending")
    waiting.change(1, "in_progress")
    waiting.change(50, "internal_error")
    waiting.change(55, "error", error_code="CAA_ERROR", msg="Let's Encrypt\nmay not.")
    waiting.change(65, "no_job")
    waiting.change(75, "issued")
    waiting.validate()
    assert waiting.reads == [0, 2, 4, 8, 18, 28, 38, 48, 58, 68, 78]
    head = f"pulumi-agin: waiting for the certificate of {DOMAIN}"
    busy = 'being issued: ngrok reports "Managed certificate provisioning in progress."'
    assert capsys.readouterr().err.splitlines() == [
        f"{head} (0 seconds elapsed, limit 45 minutes): not being issued yet",
        f"{head} (2 seconds elapsed, limit 45 minutes): {busy}",
        f"{head} (38 seconds elapsed, limit 45 minutes): {busy}",
        f"{head} (58 seconds elapsed, limit 45 minutes): blocked by an error that ngrok does not document "
        '(CAA_ERROR): ngrok reports "Let\'s Encrypt may not."',
        f"{head} (68 seconds elapsed, limit 45 minutes): neither issued nor being issued",
        f"pulumi-agin: the certificate of {DOMAIN} is issued, after 78 seconds",
    ]


@pytest.fixture
def failing(waiting: Waiting) -> Waiting:
    """A certificate validation that is being issued. All reads after its second 5 fail, without another attempt."""
    # Shorter than the first pause, so that a read is not repeated.
    waiting.settings["NGROK_API_TIMEOUT_SECONDS"] = "0.9"
    waiting.create_ingress()
    away: dict[str, Any] = {"status": 503, "json_body": {}, "times": None}
    waiting.events.append((5, lambda: waiting.emulator.add_fault("GET", "respond", **away)))
    return waiting


def test_wait_outlasts_a_failing_service(failing: Waiting, capsys: pytest.CaptureFixture[str]) -> None:
    failing.events.append((25, failing.emulator.clear_faults))
    failing.change(25, "issued")
    assert failing.validate()["renews_at"]
    _, failed, back = capsys.readouterr().err.splitlines()
    assert f"(8 seconds elapsed, limit 45 minutes): could not read the Agent Ingress {DOMAIN}" in failed
    assert "503" in failed
    assert "is issued, after 28 seconds" in back


def test_timeout_shows_the_last_state_and_the_failure_since(failing: Waiting) -> None:
    sentence = failing.failure_of_validation(timeout=20)
    assert "was not issued within 20 seconds (timeout_seconds). It was being issued" in sentence
    assert " when last read; since then: could not read the Agent Ingress" in sentence
    # The fault is still there, so that the next wait reads nothing.
    assert failing.failure_of_validation(timeout=5).endswith("; the next `pulumi up` retries")


def test_first_request_waits_5_seconds_for_a_connection(waiting: Waiting) -> None:
    waiting.create_ingress()
    waiting.emulator.stop()
    with pytest.raises(NotConnectedError, match="after 4 attempts in 5 seconds: no connection to http://127"):
        waiting.validate()
    assert waiting.seconds - waiting.began == 5


def test_wait_outlasts_an_outage_without_connections(waiting: Waiting) -> None:
    waiting.create_ingress()
    waiting.events.append((1, waiting.emulator.stop))
    waiting.events.append((600, waiting.emulator.start))
    waiting.change(600, "issued")
    assert waiting.validate()["renews_at"]


def test_unknown_ingress_fails_immediately(waiting: Waiting) -> None:
    waiting.create_ingress()
    waiting.emulator.delete_ingress(waiting.id)
    assert waiting.failure_of_validation().endswith(
        "there is no such Agent Ingress in the account of the API key from the environment variable NGROK_API_KEY. If "
        "it belongs to another account, the certificate validation needs the same ResourceOptions(provider=…) as the "
        "ingress; if it was deleted outside Pulumi, `pulumi refresh` removes it from the state"
    )


@pytest.mark.parametrize("state", ["pending", "internal_error", "error"])
def test_other_states_fail_at_the_timeout(state: str, waiting: Waiting) -> None:
    waiting.create_ingress(state=state)
    sentence = waiting.failure_of_validation(timeout=45, grace=0)
    assert sentence.startswith(
        f"the certificate of {DOMAIN} (ID) was not issued within 45 seconds (timeout_seconds). It is "
    )
    assert sentence.endswith(
        ". It may still be issued: the next `pulumi up` validates again; to allow more time, increase timeout_seconds"
        f"; `pulumi-agin doctor` {FINDS}\n{doctor_line(DOMAIN, 'dev')}"
    )
    # The last read is at the end.
    assert waiting.reads[-1] == 45


def test_dns_error_fails_after_its_grace_with_the_next_step(waiting: Waiting) -> None:
    waiting.create_ingress()
    waiting.change(10, "dns_error")
    targets = waiting.emulator.ingresses()[0]["ns_targets"]
    names = ", ".join(sorted(f"{target.lower().rstrip('.')}." for target in targets))
    assert waiting.failure_of_validation(grace=100) == (
        f"the certificate of {DOMAIN} (ID) was not issued: ngrok has reported a DNS error for 100 seconds "
        "(dns_error_grace_seconds). It is blocked by a DNS error (DNS_ERROR): ngrok reports "
        f'"{NO_RECORDS}". The NS records of {DOMAIN} must be {names}: fix them, and run '
        "`pulumi up`, which validates again; ngrok retries at 2024-08-03T07:15:41Z, and does not check before then"
        f"; `pulumi-agin doctor` {FINDS}\n{doctor_line(DOMAIN, 'dev')}"
    )
    # The first read of the error is after 18 seconds.
    assert waiting.reads[-1] == 118


def test_failed_validation_with_an_explicit_provider_names_the_option_for_its_key(waiting: Waiting) -> None:
    waiting.config = {PROVIDER_NAME: "acct2", "agin:apiKey": API_KEY}
    waiting.create_ingress()
    end = f"; `{agin_line('doctor', DOMAIN)}` with --provider and its provider's URN {FINDS}"
    assert waiting.failure_of_validation(timeout=5).endswith(f"increase timeout_seconds{end}")
    waiting.emulator.set_certificate(waiting.id, "dns_error")
    assert waiting.failure_of_validation(grace=0).endswith(f"does not check before then{end}")


def test_timeout_ends_a_dns_error_within_its_grace(waiting: Waiting) -> None:
    waiting.create_ingress(state="dns_error")
    sentence = waiting.failure_of_validation(timeout=30)
    assert "was not issued within 30 seconds (timeout_seconds). It is blocked by a DNS error" in sentence
    assert "fix them, and run `pulumi up`" in sentence


def test_grace_begins_again_with_the_next_dns_error(waiting: Waiting) -> None:
    waiting.create_ingress(state="dns_error")
    waiting.change(50, "in_progress")
    waiting.change(60, "dns_error")
    waiting.change(120, "issued")
    assert waiting.validate(grace=70)["domain"] == DOMAIN
    assert waiting.reads[-1] == 128


def test_ngrok_message_is_one_line_without_the_key(waiting: Waiting, capsys: pytest.CaptureFixture[str]) -> None:
    waiting.create_ingress(state="error", error_code=f"X_{API_KEY[8:20]}", msg=f"{API_KEY}\nerror: forged")
    sentence = waiting.failure_of_validation(timeout=3)
    shown = capsys.readouterr().err
    for text in (sentence, shown):
        assert '[key]): ngrok reports "[key] error: forged"' in text
    assert shown.count("\n") == 1


def test_ingress_deleted_during_a_wait_ends_it(waiting: Waiting) -> None:
    waiting.create_ingress()
    waiting.events.append((5, lambda: waiting.emulator.delete_ingress(waiting.id)))
    assert f"could not read the Agent Ingress {DOMAIN} (ID): ngrok responded 404" in waiting.failure_of_validation()
    assert waiting.reads == [0, 2, 4, 8]


def test_key_revoked_during_a_wait_ends_it(waiting: Waiting) -> None:
    waiting.create_ingress()
    waiting.events.append((5, lambda: waiting.emulator.remove_key(API_KEY)))
    sentence = waiting.failure_of_validation()
    assert sentence.startswith(f"could not read the Agent Ingress {DOMAIN} (ID): ngrok responded 403 ERR_NGROK_202")
    # Not a wait until the timeout, whose message has the rejection, too.
    assert waiting.reads == [0, 2, 4, 8]


def test_wait_ends_when_the_engine_is_gone(waiting: Waiting) -> None:
    waiting.create_ingress()
    with pytest.raises(Abandoned):
        waiting.validate(is_cancelled=lambda: waiting.seconds - waiting.began >= 11.5)
    assert waiting.seconds - waiting.began <= 12.5
    assert waiting.reads == [0, 2, 4, 8]


def test_custom_timeout_shortens_the_wait(waiting: Waiting) -> None:
    waiting.create_ingress()
    with pytest.raises(Failed, match=r"within 9 seconds \(custom_timeouts\). It is being issued"):
        waiting.validate(custom_timeout=9)
    with pytest.raises(Failed, match=r"within 9 seconds \(timeout_seconds\)"):
        waiting.validate(timeout=9, custom_timeout=99)
