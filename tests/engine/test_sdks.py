"""The SDKs that Pulumi's own generators make of the plugin's schema."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from pulumi_agin.version import VERSION
from tests.support.project import Project


def test_a_program_in_typescript_has_types(typescript_project: Project) -> None:
    typescript_project.typescript_program("""
        const ingress = new agin.AgentIngress("a", { domain: "connect.acme.com", description: pulumi.secret("hello") });
        export const uri: pulumi.Output<string> = ingress.uri;
        export const targets: pulumi.Output<string[]> = ingress.nsTargets;
        // @ts-expect-error
        new agin.AgentIngress("misspelled", { domain: "connect.acme.com", descripton: "hello" });
        """)
    typescript_project.check_types()


def test_the_schema_is_as_pulumi_wants_it(cli: Path, tmp_path: Path) -> None:
    schema = Path(__file__).parents[2] / "pulumi_agin" / "native" / "schema.json"
    checked = subprocess.run(
        [cli / "pulumi", "schema", "check", schema],
        env={**os.environ, "PULUMI_HOME": str(tmp_path), "PULUMI_SKIP_UPDATE_CHECK": "true"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "warning" not in (checked.stdout + checked.stderr).lower()


def test_the_module_of_go_builds(sdks: Path) -> None:
    built = subprocess.run(
        ["go", "build", "-mod=readonly", "./..."],
        cwd=sdks / "go",
        env={**os.environ, "GOWORK": "off"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    assert (sdks / "go" / "agin" / "agentIngress.go").exists()


def test_the_package_of_python_does_not_replace_this_one(sdks: Path) -> None:
    [package] = [folder.name for folder in (sdks / "python").iterdir() if folder.is_dir()]
    assert package == "pulumi_agin_native"


def test_functions_accept_outputs_in_python(project: Project, sdks: Path, tmp_path: Path) -> None:
    # The SDK reads its own version, as of an installed package.
    metadata = tmp_path / "packages" / "pulumi_agin_native.dist-info" / "METADATA"
    metadata.parent.mkdir(parents=True)
    metadata.write_text(f"Metadata-Version: 2.1\nName: pulumi_agin_native\nVersion: {VERSION}\n")
    project.environment["PYTHONPATH"] = f"{sdks / 'python'}:{tmp_path / 'packages'}"
    project.program("""
        import pulumi_agin_native as native

        policy = native.AgentIngressCertPolicyArgs(authority="letsencrypt", private_key_type="rsa")
        ingress = native.AgentIngress("a", domain="connect.acme.com", certificate_management_policy=policy)

        def configured(found, invoke):
            return invoke(
                domain=found.domain,
                certificate_management_policy=found.certificate_management_policy,
                region_domains=found.region_domains,
            ).yaml

        found = native.get_agent_ingress_output(id=ingress.id)
        pulumi.export("of a resource", configured(ingress, native.agent_config_output))
        pulumi.export("of a lookup", found.apply(lambda found: configured(found, native.agent_config)))
        """)
    project.up()
    outputs = project.outputs()
    assert "connect_cas" in outputs["of a resource"]
    assert outputs["of a lookup"] == outputs["of a resource"]


def test_there_is_one_for_dotnet(sdks: Path) -> None:
    assert "class AgentIngress " in (sdks / "dotnet" / "AgentIngress.cs").read_text(encoding="utf-8")
