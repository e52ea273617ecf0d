"""Lookups of Agent Ingresses through the real engine."""

from __future__ import annotations

import json
import os
import re
import signal

from pulumi_agin.emulator import Emulator
from tests.support.keys import OTHER_ACCOUNTS_KEY
from tests.support.ngrok import create
from tests.support.project import COMMAND_TIMEOUT_SECONDS, Project
from tests.support.result import Result
from tests.support.waiting import until

POLICY = {"authority": "letsencrypt", "private_key_type": "ecdsa"}

# By ID and domain in any spelling, by a filter, with the provider of the options or of the parent, and before what is
# looked up exists. `print_failures` is for those that fail.
PROGRAM = f"""
from pulumi.dynamic import CreateResult, Resource, ResourceProvider

other = agin.Provider("other", "{OTHER_ACCOUNTS_KEY}")

found = [agin.get_agent_ingress(id="ID"), agin.get_agent_ingress(domain=" Connect.ACME.com. ")]
assert all(isinstance(one, agin.GetAgentIngressResult) for one in found)
assert isinstance(found[0].certificate_management_policy, agin.AgentIngressCertPolicy)
assert isinstance(found[0].certificate_management_status, agin.AgentIngressCertStatus)
assert found[0].certificate_management_policy.authority == "letsencrypt"
assert found[0]["certificate_management_policy"]["private_key_type"] == "ecdsa"
assert found[0].ns_targets == found[0]["ns_targets"]
later = [
    agin.get_agent_ingress_output(id=pulumi.Output.from_input("ID")),
    agin.get_agent_ingress_output(domain="CONNECT.acme.com"),
]
pulumi.export("found", [*found, *later])
pulumi.export("lifted", later[0].ns_targets[0])
read = agin.AgentIngress.get("read", "ID")
pulumi.export("read", {{"id": read.id, "domain": read.domain, "ns_targets": read.ns_targets}})
secret = agin.get_agent_ingress_output(domain=pulumi.Output.secret("connect.acme.com"))
pulumi.export("secret", secret.uri)


def domains(**options):
    now = agin.get_agent_ingresses('obj.metadata == "iot"', opts=pulumi.InvokeOptions(**options))
    iot = pulumi.Output.from_input("iot")
    filter = iot.apply(lambda metadata: f'obj.metadata == "{{metadata}}"')
    later = agin.get_agent_ingresses_output(filter=filter, opts=pulumi.InvokeOutputOptions(**options))
    return [
        [one.domain for one in now.agent_ingresses],
        later.apply(lambda later: [one["domain"] for one in later.agent_ingresses]),
    ]


class Inner(pulumi.ComponentResource):
    def __init__(self, name, opts=None):
        super().__init__("acme:index:Inner", name, None, opts)
        pulumi.export(name, domains(parent=self))


class Outer(pulumi.ComponentResource):
    def __init__(self, name, opts=None):
        super().__init__("acme:index:Outer", name, None, opts)
        Inner(name, pulumi.ResourceOptions(parent=self))


pulumi.export("default", domains())
pulumi.export("provider", domains(provider=other))
Outer("in-ours")
Outer("in-theirs", pulumi.ResourceOptions(providers=[other]))


class Keys(ResourceProvider):
    def create(self, props):
        return CreateResult("1", {{"key": "{OTHER_ACCOUNTS_KEY}"}})


class Key(Resource):
    key: pulumi.Output[str]

    def __init__(self, name):
        super().__init__(Keys(), name, {{"key": None}}, pulumi.ResourceOptions(additional_secret_outputs=["key"]))


class Site(pulumi.ComponentResource):
    def __init__(self, name):
        super().__init__("acme:index:Site", name)
        agin.AgentIngress("new-b", domain="new-b.acme.com", opts=pulumi.ResourceOptions(parent=self))


new = agin.AgentIngress("new-a", domain="new-a.acme.com")
by_id = agin.get_agent_ingress_output(id=new.id)
by_domain = agin.get_agent_ingress_output(domain=new.domain)
after_site = pulumi.InvokeOutputOptions(depends_on=[Site("site")])
after = agin.get_agent_ingress_output(domain="new-b.acme.com", opts=after_site)
pulumi.export("new", [by_id.domain, by_domain.domain, after.domain])

new_key = agin.Provider("new-key", Key("key").key)
agin.AgentIngress("theirs", domain="theirs-too.acme.com", opts=pulumi.ResourceOptions(provider=new_key))
with_new_key = pulumi.InvokeOptions(provider=new_key)
theirs = agin.get_agent_ingress_output(domain="theirs.acme.com", opts=with_new_key)
pulumi.export("with_new_key", theirs.domain)


def failing(name, look_up):
    try:
        look_up()
    except pulumi.RunError as error:
        print(f"failed {{name}}: {{error}}")


no_key = pulumi.InvokeOptions(provider=agin.Provider("no-key", pulumi.Output.from_input("")))
failing("domain", lambda: agin.get_agent_ingress(domain="no.acme.com"))
failing("id", lambda: agin.get_agent_ingress(id="agin_2k5okIo7afS6bKA3xNDLRZ9rjqk"))
failing("filter", lambda: agin.get_agent_ingresses("obj.("))
failing("no key", lambda: agin.get_agent_ingresses(opts=no_key))
failing("new key", lambda: agin.get_agent_ingresses(opts=with_new_key))
"""

