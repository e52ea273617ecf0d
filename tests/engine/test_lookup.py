"""Looking Agent Ingresses up, through the real engine."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from textwrap import dedent

import pytest

from pulumi_agin.emulator import Emulator
from tests.support.keys import OTHER_ACCOUNTS_KEY
from tests.support.ngrok import create
from tests.support.project import COMMAND_TIMEOUT_SECONDS, Project, Result
from tests.support.waiting import until


def test_by_id_and_by_domain_in_any_spelling_with_typed_results(project: Project, emulator: Emulator) -> None:
    emulator.configure(job_after_seconds=0, issue_after_seconds=10_000)
    policy = {"authority": "letsencrypt", "private_key_type": "ecdsa"}
    id_ = create(emulator, "connect.acme.com", description="d", certificate_management_policy=policy)
    create(emulator, "other.acme.com")
    project.program(
        f"""
        found = [
            agin.get_agent_ingress(id="{id_}"),
            agin.get_agent_ingress(domain=" Connect.ACME.com. "),
        ]
        later = [
            agin.get_agent_ingress_output(id=pulumi.Output.from_input("{id_}")),
            agin.get_agent_ingress_output(domain="CONNECT.acme.com"),
        ]
        assert all(isinstance(one, agin.GetAgentIngressResult) for one in found)
        assert isinstance(found[0].certificate_management_policy, agin.AgentIngressCertPolicy)
        assert isinstance(found[0].certificate_management_status, agin.AgentIngressCertStatus)
        assert found[0].certificate_management_policy.authority == "letsencrypt"
        assert found[0]["certificate_management_policy"]["private_key_type"] == "ecdsa"
        assert found[0].ns_targets == found[0]["ns_targets"] == sorted(found[0].ns_targets)
        pulumi.export("found", [*found, *later])
        pulumi.export("lifted", later[0].ns_targets[0])
        """
    )
    project.preview()
    project.up()
    found = project.outputs()["found"]
    [expected] = [ingress for ingress in emulator.ingresses() if ingress["id"] == id_]
    for one in found:
        assert one == found[0]
        assert (one["id"], one["domain"], one["description"], one["metadata"]) == (id_, "connect.acme.com", "d", "")
        assert one["ns_targets"] == sorted(f"{target.rstrip('.')}." for target in expected["ns_targets"])
        assert one["region_domains"] == sorted(expected["region_domains"])
        assert one["certificate_management_policy"] == policy
        assert one["created_at"] == expected["created_at"]
        assert one["uri"].endswith(f"/agent_ingresses/{id_}")
    assert project.outputs()["lifted"] == found[0]["ns_targets"][0]


def test_all_of_them_over_every_page_and_with_a_filter(project: Project, emulator: Emulator) -> None:
    emulator.configure(limit=0)
    domains = [f"d{number}.acme.com" for number in range(205)]
    for number, domain in enumerate(domains):
        create(emulator, domain, metadata="iot" if number % 50 == 0 else "")
    project.program(
        """
        everything = agin.get_agent_ingresses().agent_ingresses
        pulumi.export("all", [one.domain for one in everything])
        some = agin.get_agent_ingresses('obj.metadata == "iot"').agent_ingresses
        pulumi.export("some", [one["domain"] for one in some])
        wanted = pulumi.Output.from_input("iot").apply(lambda metadata: f'obj.metadata == "{metadata}"')
        later = agin.get_agent_ingresses_output(filter=wanted)
        pulumi.export("later", later.apply(lambda found: [one.domain for one in found.agent_ingresses]))
        pulumi.export("none", agin.get_agent_ingresses('obj.metadata == "nobody"').agent_ingresses)
        """
    )
    project.up()
    outputs = project.outputs()
    some = sorted(f"d{number}.acme.com" for number in (0, 50, 100, 150, 200))
    assert outputs == {"all": sorted(domains), "some": some, "later": some, "none": []}


def test_the_provider_is_that_of_the_options_or_of_the_parent(project: Project, emulator: Emulator) -> None:
    create(emulator, "ours.acme.com")
    create(emulator, "theirs.acme.com", OTHER_ACCOUNTS_KEY)
    project.config(secret={"otherKey": OTHER_ACCOUNTS_KEY})
    project.program(
        """
        other = agin.Provider("other", pulumi.Config().require_secret("otherKey"))

        def seen(**options):
            now = [one.domain for one in agin.get_agent_ingresses(opts=pulumi.InvokeOptions(**options)).agent_ingresses]
            later = agin.get_agent_ingresses_output(opts=pulumi.InvokeOutputOptions(**options))
            return [now, later.apply(lambda found: [one.domain for one in found.agent_ingresses])]

        class Inner(pulumi.ComponentResource):
            def __init__(self, name, opts=None):
                super().__init__("acme:index:Inner", name, None, opts)
                pulumi.export(name, seen(parent=self))

        class Outer(pulumi.ComponentResource):
            def __init__(self, name, opts=None):
                super().__init__("acme:index:Outer", name, None, opts)
                Inner(name, pulumi.ResourceOptions(parent=self))

        pulumi.export("default", seen())
        pulumi.export("provider", seen(provider=other))
        Outer("inside-ours")
        Outer("inside-theirs", pulumi.ResourceOptions(providers=[other]))
        """
    )
    project.up()
    ours, theirs = [["ours.acme.com"]] * 2, [["theirs.acme.com"]] * 2
    assert project.outputs() == {
        "default": ours,
        "provider": theirs,
        "inside-ours": ours,
        "inside-theirs": theirs,
    }


def test_what_is_yet_to_be_made_is_not_asked_for_in_a_preview(project: Project, emulator: Emulator) -> None:
    project.program(
        """
        class Site(pulumi.ComponentResource):
            def __init__(self, name):
                super().__init__("acme:index:Site", name)
                agin.AgentIngress("b", domain="b.acme.com", opts=pulumi.ResourceOptions(parent=self))

        a = agin.AgentIngress("a", domain="a.acme.com")
        after = pulumi.InvokeOutputOptions(depends_on=[Site("site")])
        pulumi.export("by id", agin.get_agent_ingress_output(id=a.id).domain)
        pulumi.export("by domain", agin.get_agent_ingress_output(domain=a.domain).domain)
        pulumi.export("after", agin.get_agent_ingress_output(domain="b.acme.com", opts=after).domain)
        """
    )
    assert "by domain" in project.preview()
    # Only whether the domains have ingresses already.
    assert emulator.counts().keys() == {"GET /agent_ingresses"}
    assert all("filter" not in request["query"] for request in emulator.requests())
    project.up()
    expected = {"by id": "a.acme.com", "by domain": "a.acme.com", "after": "b.acme.com"}
    assert project.outputs() == expected
    assert "unchanged" in project.preview()


def test_a_secret_argument_makes_a_secret_result(project: Project, emulator: Emulator) -> None:
    create(emulator, "connect.acme.com")
    project.program(
        """
        plain = agin.get_agent_ingress_output(domain=pulumi.Output.from_input("connect.acme.com"))
        secret = agin.get_agent_ingress_output(domain=pulumi.Output.secret("connect.acme.com"))
        pulumi.export("plain", plain.uri)
        pulumi.export("secret", secret.uri)
        """
    )
    project.up()
    shown = json.loads(project.pulumi("stack", "output", "--json").output)
    assert shown["secret"] == "[secret]"
    assert "/agent_ingresses/agin_" in shown["plain"]


FROM_ENVIRONMENT = "in the account of the API key from the environment variable NGROK_API_KEY"

# What a program asks for in vain, and what it is told. FORM is the plain one or the one of Outputs.
WRONG = {
    'agin.get_agent_ingressFORM(domain="no.acme.com")': (
        f"there is no Agent Ingress with the domain no.acme.com {FROM_ENVIRONMENT}"
    ),
    'agin.get_agent_ingressFORM(id="agin_2k5okIo7afS6bKA3xNDLRZ9rjqk")': (
        "could not read the Agent Ingress agin_2k5okIo7afS6bKA3xNDLRZ9rjqk: ngrok answered 404: Resource not found "
        f"(operation OP): there is no such Agent Ingress {FROM_ENVIRONMENT}"
    ),
    'agin.get_agent_ingressFORM(domain="https://connect.acme.com")': (
        "get_agent_ingress can't look that up: domain is a URL; give the domain alone, such as connect.acme.com"
    ),
    'agin.get_agent_ingressFORM(id="../evil")': (
        '"../evil" is not the id of an Agent Ingress; an id looks like agin_2k5okIo7afS6bKA3xNDLRZ9rjqk'
    ),
    "agin.get_agent_ingressFORM()": "get_agent_ingress takes exactly one of id and domain, and got neither",
    'agin.get_agent_ingressesFORM("obj.(")': "could not list the Agent Ingresses: ngrok answered 400",
    'agin.get_agent_ingressesFORM(" ")': (
        "the filter of get_agent_ingresses is empty; leave it out for all of the account"
    ),
    'agin.get_agent_ingressesFORM(opts=of(pulumi.ProviderResource("pulumi-python", "p", {})))': (
        'the explicit provider "p" is a ProviderResource, whose API key the program can\'t read'
    ),
    'agin.get_agent_ingressesFORM(opts=of(agin.Provider("q", pulumi.Output.from_input(""))))': (
        'api_key of the Provider "q" is empty'
    ),
}

# And with these settings.
WRONG_SETTINGS = {
    ("NGROK_API_KEY", ""): "there is no ngrok API key: set it with `pulumi config set --secret",
    ("NGROK_API_KEY", "nobodys"): "check that it is a valid key of your account",
    ("NGROK_API_BASE_URL", "http://127.0.0.1:1"): (
        "no connection to http://127.0.0.1:1 (the base URL from the environment variable NGROK_API_BASE_URL)"
    ),
}

OF = """
def of(provider):
    return pulumi.InvokeOptions(provider=provider)
