"""What a program finds wrong before it registers a resource.

The plugin would find the same. But when it refuses a resource, the engine ends the program while Pulumi's SDK registers
others, and the SDK may print a traceback for each of them. An error of the program is one sentence.

What the program can't tell for sure is left to the plugin.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi

from . import sdk, tokens
from .canonical import canonical_domain
from .deployment import Deployment
from .provider import Provider
from .settings import BASE_URL, Settings


def check_settings(opts: pulumi.ResourceOptions) -> None:
    """Checks the settings of the stack config and the environment, if a resource uses them.

    Args:
        opts: The options of the resource.

    Raises:
        pulumi.RunError: The settings have problems, such as no API key.
    """
    if not _is_final(opts) or _explicit_provider(opts) or not sdk.has_environment_of_cli():
        return
    problems = Settings.load(pulumi.runtime.get_config).problems()
    if problems:
        raise pulumi.RunError("; ".join(problems))


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
    if opts.id is not None or opts.ignore_changes or not _is_final(opts):
        return domain
    name, api, names = _name(resource_name, opts.parent), _api(_explicit_provider(opts)), Deployment.current().names

    def check(known: Any) -> Any:
        if isinstance(known, str):
            first = names.setdefault((api, canonical_domain(known)), name)
            # Pulumi itself says that two resources have one name.
            if first != name:
                raise pulumi.RunError(_explain_two(first, name, canonical_domain(known)))
        return known

    return domain.apply(check) if isinstance(domain, pulumi.Output) else check(domain)


def _explain_two(first: str, second: str, domain: str) -> str:
    return (
        f"the AgentIngresses {first} and {second} have the same domain, {domain}, and a domain has at most one Agent "
        "Ingress. Give one of them another domain. Or remove one of them from the program: the one that `pulumi stack "
        "--show-ids` does not show. If it shows both with the same id, such as after an import under a second name, "
        "remove one of them from the state, too, by `pulumi state delete --force`, which leaves the Agent Ingress as "
        "it is"
    )


def _is_final(opts: pulumi.ResourceOptions) -> bool:
    """Tells whether the engine and the plugin will get what the program gives."""
    deployment = Deployment.current()
    return deployment.is_running and not deployment.is_mocked and not sdk.may_be_transformed(opts)


def _explicit_provider(opts: pulumi.ResourceOptions) -> pulumi.ProviderResource | None:
    """Returns the explicit provider that Pulumi's SDK will find for a resource with these options."""
    more = opts.providers or []
    given: list[pulumi.ProviderResource | None]
    given = [opts.provider, *(more.values() if isinstance(more, Mapping) else more)]
    for provider in given:
        if provider is not None and provider.package == tokens.PYTHON_PACKAGE:
            return provider
    return opts.parent.get_provider(tokens.AGENT_INGRESS) if opts.parent else None


def _api(provider: pulumi.ProviderResource | None) -> object:
    """Returns the base URL that a provider has; the provider itself if its base URL is not known.

    A domain can have an Agent Ingress in each of two APIs, such as ngrok's and an emulator.
    """
    if provider is None:
        return Settings.load(pulumi.runtime.get_config).base_url.value
    base_url = provider._inputs[BASE_URL] if isinstance(provider, Provider) else pulumi.Output.from_input("")
    return Settings.load({BASE_URL: base_url}.get).base_url.value if isinstance(base_url, str | None) else provider


def _name(resource_name: str, parent: pulumi.Resource | None) -> str:
    return f'"{resource_name}"' + (f' of "{parent.pulumi_resource_name}"' if parent else "")
