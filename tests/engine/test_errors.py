"""What a user reads when something is wrong, and that it is nowhere the key."""

from __future__ import annotations

import re

import pytest

from pulumi_agin.emulator import Emulator
from tests.support.keys import API_KEY
from tests.support.project import Project, Result

WRONG = """
    agin.AgentIngress("a", domain="https://connect.acme.com", description="x" * 256, metadata="y" * 5000,
        certificate_management_policy={"authority": "acme", "privateKeyType": "rsa"})
    """


def test_everything_wrong_is_in_the_preview_and_nothing_is_sent(project: Project, emulator: Emulator) -> None:
    project.program(WRONG)
    failed = project.preview(fails=True)
    for said in (
        'the AgentIngress "a" has problems:\n',
        "property domain is a URL; give the domain alone",
        "description has 256 bytes of UTF-8; ngrok takes 255 at most",
        "metadata has 5000 bytes of UTF-8; ngrok takes 4096 at most",
        'certificate_management_policy.authority must be "letsencrypt"',
        'privateKeyType is not known; did you mean "private_key_type"?',
    ):
        assert said in failed
    assert "xxxxx" not in failed
    assert "yyyyy" not in failed
    assert not failed.has_traceback
    assert emulator.requests() == []


@pytest.mark.parametrize(
    ("program", "said"),
    [
        (
            'agin.AgentIngress("a", domian="connect.acme.com")',
            'AgentIngress has no argument domian; did you mean "domain"?',
        ),
        ('agin.Provider("p")', "Provider: missing a required argument: 'api_key'"),
        (
            'agin.AgentIngres("a", domain="connect.acme.com")',
            'pulumi_agin has no AgentIngres; did you mean "AgentIngress"?',
        ),
        ('agin.dns.route53(zone_id="Z1")', 'pulumi_agin.dns has no route53; did you mean "aws"?'),
    ],
)
def test_a_mistake_in_the_program_is_one_line_with_its_place(project: Project, program: str, said: str) -> None:
    project.program(f"name = 'connect'\n{program}")
    failed = project.preview(fails=True)
    lines = (project.folder / "__main__.py").read_text().splitlines()
    assert f"error: __main__.py:{lines.index(program) + 1}: {said}\n" in failed
    assert "Traceback" not in failed
    assert "File " not in failed


def test_a_wrong_key_type_of_the_config_is_answered_with_the_right_ones(project: Project) -> None:
    project.config(plain={"test:keyType": "dsa"})
    key_type = 'agin.PrivateKeyType(pulumi.Config().require("keyType"))'
    policy = f'agin.AgentIngressCertPolicyArgs(authority="letsencrypt", private_key_type={key_type})'
    project.program(f'agin.AgentIngress("a", domain="connect.acme.com", certificate_management_policy={policy})')
    failed = project.preview(fails=True)
    assert 'error: PrivateKeyType must be "rsa" or "ecdsa", not "dsa"\n' in failed
    assert "Traceback" not in failed


def test_a_dict_as_metadata_is_told_of_json(project: Project) -> None:
    project.program('agin.AgentIngress("a", domain="connect.acme.com", metadata={"team": pulumi.Output.from_input(1)})')
    failed = project.preview(fails=True)
    assert "property metadata must be text, but is a dictionary; `json.dumps(…)` makes text of it\n" in failed


def test_settings_come_from_the_stack_config_first(project: Project, emulator: Emulator) -> None:
    project.program('agin.AgentIngress("a", domain="connect.acme.com")')
    project.config(
        secret={"ngrok:apiKey": API_KEY}, plain={"ngrok:apiBaseUrl": emulator.url, "ngrok:timeoutSeconds": 17}
    )
    wrong = {"NGROK_API_KEY": "2tst_a_wrong_one_from_the_environment", "NGROK_API_BASE_URL": "https://x.invalid"}
    project.up(env=wrong)
    assert len(emulator.ingresses()) == 1
    # And from the state, where no program runs.
    project.destroy(env=wrong)
    assert emulator.ingresses() == []


def test_what_ngrok_says_is_one_sentence(project: Project, emulator: Emulator) -> None:
    project.program('agin.AgentIngress("a", domain="connect.ngrok.io")')
    failed = project.up(fails=True)
    [line] = [line for line in failed.output.splitlines() if line.startswith("    error: could not")]
    assert re.fullmatch(
        r" +error: could not create the Agent Ingress connect.ngrok.io: ngrok answered 400 ERR_NGROK_6705: "
        r'The agent ingress domain "connect.ngrok.io" must be a third party domain, '
        r"you may not enter a domain controlled by ngrok. \(operation op_\w+\)",
        line,
    )
    assert not failed.has_traceback


def test_a_refusal_says_what_to_do_and_the_key_is_nowhere(project: Project, emulator: Emulator) -> None:
    project.program('agin.AgentIngress("a", domain="connect.acme.com")')
    refused = {"status_code": 403, "error_code": "ERR_NGROK_202", "msg": "no: '{api_key}'"}
    emulator.add_fault("POST", "answer", status=403, json_body=refused)
    failed = project.up(fails=True)
    said = "403 ERR_NGROK_202: no: '[key]'. The API key came from the environment variable NGROK_API_KEY"
    assert said in failed.diagnostics
    assert not failed.has_traceback
    project.assert_no_key(failed.output)
    assert emulator.ingresses() == []
    assert project.resources() == []


