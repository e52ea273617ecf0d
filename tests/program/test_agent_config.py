"""agent_config in a program. `tests/unit/test_invokes.py` has the contents of the file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pulumi
import pytest
import yaml

import pulumi_agin as agin
from tests.support.mocks import run

# An update, because in a preview an absent output is unknown.
pytestmark = [pytest.mark.usefixtures("mocks"), pytest.mark.parametrize("mocks", [False], indirect=True)]

POLICY: agin.AgentIngressCertPolicyArgsDict = {"authority": "letsencrypt"}


def config_of(**arguments: Any) -> tuple[Any, bool]:
    """Returns the file as an agent reads it, and whether it is a secret."""

    def program() -> Any:
        ingress = agin.AgentIngress("connect", domain="connect.acme.com", certificate_management_policy=POLICY)
        file = agin.agent_config(ingress, **arguments)
        return pulumi.Output.all(file, file.is_secret())

    text, is_secret = run(program)
    return yaml.safe_load(text), is_secret


@pytest.mark.parametrize("given", [str, pulumi.Output.secret], ids=["plain", "secret"])
def test_file_is_a_secret_if_it_has_an_authtoken(given: Callable[[str], Any]) -> None:
    agent = {"connect_url": "tunnel.eu.connect.acme.com:443", "connect_cas": "host"}
    assert config_of(region="eu") == ({"version": 3, "agent": agent}, False)
    with_authtoken = {**agent, "authtoken": "2k5-a_b"}
    assert config_of(region="eu", authtoken=given("2k5-a_b")) == ({"version": 3, "agent": with_authtoken}, True)


def test_failure_is_one_sentence_without_the_authtoken() -> None:
    with pytest.raises(
        pulumi.RunError, match=r"^agent_config: the authtoken is empty or contains [^;]+; copy"
    ) as error:
        config_of(authtoken="my secret")
    assert "my secret" not in str(error.value)
