"""Records the states that this version of the package writes, for later ones to read.

`make env bind && .build/venv/bin/python -m tests.engine.states.record` makes a folder of the version's name beside this
file. It has the program, the state with its secrets encrypted by PASSPHRASE, and the ingresses as the emulator keeps
them. Its subfolder `dns` has the same of a second program, and the records of its zone. That program has what the
package has from 0.3.0 on: delegations at a BIND, waits for certificates, and an account of an explicit `agin.Provider`.
The subfolder `native` has, from 0.6.0 on, the same of a program in YAML with the provider plugin.

All three states hold something that was left half-way. The second one of an earlier version was recorded by
`record_dns` in a checkout of that version, with the tests/ and tools/ of a later one. For 0.3.0 no answer was lost: it
would have kept nothing of `lost`.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dns.message
import dns.query
import dns.rdatatype

from pulumi_agin import tokens
from pulumi_agin.emulator import Emulator
from pulumi_agin.version import VERSION
from tests.support.flaky_proxy import Outage, between
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY
from tests.support.project import Project
from tools import environment, languages, pulumi_cli
from tools.bind import Bind, Key

FOLDER = Path(__file__).parent
PROGRAM, STATE, INGRESSES = "program.txt", "state.json", "ingresses.json"
# The folder of the second state, and what that has besides: the zone, as a file for BIND.
DNS, ZONE = "dns", "zone.txt"
# The folder of the third.
NATIVE = "native"

# What the secrets of all recorded states are encrypted with. It never changes.
PASSPHRASE = "only for tests"

# What the programs below read besides the settings.
SECOND_KEY = "SECOND_API_KEY"
REMOVE_POLICY = "REMOVE_POLICY"
DNS_PORT = "DNS_PORT"
TSIG_SECRET = "TSIG_SECRET"
WITHOUT_LOST = "WITHOUT_LOST"
CREATE_TIMEOUT = "CREATE_TIMEOUT"

TEXT = f"""\
import os

import pulumi
import pulumi_agin as agin

ecdsa = agin.AgentIngressCertPolicyArgs(authority="letsencrypt", private_key_type="ecdsa")

plain = agin.AgentIngress("plain", domain="Plain.ACME.com.")
agin.AgentIngress("described", domain="described.acme.com", description="Geräte", metadata='{{"team": "iot"}}')
agin.AgentIngress("managed", domain="managed.acme.com", certificate_management_policy={{"authority": "letsencrypt"}})
agin.AgentIngress(
    "secret",
    domain="secret.acme.com",
    description=pulumi.Output.secret("hush-hush"),
    certificate_management_policy=ecdsa,
)

# ngrok keeps a policy that is to be removed: that update fails, and leaves an init error in the state.
remove = os.environ.get("{REMOVE_POLICY}")
agin.AgentIngress("kept", domain="kept.acme.com", certificate_management_policy=None if remove else ecdsa)

devices = pulumi.ComponentResource("acme:index:Devices", "devices")
agin.AgentIngress("child", domain="child.acme.com", opts=pulumi.ResourceOptions(parent=devices))

acct2 = pulumi.ProviderResource(
    "pulumi-python", "acct2", {{"ngrok:apiKey": pulumi.Output.secret(os.environ["{SECOND_KEY}"])}}
)
agin.AgentIngress("theirs", domain="theirs.acme.com", opts=pulumi.ResourceOptions(provider=acct2))

agin.AgentIngress.get("looked-up", plain.id)

pulumi.export("ns_targets", plain.ns_targets)
"""

DNS_TEXT = f"""\
import os

import pulumi
import pulumi_agin as agin
from pulumi_agin.dns.rfc2136_delegation import Rfc2136Delegation

policy = {{"authority": "letsencrypt"}}
bind = dict(
    server="127.0.0.1",
    port=int(os.environ["{DNS_PORT}"]),
    zone="acme.com",
    tsig_key_name="agin",
    tsig_secret=os.environ["{TSIG_SECRET}"],
)

ours = agin.AgentIngress("ours", domain="ours.acme.com", certificate_management_policy=policy)
delegation = agin.AgentIngressDelegation("ours", ours, agin.dns.rfc2136(**bind))
ready = agin.AgentIngressCertificateValidation("ours", delegation.agent_ingress_id)
agin.AgentIngress.get("our-looked-up", ours.id)
pulumi.export("renews_at", ready.renews_at)

