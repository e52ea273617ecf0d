"""Another package's dynamic resources in a program with an Agent Ingress: they share its plugin process."""

from __future__ import annotations

import json
import re
from pathlib import Path
from textwrap import dedent
from typing import Any

from pulumi_agin.emulator import Emulator
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY
from tests.support.project import Project

# In its own module, which the plugin process loads once: pickled by value, each resource would have its own counter.
NEIGHBOR = """
import threading

from pulumi.dynamic import CreateResult, Resource, ResourceProvider

lock = threading.Lock()
running = most = 0
all_have_come = threading.Event()


class NeighborProvider(ResourceProvider):
    def create(self, props):
        global running, most
        with lock:
            if not most:
                # Until then, each create holds its thread, so that as many run as there are threads.
                threading.Timer(3, all_have_come.set).start()
            running += 1
            most = max(most, running)
        all_have_come.wait()
        with lock:
            running -= 1
        return CreateResult("an-id", {**props, "most": most})


class Neighbor(Resource):
    def __init__(self, name, **props):
        super().__init__(NeighborProvider(), name, {"most": None, **props})
"""

PROGRAM = """
from neighbor import Neighbor

neighbors = [Neighbor(f"{before}-{{number}}", after={after}) for number in range(40)]
pulumi.export("most", pulumi.Output.all(*(each.most for each in neighbors)).apply(max))
"""


def test_neighbor_runs_as_many_creates_at_once_as_without_an_ingress(project: Project) -> None:
    (project.folder / "neighbor.py").write_text(dedent(NEIGHBOR))

    def most() -> int:
        # The engine sends all of them at once.
        project.up("--parallel", "40")
        return int(project.outputs()["most"])

    project.program(PROGRAM.format(before="without", after="None"))
    without_ours = most()
    ingress = 'ingress = agin.AgentIngress("a", domain="connect.acme.com")\n'
    project.program(ingress + PROGRAM.format(before="with", after="ingress.id"))
    assert most() == without_ours
    assert without_ours > 1


# A record of another package at a DNS provider, which is a file.
RECORD = """
import json
import logging
import os

from pulumi.dynamic import CreateResult, DiffResult, ReadResult, Resource, ResourceProvider, UpdateResult

CONFIG = ("dns:token", "dns:servers", "ttl")


class RecordProvider(ResourceProvider):
    def configure(self, req):
        self.config = {key: req.config.get(key) for key in CONFIG}

    def call(self, method, props):
        logging.getLogger("dns").warning("%s of %s", method, props["domain"])
        with open(os.environ["CALLS"], "a") as calls:
            print(json.dumps({"call": f"{method} {props['domain']}", **props, **self.config}), file=calls)

    def create(self, props):
        self.call("create", props)
        return CreateResult(props["domain"], props)

    def read(self, id, props):
        self.call("read", props)
        return ReadResult(id, props)

    def diff(self, id, olds, news):
        return DiffResult(changes=any(olds[name] != news[name] for name in ("targets", "comment")))

    def update(self, id, olds, news):
        self.call("update", news)
        return UpdateResult({**news})

    def delete(self, id, props):
        self.call("delete", props)


class Record(Resource):
    def __init__(self, domain, opts=None, **props):
        super().__init__(RecordProvider(), domain, {"domain": domain, **props}, opts)
"""

SITES = """
from record import Record

class Site(pulumi.ComponentResource):
    def __init__(self, name, opts=None):
        super().__init__("acme:index:Site", name, None, opts)
        opts, domain = pulumi.ResourceOptions(parent=self), f"{name}.acme.com"
        ingress = agin.AgentIngress(name, domain=domain, description="first", opts=opts)
        Record(domain, opts, targets=ingress.ns_targets, comment="first")

config = pulumi.Config()
other = agin.Provider("other", config.require_secret("otherKey"), api_base_url=config.require("url"))
Site("ours")
Site("theirs", pulumi.ResourceOptions(providers=[other]))
"""
# The settings of the Provider are its own.
OWN_INPUTS = {"agin:apiKey", "agin:apiBaseUrl", "agin:timeoutSeconds", "ngrok:provider"}


