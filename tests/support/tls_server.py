"""OpenSSL as a TLS server, with a certificate that a test makes with trustme."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone

import trustme

from tests.support.ports import free_port


def issue(authority: trustme.CA, name: str, *, days: int | None = None) -> trustme.LeafCert:
    """Returns a new certificate of a name, which is valid for a number of days, or for many years."""
    if days is None:
        return authority.issue_cert(name)
    # With a negative number, it was valid.
    not_after = datetime.now(timezone.utc) + timedelta(days=days)
    return authority.issue_cert(name, not_before=not_after - timedelta(days=90), not_after=not_after)


@contextmanager
def tls_server(certificate: trustme.LeafCert, chain: Sequence[trustme.Blob] = ()) -> Iterator[int]:
    """Runs a TLS server, which sends a certificate and those of a chain. Yields its port."""
    with certificate.private_key_and_cert_chain_pem.tempfile() as own, chain_file(chain) as others:
        port = free_port()
        command = ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", own, "-key", own]
        with subprocess.Popen(
            [*command, *others], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as server:
            try:
                assert server.stdout
                # It listens after this line.
                while "ACCEPT" not in (line := server.stdout.readline()):
                    assert line, "openssl has ended"
                yield port
            finally:
                server.kill()


@contextmanager
def chain_file(chain: Sequence[trustme.Blob]) -> Iterator[list[str]]:
    """Yields the options of `openssl s_server` for a chain."""
    if not chain:
        yield []
        return
    with trustme.Blob(b"".join(each.bytes() for each in chain)).tempfile() as file:
        yield ["-cert_chain", file]
