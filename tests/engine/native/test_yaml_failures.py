"""Failures of programs in YAML: an `up` that fails in part. Each resource is named for its case."""

from __future__ import annotations

from pulumi_agin.emulator import Emulator
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY
from tests.support.ngrok import create
from tests.support.project import Project

TYPE = "agin:index:AgentIngress"
URN = f"urn:pulumi:dev::test::{TYPE}::"
REPLACE = ("--replace", f"{URN}replaced")

BEFORE = """
    resources:
      kept-policy:
        type: agin:AgentIngress
        properties: {domain: kept-policy.acme.com, certificateManagementPolicy: {authority: letsencrypt}}
      old-name: {type: agin:AgentIngress, properties: {domain: renamed.acme.com}}
      replaced: {type: agin:AgentIngress, properties: {domain: replaced.acme.com}}
    """
AFTER = """
    resources:
      other: {type: "pulumi:providers:agin", properties: {apiKey: OTHER_KEY}}
      kept-policy: {type: agin:AgentIngress, properties: {domain: kept-policy.acme.com}}
      new-name: {type: agin:AgentIngress, properties: {domain: renamed.acme.com}}
      replaced: {type: agin:AgentIngress, properties: {domain: replaced.acme.com}}
      rejected: {type: agin:AgentIngress, properties: {domain: rejected.acme.com}}
      taken: {type: agin:AgentIngress, properties: {domain: taken.acme.com}}
      taken-by-other:
        type: agin:AgentIngress
        properties: {domain: taken-by-other.acme.com}
        options: {provider: "${other}"}
      created: {type: agin:AgentIngress, properties: {domain: created.acme.com}}
    """.replace("OTHER_KEY", OTHER_ACCOUNTS_KEY)


def test_preview_warns_of_each_failure_of_a_partly_failed_up(yaml_project: Project, emulator: Emulator) -> None:
    project = yaml_project
    emulator.configure(null_policy="ignored")
    project.yaml_program(BEFORE)
    project.up()
    ids = {resource["urn"].removeprefix(URN): resource["id"] for resource in project.of_type(TYPE)}
    ids["taken"] = create(emulator, "taken.acme.com")
    ids["taken-by-other"] = create(emulator, "taken-by-other.acme.com", OTHER_ACCOUNTS_KEY)

    project.yaml_program(AFTER)
    warnings = project.pulumi("preview", *REPLACE).messages
    assert "does not use ngrok itself" in warnings.pop("test-dev")
    assert warnings.keys() == {"kept-policy", "new-name", "replaced", "taken", "taken-by-other"}
    assert (
        "this update removes the certificateManagementPolicy of kept-policy.acme.com: if ngrok keeps it, the update fai"
        in warnings["kept-policy"]
    )
    declaration = 'certificateManagementPolicy: { authority: "letsencrypt", privateKeyType: "rsa" }'
    assert f"To keep the policy, declare it in the program: `{declaration}`" in warnings["kept-policy"]
    for name in ("taken", "taken-by-other"):
        assert f"{name}.acme.com already has an Agent Ingress, so `pulumi up` fails" in warnings[name]

    rejected = project.pulumi("preview", env={"NGROK_API_KEY": API_KEY[::-1]})
    assert (
        rejected.diagnostics.count("warning: ngrok rejects the API key, so `pulumi up` will fail: could not list") == 1
    )

    rejection = {"status_code": 403, "error_code": "ERR_NGROK_202", "msg": "no: '{api_key}'"}
    emulator.add_fault("POST", "respond", domain="rejected.acme.com", status=403, json_body=rejection)
    emulator.add_fault("POST", "respond", domain="created.acme.com", status=502)
    failed = project.up("--continue-on-error", *REPLACE, fails=True)
    expected = {
        "kept-policy": "ngrok did not remove the certificateManagementPolicy of the Agent Ingress",
        "old-name": f"the Agent Ingress {ids['old-name']} is not deleted, because it has the domain of {URN}new-name",
        "new-name": "don't import it: use the option `aliases`",
        "replaced": "after a rename, or see `",
        "rejected": "403 ERR_NGROK_202: no: '[key]'. The API key came from the environment variable NGROK_API_KEY",
        "taken": f"pulumi import --stack dev --generate-code=false --yes -- {TYPE} taken {ids['taken']}",
        "taken-by-other": f'with the option `import: "{ids["taken-by-other"]}"`',
        "test-dev": "update failed",
    }
    assert {name: expected[name] in text for name, text in failed.messages.items()} == dict.fromkeys(expected, True)
    assert "pulumi-agin explain removed-policy" in failed.messages["kept-policy"]
    assert not failed.has_traceback
    project.assert_no_key(failed.output)
    kept = {resource["urn"].removeprefix(URN): resource for resource in project.of_type(TYPE)}
    assert {name for name, resource in kept.items() if resource.get("initErrors")} == {"kept-policy"}
    ids["created"] = kept["created"]["id"]
    assert {name: resource["id"] for name, resource in kept.items()} == {
        name: ids[name] for name in ("kept-policy", "old-name", "replaced", "created")
    }

    # As the messages and the errors page say.
    project.edit(
        {
            "{domain: kept-policy.acme.com}": (
                "{domain: kept-policy.acme.com, certificateManagementPolicy: {authority: letsencrypt}}"
            ),
            "{domain: renamed.acme.com}": f'{{domain: renamed.acme.com}}, options: {{aliases: ["{URN}old-name"]}}',
            "{domain: replaced.acme.com}": "{domain: replaced.acme.com}, options: {deleteBeforeReplace: true}",
            "{domain: taken.acme.com}": f"{{domain: taken.acme.com}}, options: {{import: {ids['taken']}}}",
            'provider: "${other}"': f'provider: "${{other}}", import: {ids["taken-by-other"]}',
        }
    )
    emulator.clear_requests()
    settled = project.up(*REPLACE)
    for count in ("+ 1 created", "~ 1 updated", "= 2 imported", "+-1 replaced"):
        assert count in settled
    assert emulator.counts()["POST /agent_ingresses"] == 2
    assert "PATCH /agent_ingresses/{id}" not in emulator.counts()
    kept = {resource["urn"].removeprefix(URN): resource for resource in project.of_type(TYPE)}
    assert {resource["id"] for resource in kept.values()} == {ingress["id"] for ingress in emulator.ingresses()}
    assert {name for name, resource in kept.items() if ids.get(name) != resource["id"]} == {
        "new-name",
        "replaced",
        "rejected",
    }
    assert kept["new-name"]["id"] == ids["old-name"]
