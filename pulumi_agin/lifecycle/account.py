"""Account of a plugin process: its settings and client, and the check whether an ingress in a state still exists."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pulumi_agin.api.budget import Budget
from pulumi_agin.api.clock import Clock
from pulumi_agin.api.errors import NotFoundError
from pulumi_agin.api.list_cache import ListCache
from pulumi_agin.api.values import PUBLIC_API
from pulumi_agin.settings import Settings

from .operation import Call, FailedError

if TYPE_CHECKING:
    from pulumi_agin.api.models import IngressModel

# A hidden output, which identifies the key and base URL of the last read or write. Users' states contain this name, so
# the name never changes.
FINGERPRINT = "_key_fingerprint"


class Account:
    """The account of the settings. A front end creates one Account for its process and passes it to each lifecycle."""

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self.settings = settings
        self.clock = clock or Clock()
        # All calls share the client and the cache.
        self.client = settings.new_client(self.clock)
        self.list_cache = ListCache(self.client)

    def budget(self, call: Call, seconds: float | None = None) -> Budget:
        """Returns the budget of a call: `seconds`, or else the resource's `custom_timeouts`, or else the setting.

        Raises FailedError if the settings have problems. `check` reports the problems, too, but a refresh and a destroy
        do not call `check`. Each operation that queries ngrok calls this method first.
        """
        if self.settings.problems:
            raise FailedError("; ".join(self.settings.problems))
        return Budget(
            seconds or call.timeout_seconds or self.settings.timeout_seconds,
            clock=self.clock,
            is_cancelled=call.is_cancelled,
            show=call.show,
        )

    def fingerprint(self, id_: str) -> str:
        """Returns the output FINGERPRINT of an ingress: a digest of the key, and any base URL other than ngrok's.

        The digest is 4 bytes of an HMAC. It shows only whether two reads of the same ingress used the same key.
        """
        base_url = self.settings.base_url
        digest = hmac.new(self.settings.api_key.get_secret_value().encode(), id_.encode(), "sha256").hexdigest()[:8]
        return digest if base_url == PUBLIC_API else f"{digest} {base_url}"

    def read_for_refresh(self, call: Call, id_: str) -> IngressModel | None:
        """Reads an ingress of the state for a refresh. Returns None if a 404 proves that the ingress is gone."""
        try:
            return self.list_cache.get(id_, self.budget(call))
        except NotFoundError as error:
            self.require_gone(call.outputs_before, id_, error)
            return None

    def require_gone(self, outputs_before: Mapping[str, Any], id_: str, error: NotFoundError) -> None:
        """Raises FailedError unless a 404 proves that an ingress is gone.

        ngrok also responds 404 to the key of another account. A 404 is a proof only if the outputs in the state were
        read with the same key and base URL. If the ingress is proven to be gone, the result depends on the call:

        - A refresh drops the resource.
        - A delete succeeds.
        - An update fails with the advice to refresh.

        An import, a `get`, a lookup, and a waiting validation fail with every 404, and do not call this method.
        """
        if outputs_before.get(FINGERPRINT) != self.fingerprint(id_):
            raise FailedError(
                f"{error}. This does not prove that it was deleted, because it was last read with another API key or "
                f"base URL than those from {self.settings.api_key_source} and {self.settings.base_url_source}. Use "
                "those of its account; see `pulumi-agin explain other-account`"
            )
