"""Making text from ngrok, from proxies and from users safe to show."""

from __future__ import annotations

from . import proxies
from .credentials import Secret
from .text import EXCERPT_CHARACTERS, SEARCHED_CHARACTERS, one_line, redact


class Redactor:
    """Takes the API key and the credentials of proxies out of text."""

    def __init__(self, api_key: Secret) -> None:
        """Reads the credentials of the proxies that the environment names.

        Args:
            api_key: The API key that no text may show.
        """
        self._api_key = api_key
        self._proxy_credentials = proxies.credentials()

    def sanitize(self, text: str, limit: int = EXCERPT_CHARACTERS) -> str:
        """Returns text that a message may show: one line, without the API key and the credentials of proxies.

        Args:
            text: Text that somebody else wrote.
            limit: The number of characters after which the text is cut.
        """
        # Cut before it is searched, because searching takes time.
        shown = redact(text[:SEARCHED_CHARACTERS], self._api_key.get_secret_value())
        return one_line(proxies.redact_credentials(shown, self._proxy_credentials), limit)
