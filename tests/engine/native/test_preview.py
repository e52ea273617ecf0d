"""Exact previews without asking ngrok: what an update in place leaves is known, and null is not unknown."""

from __future__ import annotations

import re

import pytest

from pulumi_agin.emulator import Emulator
from tests.engine.native.program import LANGUAGES, Json, NativeProject, Ref, ingress
from tests.support.project import Result

POLICY = {"authority": "letsencrypt"}
COMPUTED = ("nsTargets", "regionDomains", "createdAt", "uri", "domain", "metadata")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_text_changes_and_what_is_built_on_the_rest_does_not(project: NativeProject, emulator: Emulator) -> None:
    # The status of a certificate goes by the clock.
    emulator.configure(job_after_seconds=10_000, issue_after_seconds=20_000)

    def write(description: str, policy: object = None) -> None:
        a = ingress("a.acme.com", description=description, certificateManagementPolicy=policy)
        computed = {name: Ref(f"a.{name}") for name in COMPUTED}
        # What there is none of is null: programs take an absent value for one that is not known yet.
        absent = {"policy": Ref("a.certificateManagementPolicy"), "status": Ref("a.certificateManagementStatus")}
        # Stands for NS records and whatever else is built on an ingress.
        b = ingress("b.acme.com", metadata=Json({"targets": Ref("a.nsTargets"), **absent}))
        project.write({"a": a, "b": b}, **computed, policy=Json(absent["policy"]))

    write("one")
    project.up()
    assert project.outputs()["policy"] == "null"
    emulator.clear_requests()

    write("two")
    before = project.outputs()
    up = project.preview_and_up()
    assert "1 to update" in up
    assert "1 updated" in up
    assert up.output.count("2 unchanged") == 2
    # An update lists all outputs, and a preview those that change.
    assert "--outputs:--" not in up.output.partition("Updating (dev)")[0]
    assert [request["method"] for request in emulator.requests()] == ["PATCH"]
    assert project.outputs() == before

    # Of a change of the policy, only the policy and its certificate change or are not known.
    write("two", {**POLICY, "privateKeyType": "rsa"})
    preview = project.preview()
    assert "2 to update" in preview
    assert "1 unchanged" in preview
    shown = preview.output.partition("--outputs:--")[2].partition("Resources:")[0]
    assert re.findall(r"^ *[-+~] (\w+)", shown, re.M) == ["policy"]


def test_what_a_create_and_a_replacement_will_make_is_not_known(project: NativeProject, emulator: Emulator) -> None:
    def preview(domain: str) -> Result:
        b = ingress("b.acme.com", description=Ref("a.createdAt"))
        project.write({"a": ingress(domain), "b": b})
        return project.preview()

    to_create = preview("a.acme.com")
    assert "3 to create" in to_create
    assert re.search(r"description: \[unknown\]", to_create.output)
    # Whether the domains have ingresses already.
    assert emulator.counts().keys() == {"GET /agent_ingresses"}
    project.up()
    emulator.clear_requests()
    to_replace = preview("c.acme.com")
    assert "1 to replace" in to_replace
    assert re.search(r'description: ".+" => \[unknown\]', to_replace.output)
    assert emulator.counts() == {"GET /agent_ingresses": 1}
