"""Another package's dynamic resources in a program with an Agent Ingress: they share its plugin process."""

from __future__ import annotations

from textwrap import dedent

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
