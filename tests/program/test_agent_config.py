"""agent_config: the configuration file of an agent."""

from __future__ import annotations

from typing import Any

import pulumi
import pytest
import yaml

import pulumi_agin as agin
from pulumi_agin.lifecycle.lookups import configure_agent
from pulumi_agin.lifecycle.operation import FailedError
from tests.support.mocks import run

# An update, because in a preview an absent output is unknown.
pytestmark = [pytest.mark.usefixtures("mocks"), pytest.mark.parametrize("mocks", [False], indirect=True)]

LETSENCRYPT: agin.AgentIngressCertPolicyArgsDict = {"authority": "letsencrypt"}


def config_of(policy: agin.AgentIngressCertPolicyArgsDict | None = None, **arguments: Any) -> tuple[Any, bool]:
    """Returns the file as an agent reads it, and whether it is a secret."""
    seen: dict[str, Any] = {}

    def program() -> Any:
        ingress = agin.AgentIngress("connect", domain="connect.acme.com", certificate_management_policy=policy)
        output = agin.agent_config(ingress, **arguments)

        async def see() -> None:
            seen["secret"] = await output.is_secret()

        return [output.apply(lambda text: seen.update(text=text)), pulumi.Output.from_input(see())]

    run(program)
    return yaml.safe_load(seen["text"]), seen["secret"]


def test_an_agent_connects_to_the_domain() -> None:
    assert config_of() == ({"version": 3, "agent": {"connect_url": "connect.acme.com:443"}}, False)


def test_with_lets_encrypt_an_agent_trusts_the_cas_of_its_host() -> None:
    config, _ = config_of(LETSENCRYPT)
    assert config["agent"] == {"connect_url": "connect.acme.com:443", "connect_cas": "host"}


@pytest.mark.parametrize("given", [str, pulumi.Output.secret], ids=["plain", "secret"])
def test_a_file_with_an_authtoken_is_secret(given: Any) -> None:
    config, is_secret = config_of(authtoken=given("2k5-a_b"))
    assert config["agent"]["authtoken"] == "2k5-a_b"
    assert is_secret


def test_a_region_selects_its_domain_and_an_unknown_one_fails() -> None:
    config, _ = config_of(region="us")
    assert config["agent"]["connect_url"] == "tunnel.us.connect.acme.com:443"
    with pytest.raises(pulumi.RunError, match=r'ngrok has no region "mars" for it; it has us$'):
        config_of(region="mars")


def test_only_some_of_many_regions_are_listed() -> None:
    regions = [f"tunnel.r{number}.connect.acme.com" for number in range(100, 422)]
    with pytest.raises(FailedError, match=r"it has r100, r101, .* and 312 more$"):
        configure_agent("agent_config", "connect.acme.com", None, regions, None, "mars")


@pytest.mark.parametrize("wrong", ["", "two words", "a\nb", "ü"])
def test_an_invalid_authtoken_fails_and_is_not_shown(wrong: str) -> None:
    with pytest.raises(pulumi.RunError, match="the authtoken is empty or contains invalid characters") as refused:
        config_of(authtoken=wrong)
    assert not wrong or wrong not in str(refused.value)
