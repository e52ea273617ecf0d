"""Certificate validations with the real engine: none blocks other resources or outlives the engine."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pulumi_agin.emulator import Emulator
from tests.support.bind import Bind, Key
from tests.support.project import Project
from tests.support.waiting import until
from tools.bind import Programs

TYPE = "pulumi-python:dynamic/agin:AgentIngressCertificateValidation"

# Longer than any test.
NEVER = 10**7

BEFORE = """
policy = {"authority": "letsencrypt"}
issued = agin.AgentIngress("issued", domain="issued.acme.com", certificate_management_policy=policy)
added = agin.AgentIngress("added", domain="added.acme.com")

certificate = agin.AgentIngressCertificateValidation("issued", issued.id)
pulumi.export("domain", certificate.domain)
pulumi.export("renews_at", certificate.renews_at)
without_policy = agin.AgentIngressCertificateValidation("added", added.id, timeout_seconds=1)
renewal = without_policy.renews_at.apply(lambda renews_at: f"renewed at {renews_at}")
agin.AgentIngress("user", domain="user.acme.com", description=renewal)
"""
# Another description and timeout for `issued`, and a policy for `added`.
AFTER = """
policy = {"authority": "letsencrypt"}
issued = agin.AgentIngress(
    "issued", domain="issued.acme.com", description="new", certificate_management_policy=policy
)
added = agin.AgentIngress("added", domain="added.acme.com", certificate_management_policy=policy)

certificate = agin.AgentIngressCertificateValidation("issued", issued.id, timeout_seconds=100)
pulumi.export("domain", certificate.domain)
pulumi.export("renews_at", certificate.renews_at)
agin.AgentIngressCertificateValidation("added", added.id, timeout_seconds=1, triggers=["letsencrypt"])
agin.AgentIngress("user", domain="user.acme.com", description="renewed at None")
"""


def test_each_certificate_is_waited_for_once(project: Project, emulator: Emulator) -> None:
    emulator.configure(job_after_seconds=0, issue_after_seconds=NEVER)

    def issue_when_waiting(line: str) -> None:
        if "waiting to validate the certificate" in line:
            emulator.configure(issue_after_seconds=0)

    project.program(BEFORE)
    up = project.up(on_line=issue_when_waiting)
    assert "waiting to validate the certificate of issued.acme.com (" in up
    outputs = project.outputs()
    assert outputs["domain"] == "issued.acme.com"
    assert outputs["renews_at"] > "2024"
    stored = {ingress["domain"]: ingress for ingress in emulator.ingresses()}
    assert stored["user.acme.com"]["description"] == "renewed at None"

    # In the preview of an update of the ingress, the validation's outputs stay known. It waits for an added policy.
    emulator.configure(issue_after_seconds=NEVER)
    emulator.set_certificate(stored["issued.acme.com"]["id"], "issued")
    project.program(AFTER)
    failed = project.pulumi("up", "--yes", "--diff", fails=True)
    preview = failed.output.partition("Updating (dev)")[0]
    assert "~ 2 to update" in preview
    assert "+-1 to replace" in preview
    assert "the certificate of added.acme.com (" in failed
    assert "It is being issued" in failed
    assert "certificate of issued.acme.com" not in failed
    assert not failed.has_traceback

    # The next update repeats the failed validation.
    emulator.set_certificate(stored["added.acme.com"]["id"], "issued")
    assert "1 replaced" in project.up()
    assert project.names(TYPE) == {"issued", "added"}


UNRELATED = """
import json

policy = {"authority": "letsencrypt"}
for name in json.loads(pulumi.Config().require("names")):
    ingress = agin.AgentIngress(name, domain=f"{name}.acme.com", certificate_management_policy=policy)
    agin.AgentIngressCertificateValidation(name, ingress.id, dns_error_grace_seconds=0)
"""


@pytest.mark.main
def test_waits_of_unrelated_ingresses_do_not_depend_on_each_other(project: Project, emulator: Emulator) -> None:
    emulator.configure(job_after_seconds=0, issue_after_seconds=0)
    project.program(UNRELATED)

    def declare(*names: str) -> None:
        project.config(plain={"names": json.dumps(names)})

    declare("a", "b")
    project.up()

    # Each command names a part of the stack, and leaves the other ingresses alone.
    declare("new", "a", "b", "c")
    project.up("--target", f"**{TYPE}::c", "--target", "**::c")
    assert project.names(TYPE) == {"a", "b", "c"}
    project.destroy("--target", f"**{TYPE}::a", "--target-dependents")
    assert project.names(TYPE) == {"b", "c"}
    project.up("--exclude", "**::new", "--exclude", f"**{TYPE}::a")
    assert project.names(TYPE) == {"b", "c"}

    # The next wait begins when the one before has failed. The snapshot is still valid.
    [first] = [each for each in emulator.ingresses() if each["domain"] == "a.acme.com"]
    emulator.set_certificate(first["id"], "dns_error")
    failed = project.up("--continue-on-error", fails=True)
    assert "The NS records of a.acme.com must be" in failed.messages["a"]
    assert not failed.has_traceback
    assert project.names(TYPE) == {"new", "b", "c"}


# More than the SDK has threads.
MANY = 6
KEY = Key("agin", [f"d{number}.acme.com" for number in range(MANY)])


def test_waits_do_not_block_other_resources(
    project: Project, emulator: Emulator, tmp_path: Path, bind_programs: Programs
) -> None:
    emulator.configure(limit=0, job_after_seconds=NEVER, issue_after_seconds=NEVER)
    with Bind(bind_programs, tmp_path / "bind", [KEY]) as bind, ThreadPoolExecutor(1) as thread:
        project.program(f"""
            from pulumi.dynamic import CreateResult, Resource, ResourceProvider

            class NeighborProvider(ResourceProvider):
                def create(self, props):
                    return CreateResult("an-id", props)

            class Neighbor(Resource):
                def __init__(self, name, **props):
                    super().__init__(NeighborProvider(), name, props)

            dns = agin.dns.rfc2136("127.0.0.1", "acme.com", "agin", "{KEY.secret}", port={bind.port})
            # Each is created after the one before, its records and a neighbor, while certificates are waited for.
            before = "none"
            for number in range({MANY}):
                ingress = agin.AgentIngress(
                    f"d{{number}}",
                    domain=f"d{{number}}.acme.com",
                    description=before,
                    certificate_management_policy={{"authority": "letsencrypt"}},
                )
                delegation = agin.AgentIngressDelegation(f"d{{number}}", ingress, dns)
                agin.AgentIngressCertificateValidation(f"d{{number}}", delegation.agent_ingress_id)
                before = Neighbor(f"d{{number}}", after=delegation.agent_ingress_id).id
            """)
        up = thread.submit(project.up)
        try:
            until("all are made", lambda: len(emulator.ingresses()) == MANY or up.done())
            assert len(emulator.ingresses()) == MANY
            assert not up.done()
        finally:
            emulator.configure(job_after_seconds=0, issue_after_seconds=0)
        up.result()
    assert len(project.names(TYPE)) == MANY


def processes(project: Project) -> dict[int, str]:
    """Returns the processes that the CLI started for this project, with their commands."""
    mark = f"PULUMI_HOME={project.folder / 'home'}\0".encode()
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (folder / "environ").read_bytes():
                found[int(folder.name)] = (folder / "cmdline").read_text().replace("\0", " ")
        except OSError:
            continue
    return found


def is_language_host(command: str) -> bool:
    """Returns whether it is Pulumi's own host, which checks only every few minutes whether its engine runs."""
    return "bin/pulumi-language-python " in command
