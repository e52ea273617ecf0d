"""The package as users install it: the wheel's content, its dependencies, and its types."""

from __future__ import annotations

import csv
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from pulumi_agin.api.models import IngressModel
from pulumi_agin.cli.importing import program

ROOT = Path(__file__).parents[2]

WRONG_LINES = """
agin.AgentIngress("a", domain=5)
agin.AgentIngress("a", description="no domain")
agin.AgentIngress("a", domian="a.b")
agin.AgentIngress("a", domain="a.b", metaData="x")
agin.AgentIngress("a", domain="a.b", metadata={"team": "iot"})
agin.AgentIngress("a", agin.AgentIngressArgs(domain="a.b"), domain="a.b")
agin.AgentIngressArgs(domain="a.b", metaData="x")
agin.AgentIngress("a", domain="a.b", certificate_management_policy={"privateKeyType": "rsa"})
agin.AgentIngress("a", domain="a.b", certificate_management_policy={"authority": "acme"})
agin.AgentIngressCertPolicyArgs(authority="acme")
agin.AgentIngressCertPolicyArgs(authority="letsencrypt", private_key_type="dsa")
agin.AgentIngressCertPolicyArgs(authority="letsencrypt", private_key_type=pulumi.Config().require("keyType"))
policy: agin.AgentIngressCertPolicyArgsDict = {"authority": "letsencrypt", "private_key_type": "dsa"}
agin.AgentIngressCertificateValidation("c", agent_ingress_id="x", timeout=5)
agin.AgentIngressDelegation("d", ingress=ingress, dns=agin.dns.custom(lambda records: []))
ingress.ns_targets.apply(lambda targets: targets.nothing)
agin.Provider("p")
agin.Provider("p", apiKey="x")
agin.AgentIngres("a", domain="a.b")
agin.dns.route53
agin.get_agent_ingress(id=5)
agin.get_agent_ingress()
agin.get_agent_ingress(opts=pulumi.InvokeOptions())
agin.get_agent_ingress(id="x", domain="a.b")
agin.get_agent_ingress_output()
agin.get_agent_ingress_output(domian="a.b")
agin.get_agent_ingresses(filer="true")
agin.get_agent_ingresses_output(filer="true")
agin.get_agent_ingress(id="x").nothing
agin.get_agent_ingresses_output(opts=pulumi.ResourceOptions())
Emulator().add_fault("POST", "reset")
from pulumi_agin.emulator.pytest_plugin import emulator
"""

IMPORTS = "import pulumi\nimport pulumi_agin as agin\nfrom pulumi_agin.emulator import Emulator\n"

RIGHT_PROGRAM = """
# pyright: strict
from typing import Any

import pulumi
import pulumi_agin as agin
from pulumi_agin.emulator import Emulator

config = pulumi.Config()
policy: agin.AgentIngressCertPolicyArgsDict = {"authority": "letsencrypt"}
a = agin.AgentIngress("a", domain="connect.acme.com", certificate_management_policy=policy)
b = agin.AgentIngress("b", agin.AgentIngressArgs(domain=a.domain, description=pulumi.Output.secret("x")))
c: pulumi.Output[str] = a.ns_targets.apply(lambda targets: targets[0].upper())
d = a.certificate_management_policy.apply(lambda policy: policy.private_key_type if policy else None)
e: agin.AgentIngress = agin.AgentIngress.get("e", a.id)
p = agin.Provider("p", pulumi.Config().require_secret("key"), api_base_url="https://api.example.net")
f: list[str] = [one.domain.upper() for one in agin.get_agent_ingresses("true").agent_ingresses]
g = agin.get_agent_ingress(domain="connect.acme.com", opts=pulumi.InvokeOptions(provider=p))
h: str | None = g.certificate_management_policy.private_key_type if g.certificate_management_policy else None
i: pulumi.Output[str] = agin.get_agent_ingress_output(id=a.id).apply(lambda found: found.ns_targets[0])
j = agin.get_agent_ingresses_output(a.metadata, opts=pulumi.InvokeOutputOptions(depends_on=[a]))
k: pulumi.Output[int] = j.apply(lambda found: len(found.agent_ingresses))
l = agin.AgentIngress("l", domain="l.acme.com", opts=pulumi.ResourceOptions(), certificate_management_policy={
    "authority": "letsencrypt", "private_key_type": "rsa" if config.get("x") else "ecdsa"})
m = agin.AgentIngressCertPolicyArgs(
    authority=agin.CertificateAuthority.LETSENCRYPT, private_key_type=agin.PrivateKeyType(config.require("keyType")))
n = agin.AgentIngressCertPolicyArgs(
    authority=pulumi.Output.from_input("letsencrypt"), private_key_type=config.require_secret("keyType"))
o = agin.AgentIngress("o", pulumi.ResourceOptions(), domain="o.acme.com", certificate_management_policy=n)
q = agin.AgentIngress("q", args=agin.AgentIngressArgs(domain="q.acme.com", certificate_management_policy=m))
r = agin.get_agent_ingress("agin_1")
s: pulumi.Output[str] = agin.agent_config(r, region="eu")
t = agin.AgentIngressDelegation("t", agent_ingress=a, dns=agin.dns.custom(lambda records: []))
u = agin.AgentIngressCertificateValidation("u", agent_ingress_id=t.agent_ingress_id, timeout_seconds=60)


def test_it(agin_emulator: Emulator) -> None:
    agin_emulator.add_fault("POST", "reset_after", times=2)
    agin_emulator.set_ingress("agin_1", {"description": "x", "ns_targets": []})
    seen: list[dict[str, Any]] = agin_emulator.requests()
    assert seen == []
"""


