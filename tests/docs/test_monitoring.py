"""The scripts, rules and commands of docs/operate/monitoring.md, run exactly as written."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
import trustme
import yaml

from pulumi_agin.emulator import Emulator
from pulumi_agin.emulator.state import DEFAULT_API_KEY
from tests.support.bind import Bind, Key
from tests.support.emulator import POLICY, EmulatorClock
from tests.support.keys import API_KEY
from tests.support.ngrok import create, ns_targets
from tests.support.pages import blocks
from tests.support.ports import free_port
from tests.support.project import Project, listening
from tests.support.records import delegate
from tests.support.tls_server import issue, tls_server
from tools.bind import Programs

pytestmark = pytest.mark.usefixtures("shell_programs")

ROOT = Path(__file__).parents[2]
DOMAIN = "connect.acme.com"
PAGE = (ROOT / "docs" / "operate" / "monitoring.md").read_text()
SCRIPTS = {name: script for script in blocks(PAGE, "sh") for name in re.findall(r"\A#!/bin/sh\n# (\w+) ", script)}
# Untried: the list of sessions.
INTERNAL_CA, _, DRIFT, SERVE_TEST_CERTIFICATE, START_DEMO, DEFINE, FAULTS = [
    block for block in blocks(PAGE, "sh") if block not in SCRIPTS.values()
]
# They come after those of the page, in the same form.
MORE_FAULTS = """
# ticket: ERR_NGROK_20, exit status 1
export NGROK_API_KEY=wrong
check
export NGROK_API_KEY=emulator-key

# unknown: 503, exit status 3
fault add_fault '{"method": "GET", "kind": "respond", "status": 503, "times": null}'
check
fault clear_faults '{}'

# page: no longer has it, exit status 2
fault delete_ingress "{\\"ingress_id\\": \\"$ID\\"}"
check

# page: whoever gets these name servers controls it, exit status 2
pulumi refresh --yes
check
pulumi up --yes
"""
CRONTAB, RULES = blocks(PAGE, "text")
BLACKBOX, PROMETHEUS, ALERTS = map(yaml.safe_load, blocks(PAGE, "yaml"))
[ALERT_RULES] = [group["rules"] for group in ALERTS["groups"]]

RUNBOOKS = re.findall(r"^## (.*)$", (ROOT / "docs" / "operate" / "runbooks.md").read_text(), re.M)
DELETED, RECORDS, CERTIFICATE = "An ingress was deleted", "Records were deleted", "A certificate was not renewed"
OFFLINE, KEY, NGROK_DOWN = "Devices are offline", "Rotate the API key", "ngrok is down"

# The ingresses of a stack, by what happens to them, and the alerts: severity and section of the runbooks.
CASES = {
    "fine": set[tuple[str, str]](),
    "internal-ca": set[tuple[str, str]](),
    "due": {("wait", CERTIFICATE)},
    "late": {("ticket", CERTIFICATE)},
    "very-late": {("page", CERTIFICATE)},
    "renewal-fails": {("ticket", CERTIFICATE)},
    "internal-error": {("ticket", CERTIFICATE)},
    "new-error": {("ticket", CERTIFICATE)},
    "new": {("wait", CERTIFICATE)},
    # A server that is no resolver shows CAA records only without the delegation.
    "connect.caa": {("page", RECORDS), ("ticket", CERTIFICATE)},
    "new.caa": {("page", RECORDS), ("page", CERTIFICATE)},
    "records-gone": {("page", RECORDS)},
    "records-differ": {("page", RECORDS)},
    "kept": {("ticket", RECORDS)},
    "deleted": {("page", DELETED)},
    "forgotten": {("page", DELETED)},
    "created-again": {("ticket", DELETED), ("page", DELETED)},
    "created-again-rotated": {("ticket", DELETED), ("page", DELETED)},
    # Whoever deletes the records now may cut off agents that are connected.
    "other-account": {("ticket", OFFLINE), ("unknown", OFFLINE)},
}
PROGRAM = """
class Group(pulumi.ComponentResource):
    pass

