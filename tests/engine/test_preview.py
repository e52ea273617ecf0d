"""Exact previews: what an update in place leaves as it is, is known, and what is built on it shows no change."""

from __future__ import annotations

import re
import time
from textwrap import dedent

from pulumi_agin.emulator import Emulator
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY
from tests.support.project import Project, Result

# A record for each value, as many DNS packages have them.
RECORD = """
from pulumi.dynamic import CreateResult, Resource, ResourceProvider


class RecordProvider(ResourceProvider):
    serialize_as_secret_always = False

    def create(self, props):
        return CreateResult(props["target"], props)


class Record(Resource, module="test", name="Record"):
    def __init__(self, name, target, opts=None):
        super().__init__(RecordProvider(), name, {"target": target}, opts)
"""

RECORDS = """
import record

def records(targets):
    for target in targets:
        record.Record(f"ns-{target}", target)

def known(ingress):
    for name in type(ingress).__annotations__:
        getattr(ingress, name).apply(lambda value, name=name: print(f"known {name}: {value!r}"))
"""

COMPUTED = {"ns_targets", "region_domains", "created_at", "uri"}


def program(project: Project, arguments: str, before: str = "") -> None:
    (project.folder / "record.py").write_text(RECORD)
    project.environment["PYTHONPATH"] = str(project.folder)
    ingress = f'a = agin.AgentIngress("a", {arguments})'
    project.program("\n".join([RECORDS, dedent(before), ingress, "a.ns_targets.apply(records)", "known(a)"]))


def known(result: Result) -> dict[str, str]:
    """The outputs that the program got to know, as it printed them."""
    return dict(re.findall(r"^ *known (\w+): (.*)$", result.output, re.M))


DOMAIN = 'domain="connect.acme.com"'
POLICY = 'certificate_management_policy={"authority": "letsencrypt"}'


def test_a_text_changes_and_the_records_do_not(project: Project, emulator: Emulator) -> None:
    program(project, f'{DOMAIN}, description="one", metadata="m"')
    project.up()
    emulator.clear_requests()
    program(project, f'{DOMAIN}, description="two"')
    preview = project.preview()
    assert "1 to update" in preview
    assert "5 unchanged" in preview
    assert "delete" not in preview.output.replace('- metadata   : "m"', "")
    assert emulator.counts() == {"GET /agent_ingresses/{id}": 1}

    before_the_up = known(preview)
    assert set(before_the_up) >= {*COMPUTED, "domain", "description", "metadata"}
    # Nothing that the preview said was untrue.
    assert known(project.up()) == before_the_up

    # Nor are the records shown to change where the text is a secret, or not known yet.
    program(project, f'{DOMAIN}, description=pulumi.Output.secret("hush-hush")')
    preview = project.preview()
    assert "1 to update" in preview
    assert "5 unchanged" in preview
    assert "hush-hush" not in preview.output.replace("known description: 'hush-hush'", "")
    before = 'import record\nunknown = record.Record("new", "text").id'
    program(project, f"{DOMAIN}, description=unknown", before)
    preview = project.preview()
    assert "1 to update" in preview
    assert "1 to create" in preview
    assert "- pulumi-python" not in preview
    assert set(known(preview)) >= COMPUTED
    assert "description" not in known(preview)


def test_a_policy_stays_with_the_key_type_that_ngrok_chose_and_a_change_of_it_is_unknown(
    project: Project, emulator: Emulator
) -> None:
    program(project, f"{DOMAIN}, {POLICY}")
    project.up()
    emulator.set_certificate(emulator.ingresses()[0]["id"], "issued")
    program(project, f'{DOMAIN}, {POLICY}, description="two"')
    before_the_up = known(project.preview())
    assert before_the_up["certificate_management_policy"] == "{'authority': 'letsencrypt', 'private_key_type': 'rsa'}"
    assert "renews_at" in before_the_up["certificate_management_status"]
    assert known(project.up()) == before_the_up

    # Of a change of the policy itself, only the certificate is unknown.
    to_be_made = 'import record\nunknown = record.Record("new", "letsencrypt").id'
    for change, before in (
        (POLICY.replace("}", ', "private_key_type": "ecdsa"}'), ""),
        ("", ""),
        (POLICY.replace('"letsencrypt"', "unknown"), to_be_made),
    ):
        program(project, f"{DOMAIN}, {change}", before)
        preview = project.preview()
        assert "1 to update" in preview
        assert "- pulumi-python" not in preview
        assert set(known(preview)) >= COMPUTED
        assert "certificate_management_status" not in known(preview), change