@pytest.mark.parametrize(
    "checker",
    [["mypy", "--strict", "--python-executable"], ["pyright", "--pythonpath"]],
    ids=lambda command: command[0],
)
def test_type_checkers_reject_only_wrong_lines(checker: list[str], user_env: Path, tmp_path: Path) -> None:
    ingress = 'ingress = agin.AgentIngress("ingress", domain="a.b")'
    wrong = f"{IMPORTS}{ingress}{WRONG_LINES}"
    (tmp_path / "right.py").write_text(RIGHT_PROGRAM)
    for count in (1, 2):
        (tmp_path / f"imported{count}.py").write_text(imported_program(count))
    (tmp_path / "wrong.py").write_text(wrong)
    command = [str(Path(sys.executable).parent / checker[0]), *checker[1:], str(user_env / "bin" / "python")]
    files = ["right.py", "imported1.py", "imported2.py", "wrong.py"]
    run = subprocess.run([*command, *files], cwd=tmp_path, capture_output=True, text=True, check=False)
    lines = wrong.splitlines()
    found = {(file, lines[int(number) - 1]) for file, number in re.findall(r"(\w+\.py):(\d+).*\berror:", run.stdout)}
    assert found == {("wrong.py", line) for line in WRONG_LINES.splitlines() if line}, run.stdout


def imported_program(count: int) -> str:
    """Returns the program of `pulumi-agin import` for one or two ingresses."""
    policy = {"authority": "letsencrypt", "private_key_type": "ecdsa"}
    required = {"id": "agin_1", "domain": "a.acme.com", "ns_targets": [], "created_at": "2024-08-02T07:15:39Z"}
    ingresses = [{**required, "description": "d", "certificate_management_policy": policy}, required][:count]
    models = {str(number): IngressModel.model_validate(each) for number, each in enumerate(ingresses)}
    return "# pyright: strict\n" + program(models)


def test_wheel_contains_only_the_package(user_env: Path) -> None:
    [record] = user_env.glob("lib/python*/site-packages/pulumi_agin-*.dist-info/RECORD")
    rows = [row[0] for row in csv.reader(record.read_text().splitlines())]
    installed = {name for name in rows if "__pycache__" not in name}
    package = {name for name in installed if name.startswith("pulumi_agin/")}
    sources = [path for path in (ROOT / "pulumi_agin").rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert package == {str(path.relative_to(ROOT)) for path in sources}
    assert {"pulumi_agin/py.typed", "pulumi_agin/pulumi-plugin.json"} <= package
    others = {name for name in installed - package if ".dist-info/" not in name}
    assert others == {"../../../bin/pulumi-agin", "../../../bin/pulumi-resource-agin"}
    assert [name for name in installed if name.endswith("licenses/LICENSE")]


def test_wheel_contains_the_errors_page(user_env: Path) -> None:
    command = user_env / "bin" / "pulumi-agin"
    printed = subprocess.run([command, "explain", "taken"], capture_output=True, text=True, check=True).stdout
    assert printed in (ROOT / "docs" / "reference" / "errors.md").read_text()


def test_sdist_contains_only_sources_and_pages(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", tmp_path], cwd=ROOT, check=True)
    [sdist] = tmp_path.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
        archive.extractall(tmp_path, filter="data")
    [page] = tmp_path.glob("*/pulumi_agin/cli/errors.md")
    assert page.read_text() == (ROOT / "docs" / "reference" / "errors.md").read_text()
    others = {name for name in names if not name.startswith("pulumi_agin/")}
    files = {".gitignore", "CHANGELOG.md", "LICENSE", "PKG-INFO", "README.md", "pyproject.toml"}
    assert others == {*files, "docs/reference/errors.md"}


def test_package_needs_pulumi_requests_and_pydantic(user_env: Path) -> None:
    program = "from importlib.metadata import requires; print(*requires('pulumi-agin'), sep='\\n')"
    run = subprocess.run([user_env / "bin" / "python", "-c", program], capture_output=True, text=True, check=True)
    needs = sorted(need for need in run.stdout.splitlines() if "extra ==" not in need)
    assert needs == ["pulumi<4,>=3.268", "pydantic<3,>=2.1.1", "requests>=2.31"]