FROM_ENVIRONMENT = "in the account of the API key from the environment variable NGROK_API_KEY"

FAILURES = {
    "domain": f"there is no Agent Ingress with the domain no.acme.com {FROM_ENVIRONMENT}",
    "id": f"there is no such Agent Ingress {FROM_ENVIRONMENT}",
    "filter": "could not list the Agent Ingresses: ngrok responded 400",
    "no key": 'api_key of the Provider "no-key" is empty',
    "new key": "get_agent_ingresses can't query ngrok in this preview, because its Provider has inputs that are not "
    "known yet; get_agent_ingresses_output waits for them",
}


def failures(result: Result) -> dict[str, str]:
    return dict(re.findall(r"^ *failed (.+?): (.*)$", result.output, re.M))


def test_lookups_find_by_id_domain_filter_and_provider(project: Project, emulator: Emulator) -> None:
    emulator.configure(limit=0, job_after_seconds=0, issue_after_seconds=10**7)
    id_ = create(emulator, "connect.acme.com", description="d", certificate_management_policy=POLICY)
    create(emulator, "ours.acme.com", metadata="iot")
    create(emulator, "theirs.acme.com", OTHER_ACCOUNTS_KEY, metadata="iot")
    [stored] = [ingress for ingress in emulator.ingresses() if ingress["id"] == id_]
    emulator.clear_requests()
    project.program(PROGRAM.replace("ID", id_))
    preview = project.preview()
    in_preview = failures(preview)
    assert {name: in_preview.get(name) for name, text in FAILURES.items() if text not in in_preview.get(name, "")} == {}
    # An ingress that does not exist yet is not looked up.
    assert [request for request in emulator.requests() if "new-" in str(request["query"])] == []

    assert failures(project.up()).keys() == FAILURES.keys() - {"new key"}
    outputs = json.loads(project.pulumi("stack", "output", "--json").output)
    found = outputs.pop("found")
    assert found == [found[0]] * 4
    expected = {name: stored[name] for name in ("id", "domain", "description", "metadata", "created_at")}
    expected |= {
        "certificate_management_policy": POLICY,
        "ns_targets": sorted(f"{target.rstrip('.')}." for target in stored["ns_targets"]),
        "region_domains": sorted(stored["region_domains"]),
        "uri": f"/agent_ingresses/{id_}",
    }
    assert {name: found[0][name] for name in expected} == expected
    ours, theirs = [["ours.acme.com"]] * 2, [["theirs.acme.com"]] * 2
    assert outputs == {
        "lifted": expected["ns_targets"][0],
        "read": {name: expected[name] for name in ("id", "domain", "ns_targets")},
        "default": ours,
        "provider": theirs,
        "in-ours": ours,
        "in-theirs": theirs,
        "new": ["new-a.acme.com", "new-a.acme.com", "new-b.acme.com"],
        "with_new_key": "theirs.acme.com",
        "secret": "[secret]",
    }
    unchanged = project.preview()
    assert "unknown" not in unchanged
    assert re.search(r"\d+ to (create|update|replace|delete)", unchanged.output) is None


def test_failed_lookup_is_one_sentence(project: Project) -> None:
    project.program(
        """
        found = agin.get_agent_ingress_output(domain="no.acme.com")
        agin.AgentIngress("a", domain="a.acme.com", description=found.id)
        pulumi.export("id", found.id)
        """
    )
    failed = project.pulumi("preview", fails=True)
    errors = set(re.findall(r"^ *error: (.*)", failed.output.partition("Diagnostics:")[2], re.MULTILINE))
    sentence = f"there is no Agent Ingress with the domain no.acme.com {FROM_ENVIRONMENT}"
    assert errors - {"an unhandled error occurred: program exited with non-zero exit code: 1"} == {sentence}
    assert not failed.has_traceback


def test_interrupt_ends_program_that_waits_for_ngrok(project: Project, emulator: Emulator) -> None:
    emulator.add_fault("GET", "hang", times=None)
    project.program('agin.get_agent_ingress(domain="connect.acme.com")')
    with project.start("preview", start_new_session=True) as preview:
        until("it waits", emulator.requests, COMMAND_TIMEOUT_SECONDS)
        # As Ctrl+C in a terminal, which reaches all processes of the command.
        os.killpg(preview.pid, signal.SIGINT)
        output, _ = preview.communicate()
    assert preview.returncode == 1
    assert "error: preview canceled" in output
    # A KeyboardInterrupt does not count.
    assert not Result(preview.returncode, output).has_traceback
