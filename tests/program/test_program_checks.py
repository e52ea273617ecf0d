"""What a program finds wrong before it registers a resource."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pulumi
import pytest

import pulumi_agin as agin
from tests.support.keys import OTHER_ACCOUNTS_KEY
from tests.support.mocks import TYPE, Mocks, run

Options = pulumi.ResourceOptions

NO_KEY = re.escape("there is no ngrok API key: set it with `pulumi config set --secret ngrok:apiKey`, or in")


@pytest.fixture
def no_key(preview: Mocks, monkeypatch: pytest.MonkeyPatch) -> Mocks:
    """A preview without an API key, in a process that the CLI started."""
    monkeypatch.delenv("NGROK_API_KEY")
    monkeypatch.setenv("PULUMI_CONFIG_SECRET_KEYS", "[]")
    return preview


def ingress(name: str, domain: Any = "connect.acme.com", **options: Any) -> agin.AgentIngress:
    return agin.AgentIngress(name, domain=domain, opts=Options(**options))


def component(name: str, **options: Any) -> pulumi.ComponentResource:
    return pulumi.ComponentResource("acme:index:Gateway", name, None, Options(**options))


def second_provider(**arguments: Any) -> agin.Provider:
    return agin.Provider("second", OTHER_ACCOUNTS_KEY, **arguments)


# -- one domain -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("declare_second", "names"),
    [
        (lambda: ingress("b", " Connect.ACME.com. "), '"a" and "b"'),
        (lambda: ingress("a", parent=component("gateway")), '"a" and "a" of "gateway"'),
        (lambda: ingress("b", provider=second_provider()), '"a" and "b"'),
        (lambda: ingress("b", parent=component("gateway", providers=[second_provider()])), '"a" and "b" of "gateway"'),
    ],
    ids=["another spelling", "a child", "another account", "a child in another account"],
)
def test_two_with_one_domain_fail_before_the_second_is_registered(
    declare_second: Callable[[], object], names: str, preview: Mocks
) -> None:
    def program() -> None:
        ingress("a")
        with pytest.raises(pulumi.RunError) as raised:
            declare_second()
        assert str(raised.value).startswith(f"the AgentIngresses {names} have the same domain, connect.acme.com, and ")

    run(program)
    assert [each.name for each in preview.registered if each.typ == TYPE] == ["a"]


def test_a_domain_that_becomes_known_later_is_compared_then(preview: Mocks) -> None:
    def program() -> None:
        ingress("a", pulumi.Output.from_input("Connect.ACME.com."), provider=second_provider())
        ingress("b", pulumi.Output.from_input("connect.acme.com"))

    with pytest.raises(pulumi.RunError, match=r'^the AgentIngresses "[ab]" and "[ab]" have the same domain'):
        run(program)


@pytest.mark.parametrize(
    "declare_second",
    [
        lambda: ingress("b", "other.acme.com"),
        # The plugin compares these.
        lambda: ingress("b", ignore_changes=["domain"]),
        lambda: ingress("b", provider=second_provider(base_url="https://api.example.net")),
        lambda: ingress("b", provider=second_provider(base_url=pulumi.Output.from_input("https://api.example.net"))),
        lambda: ingress("b", provider=pulumi.ProviderResource("pulumi-python", "raw", {})),
        lambda: ingress("b", transformations=[lambda args: None]),
        lambda: agin.AgentIngress.get("b", "agin_1"),
    ],
    ids=["another domain", "ignored", "another API", "any API", "any provider", "transformed", "get"],
)
def test_an_ingress_whose_domain_may_differ_is_left_to_the_plugin(
    declare_second: Callable[[], object], preview: Mocks
) -> None:
    def program() -> None:
        ingress("a")
        declare_second()

    run(program)
    assert sorted(each.name for each in preview.registered if each.typ == TYPE) == ["a", "b"]


def test_a_stack_transformation_may_give_another_domain(preview: Mocks, monkeypatch: pytest.MonkeyPatch) -> None:
    def program() -> None:
        # The SDK keeps the stack for the programs of other tests.
        monkeypatch.setattr(pulumi.runtime.get_root_resource(), "_transformations", [])
        pulumi.runtime.register_stack_transformation(lambda args: None)
        ingress("a")
        ingress("b")

    run(program)


# -- the settings -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "declare",
    [
        lambda: ingress("a"),
        lambda: ingress("a", parent=component("gateway")),
        lambda: agin.AgentIngress.get("a", "agin_1"),
        lambda: agin.AgentIngressCertificateValidation("a", agent_ingress_id="agin_1"),
    ],
    ids=["ingress", "child", "get", "validation"],
)
def test_without_a_key_nothing_is_registered(declare: Callable[[], object], no_key: Mocks) -> None:
    def program() -> None:
        with pytest.raises(pulumi.RunError, match=f"^{NO_KEY}"):
            declare()

    run(program)
    assert [each.name for each in no_key.registered if each.name == "a"] == []


@pytest.mark.parametrize(
    "options",
    [
        lambda: {"provider": second_provider()},
        lambda: {"providers": [second_provider()]},
        lambda: {"providers": {"pulumi-python": second_provider()}},
        lambda: {"parent": component("gateway", providers=[second_provider()])},
        lambda: {"transformations": [lambda args: None]},
    ],
    ids=["provider", "providers", "map", "inherited", "transformed"],
)
def test_the_key_of_an_explicit_provider_is_enough(options: Callable[[], dict[str, Any]], no_key: Mocks) -> None:
    run(lambda: ingress("a", **options()))
    assert [each.name for each in no_key.registered if each.typ == TYPE] == ["a"]


def test_the_provider_of_another_package_is_ignored(no_key: Mocks) -> None:
    def program() -> None:
        with pytest.raises(pulumi.RunError, match=f"^{NO_KEY}"):
            ingress("a", parent=component("gateway", providers=[pulumi.ProviderResource("aws", "aws", {})]))

    run(program)


def test_the_environment_of_an_inline_program_is_not_that_of_the_cli(
    no_key: Mocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PULUMI_CONFIG_SECRET_KEYS")
    run(lambda: ingress("a"))
    assert [each.name for each in no_key.registered if each.typ == TYPE] == ["a"]


def with_policy(policy: Any, **arguments: Any) -> agin.AgentIngress:
    values: Any = {"domain": "connect.acme.com", "certificate_management_policy": policy, **arguments}
    return agin.AgentIngress("a", **values)


@pytest.mark.parametrize(
    ("declare", "says"),
    [
        (lambda: ingress("a", "https://acme.com"), "property domain is a URL; give the domain alone"),
        (lambda: ingress("a", "acme..com"), "property domain has"),
        (lambda: with_policy(None, domain=None), "property domain is required"),
        (lambda: with_policy(None, description="é" * 128), "property description has 256 bytes of UTF-8"),
        (lambda: with_policy(None, metadata={"team": "iot"}), "property metadata must be text, but is a dictionary"),
        (lambda: with_policy({"authority": "x"}), 'property certificate_management_policy.authority must be "lets'),
        (lambda: with_policy({"autority": "letsencrypt"}), 'autority is not known; did you mean "authority"?'),
        (lambda: with_policy({}), "property certificate_management_policy.authority is required"),
        (lambda: ingress("a", f"{'x' * 64}.acme.com"), "property domain has"),
        (lambda: ingress("a", "1.2.3.4"), "property domain is"),
        (lambda: with_policy("letsencrypt"), "property certificate_management_policy must be a dict or"),
        (
            lambda: with_policy(agin.AgentIngressCertPolicyArgs(authority="x", private_key_type="dsa")),  # type: ignore[arg-type]
            'must be "letsencrypt", not "x"\n  property certificate_management_policy.private_key_type must be',
        ),
    ],
)
def test_wrong_values_fail_before_anything_is_registered(
    declare: Callable[[], object], says: str, preview: Mocks
) -> None:
    with pytest.raises(pulumi.RunError, match=re.escape(says)) as caught:
        run(declare)
    assert re.match(
        r'test_program_checks.py:\d+: the AgentIngress "a" has (a problem: |problems:\n)', str(caught.value)
    )
    assert preview.registered == []


@pytest.mark.parametrize(
    "declare",
    [
        lambda: ingress("a", "Connect.Acme.com."),
        lambda: ingress("a", pulumi.Output.from_input("https://acme.com")),
        lambda: with_policy({"authority": pulumi.Output.from_input("letsencrypt"), "private_key_type": None}),
        lambda: with_policy(agin.AgentIngressCertPolicyArgs(authority=agin.CertificateAuthority.LETSENCRYPT)),
        # A domain with spaces makes the program look closely.
        lambda: with_policy(
            {"authority": agin.CertificateAuthority.LETSENCRYPT, "private_key_type": agin.PrivateKeyType.ECDSA},
            domain=" Connect.ACME.com. ",
        ),
        lambda: with_policy(pulumi.Output.from_input({"authority": "x"}), description="é" * 127, metadata=""),
        lambda: with_policy({"authority": "x"}, opts=pulumi.ResourceOptions(ignore_changes=["description"])),
    ],
)
def test_valid_and_uncertain_values_are_left_to_the_plugin(declare: Callable[[], object], preview: Mocks) -> None:
    run(declare)
    assert len([each for each in preview.registered if each.typ == TYPE]) == 1


def test_wrong_values_of_a_wait_fail_as_well(preview: Mocks) -> None:
    def declare() -> None:
        wait: Any = agin.AgentIngressCertificateValidation
        wait("w", agent_ingress_id="a/b", timeout_seconds=-1, dns_error_grace_seconds=0)

    with pytest.raises(pulumi.RunError) as caught:
        run(declare)
    assert 'the AgentIngressCertificateValidation "w" has problems:\n  property agent_ingress_id' in str(caught.value)
    assert "property timeout_seconds must be a number of seconds above 0" in str(caught.value)
    assert "dns_error_grace_seconds" not in str(caught.value)
    assert preview.registered == []


def test_nothing_is_checked_under_mocks(mocks: Mocks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NGROK_API_KEY", raising=False)
    monkeypatch.setenv("PULUMI_CONFIG_SECRET_KEYS", "[]")
    run(lambda: [ingress(name) for name in "ab"])
    assert len(mocks.inputs()) == 2