acct2 = agin.Provider("acct2", os.environ["{SECOND_KEY}"])
in_acct2 = pulumi.ResourceOptions(provider=acct2)
theirs = agin.AgentIngress("theirs", domain="theirs.acme.com", certificate_management_policy=policy, opts=in_acct2)
delegation = agin.AgentIngressDelegation(
    "theirs", theirs, agin.dns.rfc2136(**bind), ttl=600, opts=pulumi.ResourceOptions(providers=[acct2])
)
agin.AgentIngressCertificateValidation("theirs", delegation.agent_ingress_id, opts=in_acct2)
agin.AgentIngress.get("their-looked-up", theirs.id, in_acct2)

# Without a policy there is nothing to wait for.
secret = agin.AgentIngress("secret", domain="secret.acme.com", description=pulumi.Output.secret("hush-hush"))
agin.AgentIngressCertificateValidation("secret", secret.id)

# A refresh found this certificate not ready: the next update waits again.
late = agin.AgentIngress("late", domain="late.acme.com", certificate_management_policy=policy)
agin.AgentIngressCertificateValidation("late", late.id)

# The answer to the create was lost: it failed, and the state keeps what the server may have.
if "{WITHOUT_LOST}" not in os.environ:
    timeouts = pulumi.CustomTimeouts(create=os.environ.get("{CREATE_TIMEOUT}"))
    Rfc2136Delegation(
        "lost",
        domain="lost.acme.com",
        ns_targets=["ns1.x.net", "ns2.x.net"],
        ttl=300,
        **bind,
        opts=pulumi.ResourceOptions(custom_timeouts=timeouts),
    )
"""

KEPT_POLICY = "certificateManagementPolicy: {authority: letsencrypt, privateKeyType: ecdsa}"

NATIVE_TEXT = f"""\
config:
  second: {{type: string}}
  port: {{type: integer}}
  tsig: {{type: string}}
resources:
  ours:
    type: agin:AgentIngress
    properties:
      domain: Ours.ACME.com.
      description: Geräte
      metadata: '{{"team": "iot"}}'
      certificateManagementPolicy: {{authority: letsencrypt}}
  records:
    type: agin:Rfc2136Delegation
    properties:
      domain: ${{ours.domain}}
      nsTargets: ${{ours.nsTargets}}
      ttl: 300
      server: 127.0.0.1
      port: ${{port}}
      zone: acme.com
      tsigKeyName: agin
      tsigSecret: ${{tsig}}
  ready:
    type: agin:AgentIngressCertificateValidation
    properties: {{agentIngressId: "${{ours.id}}"}}
    options: {{dependsOn: ["${{records}}"]}}
  secret:
    type: agin:AgentIngress
    properties: {{domain: secret.acme.com, description: {{fn::secret: hush-hush}}}}
  kept:
    type: agin:AgentIngress
    properties: {{domain: kept.acme.com, {KEPT_POLICY}}}
  child:
    type: agin:AgentIngress
    properties: {{domain: child.acme.com}}
    options: {{parent: "${{ours}}"}}
  acct2:
    type: pulumi:providers:agin
    properties: {{apiKey: "${{second}}"}}
  theirs:
    type: agin:AgentIngress
    properties: {{domain: theirs.acme.com}}
    options: {{provider: "${{acct2}}"}}
  looked-up:
    type: agin:AgentIngress
    get: {{id: "${{ours.id}}"}}
outputs:
  targets: ${{ours.nsTargets}}
  renewsAt: ${{ready.renewsAt}}
"""

DELEGATED = ("lost.acme.com", "ours.acme.com", "theirs.acme.com")
KEY = Key("agin", DELEGATED)


def settings(emulator: Emulator) -> dict[str, str]:
    """What the programs need in their environment, and the CLI to decrypt the states."""
    return {
        "NGROK_API_BASE_URL": emulator.url,
        "NGROK_API_KEY": API_KEY,
        SECOND_KEY: OTHER_ACCOUNTS_KEY,
        "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
    }


def dns_settings(emulator: Emulator, dns_port: int) -> dict[str, str]:
    """What the program with delegations needs in its environment, with BIND at this port."""
    return {**settings(emulator), DNS_PORT: str(dns_port), TSIG_SECRET: KEY.secret}


def configure_native(project: Project, dns_port: int) -> None:
    """Sets what the program of the plugin takes from the stack's config."""
    project.config(secret={"second": OTHER_ACCOUNTS_KEY, "tsig": KEY.secret}, plain={"port": dns_port})


def load(recording: Path, dns_port: int | None = None) -> dict[str, Any]:
    """Reads a recorded state.

    Args:
        recording: The folder of the recording.
        dns_port: The port of BIND, which is another one in each test. It takes the place of the recorded port in the
            inputs and outputs of all NS records, so that the program, which reads the port from its environment,
            changes nothing. Nothing else in the state depends on the port.
    """
    state: dict[str, Any] = json.loads((recording / STATE).read_text())
    for resource in state["deployment"]["resources"]:
        if resource["type"] in (tokens.RFC2136_DELEGATION, tokens.NATIVE_RFC2136_DELEGATION):
            for part in ("inputs", "outputs"):
                resource[part]["port"] = dns_port
    return state


