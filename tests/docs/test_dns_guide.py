"""The commands of docs/guides/dns.md: the TTL of NS records, and the move of the zone to another DNS provider.

BIND is a name server of ngrok, or those of both zones. Not run: the change of a registrar's name servers.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from pulumi_agin.emulator import Emulator
from tests.support.bind import Bind, Key
from tests.support.cloud_provider import RECORD_SET, SINGLE_RECORD, Cloud, install_dns
from tests.support.ngrok import ns_targets
from tests.support.pages import blocks
from tests.support.project import Project
from tests.support.records import delegate, serial
from tools.bind import Programs

PAGE = (Path(__file__).parents[2] / "docs" / "guides" / "dns.md").read_text()
[DIG] = [each for each in blocks(PAGE, "sh") if each.startswith("dig ")]
MOVE = PAGE.partition("## Move the zone to another DNS provider\n")[2].partition("\n## ")[0]
DOCTOR, STATE = blocks(MOVE, "sh")

# Each moves in its own way: single records to BIND, BIND to another BIND, BIND to a record set, a record set to another
# zone of the same package, and a record set to single records.
CASES = ("connect", "server", "aws", "account", "singles")
KEY = Key("agin", [f"{case}.acme.com" for case in CASES])
VALIDATION = "pulumi-python:dynamic/agin:AgentIngressCertificateValidation"
RECORDS = (RECORD_SET, SINGLE_RECORD, "pulumi-python:dynamic/agin:Rfc2136Delegation")
PROGRAM = """
MOVED = []
ADOPT = False
SECRET = pulumi.Config().require_secret("tsigSecret")

def bind(port, adopt=ADOPT):
    return agin.dns.rfc2136("127.0.0.1", "acme.com", "agin", SECRET, port=port, adopt=adopt)

adapters = {
    "connect": (agin.dns.cloudflare("old"), bind(NEW_PORT)),
    "server": (bind(OLD_PORT, False), bind(NEW_PORT, False)),
    "aws": (bind(OLD_PORT), agin.dns.aws("new", adopt=ADOPT)),
    "account": (agin.dns.aws("old"), agin.dns.aws("new", adopt=ADOPT)),
    "singles": (agin.dns.aws("old", adopt=ADOPT), agin.dns.cloudflare("new", adopt=ADOPT)),
}
for case, (old, new) in adapters.items():
    ingress = agin.AgentIngress(case, domain=f"{case}.acme.com")
    opts = pulumi.ResourceOptions(protect=(case in PROTECTED))
    delegation = agin.AgentIngressDelegation(case, ingress, new if case in MOVED else old, ttl=600, opts=opts)
    if case == "aws":
        agin.AgentIngressCertificateValidation(case, agent_ingress_id=delegation.agent_ingress_id)
"""


def test_dig_shows_the_ttl_of_each_record(bind: Bind) -> None:
    targets = ["ns-1.example.net.", "ns-2.example.net."]
    delegate(bind, "connect.acme.com", targets, ttl=600)
    assert "@ns-1.example.net" in DIG
    command = DIG.replace("@ns-1.example.net", f"@127.0.0.1 -p {bind.port}")
    environment = {"PATH": f"{Path(bind.programs.dig).parent}:{os.environ['PATH']}"}
    shown = subprocess.run(["sh", "-c", command], env=environment, capture_output=True, text=True, check=True).stdout
    records = re.findall(r"^connect\.acme\.com\.\s+(\d+)\s+IN\s+NS\s+(\S+)$", shown, re.MULTILINE)
    assert sorted(records) == [("600", target) for target in targets]
    assert len(shown.splitlines()) == len(targets)


@pytest.fixture
def binds(tmp_path: Path, bind_programs: Programs) -> Iterator[tuple[Bind, Bind]]:
    """The primary servers of the old and the new zone."""
    with Bind(bind_programs, tmp_path / "old", [KEY]) as old, Bind(bind_programs, tmp_path / "new", [KEY]) as new:
        yield old, new


def zone(name: str, bind: Bind, cloud: Cloud) -> dict[str, list[str]]:
    """Returns the values of the NS records of all cases, in the zone of this name at the cloud or in BIND's."""
    found = {case: bind.referral(f"{case}.acme.com") for case in CASES}
    with cloud.content() as content:
        for _, inputs in content.resources.values():
            if inputs["zoneId"] == name:
                values = inputs.get("records") or [f"{inputs['content']}."]
                found[inputs["name"].removesuffix(".acme.com")] += values
    return {case: sorted(values) for case, values in found.items()}