for name in {names}:
    ingress = agin.AgentIngress(name, domain=f"{{name}}.acme.com")
    opts = pulumi.ResourceOptions(deleted_with=ingress if name == "kept" else None)
    group = Group("acme:index:Group", name, None, opts)
    dns = agin.dns.rfc2136("127.0.0.1", "acme.com", "agin", pulumi.Config().require_secret("tsigSecret"), port={port})
    agin.AgentIngressDelegation(name, agent_ingress=ingress, dns=dns, opts=pulumi.ResourceOptions(parent=group))
"""


def test_every_section_of_the_runbooks_that_an_alert_names_exists() -> None:
    named = re.findall(r'(?:; |then |else )"([A-Z][^"]+ [^"]+|ngrok[^"]+)"', RULES)
    named += [rule["annotations"].get("runbook", OFFLINE).removeprefix("Runbooks: ") for rule in ALERT_RULES]
    named += re.findall(r'^ +(?:page|ticket) ".*" "([^"]+)"$', SCRIPTS["check_tls"], re.M)
    assert {DELETED, RECORDS, CERTIFICATE, OFFLINE, KEY, NGROK_DOWN} == set(named) - {"API key"}
    assert set(named) - {"API key"} <= set(RUNBOOKS)


def test_prometheus_finds_the_module_the_rules_and_the_job() -> None:
    [job] = PROMETHEUS["scrape_configs"]
    assert {*job["params"]["module"], "connect_url_internal_ca"} == BLACKBOX["modules"].keys()
    assert f"# {PROMETHEUS['rule_files'][0]}\n" in PAGE
    assert all(f'job="{job["job_name"]}"' in rule["expr"] for rule in ALERT_RULES)


# -- doctor on a schedule -----------------------------------------------------------------------------------


@pytest.fixture
def bind(bind_programs: Programs, tmp_path: Path) -> Iterator[Bind]:
    """A primary server of acme.com, in which CAA records forbid Let's Encrypt below caa.acme.com."""
    names = ["connect.acme.com", *(f"{name}.acme.com" for name in CASES)]
    server = Bind(bind_programs, tmp_path / "bind", [Key("agin", names)])
    server.folder.mkdir()
    zone = "$TTL 300\n@ SOA ns1 hostmaster 1 3600 600 86400 60\n@ NS ns1\nns1 A 127.0.0.1\n"
    (server.folder / "zone").write_text(f'{zone}caa CAA 0 issue "ca.example"\n')
    with server:
        yield server


@pytest.fixture
def emulator(bind: Bind, emulator_clock: EmulatorClock) -> Iterator[Emulator]:
    """ngrok's API, which reads the records from BIND. Its clock stands still, so it has no limit of requests."""
    emulator_clock.now = datetime.now(timezone.utc)
    with Emulator(API_KEY, dns=bind.address, clock=emulator_clock, limit=0) as running:
        running.configure(issue_after_seconds=0, job_after_seconds=0)
        yield running


def save_scripts(folder: Path) -> None:
    """Saves the page's scripts and rules in a folder, as a reader does."""
    (folder / "alerts.jq").write_text(RULES)
    for name, script in SCRIPTS.items():
        (folder / name).write_text(script)
        (folder / name).chmod(0o755)


def check(project: Project, *arguments: str) -> tuple[int, list[tuple[str, ...]]]:
    """Runs `check_doctor`. Returns its exit status, and the alerts: severity, what, reason and section."""
    run = subprocess.run(
        ["./check_doctor", *arguments], cwd=project.folder, env=project.environment, capture_output=True, text=True
    )
    assert run.stderr == ""
    alerts = [re.fullmatch(r"(\w+): (.+?): (.+) \[Runbooks: (.+)\]", line) for line in run.stdout.splitlines()]
    assert None not in alerts, run.stdout
    return run.returncode, [alert.groups() for alert in alerts if alert]