"""

ASK_IN_VAIN = f"""
import os
{OF}
os.environ["NGROK_API_TIMEOUT_SECONDS"] = "1"
for number, (call, settings) in enumerate(CALLS):
    before = {{name: os.environ[name] for name in settings}}
    os.environ.update(settings)
    try:
        eval(call)
    except pulumi.RunError as error:
        print(f"told {{number}}: {{error}}")
    os.environ.update(before)
"""


def test_what_is_not_found_or_wrong_and_an_api_that_cannot_be_asked_are_told_in_a_sentence(project: Project) -> None:
    calls: list[tuple[str, dict[str, str]]] = [(call.replace("FORM", ""), {}) for call in WRONG]
    calls += [("agin.get_agent_ingresses()", dict([setting])) for setting in WRONG_SETTINGS]
    project.program(ASK_IN_VAIN.replace("CALLS", repr(calls)))
    told = dict(re.findall(r"^ *told (\d+): (.*)$", project.up().output, re.MULTILINE))
    for number, said in enumerate([*WRONG.values(), *WRONG_SETTINGS.values()]):
        assert_says(told[str(number)], said)


@pytest.mark.parametrize(("call", "said"), [*WRONG.items()][4:8])
def test_an_output_of_that_fails_the_program_with_one_sentence(call: str, said: str, project: Project) -> None:
    project.program(f"{OF}\npulumi.export('found', {call.replace('FORM', '_output')})")
    assert_one_error(project.up(fails=True), said)


@pytest.mark.parametrize("form", ["get_agent_ingress", "get_agent_ingress_output"])
def test_what_is_not_found_is_one_sentence(form: str, project: Project) -> None:
    project.program(f'pulumi.export("found", agin.{form}(domain="no.acme.com"))')
    for failed in (project.preview(fails=True), project.up(fails=True)):
        assert_one_error(failed, f"there is no Agent Ingress with the domain no.acme.com {FROM_ENVIRONMENT}")


def test_an_output_that_fails_where_a_resource_needs_it_is_one_sentence_too(project: Project) -> None:
    project.program(
        """
        found = agin.get_agent_ingress_output(domain="no.acme.com")
        agin.AgentIngress("a", domain="a.acme.com", description=found.id)
        pulumi.export("id", found.id)
        """
    )
    assert_one_error(project.up(fails=True), "there is no Agent Ingress with the domain no.acme.com")


def test_two_of_one_domain_are_an_error(project: Project, emulator: Emulator) -> None:
    create(emulator, "connect.acme.com")
    project.program('agin.get_agent_ingress(domain="connect.acme.com")')
    [ingress] = emulator.ingresses()
    one = {name: ingress[name] for name in ("domain", "ns_targets", "region_domains", "created_at")}
    page = {"ingresses": [{**one, "id": "agin_1"}, {**one, "id": "agin_2"}]}
    emulator.add_fault("GET", "answer", times=None, status=200, json_body=page)
    assert_one_error(project.up(fails=True), "ngrok's list has two Agent Ingresses of one domain")


def test_the_plain_form_fails_where_its_provider_is_not_known_in_a_preview(project: Project) -> None:
    program = """
        from pulumi.dynamic import CreateResult, Resource, ResourceProvider

        class Keys(ResourceProvider):
            def create(self, props):
                return CreateResult("1", {"key": "KEY"})

        class Key(Resource):
            key: pulumi.Output[str]
            def __init__(self, name):
                super().__init__(Keys(), name, {"key": None}, pulumi.ResourceOptions(additional_secret_outputs=["key"]))

        options = pulumi.InvokeOptions(provider=agin.Provider("other", Key("key").key))
        pulumi.export("found", agin.FORM(opts=options))
        """.replace("KEY", OTHER_ACCOUNTS_KEY)
    project.program(program.replace("FORM", "get_agent_ingresses"))
    assert_one_error(
        project.preview(fails=True),
        "get_agent_ingresses can't ask ngrok in this preview, because its Provider has inputs that are not known yet; "
        "get_agent_ingresses_output waits for them",
    )
    project.program(program.replace("FORM", "get_agent_ingresses_output"))
    project.preview()
    project.up()
    assert project.outputs()["found"] == {"agent_ingresses": []}


def waiting_for_an_answer(project: Project, emulator: Emulator, asks: str) -> subprocess.Popen[str]:
    """A preview whose program waits for an answer that never comes. Where it ends by itself, it says so."""
    says_its_end = """
        import atexit, os, pathlib
        pathlib.Path("pid").write_text(str(os.getpid()))
        atexit.register(pathlib.Path("ended").touch)
        """
    if asks == "AgentIngress":
        project.program('agin.AgentIngress("a", domain="connect.acme.com")')
        project.up()
        # Of an update, the program asks what stays as it is, if it uses it.
        asking = 'agin.AgentIngress("a", domain="connect.acme.com", description="new").uri.apply(print)'
    else:
        asking = f'agin.{asks}(domain="connect.acme.com")'
    project.program(f"{dedent(says_its_end)}\n{asking}")
    emulator.clear_requests()
    emulator.add_fault("GET", "hang", times=None)
    # So that its group is one like that of a terminal's foreground.
    preview = project.start("preview", start_new_session=True)
    until("it waits", lambda: emulator.requests() or preview.poll() is not None, COMMAND_TIMEOUT_SECONDS)
    return preview


@pytest.mark.parametrize("asks", ["get_agent_ingress", "get_agent_ingress_output", "AgentIngress"])
def test_one_interrupt_ends_a_program_that_waits_for_an_answer(asks: str, project: Project, emulator: Emulator) -> None:
    # Not by way of the CLI: 5 seconds after it the language host kills a program that does not end.
    with waiting_for_an_answer(project, emulator, asks) as preview:
        try:
            os.kill(int((project.folder / "pid").read_text()), signal.SIGINT)
            until("the program has ended", (project.folder / "ended").exists, COMMAND_TIMEOUT_SECONDS)
            preview.communicate(timeout=COMMAND_TIMEOUT_SECONDS)
        finally:
            preview.kill()


@pytest.mark.parametrize("pressed_in", ["the CLI", "a terminal"])
@pytest.mark.parametrize("asks", ["get_agent_ingress", "get_agent_ingress_output"])
def test_one_interrupt_ends_a_preview_that_waits_for_an_answer(
    asks: str, pressed_in: str, project: Project, emulator: Emulator
) -> None:
    with waiting_for_an_answer(project, emulator, asks) as preview:
        try:
            interrupt = os.killpg if pressed_in == "a terminal" else os.kill
            interrupt(preview.pid, signal.SIGINT)
            output, _ = preview.communicate(timeout=COMMAND_TIMEOUT_SECONDS)
        finally:
            preview.kill()
    assert preview.returncode == 1
    assert "error: preview canceled" in output
    assert not Result(preview.returncode, output).has_traceback


def assert_one_error(failed: Result, said: str) -> None:
    """The sentence is there, alone but for what Pulumi says of any program that fails, and without a traceback."""
    assert not failed.has_traceback
    diagnostics = failed.output.partition("Diagnostics:")[2] or failed.output
    errors = {line.strip() for line in diagnostics.splitlines() if line.strip().startswith("error: ")}
    errors = {error for error in errors if "program exited with non-zero exit code: 1" not in error}
    [error] = errors
    assert_says(error, said)


def assert_says(error: str, said: str) -> None:
    """The sentence is there. OP stands for the id of an operation."""
    before, operation, after = said.partition("OP)")
    assert before in error
    assert operation == "" or after in error
