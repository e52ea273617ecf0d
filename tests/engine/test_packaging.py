"""What a user has installed: the wheel's content, its types, and what the CLI makes of it."""

from __future__ import annotations

import csv
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email.parser import HeaderParser
from pathlib import Path

import pytest

from pulumi_agin.emulator import Emulator
from pulumi_agin.version import VERSION
from tests.support.project import Project
from tools import release
from tools.plugin_archive import PLATFORMS

ROOT = Path(__file__).parents[2]


def test_the_wheel_holds_the_package_and_nothing_else(user_env: Path) -> None:
    [record] = user_env.glob("lib/python*/site-packages/pulumi_agin-*.dist-info/RECORD")
    installed = {row[0] for row in csv.reader(record.read_text().splitlines())}
    package = {name for name in installed if name.startswith("pulumi_agin/") and "__pycache__" not in name}
    sources = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "pulumi_agin").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert package == sources
    assert {"pulumi_agin/py.typed", "pulumi_agin/pulumi-plugin.json"} <= package
    others = {name for name in installed - package if "__pycache__" not in name}
    programs = {"../../../bin/pulumi-agin", "../../../bin/pulumi-resource-agin"}
    assert programs == {name for name in others if ".dist-info/" not in name}
    assert any(name.endswith("licenses/LICENSE") for name in others)


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The packages of a release, which twine has checked."""
    return release.packages(tmp_path_factory.mktemp("packages"))


def test_a_release_is_an_sdist_a_wheel_and_the_plugin_for_each_platform(packages: list[Path]) -> None:
    assert PLATFORMS == ("darwin-amd64", "darwin-arm64", "linux-amd64", "linux-arm64")
    assert sorted(file.name for file in packages) == [
        *(f"pulumi-resource-agin-v{VERSION}-{platform}.tar.gz" for platform in PLATFORMS),
        f"pulumi_agin-{VERSION}-py3-none-any.whl",
        f"pulumi_agin-{VERSION}.tar.gz",
    ]


def test_what_is_installed_from_the_sdist_is_what_the_wheel_has(packages: list[Path], tmp_path: Path) -> None:
    [sdist] = [file for file in packages if file.name == f"pulumi_agin-{VERSION}.tar.gz"]
    [wheel] = [file for file in packages if file.suffix == ".whl"]
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path], check=True)
    # Without the network: the build backend is that of the development environment.
    offline = ["--no-index", "--no-build-isolation", "--no-deps", "--no-compile", "--ignore-installed"]
    subprocess.run([sys.executable, "-m", "pip", "install", *offline, "--prefix", tmp_path, sdist], check=True)
    [installed] = tmp_path.glob("lib/python*/site-packages")
    with zipfile.ZipFile(wheel) as archive:
        package = {name: archive.read(name) for name in archive.namelist() if name.startswith("pulumi_agin/")}
        [metadata] = [archive.read(name) for name in archive.namelist() if name.endswith("/METADATA")]
    assert package == {
        str(path.relative_to(installed)): path.read_bytes()
        for path in installed.glob("pulumi_agin/**/*")
        if path.is_file()
    }
    assert [path.read_bytes() for path in installed.glob("pulumi_agin-*.dist-info/METADATA")] == [metadata]
    program = "import pulumi_agin; print(pulumi_agin.__version__, pulumi_agin.__file__)"
    python = tmp_path / "bin" / "python"
    run = subprocess.run([python, "-I", "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.split() == [VERSION, str(installed / "pulumi_agin" / "__init__.py")]


def test_what_the_emulators_image_has_is_all_that_the_wheel_is_built_from(tmp_path: Path) -> None:
    dockerfile = (ROOT / "examples" / "emulator-container" / "Dockerfile").read_text()
    for sources in re.findall(r"^COPY (.*)$", dockerfile, re.M):
        *names, target = sources.split()
        for name in names:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, tmp_path / target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / name, tmp_path / target)
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel"], cwd=tmp_path, check=True)
    [wheel] = (tmp_path / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        assert "pulumi_agin/emulator/server.py" in archive.namelist()


def test_the_sdist_has_what_its_page_is_made_of_and_nothing_of_this_machine(packages: list[Path]) -> None:
    [sdist] = [file for file in packages if file.name == f"pulumi_agin-{VERSION}.tar.gz"]
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    others = {name for name in names if not name.startswith("pulumi_agin/")}
    assert others == {".gitignore", "CHANGELOG.md", "LICENSE", "PKG-INFO", "README.md", "pyproject.toml"}


def test_the_package_index_learns_the_version_the_license_and_the_places(packages: list[Path]) -> None:
    [wheel] = [file for file in packages if file.suffix == ".whl"]
    with zipfile.ZipFile(wheel) as archive:
        metadata = HeaderParser().parsestr(archive.read(f"pulumi_agin-{VERSION}.dist-info/METADATA").decode())
    assert metadata["Version"] == VERSION
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Description-Content-Type"] == "text/markdown"
    places = {line.partition(",")[0] for line in metadata.get_all("Project-URL", [])}
    assert places == {"Changelog", "Documentation", "Homepage", "Issues", "Repository", "Security"}


def test_it_needs_pulumi_requests_and_pydantic_and_no_more(user_env: Path) -> None:
    # urllib3 is what requests itself needs; only its version is asked for.
    program = "from importlib.metadata import requires; print(*requires('pulumi-agin'), sep='\\n')"
    python = user_env / "bin" / "python"
    needs = subprocess.run([python, "-c", program], capture_output=True, text=True, check=True).stdout.splitlines()
    hard = sorted(need for need in needs if "extra ==" not in need)
    assert hard == ["pulumi<4,>=3.268", "pydantic<3,>=2", "requests>=2.31", "urllib3>=2"]


def test_no_run_looks_for_a_plugin_called_agin(project: Project, emulator: Emulator) -> None:
    # Whoever owned the repository where the CLI would look would run code on users' machines.
    project.program('agin.AgentIngress("a", domain="connect.acme.com")')
    log = project.preview("-v=9", "--logtostderr").output
    assert "gatherPackagesFromProgram" in log  # this is the log in which it would stand
    assert "agin-0." not in log
    assert "resource-agin" not in log


WRONG_PROGRAMS = (
    'agin.AgentIngress("a", domain=5)',
    'agin.AgentIngress("a", description="no domain")',
    'agin.AgentIngress("a", domian="a.b")',
    'agin.AgentIngress("a", domain="a.b", metaData="x")',
    'agin.AgentIngress("a", domain="a.b", metadata={"team": "iot"})',
    'agin.AgentIngress("a", agin.AgentIngressArgs(domain="a.b"), domain="a.b")',
    'agin.AgentIngressArgs(domain="a.b", metaData="x")',
    'agin.AgentIngress("a", domain="a.b", certificate_management_policy={"privateKeyType": "rsa"})',
    'agin.AgentIngress("a", domain="a.b", certificate_management_policy={"authority": "acme"})',
    'agin.AgentIngress("a", domain="a.b", certificate_management_policy='
    '{"authority": "letsencrypt", "private_key_type": "dsa"})',
    'agin.AgentIngressCertPolicyArgs(authority="acme")',
    'agin.AgentIngressCertPolicyArgs(authority="letsencrypt", private_key_type="dsa")',
    'agin.AgentIngressCertPolicyArgs(authority="letsencrypt", private_key_type=pulumi.Config().require("keyType"))',
    'policy: agin.AgentIngressCertPolicyArgsDict = {"authority": "letsencrypt", "private_key_type": "dsa"}',
    'agin.AgentIngressCertificateValidation("c", agent_ingress_id="x", timeout=5)',
    'agin.AgentIngressDelegation("d", ingress=agin.AgentIngress("a", domain="a.b"), dns=agin.dns.custom(lambda r: []))',
    'agin.AgentIngress("a", domain="a.b").ns_targets.apply(lambda targets: targets.nothing)',
    'agin.Provider("p")',
    'agin.Provider("p", apiKey="x")',
    'agin.AgentIngres("a", domain="a.b")',
    "agin.dns.route53",
    "agin.get_agent_ingress(id=5)",
    "agin.get_agent_ingress()",
    "agin.get_agent_ingress(opts=pulumi.InvokeOptions())",
    'agin.get_agent_ingress(id="x", domain="a.b")',
    'agin.get_agent_ingress(domian="a.b")',
    "agin.get_agent_ingress_output()",
    'agin.get_agent_ingress_output(id="x", domain="a.b")',
    'agin.get_agent_ingress_output(domian="a.b")',
    'agin.get_agent_ingresses(filer="true")',
    'agin.get_agent_ingresses_output(filer="true")',
    'agin.get_agent_ingress(id="x").nothing',
    "agin.get_agent_ingresses_output(opts=pulumi.ResourceOptions())",
    'from pulumi_agin.emulator import Emulator; Emulator().add_fault("POST", "reset")',
    'from pulumi_agin.emulator import Emulator; Emulator().set_ingress("agin_1", {"domain": "a.b"})',
    "from pulumi_agin.emulator.pytest_plugin import emulator",
)

RIGHT_PROGRAM = """
# pyright: strict
import pulumi
import pulumi_agin as agin