def test_a_create_and_a_replacement_are_unknown_and_what_is_unchanged_is_known(
    project: Project, emulator: Emulator
) -> None:
    program(project, DOMAIN)
    assert not COMPUTED & set(known(project.preview()))
    assert emulator.counts() == {"GET /agent_ingresses": 1}
    project.up()
    emulator.clear_requests()
    preview = project.preview()
    assert "6 unchanged" in preview
    assert known(preview)["certificate_management_policy"] == "None"
    assert known(preview)["certificate_management_status"] == "None"
    assert set(known(preview)) >= COMPUTED
    assert emulator.requests() == []
    program(project, 'domain="other.acme.com"')
    preview = project.preview()
    assert "1 to replace" in preview
    assert not COMPUTED & set(known(preview))
    # Whether the new domain has an ingress already.
    assert emulator.counts() == {"GET /agent_ingresses": 1}


def test_an_output_that_is_to_be_secret_is_not_shown(project: Project) -> None:
    arguments = f'{DOMAIN}, opts=pulumi.ResourceOptions(additional_secret_outputs=["uri"])'
    project.program(f'a = agin.AgentIngress("a", {arguments})')
    project.up()
    project.program(f'a = agin.AgentIngress("a", {arguments}, description="two")\npulumi.export("uri", a.uri)')
    preview = project.preview()
    assert "uri: [secret]" in " ".join(preview.output.split())
    assert "/agent_ingresses/" not in preview


def test_it_works_with_an_explicit_provider(project: Project, emulator: Emulator) -> None:
    provider = f'second = agin.Provider("second", api_key="{OTHER_ACCOUNTS_KEY}")'
    with_provider = "opts=pulumi.ResourceOptions(provider=second)"
    program(project, f"{DOMAIN}, {with_provider}", provider)
    project.up()
    program(project, f'{DOMAIN}, description="two", {with_provider}', provider)
    preview = project.preview()
    assert "1 to update" in preview
    assert "delete" not in preview
    assert {request["account"] for request in emulator.requests()} == {2}


def test_a_state_that_somebody_edited_is_named_and_a_refresh_puts_it_right(
    project: Project, emulator: Emulator
) -> None:
    # The status of a certificate goes by the clock.
    emulator.configure(job_after_seconds=10_000, issue_after_seconds=20_000)
    project.program(f'agin.AgentIngress("a", {DOMAIN}, {POLICY})')
    project.up()
    right = project.resources()[0]["outputs"]
    state = project.state()
    for resource in state["deployment"]["resources"]:
        if resource["type"].endswith(":AgentIngress"):
            for part in ("inputs", "outputs"):
                resource[part]["certificate_management_policy"] = "letsencrypt"
                del resource[part]["domain"]
    project.write_state(state)
    for failed in (project.pulumi("preview", fails=True), project.up(fails=True)):
        assert (
            "in the state of this Agent Ingress, domain is missing and certificate_management_policy is not an object. "
            "Somebody edited the state" in failed.diagnostics
        )
        assert "run `pulumi refresh`, which reads the values from ngrok again" in failed.diagnostics
        assert not failed.has_traceback
    project.refresh()
    assert project.resources()[0]["outputs"] == right
    assert "2 unchanged" in project.preview()
    assert [ingress["domain"] for ingress in emulator.ingresses()] == ["connect.acme.com"]


def test_a_preview_goes_on_where_ngrok_cant_be_asked(project: Project, emulator: Emulator) -> None:
    program(project, DOMAIN, 'agin.AgentIngress("b", domain="b.acme.com")')
    project.up()
    program(project, f'{DOMAIN}, description="two"', 'agin.AgentIngress("b", domain="b.acme.com", description="two")')
    emulator.add_fault("GET", "answer", times=None, status=403, json_body={"msg": "no {api_key}", "status_code": 403})
    preview = project.preview()
    assert "2 to update" in preview
    assert not COMPUTED & set(known(preview))
    [warning] = [line for line in preview.output.splitlines() if line.strip().startswith("warning:")]
    assert "ngrok answered 403: no [key]" in warning
    assert API_KEY[:8] not in preview


