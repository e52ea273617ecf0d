"""Draws the way from a domain to its certificate, from the resources in a stack's state.

The boxes are the resources and the solid arrows are the properties by which one depends on another, both as the state
has them. NOT_IN_THE_STATE adds what the state does not have, such as what happens outside of Pulumi. Graphviz lays it
out.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from xml.etree import ElementTree

from tools import node
from tools.steps import ROOT, StepError

SVG = "{http://www.w3.org/2000/svg}"

TITLE = "From a domain to its certificate"
DESCRIPTION = (
    "An AgentIngress has the domain. The AgentIngressDelegation creates NS records from its ns_targets at your DNS "
    "provider. ngrok sees them in public DNS and orders a certificate, which Let's Encrypt issues. The "
    "AgentIngressCertificateValidation waits until it is issued. agent_config makes ngrok.yml for the agents."
)

INGRESS = "AgentIngress"
DELEGATION = "AgentIngressDelegation"
CERTIFICATE = "AgentIngressCertificateValidation"


BoxKind = Literal["resource", "value", "outside"]


@dataclass(frozen=True)
class Box:
    """A box.

    Attributes:
        says: What is below its name.
        kind: Whether it is a resource that Pulumi manages, a value, or something outside of Pulumi.
    """

    says: str
    kind: BoxKind


# By what the boxes are called.
BOXES = {
    "connect.acme.com": Box("a domain that you own", "value"),
    INGRESS: Box("the connect URL at ngrok", "resource"),
    DELEGATION: Box("NS records at your DNS provider", "resource"),
    "ngrok": Box("watches the domain's DNS", "outside"),
    "Let's Encrypt": Box("signs the certificate", "outside"),
    CERTIFICATE: Box("waits until it is issued", "resource"),
    "agent_config": Box("ngrok.yml for the agents", "value"),
}

# The box of each type of resource. What is in a component has no box of its own.
TYPES = {
    "pulumi-python:dynamic/agin:AgentIngress": INGRESS,
    "agin:index:AgentIngressDelegation": DELEGATION,
    "pulumi-python:dynamic/agin:AgentIngressCertificateValidation": CERTIFICATE,
}


ArrowKind = Literal["property", "outside"]


@dataclass(frozen=True)
class Arrow:
    """An arrow from one box to another.

    Attributes:
        tail: The name of the box where it begins.
        head: The name of the box where it ends.
        says: What is beside it.
        kind: Whether it stands for properties, or for something that happens outside of Pulumi.
    """

    tail: str
    head: str
    says: str
    kind: ArrowKind


NOT_IN_THE_STATE = (
    Arrow("connect.acme.com", INGRESS, "domain", "property"),
    Arrow(INGRESS, "agent_config", "domain, policy", "property"),
    Arrow(DELEGATION, "ngrok", "seen in public DNS", "outside"),
    Arrow("ngrok", "Let's Encrypt", "orders a certificate", "outside"),
    Arrow("Let's Encrypt", CERTIFICATE, "issued", "outside"),
)

# How much Graphviz strives to make an arrow short and straight.
WEIGHTS: dict[ArrowKind, int] = {"property": 1, "outside": 9}

STYLE = """
svg { --page: #ffffff; --line: #57606a; --text: #1f2328; --quiet: #57606a; --fill: #ffffff; --edge: #8c959f;
  --ours: #ddf4ff; --ours-edge: #0969da; }
@media (prefers-color-scheme: dark) {
  svg { --page: #0d1117; --line: #9198a1; --text: #f0f6fc; --quiet: #9198a1; --fill: #151b23; --edge: #656c76;
    --ours: #121d2f; --ours-edge: #4493f8; }
}
text { font-family: "Helvetica Neue", Helvetica, Arial, "Liberation Sans", sans-serif; fill: var(--text); }
.page { fill: var(--page); }
.node path, .node polygon { fill: var(--fill); stroke: var(--edge); stroke-width: 1.5; }
.resource path { fill: var(--ours); stroke: var(--ours-edge); }
.outside path { stroke-dasharray: 5 4; }
.node text + text, .edge text { fill: var(--quiet); }
.edge path { fill: none; stroke: var(--line); stroke-width: 1.5; }
.edge polygon { fill: var(--line); stroke: var(--line); }
"""


def arrows(resources: Sequence[Mapping[str, Any]]) -> list[Arrow]:
    """Returns all arrows of the picture.

    Args:
        resources: The resources, as `pulumi stack export` has them.
    """
    types = {resource["urn"]: resource["type"] for resource in resources}
    parents = {resource["urn"]: resource.get("parent") for resource in resources}

    def box(urn: str) -> str | None:
        return TYPES.get(types[urn]) or TYPES.get(types.get(parents[urn] or "", ""))

    properties: dict[tuple[str, str], list[str]] = {}
    for resource in resources:
        for name, urns in resource.get("propertyDependencies", {}).items():
            for tail, head in ((box(urn), box(resource["urn"])) for urn in urns):
                if tail and head:
                    properties.setdefault((tail, head), []).append(name)
    found = [
        Arrow(tail, head, ", ".join(sorted(says)), "property")
        for (tail, head), says in properties.items()
        # What depends on something and on what depends on that has one arrow.
        if not any((tail, between) in properties and (between, head) in properties for between in BOXES)
    ]
    return sorted(
        [*found, *NOT_IN_THE_STATE], key=lambda arrow: [list(BOXES).index(box) for box in (arrow.tail, arrow.head)]
    )


def draw(resources: Sequence[Mapping[str, Any]]) -> str:
    """Returns the picture as SVG. The same resources are always the same SVG.

    Args:
        resources: The resources, as `pulumi stack export` has them.

    Raises:
        StepError: Graphviz is not there, or failed.
    """
    return _styled(_laid_out(_graph(arrows(resources))))


def arrows_of(svg: str) -> list[Arrow]:
    """Returns the arrows of a picture of `draw`.

    Args:
        svg: The picture.
    """
    kinds: dict[str, ArrowKind] = {"edge property": "property", "edge outside": "outside"}
    found: list[Arrow] = []
    for group in ElementTree.fromstring(svg).iter(f"{SVG}g"):
        kind = kinds.get(group.attrib.get("class", ""))
        if kind:
            tail, _, head = group.findtext(f"{SVG}title", "").partition("->")
            found.append(Arrow(tail, head, group.findtext(f"{SVG}text", "").strip(), kind))
    return found


def boxes_of(svg: str) -> dict[str, Box]:
    """Returns the boxes of a picture of `draw`, by their names.

    Args:
        svg: The picture.
    """
    kinds: dict[str, BoxKind] = {"node resource": "resource", "node value": "value", "node outside": "outside"}
    found: dict[str, Box] = {}
    for group in ElementTree.fromstring(svg).iter(f"{SVG}g"):
        kind = kinds.get(group.attrib.get("class", ""))
        if kind:
            name, says = (text.text or "" for text in group.findall(f".//{SVG}text"))
            found[name] = Box(says, kind)
    return found


def _graph(wanted: Iterable[Arrow]) -> str:
    """Returns the picture in Graphviz's language."""
    lines = [
        f"digraph {_quoted(TITLE)} {{",
        "graph [rankdir=TB, nodesep=0.5, ranksep=0.45, fontname=Helvetica, pad=0.25, bgcolor=transparent]",
        'node [shape=box, style=rounded, margin="0.2,0.1", fontname=Helvetica]',
        "edge [fontname=Helvetica, fontsize=13, arrowsize=0.8]",
    ]
    for name, box in BOXES.items():
        says = f'<b>{_escaped(name)}</b><br/><font point-size="13">{_escaped(box.says)}</font>'
        lines.append(f"{_quoted(name)} [class={box.kind}, label=<{says}>]")
    for arrow in wanted:
        how = f"class={arrow.kind}, weight={WEIGHTS[arrow.kind]}, label={_quoted(f'  {arrow.says}  ')}"
        lines.append(f"{_quoted(arrow.tail)} -> {_quoted(arrow.head)} [{how}]")
    return "\n".join([*lines, "}"])


def _quoted(text: str) -> str:
    return json.dumps(text)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")


def _laid_out(graph: str) -> str:
    packages = node.ensure(node.GRAPHVIZ)
    # A module finds packages beside itself only.
    script = packages / "layout.mjs"
    shutil.copy(ROOT / "tools" / "viz" / script.name, script)
    done = subprocess.run(["node", script], input=graph, capture_output=True, encoding="utf-8", check=False)
    if done.returncode != 0:
        raise StepError(f"Graphviz failed:\n{done.stderr}")
    return done.stdout


def _styled(svg: str) -> str:
    """Returns Graphviz's SVG with colors for light and dark pages, and without references to the web."""
    root = svg[svg.index("<svg") :]
    root = re.sub(r"<!--.*?-->\s*", "", root, flags=re.S)
    root = re.sub(r'(?<=")(\d+)pt"', r'\1"', root, count=2)
    root = re.sub(r' (fill|stroke|font-family|font-weight)="(?!bold)[^"]*"', "", root)
    head = f"<title>{TITLE}</title>\n<desc>{_escaped(DESCRIPTION)}</desc>\n<style>{STYLE}</style>\n"
    head += '<rect class="page" width="100%" height="100%" rx="8"/>\n'
    return re.sub(r"(<svg[^>]*)>\s*", lambda found: f'{found[1]} role="img">\n{head}', root, count=1)
