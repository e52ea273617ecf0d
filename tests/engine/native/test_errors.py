"""What a user reads when something is wrong, in the words of this door."""

from __future__ import annotations

import re

import pytest

from pulumi_agin.emulator import Emulator
from tests.engine.native.program import LANGUAGES, PROVIDER, Language, NativeProject, Ref, Resource, ingress
from tests.support.keys import OTHER_ACCOUNTS_KEY
from tests.support.ngrok import create
from tests.support.project import UNCHANGED


@pytest.mark.parametrize("language", LANGUAGES)
def test_everything_wrong_is_in_the_preview_and_nothing_is_sent(
    project: NativeProject, emulator: Emulator, language: Language
) -> None:
    policy = {"authority": "acme", "privateKeyType": "dsa"}
    said = [
        "property domain value {https://connect.acme.com} has a problem: the domain is a URL; give the domain alone",
        "description has 256 bytes of UTF-8; ngrok takes 255 at most",
        "metadata has 5000 bytes of UTF-8; ngrok takes 4096 at most",
        'certificateManagementPolicy.authority must be "letsencrypt"',
        'certificateManagementPolicy.privateKeyType must be "rsa" or "ecdsa"',
        "there is no ngrok API key: set it with `pulumi config set --secret agin:apiKey`, "
        "or in the environment variable NGROK_API_KEY",
        "the base URL from the environment variable NGROK_API_BASE_URL must begin with https://",
    ]
    if language == "typescript":
        # The host of YAML refuses such a name itself.
        policy["privateKeyTyp"] = "rsa"
        said.append('certificateManagementPolicy.privateKeyTyp is not known; did you mean "privateKeyType"?')
    a = ingress(
        "https://connect.acme.com", description="x" * 256, metadata="y" * 5000, certificateManagementPolicy=policy
    )
    project.write({"a": a})
    failed = project.preview(fails=True, env={"NGROK_API_KEY": "", "NGROK_API_BASE_URL": "http://api.ngrok.com"})
    for each in said:
        assert each in failed
    assert "xxxxx" not in failed
    assert "yyyyy" not in failed
    assert not failed.has_traceback
    assert emulator.requests() == []


def test_a_misspelled_setting_is_named_with_the_likeliest_right_name(project: NativeProject) -> None:
    project.config(plain={"agin:apiKye": "2tst"})
    project.write({"a": ingress("connect.acme.com")})
    failed = project.preview(fails=True)
    assert 'property apiKye is not known; did you mean "apiKey"?' in failed
    assert "2tst" not in failed


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_ngrok_says_is_one_sentence_with_what_to_do_and_the_key_is_nowhere(
    project: NativeProject, emulator: Emulator
) -> None:
    project.write({"a": ingress("connect.acme.com")})
    refused = {"status_code": 403, "error_code": "ERR_NGROK_202", "msg": "no: '{api_key}'"}
    emulator.add_fault("POST", "answer", status=403, json_body=refused)
    failed = project.up(fails=True)
    assert re.fullmatch(
        r"could not create the Agent Ingress connect.acme.com: ngrok answered 403 ERR_NGROK_202: no: '\[key\]'\. "
        r"The API key came from the environment variable NGROK_API_KEY; check that it is a valid key of your account",
        failed.sentence,
    )
    project.assert_no_key(failed.output)
    assert project.resources() == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_domain_that_is_taken_ends_in_a_line_that_imports_it(project: NativeProject, emulator: Emulator) -> None:
    id_ = create(emulator, "connect.acme.com", description="there already")
    project.write({"a": ingress("connect.acme.com", description="there already")})
    failed = project.up(fails=True)
    assert f"The one that has it is {id_}" in failed
    [line] = [line.strip() for line in failed.output.splitlines() if "pulumi import" in line]
    assert "1 imported" in project.shell(line)
    # The next `up` has nothing to do, except that it ends the protection of what was imported.
    emulator.clear_requests()
    assert UNCHANGED in project.up()
    assert emulator.requests() == []
    assert [resource["id"] for resource in project.resources()] == [id_]


def test_a_domain_that_is_taken_in_the_account_of_a_provider_ends_in_an_option_that_imports_it(
    project: NativeProject, emulator: Emulator
) -> None:
    id_ = create(emulator, "connect.acme.com", OTHER_ACCOUNTS_KEY)
    provider = Resource(PROVIDER, {"apiKey": OTHER_ACCOUNTS_KEY})
    options = {"provider": Ref("p")}
    project.write({"p": provider, "a": ingress("connect.acme.com", options)})
    failed = project.up(fails=True).sentence
    assert (
        f"first check that `pulumi stack export` does not show {id_}. Then give the resource the option `import: "
        in failed
    )
    project.write({"p": provider, "a": ingress("connect.acme.com", {**options, "import": id_})})
    project.up()
    assert [resource["id"] for resource in project.resources()] == [id_]


def test_a_renamed_resource_can_get_another_domain_in_the_same_step(project: NativeProject, emulator: Emulator) -> None:
    project.write({"old": ingress("old.acme.com")})
    project.up()
    options = {"aliases": [project.resources()[0]["urn"]]}
    project.write({"new": ingress("new.acme.com", options)})
    assert "1 replaced" in project.up()
    assert [each["domain"] for each in emulator.ingresses()] == ["new.acme.com"]


def test_a_renamed_resource_without_an_alias_loses_nothing_whatever_goes_on(
    project: NativeProject, emulator: Emulator
) -> None:
    project.write({"old": ingress("connect.acme.com")})
    project.up()
    [there] = emulator.ingresses()
    project.write({"new": ingress("connect.acme.com")})
    failed = project.up("--continue-on-error", fails=True)
    assert "is not deleted, because it has the domain of urn:" in failed.diagnostics
    assert [each["id"] for each in emulator.ingresses()] == [there["id"]]
    assert [each["id"] for each in project.resources()] == [there["id"]]


def test_a_renamed_resource_loses_no_ingress(project: NativeProject, emulator: Emulator) -> None:
    project.write({"old": ingress("connect.acme.com")})
    project.up()
    [there] = emulator.ingresses()
    # The line at the end of the message imports nothing that the stack has.
    project.write({"new": ingress("connect.acme.com")})
    failed = project.up(fails=True)
    assert "renamed or moved in the program, give the resource its old name or parent in the option `aliases`" in failed
    [line] = [line.strip() for line in failed.output.splitlines() if "pulumi import" in line]
    assert f"the stack has {there['id']} already" in project.shell(line)
    # Imported all the same under its new name, it is not deleted under the old one.
    project.write({"new": ingress("connect.acme.com", {"import": there["id"]})})
    failed = project.up(fails=True)
    assert f"the Agent Ingress {there['id']} is not deleted, because" in failed.diagnostics
    [line] = [line.strip() for line in failed.output.splitlines() if "pulumi state delete" in line]
    project.shell(line)
    project.up()
    assert [each["id"] for each in emulator.ingresses()] == [there["id"]]
    assert [each["id"] for each in project.resources()] == [there["id"]]