def test_neighbors_in_each_process_find_the_stack_config_and_their_log(
    project: Project, emulator: Emulator, tmp_path: Path
) -> None:
    (project.folder / "record.py").write_text(dedent(RECORD))
    file = tmp_path / "calls"
    project.environment["CALLS"] = str(file)
    project.config(
        secret={"dns:token": "hush-hush", "otherKey": OTHER_ACCOUNTS_KEY, "agin:apiKey": API_KEY},
        plain={"ttl": 300, "url": emulator.url, "agin:apiBaseUrl": emulator.url},
    )
    project.pulumi("config", "set", "--path", "dns:servers[0]", "192.0.2.1")
    project.pulumi("config", "set", "--path", "--secret", "dns:accounts.first", "hush-hush")
    project.pulumi("config", "set", "--path", "pulumi:disable-default-providers[0]", "aws")
    project.program(SITES)
    shown = ""

    def calls(method: str, **expected: str) -> list[dict[str, Any]]:
        """Returns the calls of the last command, one in each process, with the same config."""
        found = [json.loads(line) for line in file.read_text().splitlines()]
        assert {each["call"] for each in found} == {f"{method} ours.acme.com", f"{method} theirs.acme.com"}
        for each in found:
            assert f"{each['call'].replace(' ', ' of ')}\n" in shown
            assert {name: each[name] for name in expected} == expected
        file.unlink()
        return found

    shown += project.up().output
    found = calls("create", **{"dns:token": "hush-hush", "dns:servers": '["192.0.2.1"]', "ttl": "300"})
    targets = {ingress["domain"]: {f"{each}." for each in ingress["ns_targets"]} for ingress in emulator.ingresses()}
    assert {each["domain"]: set(each["targets"]) for each in found} == targets
    default, other = inputs(project, "default"), inputs(project, "other")
    assert {name: other[name] for name in other.keys() - OWN_INPUTS} == {
        name: default[name] for name in default.keys() - OWN_INPUTS
    }
    assert (other["agin:apiKey"], other["agin:apiBaseUrl"]) == ("secret", emulator.url)
    assert {ingress["domain"]: ingress["account"] for ingress in emulator.ingresses()} == {
        "ours.acme.com": 1,
        "theirs.acme.com": 2,
    }
    shown += project.pulumi("preview", "--expect-no-changes").output

    # The Provider is updated after a change of the config, and if the state is that of a version before 1.6.
    state = project.state()
    project.config(secret={"dns:token": "hush-hush-2"})
    shown += previewed_update_of_provider(project)
    project.config(secret={"dns:token": "hush-hush"})
    [provider] = [each for each in state["deployment"]["resources"] if each["urn"].endswith("::other")]
    for part in ("inputs", "outputs"):
        provider[part] = {name: value for name, value in provider[part].items() if name in OWN_INPUTS}
    project.write_state(state)
    shown += previewed_update_of_provider(project)

    project.config(secret={"dns:token": "hush-hush-2"})
    project.edit({'"first")\n\nconfig': '"second")\n\nconfig', 'description="first"': 'description="second"'})
    preview = project.pulumi("preview").output
    assert "5 to update" in preview
    shown += preview + project.up().output
    updated = calls("update", **{"dns:token": "hush-hush-2"})
    assert {each["domain"]: set(each["targets"]) for each in updated} == targets

    shown += project.refresh().output
    calls("read", **{"dns:token": "hush-hush-2"})
    shown += project.destroy().output
    calls("delete", **{"dns:token": "hush-hush-2"})
    assert emulator.ingresses() == []
    for key in (API_KEY, OTHER_ACCOUNTS_KEY):
        project.assert_no_key(shown, key)
    assert not [name for name, text in {"the output": shown, **project.files()}.items() if "hush-hush" in text]


def previewed_update_of_provider(project: Project) -> str:
    """Returns the output of a preview that updates the Provider and nothing else."""
    preview = project.pulumi("preview")
    assert re.search(r"~ +pulumi:providers:pulumi-python +other +update", preview.output)
    assert "~ 1 to update" in preview, preview.output
    return preview.output


def inputs(project: Project, provider: str) -> dict[str, Any]:
    """Returns the inputs of a provider in the state. "secret" stands for an encrypted one."""
    [found] = [each for each in project.state()["deployment"]["resources"] if each["urn"].endswith(f"::{provider}")]
    assert found["inputs"].keys() == found["outputs"].keys()
    return {name: "secret" if "ciphertext" in value else value for name, value in found["inputs"].items()}