def test_rules_alert_on_each_failure(
    project: Project, emulator: Emulator, bind: Bind, emulator_clock: EmulatorClock
) -> None:
    save_scripts(project.folder)
    project.config(secret={"tsigSecret": bind.keys[0].secret})
    project.program(PROGRAM.format(names=list(CASES), port=bind.port))
    project.up()
    ids = {each["domain"].removesuffix(".acme.com"): each["id"] for each in emulator.ingresses()}

    # ngrok renews after 60 days.
    now = emulator_clock.now
    for days_late, name in ((20, "very-late"), (5, "late"), (0.1, "due")):
        emulator_clock.now = now - timedelta(days=60 + days_late)
        emulator.set_ingress(ids[name], {"certificate_management_policy": POLICY})
    emulator_clock.now = now - timedelta(days=30)
    for name in ids.keys() - {"very-late", "late", "due", "internal-ca"}:
        emulator.set_ingress(ids[name], {"certificate_management_policy": POLICY})
    emulator.set_certificate(ids["renewal-fails"], "renewing", error_code="INTERNAL_ERROR")
    emulator.set_certificate(ids["internal-error"], "internal_error")
    emulator.set_certificate(ids["new-error"], "error")
    emulator.set_certificate(ids["new"], "in_progress")
    for name, targets in (
        ("records-gone", []),
        ("records-differ", ["ns1.other.net"]),
        ("connect.caa", []),
        ("new.caa", []),
    ):
        emulator.set_certificate(ids[name], "in_progress" if name == "new.caa" else "issued")
        delegate(bind, f"{name}.acme.com", targets, bind.keys[0])
    for name in ("deleted", "forgotten", "created-again", "created-again-rotated", "other-account"):
        emulator.delete_ingress(ids[name])
    for name in ("created-again", "created-again-rotated"):
        create(emulator, f"{name}.acme.com")
    emulator.set_ingress(create(emulator, "unreadable.acme.com"), {"ns_targets": [""]})
    urn = f"urn:pulumi:dev::test::{Project.INGRESS}::forgotten"
    project.refresh("--target", urn)
    state = project.state()
    rotated = tuple(f"{Project.INGRESS}::{name}" for name in ("created-again-rotated", "other-account"))
    for resource in state["deployment"]["resources"]:
        if resource["urn"].endswith(rotated):
            fingerprint = resource["outputs"]["_key_fingerprint"]
            resource["outputs"]["_key_fingerprint"] = re.sub("^[0-9a-f]{8}", "00000000", fingerprint)
    project.write_state(state)

    status, alerts = check(project, "--stack", "dev", "--dns", bind.address)
    found = {
        name: {(severity, book) for severity, what, _, book in alerts if what == f"{name}.acme.com"} for name in CASES
    }
    assert found == CASES
    assert status == 2
    others = [alert for alert in alerts if alert[1].removesuffix(".acme.com") not in CASES]
    [(severity, what, _, _)] = others
    assert (severity, what) == ("ticket", "an ingress can't be read")


