"""Waiting for certificates by the provider plugin: what is shown, Ctrl-C, and a plugin whose engine is gone."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pulumi_agin.emulator import Emulator
from tests.engine.native.program import LANGUAGES, VALIDATION, NativeProject, Ref, Resource, ingress
from tests.engine.test_certificate import DOMAIN, NEVER, processes
from tests.support.project import COMMAND_TIMEOUT_SECONDS
from tests.support.waiting import until

POLICY = {"authority": "letsencrypt"}


def write(project: NativeProject, **how: object) -> None:
    """A program with an ingress and the wait for its certificate."""
    certificate = Resource(VALIDATION, {"agentIngressId": Ref("a.id"), **how})
    project.write(
        {"a": ingress(DOMAIN, certificateManagementPolicy=POLICY), "certificate": certificate},
        domain=Ref("certificate.domain"),
        renewsAt=Ref("certificate.renewsAt"),
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_wait_is_made_once_and_its_outputs_stay_known(project: NativeProject, emulator: Emulator) -> None:
    emulator.configure(job_after_seconds=0, issue_after_seconds=1)
    write(project)
    up = project.up()
    assert "3 created" in up
    assert f"waiting for the certificate of {DOMAIN}, for 45 minutes at most: it is " in up
    assert f"the certificate of {DOMAIN} is issued, after " in up
    outputs = project.outputs()
    assert (outputs["domain"], outputs["renewsAt"] > "2024") == (DOMAIN, True)

    emulator.clear_requests()
    write(project, timeoutSeconds=100, dnsErrorGraceSeconds=1)
    preview = project.preview()
    assert "3 unchanged" in preview
    assert "--outputs:--" not in preview
    assert emulator.requests() == []
    assert "3 unchanged" in project.refresh()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_dns_error_fails_in_a_sentence_stores_nothing_and_is_waited_for_again(
    project: NativeProject, emulator: Emulator
) -> None:
    a = ingress(DOMAIN, certificateManagementPolicy=POLICY)
    project.write({"a": a})
    project.up()
    [made] = emulator.ingresses()
    emulator.set_certificate(made["id"], "dns_error")
    write(project, dnsErrorGraceSeconds=0.5)
    failed = project.up(fails=True)
    assert not failed.has_traceback
    assert 'it is held up by the DNS of the domain (DNS_ERROR): ngrok says "No DNS records were' in failed.diagnostics
    assert "within the time that dnsErrorGraceSeconds allows for a DNS error" in failed.diagnostics
    assert "Repair them, and run `pulumi up`, which waits again" in failed.diagnostics
    assert project.of_type(VALIDATION) == []
    emulator.set_certificate(made["id"], "issued")
    assert "1 created" in project.up()


def test_a_policy_that_is_added_later_is_waited_for(project: NativeProject, emulator: Emulator) -> None:
    emulator.configure(job_after_seconds=0, issue_after_seconds=NEVER)
    wait = Resource(VALIDATION, {"agentIngressId": Ref("a.id"), "timeoutSeconds": 1})
    project.write({"a": ingress(DOMAIN), "certificate": wait})
    project.up()
    project.write({"a": ingress(DOMAIN, certificateManagementPolicy=POLICY), "certificate": wait})
    assert "it is being issued" in project.up(fails=True).diagnostics
    # What is repeated after a failure is shown.
    assert "certificate update [diff: ~renewsAt]" in project.pulumi("preview")
    emulator.set_certificate(emulator.ingresses()[0]["id"], "issued")
    assert "1 updated" in project.up()


QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


@pytest.mark.parametrize("language", LANGUAGES)
def test_ctrl_c_ends_a_wait_at_once_and_the_next_up_goes_on(project: NativeProject, emulator: Emulator) -> None:
    emulator.configure(job_after_seconds=0, issue_after_seconds=NEVER)
    write(project)
    lines: list[str] = []
    with project.start("up", "--yes", "--skip-preview") as cli:
        watchdog = threading.Timer(COMMAND_TIMEOUT_SECONDS, cli.kill)
        watchdog.start()
        assert cli.stdout
        for line in cli.stdout:
            lines.append(line)
            # Once: it stays in the row of the resource.
            if "waiting for the certificate" in line and "waiting for the certificate" not in "".join(lines[:-1]):
                cli.send_signal(signal.SIGINT)
    watchdog.cancel()
    shown = "".join(lines)
    assert cli.returncode not in (0, -signal.SIGKILL)
    assert "Traceback" not in shown
    assert "the wait for the certificate was interrupted; the next `pulumi up` waits again" in shown
    # What was made is in the state, and what was waited for is not.
    assert [resource["id"] for resource in project.resources()] == [made["id"] for made in emulator.ingresses()]
    assert project.of_type(VALIDATION) == []
    assert "pending_operations" not in project.state()["deployment"]
    emulator.set_certificate(emulator.ingresses()[0]["id"], "issued")
    up = project.up()
    assert "1 created" in up
    assert "2 unchanged" in up


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs Linux's /proc")
def test_what_waits_ends_with_the_engine(project: NativeProject, emulator: Emulator) -> None:
    emulator.configure(job_after_seconds=NEVER, issue_after_seconds=NEVER)
    write(project)
    cli = project.start("up", "--yes", "--skip-preview", **QUIET)
    try:
        until("it waits", lambda: emulator.counts().get("GET /agent_ingresses/{id}"))
        assert [command for command in processes(project).values() if "pulumi-resource-agin" in command]
        cli.kill()
        cli.wait()
        until("all have ended", lambda: all(is_pulumis_own(command) for command in processes(project).values()), 60)
    finally:
        cli.kill()
        cli.wait()
        for pid in processes(project):
            os.kill(pid, signal.SIGKILL)


def is_pulumis_own(command: str) -> bool:
    """The language host: it looks every few minutes whether its engine is still there."""
    return "bin/pulumi-language-" in command


MANY = 12
# The engine makes four calls at once for each core: fewer than that.
TWO_CORES = {"GOMAXPROCS": "2"}


@pytest.mark.parametrize("way", ["each after the one before", "all at once"])
def test_waiting_starves_nobody(way: str, project: NativeProject, emulator: Emulator) -> None:
    """The engine makes as many calls at once as `--parallel` says, and one that waits is one of them.

    So a program has to make each wait depend on the one before, or the user raises the number. The plugin answers all
    calls at once.
    """
    emulator.configure(limit=0, job_after_seconds=NEVER, issue_after_seconds=NEVER)
    is_chain = way != "all at once"
    # Nothing that waits has to do with this one.
    program = {"others": ingress("others.acme.com")}
    for number in range(MANY):
        # Each is made after the one before: while that one's certificate is waited for.
        after = Ref(f"a{number - 1}.createdAt") if number else "the first"
        program[f"a{number}"] = ingress(f"d{number}.acme.com", description=after, certificateManagementPolicy=POLICY)
        options = {"dependsOn": [Ref(f"wait{number - 1}")]} if is_chain and number else {}
        program[f"wait{number}"] = Resource(VALIDATION, {"agentIngressId": Ref(f"a{number}.id")}, options)
    project.write(program)

    def waited_for() -> set[str]:
        return {request["path"] for request in emulator.requests() if request["method"] == "GET"}

    with ThreadPoolExecutor(1) as thread:
        up = thread.submit(project.up, *([] if is_chain else ["--parallel", "64"]), env=TWO_CORES)
        try:
            until("all are made", lambda: len(emulator.ingresses()) == MANY + 1 or up.done())
            assert not up.done()
            if not is_chain:
                until("all are waited for", lambda: len(waited_for()) == MANY or up.done())
        finally:
            emulator.configure(job_after_seconds=0, issue_after_seconds=0)
        up.result()
    assert len(project.of_type(VALIDATION)) == MANY