def test_the_key_and_secrets_are_nowhere_not_in_the_most_detailed_log_either(
    project: Project, emulator: Emulator
) -> None:
    project.config(secret={"ngrok:apiKey": API_KEY, "description": "hush-hush-hush"})
    project.program(
        """
        a = agin.AgentIngress("a", domain="connect.acme.com", description=pulumi.Config().require_secret("description"))
        pulumi.export("description", a.description)
        """
    )
    shown = project.preview("-v=9", "--logtostderr").output
    shown += project.up("-v=9", "--logtostderr").output
    emulator.set_ingress(emulator.ingresses()[0]["id"], {"metadata": "theirs"})
    shown += project.refresh("-v=9", "--logtostderr").output
    for part in ("inputs", "outputs"):
        assert "ciphertext" in project.resources()[0][part]["description"]
    assert emulator.ingresses()[0]["description"] == "hush-hush-hush"
    shown += project.destroy("-v=9", "--logtostderr").output
    project.assert_no_key(shown)
    for text in (shown, *project.files().values()):
        assert "hush-hush-hush" not in text


def test_an_api_key_in_clear_is_warned_of_once(project: Project, emulator: Emulator) -> None:
    project.program(
        """
        for name in "ab":
            agin.AgentIngress(name, domain=f"{name}.acme.com")
        """
    )
    project.config(plain={"ngrok:apiKey": API_KEY})
    for shown in (project.pulumi("preview"), project.up()):
        [warning] = [line for line in shown.output.partition("Diagnostics:")[2].splitlines() if "warning:" in line]
        assert "ngrok:apiKey is in the stack config in clear" in warning
        assert "`pulumi config set --secret ngrok:apiKey`" in warning
        assert API_KEY[:8] not in shown
    project.config(secret={"ngrok:apiKey": API_KEY})
    assert "warning:" not in project.up()
    assert len(emulator.ingresses()) == 2


def test_a_debug_log_has_a_line_for_each_request_and_no_secret(project: Project, emulator: Emulator) -> None:
    project.environment["PULUMI_AGIN_LOG"] = "debug"
    line = r"pulumi-agin: {} {} {} \d+ ms op_[0-9a-f]{{32}}"

    def logged(shown: Result) -> list[str]:
        assert API_KEY[:8] not in shown
        assert "hush" not in shown
        # As they come, and once more at the end.
        lines = [text.strip() for text in shown.output.partition("Diagnostics:")[2].splitlines()]
        return [text for text in lines if text.startswith("pulumi-agin: ")]

    project.program('agin.AgentIngress("a", domain="connect.acme.com")')
    emulator.add_fault("POST", "answer", status=500, body="{api_key}")
    emulator.add_fault("POST", "reset_before")
    failed, lost, made = logged(project.up())
    # A fault of the emulator's has no operation id.
    assert re.fullmatch(r"pulumi-agin: POST /agent_ingresses 500 \d+ ms", failed)
    assert re.fullmatch(r"pulumi-agin: POST /agent_ingresses no answer \d+ ms", lost)
    assert re.fullmatch(line.format("POST", "/agent_ingresses", 201), made)
    path = f"/agent_ingresses/{emulator.ingresses()[0]['id']}"

    hidden = 'metadata=pulumi.Output.secret("hush")'
    project.program(f'agin.AgentIngress("a", domain="connect.acme.com", {hidden}).uri.apply(print)')
    # In the preview the program itself asks.
    [previewed] = logged(project.pulumi("preview"))
    assert re.fullmatch(line.format("GET", path, 200), previewed)
    [updated] = logged(project.up())
    assert re.fullmatch(line.format("PATCH", path, 200), updated)
    [read] = logged(project.refresh())
    assert re.fullmatch(line.format("GET", path, 200), read)
    [deleted] = logged(project.destroy())
    assert re.fullmatch(line.format("DELETE", path, 204), deleted)

    refused = project.preview(fails=True, env={"PULUMI_AGIN_LOG": "verbose"})
    assert 'the environment variable PULUMI_AGIN_LOG must be "debug", or not set' in refused


@pytest.mark.parametrize(
    "program",
    ['agin.AgentIngress("a", domain="connect.acme.com")', 'agin.get_agent_ingress(domain="connect.acme.com")'],
    ids=["up", "lookup"],
)
def test_a_malformed_proxy_is_told_without_its_url(program: str, project: Project) -> None:
    project.program(program)
    env = {
        "NGROK_API_BASE_URL": "https://ngrok.invalid",
        "HTTPS_PROXY": "http://someone:sesame#opens@127.0.0.1:99999",
        "NO_PROXY": "127.0.0.1,localhost",
    }
    failed = project.up(fails=True, env=env)
    assert "the proxy that HTTPS_PROXY or ALL_PROXY names can't be used, because its URL is malformed" in failed
    for told in ("someone", "sesame", "opens", "99999"):
        assert told not in failed
    assert not failed.has_traceback


def test_certificates_that_are_not_there_are_a_sentence(project: Project) -> None:
    project.program('agin.AgentIngress("a", domain="connect.acme.com")')
    env = {"NGROK_API_BASE_URL": "https://ngrok.invalid", "REQUESTS_CA_BUNDLE": "/nonexistent"}
    failed = project.up(fails=True, env=env)
    assert "could not create the Agent Ingress connect.acme.com: no answer from https://ngrok.invalid" in failed
    assert "/nonexistent" in failed
    assert not failed.has_traceback
