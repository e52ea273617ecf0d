"""The names, enums and docstrings of the public API."""

from __future__ import annotations

import inspect
from typing import Any, get_args

import pulumi_agin
from pulumi_agin.base.facts import CertificateAuthorityLiteral, PrivateKeyTypeLiteral

# Any, because type checkers would reject wrong names.
agin: Any = pulumi_agin


def test_hasattr_works_for_wrong_names() -> None:
    assert not hasattr(agin, "AgentIngres")
    assert not hasattr(agin.dns, "route53")
    assert not hasattr(agin, "__main__")


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
