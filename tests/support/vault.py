"""A stand-in for HashiCorp Vault, one of the secrets providers that Pulumi can encrypt a stack's secrets with.

The CLI encrypts the secrets itself, and Vault only the stack's key. With a passphrase, each command would derive that
key again, which takes a fifth of its CPU time on a small stack.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.support.background import in_background

# The value for `pulumi stack init --secrets-provider`.
SECRETS_PROVIDER = "hashivault://tests"

_MARK = "vault:v1:"


@contextmanager
def vault() -> Iterator[dict[str, str]]:
    """Runs it. Yields the environment variables by which the CLI finds it."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Transit)
    with in_background(server):
        yield {"VAULT_SERVER_URL": f"http://127.0.0.1:{server.server_port}", "VAULT_SERVER_TOKEN": "any"}


class _Transit(BaseHTTPRequestHandler):
    """Encrypts a stack's key by marking it, and decrypts it again: Vault's secrets engine "transit"."""

    def do_PUT(self) -> None:
        """Handles `transit/encrypt` and `transit/decrypt`. The base class requires this name."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        encrypted, decrypted = f"{_MARK}{asked.get('plaintext')}", asked.get("ciphertext", "").removeprefix(_MARK)
        data = {"ciphertext": encrypted} if "plaintext" in asked else {"plaintext": decrypted}
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"data": data}).encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that the base class has
        """Prints nothing."""
