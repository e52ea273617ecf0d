"""Mistakes in a program: what it says of wrong arguments, names and values, and that Pulumi shows no traceback."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from enum import Enum
from typing import Any

import pulumi
import pytest

import pulumi_agin
from pulumi_agin.limits import CERTIFICATE_AUTHORITIES, PRIVATE_KEY_TYPES

# Type checkers would refuse what is tried here.
agin: Any = pulumi_agin


def refusal(mistake: Callable[[], object], error: type[Exception]) -> str:
    """What is said of a mistake."""
    with pytest.raises(pulumi.RunError) as caught:
        mistake()
    assert isinstance(caught.value, error)
    return str(caught.value)


def place(mistake: Any) -> str:
    """Where a lambda of this file is, as messages call it."""
    return f"test_mistakes.py:{mistake.__code__.co_firstlineno}"


@pytest.mark.parametrize(
    ("mistake", "says"),
    [
        (lambda: agin.AgentIngress("a", domian="a.b"), 'AgentIngress has no argument domian; did you mean "domain"?'),
        (
            lambda: agin.AgentIngress("a", domain="a.b", metaData="x", descripton="y"),
            'AgentIngress has no argument metaData; did you mean "metadata"?\n'
            'AgentIngress has no argument descripton; did you mean "description"?',
        ),
        (
            lambda: agin.AgentIngress("a", domain="a.b", colour="red"),
            "AgentIngress has no argument colour; the names are resource_name, args, opts, domain, description, "
            "metadata, certificate_management_policy",
        ),
        (
            lambda: agin.AgentIngress("a", pulumi.ResourceOptions(), pulumi.ResourceOptions(protect=True)),
            "AgentIngress takes opts once, but got it twice",
        ),
        (
            lambda: agin.AgentIngressArgs(domian="a.b"),
            'AgentIngressArgs has no argument domian; did you mean "domain"?',
        ),
        (
            lambda: agin.AgentIngressCertPolicyArgs(authority="letsencrypt", privateKeyType="rsa"),
            'AgentIngressCertPolicyArgs has no argument privateKeyType; did you mean "private_key_type"?',
        ),
        (
            lambda: agin.AgentIngress.get("a", id_="agin_1"),
            'AgentIngress.get has no argument id_; did you mean "id"?',
        ),
        (
            lambda: agin.AgentIngressDelegation("a", ingress=None, dns=None),
            'AgentIngressDelegation has no argument ingress; did you mean "agent_ingress"?',
        ),
        (lambda: agin.AgentIngressDelegation("a", None), "AgentIngressDelegation: missing a required argument: 'dns'"),
        (
            lambda: agin.AgentIngressCertificateValidation("a", "agin_1", timeout=5),
            'AgentIngressCertificateValidation has no argument timeout; did you mean "timeout_seconds"?',
        ),
        (lambda: agin.Provider("a", apiKey="k"), 'Provider has no argument apiKey; did you mean "api_key"?'),
        (lambda: agin.Provider("a"), "Provider: missing a required argument: 'api_key'"),
        (
            lambda: agin.get_agent_ingress(domian="a.b"),
            'get_agent_ingress has no argument domian; did you mean "domain"?',
        ),
        (
            lambda: agin.get_agent_ingress_output(domian="a.b"),
            'get_agent_ingress_output has no argument domian; did you mean "domain"?',
        ),
        (
            lambda: agin.get_agent_ingresses(filer=""),
            'get_agent_ingresses has no argument filer; did you mean "filter"?',
        ),
        (
            lambda: agin.get_agent_ingresses_output(filer=""),
            'get_agent_ingresses_output has no argument filer; did you mean "filter"?',
        ),
        (lambda: agin.dns.aws(zoneId="Z1"), 'dns.aws has no argument zoneId; did you mean "zone_id"?'),
        (
            lambda: agin.dns.Rfc2136Delegation("a", key_name="k"),
            'dns.Rfc2136Delegation has no argument key_name; did you mean "tsig_key_name"?',
        ),
        (lambda: agin.agent_config(None, token="t"), 'agent_config has no argument token; did you mean "authtoken"?'),
    ],
)
def test_a_wrong_argument_is_answered_with_the_likeliest_right_one(mistake: Callable[[], object], says: str) -> None:
    assert refusal(mistake, TypeError) == f"{place(mistake)}: {says}"


@pytest.mark.parametrize("name", [name for name in pulumi_agin.dns.__all__ if name.islower()])
def test_every_adapter_refuses_what_it_does_not_know(name: str) -> None:
    adapter = getattr(pulumi_agin.dns, name)
    said = refusal(lambda: adapter(colour="red"), TypeError)
    assert f"dns.{name} has no argument colour; the names are " in said


def test_a_wrong_argument_forges_no_line() -> None:
    said = refusal(lambda: agin.AgentIngress("a", **{"x\n    error: forged\x1b[31m": 1}), TypeError)
    assert said.isprintable()


@pytest.mark.parametrize(
    ("mistake", "says"),
    [
        (lambda: agin.AgentIngres, 'pulumi_agin has no AgentIngres; did you mean "AgentIngress"?'),
        (lambda: agin.getAgentIngress, 'pulumi_agin has no getAgentIngress; did you mean "get_agent_ingress"?'),
        (lambda: agin.Zone, f"pulumi_agin has no Zone; the names are {', '.join(pulumi_agin.__all__)}"),
        (lambda: agin.dns.clouflare, 'pulumi_agin.dns has no clouflare; did you mean "cloudflare"?'),
        (lambda: agin.dns.AWS, 'pulumi_agin.dns has no AWS; did you mean "aws"?'),
        (lambda: agin.dns.route53, 'pulumi_agin.dns has no route53; did you mean "aws"?'),
        (lambda: agin.dns.Hetzner, 'pulumi_agin.dns has no Hetzner; did you mean "hcloud"?'),
    ],
)
def test_a_wrong_name_is_answered_with_the_likeliest_right_one(mistake: Callable[[], object], says: str) -> None:
    assert refusal(mistake, AttributeError) == f"{place(mistake)}: {says}"


def test_who_asks_whether_there_is_a_name_gets_an_answer() -> None:
    assert not hasattr(agin, "AgentIngres")
    assert not hasattr(agin.dns, "route53")
    # Other names than the public ones are no attributes before something loads them.
    assert not hasattr(agin, "__main__")


@pytest.mark.parametrize(
    ("mistake", "says"),
    [
        (lambda: agin.PrivateKeyType("dsa"), 'PrivateKeyType must be "rsa" or "ecdsa", not "dsa"'),
        (lambda: agin.CertificateAuthority("acme"), 'CertificateAuthority must be "letsencrypt", not "acme"'),
        (lambda: agin.PrivateKeyType(None), "PrivateKeyType takes text; got NoneType"),
    ],
)
def test_a_wrong_value_is_answered_with_the_right_ones(mistake: Callable[[], object], says: str) -> None:
    assert refusal(mistake, ValueError) == says


@pytest.mark.parametrize(
    ("enum", "texts"),
    [(pulumi_agin.CertificateAuthority, CERTIFICATE_AUTHORITIES), (pulumi_agin.PrivateKeyType, PRIVATE_KEY_TYPES)],
)
def test_the_enums_have_the_values_that_are_checked(enum: type[Enum], texts: tuple[str, ...]) -> None:
    assert tuple(each.value for each in enum) == texts


# -- what `help` shows ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "function",
    [
        agin.AgentIngress,
        agin.AgentIngress.get,
        agin.AgentIngressArgs,
        agin.AgentIngressCertPolicyArgs,
        agin.AgentIngressDelegation,
        agin.AgentIngressCertificateValidation,
        agin.Provider,
        agin.get_agent_ingress,
        agin.get_agent_ingress_output,
        agin.get_agent_ingresses,
        agin.get_agent_ingresses_output,
        agin.agent_config,
        agin.dns.Rfc2136Delegation,
        *(getattr(agin.dns, name) for name in agin.dns.__all__ if name.islower()),
    ],
)
def test_help_shows_each_argument_with_its_text(function: Any) -> None:
    arguments = inspect.signature(function).parameters.values()
    assert not {each.kind for each in arguments} & {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}
    text = str(inspect.getdoc(function.__init__ if inspect.isclass(function) else function))
    assert [each.name for each in arguments if f"\n    {each.name}: " not in text] == []


@pytest.mark.parametrize("args_class", [pulumi_agin.AgentIngressArgs, pulumi_agin.AgentIngressCertPolicyArgs])
def test_help_shows_the_text_of_each_property(args_class: type) -> None:
    properties = {name: text for name, text in vars(args_class).items() if isinstance(text, property)}
    assert set(properties) == set(inspect.signature(args_class).parameters)
    for each in properties.values():
        assert each.__doc__
        assert each.__doc__.endswith(".")
        assert "\n" not in each.__doc__