def test_what_is_previewed_later_than_a_preview_waits_is_asked_too(project: Project) -> None:
    program = """
        import asyncio

        async def later(text):
            if pulumi.runtime.is_dry_run():
                await asyncio.sleep(3)
            return text

        agin.AgentIngress("a", domain="a.acme.com", description="{0}").uri.apply(print)
        b = agin.AgentIngress("b", domain="b.acme.com", description=pulumi.Output.from_input(later("{0}")))
        b.ns_targets.apply(lambda targets: print("known", targets))
        """
    project.program(program.format("one"))
    project.up()
    project.program(program.format("two"))
    preview = project.preview(env={"NGROK_API_TIMEOUT_SECONDS": "2"})
    assert "2 to update" in preview
    assert "known ['" in preview
    assert "warning" not in preview


def test_a_preview_asks_nothing_about_what_the_program_does_not_use(project: Project, emulator: Emulator) -> None:
    ingress = 'a = agin.AgentIngress("a", domain="connect.acme.com", description="{0}")'
    project.program(ingress.format("one"))
    project.up()
    emulator.clear_requests()
    # A resource in the stack's outputs is used as it is: the engine shows no unknown value of it as a change.
    project.program(ingress.format("two") + '\npulumi.export("whole", a)')
    preview = project.preview()
    assert "1 to update" in preview
    assert emulator.requests() == []


def test_the_preview_of_a_resource_in_the_outputs_shows_no_untrue_change(project: Project) -> None:
    ingress = f'a = agin.AgentIngress("a", {DOMAIN}, {POLICY}, description="one")\npulumi.export("whole", a)'
    project.program(ingress)
    project.up()
    project.program(ingress.replace("one", "two"))
    outputs = project.preview().output.partition("--outputs:--")[2].partition("Resources:")[0]
    assert re.findall(r"^ *[-+~] (\w+)", outputs, re.M) == ["whole", "description"]


def test_an_output_that_the_program_sets_stays_as_it_is_set(project: Project) -> None:
    project.program(f'agin.AgentIngress("a", {DOMAIN})')
    project.up()
    project.program(
        f"""
        a = agin.AgentIngress("a", {DOMAIN}, description="two")
        a.created_at.apply(lambda value: print("known", value))
        a.uri = pulumi.Output.from_input("ours")
        a.uri.apply(lambda value: print("known", value))
        """
    )
    preview = project.preview()
    assert "known ours" in preview
    assert preview.output.count("known ") == 2


def test_a_preview_of_one_that_is_gone_says_so(project: Project, emulator: Emulator) -> None:
    program(project, DOMAIN)
    project.up()
    emulator.delete_ingress(emulator.ingresses()[0]["id"])
    program(project, f'{DOMAIN}, description="two"')
    preview = project.pulumi("preview")
    [warning] = preview.diagnostics.split("warning: ")[1:]
    assert warning.startswith(
        f"the Agent Ingress {project.resources()[0]['id']} no longer exists, or the API key is of"
    )
    assert "so this update will fail" in warning
    assert "ngrok answered 404" in warning
    assert "Run `pulumi refresh`" in warning
    assert "can't tell" not in preview


def test_a_preview_of_many(project: Project, emulator: Emulator) -> None:
    emulator.configure(limit=0)
    many = (
        'for n in range(100): agin.AgentIngress(f"a{{n}}", domain=f"d{{n}}.acme.com", description="{0}")'
        ".created_at.apply(lambda value: print('known'))"
    )
    project.program(many.format("one"))
    # One write of the state, not one after each resource.
    project.up(env={"PULUMI_EXPERIMENTAL": "true", "PULUMI_SKIP_CHECKPOINTS": "true"})
    began = time.monotonic()
    assert "101 unchanged" in project.preview()
    a_part = (time.monotonic() - began) / 2
    project.program(many.format("two"))
    emulator.clear_requests()

    # It is exact though Pulumi takes longer for it than ngrok may: only the time in which ngrok is asked counts.
    preview = project.preview(env={"NGROK_API_TIMEOUT_SECONDS": str(a_part)})
    assert "100 to update" in preview
    assert "warning" not in preview
    assert len(re.findall(r"^ *known$", preview.output, re.M)) == 100
    # By one list, but for a few that could not wait for it.
    counts = emulator.counts()
    assert counts.pop("GET /agent_ingresses") <= 2
    assert sum(counts.values()) < 20

    # For an answer that never comes it waits no longer than for one.
    emulator.clear_requests()
    emulator.add_fault("GET", "hang", times=None)
    preview = project.preview(env={"NGROK_API_TIMEOUT_SECONDS": "4"})
    assert "100 to update" in preview
    assert preview.output.count("warning: The preview of an update can't tell which outputs it leaves alone") == 1
    # Those that waited for a thread meanwhile did not ask as well.
    assert sum(emulator.counts().values()) < 60
