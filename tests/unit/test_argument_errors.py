"""Wrong names and enum values in a program: a suggestion with the place in the program, and no traceback."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, get_args

import pulumi
import pytest

import pulumi_agin
from pulumi_agin.api.constants import CertificateAuthorityLiteral, PrivateKeyTypeLiteral

# Any, because type checkers would reject these mistakes.
agin: Any = pulumi_agin


def message_of(mistake: Callable[[], object], error: type[Exception]) -> str:
    with pytest.raises(pulumi.RunError) as caught:
        mistake()
    assert isinstance(caught.value, error)
    return str(caught.value)


def place(mistake: Any) -> str:
    """Returns the place of a lambda of this file, as in messages."""
    return f"test_argument_errors.py:{mistake.__code__.co_firstlineno}"


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        (lambda: agin.AgentIngres, 'pulumi_agin has no AgentIngres; did you mean "AgentIngress"?'),
        (lambda: agin.getAgentIngress, 'pulumi_agin has no getAgentIngress; did you mean "get_agent_ingress"?'),
        (lambda: agin.Zone, f"pulumi_agin has no Zone; valid names are {', '.join(pulumi_agin.__all__)}"),
        (lambda: agin.dns.AWS, 'pulumi_agin.dns has no AWS; did you mean "aws"?'),
        (lambda: agin.dns.route53, 'pulumi_agin.dns has no route53; did you mean "aws"?'),
    ],
)
def test_wrong_name_gets_a_suggestion(mistake: Callable[[], object], message: str) -> None:
    assert message_of(mistake, AttributeError) == f"{place(mistake)}: {message}"


def test_hasattr_works_for_wrong_names() -> None:
    assert not hasattr(agin, "AgentIngres")
    assert not hasattr(agin.dns, "route53")
    assert not hasattr(agin, "__main__")


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        (lambda: agin.PrivateKeyType("dsa"), 'PrivateKeyType must be "rsa" or "ecdsa", not "dsa"'),
        (lambda: agin.CertificateAuthority("acme"), 'CertificateAuthority must be "letsencrypt", not "acme"'),
        (lambda: agin.PrivateKeyType(None), 'PrivateKeyType must be "rsa" or "ecdsa", not "None"'),
    ],
)
def test_wrong_value_shows_the_allowed_ones(mistake: Callable[[], object], message: str) -> None:
    assert message_of(mistake, ValueError) == message


def test_enums_have_the_values_that_are_validated() -> None:
    assert tuple(each.value for each in pulumi_agin.CertificateAuthority) == get_args(CertificateAuthorityLiteral)
    assert tuple(each.value for each in pulumi_agin.PrivateKeyType) == get_args(PrivateKeyTypeLiteral)


def documented() -> list[Any]:
    """Returns all public callables with arguments."""
    names = [name for name in agin.__all__ if name.startswith(("Agent", "Provider", "get_", "agent_config"))]
    undocumented = ("AgentIngressCertJob", "AgentIngressCertPolicy", "AgentIngressCertStatus")
    ours = [getattr(agin, name) for name in names if name not in undocumented and not name.endswith("Dict")]
    adapters = [getattr(agin.dns, name) for name in agin.dns.__all__ if name.islower()]
    return [*ours, agin.AgentIngress.get, agin.dns.Rfc2136Delegation, *adapters]


def test_help_describes_each_argument_and_output() -> None:
    missing = []
    for cls in filter(inspect.isclass, [*(getattr(agin, name) for name in agin.__all__), agin.dns.Rfc2136Delegation]):
        # The attributes of some classes are their arguments.
        text = str(inspect.getdoc(cls if "\nAttributes:\n" in str(inspect.getdoc(cls)) else cls.__init__))
        outputs = inspect.get_annotations(cls)
        missing += [f"{cls.__qualname__}.{name}" for name in outputs if f"\n    {name}: " not in text]
    for function in documented():
        text = str(inspect.getdoc(function.__init__ if inspect.isclass(function) else function))
        names = inspect.signature(function).parameters
        missing += [f"{function.__qualname__}.{name}" for name in names if f"\n    {name}: " not in text]
    assert missing == []
