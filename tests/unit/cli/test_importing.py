"""`pulumi-agin import`: what it prints. That it imports them is an engine test."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

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
    'connect-acme-com',
    domain='connect.acme.com',
    metadata='{"team": "iot"}',
    certificate_management_policy={'authority': 'letsencrypt', 'private_key_type': 'ecdsa'},
    opts=pulumi.ResourceOptions(import_='ID'),
)
"""

MANY = """\
import pulumi
import pulumi_agin as agin

# By resource name: the ID to import, and the values at ngrok.
existing = {
    'a-acme-com': ('A', agin.AgentIngressArgs(
        domain='a.acme.com',
    )),
    'b-acme-com': ('B', agin.AgentIngressArgs(
        domain='b.acme.com',
        description="it's",
    )),
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
    assert pulumi_agin("import", "--all") == (0, MANY.replace("'A'", f"'{first}'").replace("'B'", f"'{second}'"), "")


def test_json_is_a_file_for_pulumi_import(pulumi_agin: Command, emulator: Emulator) -> None:
    id_ = create(emulator, "connect.acme.com", metadata="x")
    status, out, _ = pulumi_agin("import", "--json", id_)
    [resource] = json.loads(out)["resources"]
    assert (status, resource) == (0, {"type": "agin:index:AgentIngress", "name": "connect-acme-com", "id": id_})


def test_domains_that_share_a_name_get_the_id_too(pulumi_agin: Command, emulator: Emulator) -> None:
    create(emulator, "a-b.acme.com")
    id_ = create(emulator, "a.b.acme.com")
    create(emulator, "*.acme.com")
    names = [each["name"] for each in json.loads(pulumi_agin("import", "--all", "--json")[1])["resources"]]
    assert names == ["acme-com", "a-b-acme-com", f"a-b-acme-com-{id_}"]


def test_key_in_a_description_is_not_printed(pulumi_agin: Command, emulator: Emulator) -> None:
    create(emulator, "connect.acme.com", description=f"the key is {API_KEY}")
    assert "description='the key is [key]'" in pulumi_agin("import", "--all")[1]


@pytest.mark.parametrize(
    ("argument", "sentence"),
    [
        ("--all", "the account has no Agent Ingress"),
        ("connect.acme.com", '"connect.acme.com" is not the ID of an Agent Ingress'),
        ("agin_2k5okIo7afS6bKA3xNDLRZ9rjqk", "could not read the Agent Ingress agin_2k5"),
        (API_KEY, '"[key]" is not the ID of an Agent Ingress'),
    ],
)
def test_failure_is_one_sentence(pulumi_agin: Command, argument: str, sentence: str) -> None:
    status, out, err = pulumi_agin("import", argument)
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert err.startswith(f"pulumi-agin: {sentence}")
