"""The servers of the options `--dns` and `--connect`."""

from __future__ import annotations

from pulumi_agin.dnsclient.values import DNS_PORT, Server, parse_server

from .output import UsageError

TLS_PORT = 443


def dns_server_of(value: str | None) -> Server | None:
    """Returns the server of `--dns`; None for public DNS."""
    return _server("--dns", value, DNS_PORT, "a DNS server")


def tls_server_of(value: str | None) -> Server | None:
    """Returns the server of `--connect`; None for the domains' own ones."""
    return _server("--connect", value, TLS_PORT, "a TLS server")


def _server(option: str, value: str | None, default_port: int, kind: str) -> Server | None:
    try:
        return None if value is None else parse_server(value, default_port, kind)
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from None
