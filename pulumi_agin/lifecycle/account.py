"""The account that a plugin process uses: its client and settings, and whether an ingress in a state still exists."""

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

# A hidden output: which key and base URL read the ingress last. Users' states contain it, so its name never changes.
FINGERPRINT = "_key_fingerprint"


class Account:
    """The account of the settings. A front end makes one for its process, and passes it to each lifecycle."""

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self.settings = settings
        self.clock = clock or Clock()
        # All calls share them.
        self.client = settings.new_client(self.clock)
        self.list_cache = ListCache(self.client)

    def budget(self, call: Call, seconds: float | None = None) -> Budget:
        """Returns the time of a call: `seconds`, or else the resource's `custom_timeouts`, or else the setting.

        Raises FailedError if the settings have problems. `check` reports them, too, but a refresh and a destroy have no
        check, and everything that sends a request needs a budget.
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
        """Returns the output FINGERPRINT of an ingress: a digest of the key, and the base URL unless it is ngrok's.

        The digest is 4 bytes of an HMAC, which only show whether two reads of one ingress used the same key.
        """
        base_url = self.settings.base_url
        digest = hmac.new(self.settings.api_key.get_secret_value().encode(), id_.encode(), "sha256").hexdigest()[:8]
        return digest if base_url == PUBLIC_API else f"{digest} {base_url}"

    def read_for_refresh(self, call: Call, id_: str) -> IngressModel | None:
        """Reads the ingress of a state for a refresh. Returns None if it is gone."""
        try:
            return self.list_cache.get(id_, self.budget(call))
        except NotFoundError as error:
            self.require_gone(call.outputs_before, id_, error)
            return None

    def require_gone(self, outputs_before: Mapping[str, Any], id_: str, error: NotFoundError) -> None:
        """Raises FailedError unless a 404 proves that an ingress is gone.

        ngrok responds 404 also to the key of another account. So it proves that only if the same key, at the same base
        URL, has read the ingress before. Then a refresh drops the resource, a delete succeeds, and an update fails
        with the advice to refresh. An import, a `get`, a lookup and the wait of a validation fail with every 404.
        """
        if outputs_before.get(FINGERPRINT) != self.fingerprint(id_):
            raise FailedError(
                f"{error}. This does not prove that it was deleted, because it was last read with another API key or "
                f"base URL than those from {self.settings.api_key_source} and {self.settings.base_url_source}. Use "
                "those of its account; see `pulumi-agin explain other-account`"
            )
