"""What a program finds wrong before it registers a resource.

The plugin would find the same. But when it refuses a resource, the engine ends the program while Pulumi's SDK registers
others, and the SDK may print a traceback for each of them. An error of the program is one sentence.

What the program can't tell for sure is left to the plugin.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any

import pulumi

from pulumi_agin.api.canonical import POLICY, canonical_domain
from pulumi_agin.api.constants import (
    CERTIFICATE_AUTHORITIES,
    DESCRIPTION_MAX_BYTES,
    DOMAIN_MAX_BYTES,
    METADATA_MAX_BYTES,
    PRIVATE_KEY_TYPES,
)
from pulumi_agin.api.redaction import one_line
from pulumi_agin.lifecycle import urns
from pulumi_agin.lifecycle.words import PythonWords
from pulumi_agin.provider import Provider
from pulumi_agin.settings import BASE_URL, Settings

from . import sdk_internals
from .argument_errors import WrongInputsError
from .run import ProgramRun

if TYPE_CHECKING:
    from pulumi_agin.lifecycle.schema import Declaration


def check_settings(opts: pulumi.ResourceOptions) -> None:
    """Checks the settings of the stack config and the environment, if a resource uses them.

    Args:
        opts: The options of the resource.

    Raises:
        pulumi.RunError: The settings have problems, such as no API key.
    """
    if not _is_final(opts) or _explicit_provider(opts) or not sdk_internals.has_environment_of_cli():
        return
    problems = Settings.load(pulumi.runtime.get_config).problems()
    if problems:
        raise pulumi.RunError("; ".join(problems))


def check_agent_ingress(resource_name: str, inputs: Mapping[str, Any], opts: pulumi.ResourceOptions) -> None:
    """Checks the values of an Agent Ingress, as far as the program knows them.

    Args:
        resource_name: The name of the Agent Ingress.
        inputs: Its arguments. Outputs are left to the plugin.
        opts: The options of the Agent Ingress. With `ignore_changes`, the values in the state may be other ones.

    Raises:
        pulumi.RunError: Some are wrong. The message has all of them.
    """
    policy: Any = inputs.get(POLICY)
    if not _is_awaited(policy) and hasattr(policy, "authority"):
        # AgentIngressCertPolicyArgs
        policy = {"authority": policy.authority, "private_key_type": policy.private_key_type}
        inputs = {**inputs, POLICY: policy}
    if opts.id is not None or not _may_judge_values(opts) or _are_obviously_right(inputs):
        return
    # Slow to load, and nearly always needless.
    from pulumi_agin.lifecycle.inputs import AgentIngressInputs

    _refuse_wrong(f"the AgentIngress {_name(resource_name, opts.parent)}", AgentIngressInputs, inputs)


def check_certificate_validation(resource_name: str, inputs: Mapping[str, Any], opts: pulumi.ResourceOptions) -> None:
    """Checks the values of a wait for a certificate, as far as the program knows them.

    Args:
        resource_name: The name of the AgentIngressCertificateValidation.
        inputs: Its arguments. Outputs are left to the plugin.
        opts: Its options. With `ignore_changes`, the values in the state may be other ones.

    Raises:
        pulumi.RunError: Some are wrong. The message has all of them.
    """
    plain = [value for value in inputs.values() if not _is_awaited(value)]
    if not _may_judge_values(opts) or all(type(value) in (int, float) and value > 0 for value in plain):
        return
    # Slow to load, and nearly always needless.
    from pulumi_agin.lifecycle.certificate_inputs import CertificateValidationInputs

    name = _name(resource_name, opts.parent)
    _refuse_wrong(f"the AgentIngressCertificateValidation {name}", CertificateValidationInputs, inputs)


def _may_judge_values(opts: pulumi.ResourceOptions) -> bool:
    return not opts.ignore_changes and _is_final(opts)


def _refuse_wrong(what: str, declaration: type[Declaration], inputs: Mapping[str, Any]) -> None:
    from pulumi_agin.lifecycle.schema import validate

    _, problems = validate(declaration, _as_sent(inputs), _is_awaited, words=PythonWords())
    if problems:
        sentences = [problem.sentence for problem in problems]
        have = f"has a problem: {sentences[0]}" if len(sentences) == 1 else "\n  ".join(["has problems:", *sentences])
        raise WrongInputsError(f"{what} {have}")


def _as_sent(value: Any) -> Any:
    """Returns a value as Pulumi's SDK sends it to the engine: the value of an enum in place of its member."""
    if isinstance(value, Mapping):
        return {name: _as_sent(each) for name, each in value.items()}
    return value.value if isinstance(value, Enum) else value


