"""`pulumi-agin import`: what it prints. That it imports them is an engine test."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from pulumi_agin.api.models import IngressModel
from pulumi_agin.cli.importing import bulk_file, program
from pulumi_agin.emulator import Emulator
from tests.support.emulator import POLICY
from tests.support.keys import API_KEY
from tests.support.ngrok import create, requests

Command = Callable[..., tuple[int, str, str]]

pytestmark = pytest.mark.usefixtures("settings_of_emulator")

ONE = """\
import pulumi
import pulumi_agin as agin

ingress = agin.AgentIngress(
    "connect-acme-com",
    domain="connect.acme.com",
    metadata='{"team": "iot"}',
    certificate_management_policy={
        "authority": "letsencrypt",
        "private_key_type": "ecdsa",
    },
    opts=pulumi.ResourceOptions(import_="ID"),
)
"""

MANY = """\
import pulumi
import pulumi_agin as agin

# By resource name: the ID to import, and the values at ngrok.
existing = {
    "a-acme-com": (
        "A",
        agin.AgentIngressArgs(
            domain="a.acme.com",
        ),
    ),
    "b-acme-com": (
        "B",
        agin.AgentIngressArgs(
            domain="b.acme.com",
            description="it's",
        ),
    ),
}
ingresses = {
    name: agin.AgentIngress(name, args, opts=pulumi.ResourceOptions(import_=id_))
    for name, (id_, args) in existing.items()
}
"""


def test_one_ingress_is_a_resource(pulumi_agin: Command, emulator: Emulator) -> None:
    id_ = create(emulator, "connect.acme.com", metadata='{"team": "iot"}', certificate_management_policy=POLICY)
    emulator.clear_requests()
    for arguments in ([id_], [id_, id_], ["--all"]):
        assert pulumi_agin("import", *arguments) == (0, ONE.replace("ID", id_), "")
    assert {method for method, _ in requests(emulator)} == {"GET"}


def test_many_ingresses_are_a_dict_and_a_loop(pulumi_agin: Command, emulator: Emulator) -> None:
    second, first = create(emulator, "b.acme.com", description="it's"), create(emulator, "a.acme.com")
    status, out, _ = pulumi_agin("import", "--all")
    assert (status, out) == (0, MANY.replace('"A"', f'"{first}"').replace('"B"', f'"{second}"'))
    formatted = subprocess.run(
        [sys.executable, "-m", "ruff", "format", "--isolated", "-"],
        input=out,
        capture_output=True,
        text=True,
        check=True,
    )
    assert formatted.stdout == out


def test_json_is_a_file_for_pulumi_import(pulumi_agin: Command, emulator: Emulator) -> None:
    id_ = create(emulator, "connect.acme.com")
    status, out, _ = pulumi_agin("import", "--json", id_)
    [resource] = json.loads(out)["resources"]
    assert (status, resource) == (0, {"type": "agin:index:AgentIngress", "name": "connect-acme-com", "id": id_})


def ingress(domain: str, id_: str = "agin_1", **values: Any) -> IngressModel:
    given = {"id": id_, "domain": domain, "ns_targets": [], "created_at": "2026-01-01T00:00:00Z", **values}
    return IngressModel.model_validate(given)


@pytest.mark.parametrize("value", ["it's", '"both" and \'', "\\ \n\t\r\x00\x1b[1m", "🚀 é \u202e", "${x} {y}"])
def test_strings_are_the_same_in_python(value: str) -> None:
    source = program({"a": ingress("a.acme.com", description=value)})
    [line] = [each.strip() for each in source.splitlines() if each.strip().startswith("description=")]
    assert eval(line.removeprefix("description=").removesuffix(",")) == value
    assert all(each.isprintable() for each in source.splitlines())


def test_domains_that_share_a_name_get_the_id_too(pulumi_agin: Command, emulator: Emulator) -> None:
    ids = {create(emulator, domain) for domain in ("a-b.acme.com", "a.b.acme.com")}
    create(emulator, "*.acme.com")
    names = [each["name"] for each in json.loads(pulumi_agin("import", "--all", "--json")[1])["resources"]]
    assert set(names) == {"acme-com", *(f"a-b-acme-com-{id_}" for id_ in ids)}


def test_key_in_a_description_is_not_printed(pulumi_agin: Command, emulator: Emulator) -> None:
    create(emulator, "connect.acme.com", description=f"the key is {API_KEY}")
    assert 'description="the key is [key]"' in pulumi_agin("import", "--all")[1]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "name the IDs of the Agent Ingresses, or use --all"),
        (["agin_1", "--all"], "name the IDs of the Agent Ingresses, or use --all"),
        (["--all"], "the account has no Agent Ingress"),
        (["connect.acme.com"], '"connect.acme.com" is not the ID of an Agent Ingress'),
        (["agin_2k5okIo7afS6bKA3xNDLRZ9rjqk"], "could not read the Agent Ingress agin_2k5"),
        ([API_KEY], '"[key]" is not the ID of an Agent Ingress'),
    ],
)
def test_failure_is_one_sentence(pulumi_agin: Command, arguments: list[str], sentence: str) -> None:
    status, out, err = pulumi_agin("import", *arguments)
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert err.startswith(f"pulumi-agin: {sentence}")


def test_bulk_file_has_only_ids() -> None:
    assert "metadata" not in bulk_file({"a": ingress("a.acme.com", metadata="x")})