config = pulumi.Config()
policy: agin.AgentIngressCertPolicyArgsDict = {"authority": "letsencrypt"}
a = agin.AgentIngress("a", domain="connect.acme.com", certificate_management_policy=policy)
b = agin.AgentIngress("b", agin.AgentIngressArgs(domain=a.domain, description=pulumi.Output.secret("x")))
c: pulumi.Output[str] = a.ns_targets.apply(lambda targets: targets[0].upper())
d = a.certificate_management_policy.apply(lambda policy: policy.private_key_type if policy else None)
e: agin.AgentIngress = agin.AgentIngress.get("e", a.id)
p = agin.Provider("p", pulumi.Config().require_secret("key"), base_url="https://api.example.net")
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
s = agin.get_agent_ingress_output(domain=a.domain)
t: pulumi.Output[str] = agin.agent_config(r, region="eu")
u = agin.AgentIngressDelegation("u", agent_ingress=a, dns=agin.dns.custom(lambda records: []))
v = agin.AgentIngressCertificateValidation("v", agent_ingress_id=u.agent_ingress_id, timeout_seconds=60)
w: agin.PrivateKeyType = agin.PrivateKeyType.RSA
"""

RIGHT_TEST = """
# pyright: strict
from pulumi_agin.emulator import Emulator


