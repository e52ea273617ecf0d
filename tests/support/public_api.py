"""ngrok's public API, https://api.ngrok.com, for processes of a test: a proxy leads them to an emulator instead.

Only with this base URL do states have the form that users' states have.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import trustme

from pulumi_agin.emulator import Emulator
from tests.support.wire import receive, serve

# An emulator that stands in for the public API must allow it.
HOST = "api.ngrok.com"


@contextlib.contextmanager
def public_api(emulator: Emulator, folder: Path) -> Iterator[dict[str, str]]:
    """Yields the environment of a process that is to reach the emulator as ngrok's public API.

    It has no base URL. The certificate that the process has to trust is put into `folder`.
    """
    authority = trustme.CA()
    bundle = folder / "public_api.pem"
    authority.cert_pem.write_to_path(str(bundle))
    port = int(emulator.url.rpartition(":")[2])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(HOST).configure_cert(context)

    def handle(connection: socket.socket) -> None:
        if not receive(connection).startswith(f"CONNECT {HOST}:443 ".encode()):
            connection.sendall(b"HTTP/1.1 403 Forbidden\r\n\r\n")
            return
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with (
            context.wrap_socket(connection, server_side=True) as client,
            socket.create_connection(("127.0.0.1", port)) as api,
        ):
            forward(client, api)

    with serve(handle) as place:
        yield {"NGROK_API_BASE_URL": "", "HTTPS_PROXY": f"http://{place}", "REQUESTS_CA_BUNDLE": str(bundle)}


def forward(client: ssl.SSLSocket, api: socket.socket) -> None:
    """Passes on what either of the two sends, until one of them ends its connection."""
    while True:
        # A part of what was received may be decrypted already.
        ready = [client] if client.pending() else select.select([client, api], [], [])[0]
        for source in ready:
            data = source.recv(65536)
            if not data:
                return
            (api if source is client else client).sendall(data)
