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