def remove_from_state(project: Project, cases: Sequence[str]) -> None:
    """Runs step 3 for the records of some cases. The list of URNs must have them."""
    removed = [
        each["urn"]
        for type_ in (*RECORDS, VALIDATION)
        for each in project.of_type(type_)
        if each["urn"].rpartition("::")[2].partition("-")[0] in cases
    ]
    assert STATE.count(" 'URN' 'URN'") == 1
    shown = project.typed(STATE.replace("'URN' 'URN'", shlex.join(removed)))
    assert [urn for urn in removed if f"URN: {urn}\n" not in shown] == []


def previewed(project: Project) -> list[str]:
    """Runs `pulumi up`, and returns the changes in the summary of its preview."""
    preview = project.pulumi("up", "--yes").output.partition("Updating (")[0]
    return re.findall(r"^    (\S+ \d+ to \w+)$", preview, re.MULTILINE)


@pytest.mark.rest
@pytest.mark.usefixtures("shell_programs")
def test_zone_moves_to_another_provider_while_both_have_the_records(
    project: Project, binds: tuple[Bind, Bind], emulator: Emulator, main_dns_packages: Path
) -> None:
    old, new = binds
    cloud = install_dns(project, main_dns_packages)
    project.config(secret={"tsigSecret": KEY.secret})
    ports = PROGRAM.replace("OLD_PORT", str(old.port)).replace("NEW_PORT", str(new.port))
    project.program(ports.replace("PROTECTED", "['connect', 'account']"))
    project.up()
    expected = {case: ns_targets(emulator, f"{case}.acme.com") for case in CASES}
    assert (zone("old", old, cloud), zone("new", new, cloud)) == (expected, {case: [] for case in CASES})

    # Step 1.
    assert "--dns ns-1.new-dns.example.net" in DOCTOR
    doctor = DOCTOR.replace("ns-1.new-dns.example.net", new.address)
    listed = re.findall(r"^  connect\.acme\.com\. NS (\S+)$", project.shell(doctor, fails=True), re.MULTILINE)
    assert sorted(listed) == expected["connect"]
    for case in ("connect", "server"):
        delegate(new, f"{case}.acme.com", expected[case], KEY, ttl=600)
    for case in ("aws", "account"):
        cloud.add_record_set("new", f"{case}.acme.com", expected[case], ttl=600)
    cloud.add_single_records("new", "singles.acme.com", expected["singles"], ttl=600)
    # Step 2, without a registrar.
    assert re.search("^delegation +ok ", project.shell(doctor), re.MULTILINE)
    cloud.clear_operations()
    emulator.clear_requests()
    serial_of_old = serial(old)

    def assert_both_have_the_records() -> None:
        assert (zone("old", old, cloud), zone("new", new, cloud)) == (expected, expected)
        assert (serial(old), cloud.operations()) == (serial_of_old, [])

    # Without step 3. Pulumi rejects the delete of a protected record, but not its replacement by an import.
    project.edit({"MOVED = []": f"MOVED = {CASES}", "ADOPT = False": "ADOPT = True"})
    forgotten = " ".join(project.pulumi("preview", fails=True).output.split())
    assert "- aws:route53:Record singles delete" in forgotten
    assert "+- aws:route53:Record account replace" in forgotten
    rejected = re.findall(r'resource "\S+::(\w+)\S*" cannot be deleted because it is protected', forgotten)
    assert {*rejected} == {"connect"}

    # Steps 3 and 4.
    remove_from_state(project, [case for case in CASES if case != "server"])
    assert_both_have_the_records()
    # The validation and the record set at BIND; the port of the server; the others.
    assert previewed(project) == ["+ 2 to create", "~ 1 to update", "= 6 to import"]
    project.edit({"ADOPT = True": "ADOPT = False"})
    project.up("--expect-no-changes")
    project.refresh("--expect-no-changes")
    project.pulumi("preview", "--expect-no-changes")
    assert_both_have_the_records()

    # Back.
    back = ("aws", "singles")
    project.edit({f"MOVED = {CASES}": f"MOVED = {CASES[:2] + CASES[3:4]}", "ADOPT = False": "ADOPT = True"})
    remove_from_state(project, back)
    assert previewed(project) == ["+ 2 to create", "= 1 to import"]
    assert_both_have_the_records()
    assert {each["method"] for each in emulator.requests()} == {"GET"}

    # The records of the other zone stay.
    project.edit({"['connect', 'account']": "[]"})
    project.up()
    project.destroy()
    assert zone("old", old, cloud) == {case: [] if case in back else expected[case] for case in CASES}
    assert zone("new", new, cloud) == {case: expected[case] if case in back else [] for case in CASES}
