"""Existence: whether an Agent Ingress in the state still exists, as far as ngrok's responses can show it."""

from __future__ import annotations

import threading
from collections.abc import Sequence, Set

from pulumi_agin.api.errors import NgrokError, NotFoundError, UnreadableIngressError
from pulumi_agin.api.models import IngressModel
from pulumi_agin.base.redaction import LISTED_VALUES

from .operation import Call, Failed
from .outputs import KeptOutputs
from .services import Account, Services
from .shell_commands import agin_line, explain_line

# The limit of the search for ingresses that may be in another account, which a preview waits for.
OTHER_ACCOUNT_SECONDS = 5


class Existence:
    """Checks whether the Agent Ingresses of one account still exist.

    ngrok responds 404 also if the key is that of another account, and so does a service that responds like ngrok, such
    as an emulator. (Any other 404 is a WrongBaseUrlError.) So an ingress counts as gone only if the state was last read
    with the same key and base URL. `kept` are the outputs in the state.
    """

    def __init__(self, account: Account, services: Services) -> None:
        self._account = account
        self._services = services
        # Guards the search for ingresses in another account.
        self._lock = threading.Lock()
        self._is_search_over = False
        # The IDs of the account's ingresses; None before the first search.
        self._listed_ids: Set[str] | None = None

    def read_for_refresh(self, call: Call, id_: str, kept: KeptOutputs) -> IngressModel | None:
        """Reads an ingress, one of many that are read at the same time. Returns None if it is gone.

        If ngrok's response about it is invalid, this warns, and raises UnreadableIngressError: the caller then returns
        the state unchanged.
        """
        client, budget = self._account.require_client(), self._account.budget(call)
        try:
            ingress, unreadable = client.get_one_of_many(id_, budget, domain=kept.domain)
        except NotFoundError as error:
            self.fail_unless_gone(kept, id_, error)
            return None
        except UnreadableIngressError as error:
            self.warn_of_unreadable(call, [error])
            raise
        self.warn_of_unreadable(call, unreadable)
        return ingress

    def warn_of_unreadable(self, call: Call, errors: Sequence[UnreadableIngressError]) -> None:
        """Warns once of each ingress that could not be read, and of the number of those beyond the first ten."""
        for error in errors[:LISTED_VALUES]:
            self._services.warn_once(
                f"{error}. It is skipped: if it is in the stack, its state stays unchanged", call.urn
            )
        rest = len(errors) - LISTED_VALUES
        if rest > 0:
            command = agin_line("doctor", "--all", "--json")
            self._services.warn_once(
                f"{rest} more Agent Ingresses could not be read, which `{command}` lists",
                call.urn,
                about="more unreadable ingresses",
            )

    def warn_of_other_base_url(self, kept: KeptOutputs) -> None:
        """Warns once if the state is from another base URL than that of the settings. Sends nothing."""
        settings = self._account.settings
        # `check` reports problems with the settings.
        if not kept.base_url or settings.problems:
            return
        if change := settings.describe_change_of_base_url(kept.base_url):
            self._services.warn_once(
                f"according to the state, Agent Ingresses of this stack were {change}. To use the old one again, "
                f"{settings.how_to_set_base_url(kept.base_url)}; only if both lead to the same account, run "
                f"`pulumi refresh --run-program`, which records the new one\n{explain_line('other-account')}",
            )

    def warn_of_other_account(self, call: Call, id_: str, kept: KeptOutputs) -> None:
        """Warns once in a `diff` if the account lacks an ingress that was last read with another key.

        The resource may have got a new provider. Only this shows it in an `up` without other changes. Another key alone
        does not, because an account can have many keys. In a run, the search sends at most one list and one read.
        """
        settings = self._account.settings
        is_same_key = kept.fingerprint in ("", self._account.fingerprint(id_))
        # `check` reports problems with the settings, and warns of another base URL.
        if is_same_key or settings.problems or settings.describe_change_of_base_url(kept.base_url):
            return
        if error := self._not_found(call, id_, kept.domain):
            self._services.warn(
                f"{error}. It was last read with another API key than the one from "
                f"{settings.api_key_source.shown_as}, so it may be in another account, and so may others: then a later "
                "update or destroy fails, and a destroy deletes the NS records first. To prevent that, use the "
                f"provider and the key that it had before, and run `pulumi up`\n{explain_line('other-account')}",
                call.urn,
            )

    def _not_found(self, call: Call, id_: str, domain: str) -> NotFoundError | None:
        """Reads an ingress if it is the first one that the account's list lacks. Returns the error if it is not found.

        After that, or without a response in time, the search is over, and every call returns None.
        """
        client, budget = self._account.require_client(), self._account.budget(call, OTHER_ACCOUNT_SECONDS)
        with self._lock:
            if self._is_search_over:
                return None
            try:
                if self._listed_ids is None:
                    self._listed_ids = client.list_cache.ids(budget)
                if id_ in self._listed_ids:
                    return None
                # Before the read, because one read is the limit, whatever its result.
                self._is_search_over = True
                client.get(id_, budget, domain=domain)
            except NotFoundError as error:
                return error
            except NgrokError:
                self._is_search_over = True
        return None

    def fail_unless_gone(self, kept: KeptOutputs, id_: str, error: NotFoundError) -> None:
        """Returns if a 404 proves that the ingress is gone: its last read had the same key and URL. Otherwise fails."""
        settings = self._account.settings
        if kept.fingerprint == self._account.fingerprint(id_):
            return
        key = f"the API key from {settings.api_key_source.shown_as}"
        if change := settings.describe_change_of_base_url(kept.base_url):
            reason = f"according to the state, it was {change}"
            step = f"To use the old one again, {settings.how_to_set_base_url(kept.base_url)}"
        elif kept.fingerprint:
            reason = f"{key} may belong to a different account than the key that last read it"
            step = f"Set the key of its account ({settings.how_to_set_api_key}), or use the provider that it had before"
        else:
            # It was edited, or an import was written by hand.
            reason = "the state does not show with which API key and base URL it was last read"
            step = f"Check that {key} and the base URL {settings.shown_base_url}, are those of its account"
        raise Failed(
            f"{error}. This does not prove that it was deleted: {reason}. {step}\n{explain_line('other-account')}"
        )
