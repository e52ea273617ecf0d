"""TLS servers with real certificates, which stand in for ngrok's."""

from __future__ import annotations

import contextlib
import itertools
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
import trustme

from tests.support.wire import serve

DAY = timedelta(days=1)
NOW = datetime.now(timezone.utc).replace(microsecond=0)

AUTHORITY = "Test Authority"


def new_authority() -> trustme.CA:
    return trustme.CA(organization_name=AUTHORITY, organization_unit_name="1")


def new_trusted_authority(folder: Path, monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
    """Returns an authority that is the only one that this machine trusts during a test."""
    authority = new_authority()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(folder / "ca.pem"))
    return authority


def issue(authority: trustme.CA, *names: str, begin: timedelta = -DAY, end: timedelta = 9 * DAY) -> trustme.LeafCert:
    return authority.issue_cert(*names, not_before=NOW + begin, not_after=NOW + end)


@contextlib.contextmanager
def tls_server(certificates: Mapping[str, trustme.LeafCert], *others: trustme.LeafCert) -> Iterator[str]:
    """Yields HOST:PORT of a server with a certificate for each name that clients send.

    For any other name, it has the other certificates, one for each connection in turn.
    """
    contexts = {name: _context(certificate) for name, certificate in certificates.items()}
    other_contexts = itertools.cycle([_context(certificate) for certificate in others])
    lock = threading.Lock()

    def select(connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> int | None:
        with lock:
            context = contexts.get(name or "") or next(other_contexts, None)
        if context is None:
            return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        connection.context = context
        return None

    listening = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # Replaced for each name.
    trustme.CA().issue_cert("unused.test").configure_cert(listening)
    listening.sni_callback = select

    def handle(connection: socket.socket) -> None:
        with listening.wrap_socket(connection, server_side=True) as tls:
            # Until the client closes the connection.
            tls.recv(1)

    with serve(handle) as place:
        yield place


def _context(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context