def _are_obviously_right(inputs: Mapping[str, Any]) -> bool:
    """Returns whether all values are right, or not known. If not, they may still be right."""
    domain, policy = inputs.get("domain"), inputs.get(POLICY)
    if not _is_awaited(domain) and (
        not isinstance(domain, str)
        or len(domain) > DOMAIN_MAX_BYTES
        or not re.fullmatch(r"(\w([\w-]{0,61}\w)?\.)+[a-z]\w{1,62}", domain, re.ASCII | re.IGNORECASE)
    ):
        return False
    for name, limit in (("description", DESCRIPTION_MAX_BYTES), ("metadata", METADATA_MAX_BYTES)):
        text = inputs.get(name) or ""
        if not _is_awaited(text) and (not isinstance(text, str) or len(text.encode(errors="surrogatepass")) > limit):
            return False
    if policy is None or _is_awaited(policy):
        return True
    choices = {"authority": CERTIFICATE_AUTHORITIES, "private_key_type": (None, *PRIVATE_KEY_TYPES)}
    return (
        isinstance(policy, Mapping)
        and "authority" in policy
        and all(_is_awaited(value) or value in choices.get(name, ()) for name, value in policy.items())
    )


def _is_awaited(value: object) -> bool:
    return isinstance(value, pulumi.Output | Awaitable)


def check_domain(resource_name: str, domain: Any, opts: pulumi.ResourceOptions) -> Any:
    """Checks that no other Agent Ingress of the program has the domain, in whatever spelling.

    Args:
        resource_name: The name of the Agent Ingress.
        domain: The domain as the program gives it. An Output is checked once its value is known.
        opts: The options of the Agent Ingress. With `ignore_changes`, the domain in the state may be another one.

    Returns:
        The domain. If it is an Output, the Output fails if another Agent Ingress has the domain.

    Raises:
        pulumi.RunError: Another one has it.
    """
    if not _may_judge_domain(opts):
        return domain
    name, api = _name(resource_name, opts.parent), _api(_explicit_provider(opts))
    names = ProgramRun.current().names_by_domain

    def check(known: Any) -> Any:
        if isinstance(known, str):
            first = names.setdefault((api, canonical_domain(known)), name)
            # Pulumi itself says that two resources have one name.
            if first != name:
                raise pulumi.RunError(_explain_two(first, name, canonical_domain(known)))
        return known

    return domain.apply(check) if isinstance(domain, pulumi.Output) else check(domain)


def declared_domain(domain: Any, opts: pulumi.ResourceOptions) -> str | None:
    """Returns the domain that an Agent Ingress will have, in canonical form; None if that is not known yet.

    Args:
        domain: The domain as the program gives it.
        opts: The options of the Agent Ingress.
    """
    return canonical_domain(domain) if isinstance(domain, str) and _may_judge_domain(opts) else None


def _may_judge_domain(opts: pulumi.ResourceOptions) -> bool:
    return opts.id is None and _may_judge_values(opts)


def _explain_two(first: str, second: str, domain: str) -> str:
    return (
        f"the AgentIngresses {first} and {second} have the same domain, {domain}, and a domain has at most one Agent "
        "Ingress. Give one of them another domain, or remove one of them from the program"
    )


def _is_final(opts: pulumi.ResourceOptions) -> bool:
    """Tells whether the engine and the plugin will get what the program gives."""
    deployment = ProgramRun.current()
    return deployment.is_running and not deployment.is_mocked and not sdk_internals.may_be_transformed(opts)


def _explicit_provider(opts: pulumi.ResourceOptions) -> pulumi.ProviderResource | None:
    """Returns the explicit provider that Pulumi's SDK will find for a resource with these options."""
    more = opts.providers or []
    given: list[pulumi.ProviderResource | None]
    given = [opts.provider, *(more.values() if isinstance(more, Mapping) else more)]
    for provider in given:
        if provider is not None and provider.package == urns.PYTHON_PACKAGE:
            return provider
    return opts.parent.get_provider(urns.AGENT_INGRESS) if opts.parent else None


def _api(provider: pulumi.ProviderResource | None) -> object:
    """Returns the base URL that a provider has; the provider itself if its base URL is not known.

    A domain can have an Agent Ingress in each of two APIs, such as ngrok's and an emulator.
    """
    if provider is None:
        return Settings.load(pulumi.runtime.get_config).base_url.value
    base_url = provider._inputs[BASE_URL] if isinstance(provider, Provider) else pulumi.Output.from_input("")
    return Settings.load({BASE_URL: base_url}.get).base_url.value if isinstance(base_url, str | None) else provider


def _name(resource_name: str, parent: pulumi.Resource | None) -> str:
    names = [resource_name, *([parent.pulumi_resource_name] if parent else [])]
    return " of ".join(f'"{one_line(name, 100)}"' for name in names)