def test_it(agin_emulator: Emulator) -> None:
    agin_emulator.add_fault("POST", "reset_after", times=2)
    agin_emulator.set_ingress("agin_1", {"description": "x", "ns_targets": []})
    agin_emulator.set_certificate("agin_1", "dns_error")
    counts: dict[str, int] = agin_emulator.counts()
    assert counts == {}
"""


@pytest.mark.parametrize(
    "checker",
    [["mypy", "--strict", "--python-executable"], ["pyright", "--pythonpath"]],
    ids=lambda command: command[0],
)
def test_a_users_program_type_checks_and_a_wrong_one_does_not(
    checker: list[str], user_env: Path, tmp_path: Path
) -> None:
    imports = "import pulumi\nimport pulumi_agin as agin\n\n"
    wrong = {f"wrong_{n}.py": f"{imports}{text}\n" for n, text in enumerate(WRONG_PROGRAMS)}
    programs = {"right.py": RIGHT_PROGRAM, "test_right.py": RIGHT_TEST, **wrong}
    for name, text in programs.items():
        (tmp_path / name).write_text(text)
    command = [str(Path(sys.executable).parent / checker[0]), *checker[1:], str(user_env / "bin" / "python")]
    found = subprocess.run([*command, *programs], cwd=tmp_path, capture_output=True, text=True, check=False).stdout
    with_errors = set(re.findall(r"(\w+\.py):\d+.*\berror:", found))
    assert with_errors == set(wrong), found
