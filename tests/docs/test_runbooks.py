"""The repairs of docs/operate/runbooks.md and docs/reference/errors.md, run as written, with the emulator and BIND."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import dns.query
import dns.tsigkeyring
import dns.update
import pytest

import pulumi_agin
from pulumi_agin.emulator import Emulator
from tests.support.bind import Bind, Key
from tests.support.keys import API_KEY
from tests.support.ngrok import ns_targets
from tests.support.pages import blocks
from tests.support.ports import free_port
from tests.support.project import Project, listening
from tools.bind import Programs

pytestmark = pytest.mark.rest

ROOT = Path(__file__).parents[2]
RUNBOOKS, ERRORS, MONITORING = (
    (ROOT / "docs" / page).read_text()
    for page in ("operate/runbooks.md", "reference/errors.md", "operate/monitoring.md")
)
DOMAIN = "connect.acme.com"
KEY = Key("agin", [DOMAIN])
NEW_KEY = API_KEY.replace("2tst", "2new")
OPTS = "pulumi.ResourceOptions()"
PROGRAM = f"""
import pulumi
import pulumi_agin as agin

ingress = agin.AgentIngress("connect", domain="{DOMAIN}", opts={OPTS})
secret = pulumi.Config().require_secret("tsigSecret")
bind = agin.dns.rfc2136("127.0.0.1", "acme.com", "agin", secret, port=PORT)
agin.AgentIngressDelegation("connect", agent_ingress=ingress, dns=bind)
"""


def commands(section: str, page: str = RUNBOOKS) -> list[str]:
    """Returns the shell blocks below a heading."""
    return blocks(re.split(rf"(?m)^#+ {section}\n", page)[1].split("\n#")[0], "sh")


@pytest.fixture
def bind(tmp_path: Path, bind_programs: Programs) -> Iterator[Bind]:
    with Bind(bind_programs, tmp_path / "bind", [KEY]) as running:
        yield running


@pytest.fixture
def project(project: Project, bind: Bind) -> Project:
    """A project whose stack has the ingress and its records, and the API key in its config."""
    project.config(secret={"tsigSecret": KEY.secret, "agin:apiKey": API_KEY})
    del project.environment["NGROK_API_KEY"]
    (project.folder / "__main__.py").write_text(PROGRAM.replace("PORT", str(bind.port)))
    project.up()
    return project


def delete_records(bind: Bind) -> None:
    update = dns.update.Update("acme.com", keyring=dns.tsigkeyring.from_text({KEY.name: KEY.secret}))
    update.delete(f"{DOMAIN}.", "NS")
    dns.query.tcp(update, "127.0.0.1", port=bind.port, timeout=10)


def assert_repaired(project: Project, emulator: Emulator, bind: Bind) -> None:
    assert "wrong" not in project.typed(f"pulumi-agin doctor {DOMAIN} --dns {bind.address}")
    assert bind.referral(DOMAIN) == ns_targets(emulator, DOMAIN)
    project.preview("--expect-no-changes")


def test_deleted_records_and_ingress_are_restored(project: Project, emulator: Emulator, bind: Bind) -> None:
    delete_records(bind)
    assert "it is not delegated" in project.typed(f"! pulumi-agin doctor --dns {bind.address}")
    project.typed(commands("Records were deleted")[0])
    assert_repaired(project, emulator, bind)

    [ingress] = emulator.ingresses()
    emulator.delete_ingress(ingress["id"])
    project.typed(commands("An ingress was deleted")[0])
    assert emulator.ingresses()[0]["id"] != ingress["id"]
    assert_repaired(project, emulator, bind)
    project.typed(commands("A run was interrupted")[0].replace("NAME", "dev --yes"))


def test_api_key_is_rotated(project: Project, emulator: Emulator, bind: Bind) -> None:
    [before] = emulator.ingresses()
    emulator.add_key(NEW_KEY, account_of=API_KEY)
    project.typed(commands("Replace the API key")[0], stdin=f"{NEW_KEY}\n")
    project.up()
    emulator.remove_key(API_KEY)
    project.refresh("--expect-no-changes")
    assert emulator.ingresses() == [before]

    # Another key reads the ingress only after it was deleted.
    emulator.add_key(API_KEY, account_of=NEW_KEY)
    emulator.delete_ingress(before["id"])
    project.config(secret={"agin:apiKey": API_KEY})
    project.up()
    assert "does not prove that it was deleted" in project.refresh(fails=True)
    delete_records(bind)
    [urn] = [each["urn"] for each in project.resources()]
    again = "\n".join(commands("other-account: The API key has changed", ERRORS))
    project.typed(again.replace("'URN'", f"'{urn}' --yes").replace("NAME", "dev"))
    assert_repaired(project, emulator, bind)


def test_lost_state_is_imported_or_restored(project: Project, emulator: Emulator, bind: Bind) -> None:
    [ingress] = emulator.ingresses()
    project.pulumi("stack", "export", "--file", "state.json")
    project.pulumi("state", "delete", "--all", "--force", "--yes")
    assert ingress["id"] in project.typed(commands("Without a backup")[0])
    imports = {OPTS: f'pulumi.ResourceOptions(import_="{ingress["id"]}")'}
    imports["port="] = f'opts=pulumi.ResourceOptions(import_="{DOMAIN}"), port='
    project.edit(imports)
    emulator.clear_requests()
    project.up()
    assert {each["method"] for each in emulator.requests()} == {"GET"}
    project.edit({after: before for before, after in imports.items()})
    assert_repaired(project, emulator, bind)

    project.pulumi("state", "delete", "--all", "--force", "--yes")
    project.typed(commands("With a backup")[0])
    assert_repaired(project, emulator, bind)


def test_failed_domain_change_goes_back(project: Project, emulator: Emulator, bind: Bind) -> None:
    [ingress] = emulator.ingresses()
    project.edit({OPTS: "pulumi.ResourceOptions(protect=True)"})
    project.up()
    project.edit({DOMAIN: "other.acme.com"})
    # Pulumi names the URN.
    refused = project.preview(fails=True).output
    [urn] = re.findall(r'unable to replace resource "(.*)"', refused)
    unprotect = commands("Protected resource", ERRORS)[0].replace("'URN'", f"'{urn}' --yes").replace("NAME", "dev")
    project.typed(unprotect)
    # BIND does not allow the new domain.
    assert "REFUSED" in project.up(fails=True)
    listing, removal = commands("Pending deletes")
    assert ingress["id"] in project.typed(listing)
    # A record is replaced, too.
    assert project.typed("pulumi preview").count("delete original") == 2
    assert ingress["id"] not in project.typed(f"{removal}\n{listing}")
    project.pulumi("stack", "import", "--file", "all.json")

    project.edit({"other.acme.com": DOMAIN, "protect=True": f'protect=True, import_="{ingress["id"]}"'})
    # The new ingress is protected, too.
    project.typed(unprotect)
    assert "+-1 to replace\n    3 unchanged\n" in project.preview()
    project.up()
    project.edit({f', import_="{ingress["id"]}"': ""})
    assert emulator.ingresses() == [ingress]
    assert_repaired(project, emulator, bind)


def test_probe_finds_a_certificate_that_expires(tmp_path: Path) -> None:
    port = free_port()
    script = commands("Test the alerts", MONITORING)[0].replace("8443", str(port)).replace("sleep 1\n", listening(port))
    script = script.replace("./check_tls", str(ROOT / "examples" / "monitoring" / "check_tls"))
    ran = subprocess.run(["bash", "-euc", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert ran.stdout.startswith("page: localhost: the certificate expires")
    assert ran.stdout.endswith("exit status 2\n")


def test_messages_on_the_errors_page_are_those_of_the_package() -> None:
    """The page has our messages in italics, and those of others as code."""
    trees = [ast.parse(file.read_text()) for file in Path(pulumi_agin.__file__).parent.rglob("*.py")]
    strings = [node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    quoted = re.findall(r"(?<!\*)\*([^*]+)\*(?!\*)", ERRORS.replace("\n", " "))
    fragments = [part.strip() for each in quoted for part in re.split(r"\S*…|connect\.acme\.com", each)]
    assert len(fragments) > 20
    assert [each for each in fragments if each not in "\n".join(map(str, strings))] == []