def write_program(project: Project, text: str) -> None:
    """Makes a text of this module the program of a project."""
    if text.startswith("import "):
        (project.folder / "__main__.py").write_text(text)
    else:
        project.yaml_program(text)


@contextmanager
def _recording(
    folder: Path, text: str, more: Mapping[str, str], cli: Path, user_env: Path
) -> Iterator[tuple[Project, Emulator]]:
    """Yields a project with this program, and ngrok. Afterwards it writes both into `folder`, which must be new."""
    folder.mkdir()
    with (
        tempfile.TemporaryDirectory() as made,
        Emulator(API_KEY, other_accounts=[OTHER_ACCOUNTS_KEY], file=folder / INGRESSES) as emulator,
    ):
        project = Project(Path(made), cli, user_env, {**settings(emulator), **more})
        write_program(project, text)
        yield project, emulator
        state = project.state()
    for resource in state["deployment"]["resources"]:
        # They are paths of this machine.
        resource.pop("sourcePosition", None)
        resource.pop("stackTrace", None)
    (folder / PROGRAM).write_text(text)
    (folder / STATE).write_text(json.dumps(state, indent=1) + "\n")


def record(folder: Path, cli: Path, user_env: Path) -> None:
    """Writes the three files of the first state into `folder`, which must be new."""
    with _recording(folder, TEXT, {}, cli, user_env) as (project, emulator):
        # So that a certificate's job stands in the state too.
        emulator.configure(job_after_seconds=0)
        project.up()
        project.up(fails=True, env={REMOVE_POLICY: "1"})


def record_dns(folder: Path, cli: Path, user_env: Path) -> None:
    """Writes the four files of the second state into `folder`, which must be new."""
    outage = Outage(is_over=True)
    with tempfile.TemporaryDirectory() as made, Bind(Path(made), [KEY]) as bind, between(bind, outage) as port:
        more = {DNS_PORT: str(port), TSIG_SECRET: KEY.secret}
        with _recording(folder, DNS_TEXT, more, cli, user_env) as (project, emulator):
            emulator.configure(job_after_seconds=0, issue_after_seconds=0)
            project.up(env={WITHOUT_LOST: "1"})
            outage.is_over = False
            project.up(fails=True, env={CREATE_TIMEOUT: "2s"})
            outage.is_over = True
            [late] = [ingress["id"] for ingress in emulator.ingresses() if ingress["domain"] == "late.acme.com"]
            emulator.set_certificate(late, "in_progress")
            project.refresh("--target", "**:AgentIngressCertificateValidation::late")
            emulator.set_certificate(late, None)
        _write_zone(folder, bind)


def record_native(folder: Path, cli: Path, user_env: Path) -> None:
    """Writes the four files of the third state into `folder`, which must be new."""
    with tempfile.TemporaryDirectory() as made, Bind(Path(made), [KEY]) as bind:
        with _recording(folder, NATIVE_TEXT, {}, cli, user_env) as (project, emulator):
            project.add_to_path(languages.ensure(languages.YAML, cli))
            configure_native(project, bind.port)
            emulator.configure(job_after_seconds=0, issue_after_seconds=0)
            project.up()
            # ngrok keeps the policy: that update fails, and leaves an init error in the state.
            write_program(project, NATIVE_TEXT.replace(f", {KEPT_POLICY}", ""))
            project.up(fails=True)
        _write_zone(folder, bind)


def _write_zone(folder: Path, bind: Bind) -> None:
    zone = (bind.folder / "zone").read_text()
    (folder / ZONE).write_text(zone + "".join(_ns_records(bind, domain) for domain in DELEGATED))


def _ns_records(bind: Bind, domain: str) -> str:
    """The NS records of a domain, as lines of a zone file. Without any, BIND answers with the SOA of the zone."""
    answer = dns.query.tcp(dns.message.make_query(domain, "NS"), "127.0.0.1", 5, bind.port)
    return "".join(f"{records}\n" for records in answer.authority if records.rdtype == dns.rdatatype.NS)


if __name__ == "__main__":
    cli, user_env = pulumi_cli.ensure(), environment.user()
    record(FOLDER / VERSION, cli, user_env)
    record_dns(FOLDER / VERSION / DNS, cli, user_env)
    record_native(FOLDER / VERSION / NATIVE, cli, user_env)
