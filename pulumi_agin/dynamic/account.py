"""What all providers that ask ngrok have in common: their settings, one client, and when "gone" is believed."""

from __future__ import annotations

import gc
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pulumi.dynamic import ConfigureRequest, ResourceProvider

from pulumi_agin import commands

from . import servicer
from .servicer import ProviderError

if TYPE_CHECKING:
    from pulumi_agin.api.client import AgentIngressClient
    from pulumi_agin.settings import Settings

# Tells whether a later call uses the key that saw the ingress last; see AgentIngressClient.fingerprint. Every state
# has it, and no `get` has yet: so it tells the two apart as well.
# Hidden: no attribute of the resource. Not with two underscores, which the SDK would not give back to us.
FINGERPRINT = "_key_fingerprint"

# The certificate policy that the program wants of each Agent Ingress, by its id, as far as this process was told: one
# with another provider has a process of its own.
wanted_policies: dict[str, Any] = {}

# One client for all providers of the plugin process: they share its list, and wait together after a 429.
_lock = threading.Lock()
_clients: dict[Settings, AgentIngressClient] = {}


def domain_of(state: Mapping[str, Any]) -> str | None:
    """The domain that a resource's outputs have; None where somebody edited the state, and it is no text or empty."""
    domain = state.get("domain")
    return domain if isinstance(domain, str) and domain else None


class NgrokProvider(ResourceProvider):
    """A provider of the account that the API key is of. Its settings and its client are never pickled."""

    # There is no secret in it, and as a secret it would be another value in every state.
    serialize_as_secret_always = False

    _settings: Settings | None

    def __getstate__(self) -> None:
        """Nothing is pickled but the class, whatever it holds: the settings have the API key."""

    def configure(self, req: ConfigureRequest) -> None:
        """Takes the stack's config. Judges nothing: this runs before check, which can say what is wrong."""
        # What was loaded so far stays, and more will be: the garbage collector would search all of it, many times.
        gc.freeze()
        gc.set_threshold(50_000)
        from pulumi_agin.settings import Settings

        self._settings = Settings.load(req.config.get)

    def _configured(self) -> Settings:
        settings = getattr(self, "_settings", None)
        if settings is None:
            from pulumi_agin.settings import Settings

            settings = self._settings = Settings.load(lambda key: None)
        return settings

    def _connected(self) -> AgentIngressClient:
        settings = self._configured()
        with _lock:
            if settings not in _clients:
                _clients[settings] = settings.client(servicer.is_awaited)
            return _clients[settings]

    def _believe_gone(self, error: Exception, id_: str, olds: Mapping[str, Any], stack: str | None = None) -> None:
        """Returns where a 404 means that the ingress is gone: where the key is the one that saw it last."""
        if olds.get(FINGERPRINT) == self._connected().fingerprint(id_):
            return
        settings = self._configured()
        raise ProviderError(
            f"{error}. That need not mean that it is gone: the API key, from {settings.api_key_source}, is not known "
            "to be the one that saw this Agent Ingress last, and for ngrok one of another account does not exist. Set "
            f"the key of its account{settings.api_key_hint}; or, where it really is gone, take it out of the state "
            f"with\n{commands.state_delete_line(servicer.urn(), stack=stack)}"
        )