@pytest.mark.rest
def test_check_in_a_crontab_mails_failures_alone(project: Project, emulator: Emulator, bind: Bind) -> None:
    save_scripts(project.folder)
    create(emulator, "fine.acme.com", certificate_management_policy=POLICY)
    delegate(bind, "fine.acme.com", ns_targets(emulator, "fine.acme.com"), bind.keys[0])
    credentials = "".join(f"export {name}='{value}'\n" for name, value in project.environment.items() if name != "PATH")
    (project.folder / "credentials").write_text(credentials)
    path, _, line = CRONTAB.replace("/srv/agin/venv", str(project.user_env)).splitlines()
    path = path.removeprefix("PATH=").replace("/usr/local/bin", str(project.cli))
    command = re.sub(r"\S+ \S+ \S+ \S+ \S+ ", "", line, count=1)

    def shell(command: str) -> str:
        """Returns what cron would mail."""
        run = subprocess.run(
            ["/bin/sh", "-c", command.replace("/srv/agin", str(project.folder))],
            cwd="/",
            env={"PATH": path},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return run.stdout

    def cron(options: str = "--stack dev") -> str:
        return shell(command.replace("--stack prod", f"{options} --dns {bind.address}"))

    def states() -> tuple[int, set[str]]:
        status, alerts = check(project, "--stack", "dev", "--dns", bind.address)
        return status, {state for state, *_ in alerts}

    assert cron() == ""
    assert cron("--stack no-such-stack").startswith("ticket: nothing was checked, exit status 2: pulumi-agin: ")
    [ingress] = emulator.ingresses()
    emulator.set_certificate(ingress["id"], "in_progress")
    assert states() == (3, {"wait"})
    assert cron() == ""
    delegate(bind, "fine.acme.com", [], bind.keys[0])
    assert cron().startswith("page: fine.acme.com: ")
    bind.stop()
    assert states() == (3, {"wait", "unknown"})
    assert cron() == ""
    rules = project.folder / "alerts.jq"
    rules.write_text("damaged")
    assert cron().endswith("ticket: alerts.jq failed\n")
    rules.write_text(RULES)

    # The check of the check.
    [find] = re.findall(r"`(find /srv/\S+ -mmin \+60)` prints the file's name", PAGE)
    assert shell(find) == ""
    report = project.folder / "report.json"
    os.utime(report, (0, time.time() - 62 * 60))
    assert shell(find) == f"{report}\n"

    # It printed no report.
    stopped = project.folder / "stopped" / "pulumi-agin"
    stopped.parent.mkdir()
    stopped.write_text("#!/bin/sh\nexit 1\n")
    stopped.chmod(0o755)
    path = f"{stopped.parent}:{path}"
    assert cron() == "ticket: nothing was checked, exit status 1: \n"


@pytest.mark.rest
def test_faults_make_the_alerts_fire(
    project: Project, emulator: Emulator, bind: Bind, bind_programs: Programs, tmp_path: Path
) -> None:
    make_demo(project, emulator, bind)
    project.environment["PATH"] = f"{folder_of_nsupdate(bind_programs, tmp_path)}:{project.environment['PATH']}"
    save_scripts(project.folder)
    project.shell(f"set -e\n{DRIFT}")
    faults = FAULTS + MORE_FAULTS
    expected = re.findall(r"^# (\w+): (.+), exit status (\d)$", faults, re.M)
    assert len(expected) == faults.count("\ncheck\n") == 6
    script = DEFINE + re.sub(r"^(# .*)$", r'echo "\1"', faults, flags=re.M)
    first, *parts = re.split("^# .*\n", project.shell(script), flags=re.M)
    assert first == "exit status 0\n"
    for (severity, reason, status), part in zip(expected, parts, strict=True):
        alerts = part.partition("exit status ")[0].splitlines()
        assert [alert for alert in alerts if alert.startswith(f"{severity}: ") and reason in alert], part
        assert f"\nexit status {status}\n" in part
    assert project.shell(DEFINE) == "exit status 0\n"
    emulator.set_ingress(emulator.ingresses()[0]["id"], {"description": "changed by hand"})
    refresh, preview = (command.split()[1:] for command in DRIFT.splitlines())
    assert project.pulumi(*refresh, fails=True).code == 7
    with (project.folder / "__main__.py").open("a") as program:
        program.write('agin.AgentIngress("new", domain="new.acme.com")\n')
    assert project.pulumi(*preview, fails=True).code == 7


def make_demo(project: Project, emulator: Emulator, bind: Bind) -> None:
    """Makes the project, the stack and the environment of `make demo-shell FULL=1`."""
    assert START_DEMO == "make demo FULL=1\nmake demo-shell FULL=1\n"
    emulator.add_key(DEFAULT_API_KEY, account_of=API_KEY)
    project.environment |= {
        "NGROK_API_KEY": DEFAULT_API_KEY,
        "AGIN_DEMO_DNS": bind.address,
        # So that doctor gives up sooner.
        "NGROK_API_TIMEOUT_SECONDS": "5",
    }
    for name in ("__main__.py", "Pulumi.yaml"):
        shutil.copy(ROOT / "examples" / "bind" / name, project.folder)
    project.init("agin-demo-full")
    project.config(
        plain={"server": "127.0.0.1", "port": bind.port, "zone": bind.zone, "domain": DOMAIN, "tsigKeyName": "agin"},
        secret={"tsigSecret": bind.keys[0].secret},
    )
    project.up()


def folder_of_nsupdate(programs: Programs, folder: Path) -> Path:
    """Returns a folder with BIND's nsupdate, which is installed or unpacked beside dig."""
    dig = Path(programs.dig)
    if not (dig.parent / "nsupdate").exists():
        # A script that runs the unpacked program.
        (folder / "nsupdate").write_text(
            re.sub(r"/dig\b", "/nsupdate", dig.read_text()).replace("${0%/*}", str(dig.parent))
        )
        (folder / "nsupdate").chmod(0o755)
        return folder
    return dig.parent


# -- the TLS probe ------------------------------------------------------------------------------------------


def test_probe_pages_before_a_certificate_expires(tmp_path: Path) -> None:
    save_scripts(tmp_path)
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.crt"))

    def probe(days: int, name: str = "localhost") -> tuple[int, str]:
        with tls_server(issue(authority, name, days=days)) as port:
            return run_probe(port, SSL_CERT_FILE="ca.crt")

    def run_probe(port: int, command: str = "./check_tls localhost", **environment: str) -> tuple[int, str]:
        run = subprocess.run(
            ["/bin/sh", "-c", f"{command} {port}"],
            cwd=tmp_path,
            env={"PATH": "/usr/bin:/bin", **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.stderr == ""
        return run.returncode, run.stdout

    assert probe(60) == (0, "")
    status, printed = probe(18)
    assert (status, printed.startswith("ticket: localhost: the certificate expires: notAfter=")) == (1, True)
    status, printed = probe(5)
    assert (status, printed.startswith("page: localhost: the certificate expires: notAfter=")) == (2, True)
    assert CERTIFICATE in printed
    for days, name, reason in (
        (-1, "localhost", "certificate has expired"),
        (60, "other.example", "hostname mismatch"),
    ):
        status, printed = probe(days, name)
        assert (status, reason in printed, OFFLINE in printed) == (2, True, True)
    status, printed = run_probe(free_port())
    assert (status, "onnection refused" in printed) == (2, True)

    # ngrok's internal CA, which only agents know.
    internal = INTERNAL_CA.strip().replace("connect.acme.com", "localhost")
    for days, name, expected in (
        (60, "localhost", 0),
        (2, "localhost", 1),
        (-1, "localhost", 2),
        (60, "other.example", 2),
    ):
        with tls_server(issue(authority, name, days=days)) as port:
            assert run_probe(port)[0] == 2
            assert run_probe(port, internal)[0] == expected


@pytest.mark.rest
def test_certificate_of_the_page_makes_the_probe_page(tmp_path: Path) -> None:
    save_scripts(tmp_path)
    port = str(free_port())
    assert SERVE_TEST_CERTIFICATE.count("8443") == 2
    for days, expected in (("5", 2), ("18", 1)):
        script = SERVE_TEST_CERTIFICATE.replace("8443", port).replace("-days 5", f"-days {days}")
        script = script.replace(" &\n", f" &\n{listening(int(port))}")
        run = subprocess.run(
            ["bash", "-c", f"{script}status=$?; kill %1; wait; exit $status"],
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        assert run.returncode == expected, run.stdout + run.stderr
