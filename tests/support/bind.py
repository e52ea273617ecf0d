"""BIND's `named`, as an ordinary process on a free local port, for the tests and the full demo."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype

from tests.support.ports import free_port
from tools.bind import Programs
from tools.steps import StepError, end

START_SECONDS = 20
TIMEOUT_SECONDS = 10


@dataclass(frozen=True)
class Key:
    """A TSIG key. `update-policy` lets it change the NS records of the names in `grants`, and nothing else."""

    name: str
    grants: Sequence[str] = ()
    algorithm: str = "hmac-sha256"

    @property
    def secret(self) -> str:
        """The secret in base64, as in a key file. It is derived from the name, because it protects nothing."""
        return base64.b64encode(hashlib.sha256(self.name.encode()).digest()).decode()


@dataclass
class Bind:
    """A primary server of `zone`. It keeps its port and its records when it is started again."""

    programs: Programs
    folder: Path
    """The folder of its files."""
    keys: Sequence[Key]
    records: str = ""
    """More records of the zone, in the form of a zone file."""
    zone: str = "acme.com"
    port: int = 0
    """The port; 0 for a free one."""
    unsigned: bool = False
    """Whether any user of this machine may change the whole zone. BIND then allows no grants for keys."""
    _id: str = field(default_factory=lambda: uuid.uuid4().hex, init=False, repr=False)
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False, repr=False)

    @property
    def address(self) -> str:
        """The address, as HOST:PORT."""
        return f"127.0.0.1:{self.port}"

    def __enter__(self) -> Bind:
        self.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self.stop()

    def start(self) -> None:
        """Starts it, and returns when it responds."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = self.port or free_port()
        configuration = self.folder / "named.conf"
        configuration.write_text(self._configuration(), encoding="utf-8")
        # Earlier changes of the zone are kept.
        if not (self.folder / "zone").exists():
            (self.folder / "zone").write_text(self._zone(), encoding="utf-8")
        log = self.folder / "named.log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [self.programs.named, "-g", "-n", "1", "-c", str(configuration), "-p", str(self.port)],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        until = time.monotonic() + START_SECONDS
        while not self._responds():
            if self._process.poll() is not None or time.monotonic() > until:
                self.stop()
                raise StepError(f"named did not start:\n{log.read_text(encoding='utf-8', errors='replace')[-2000:]}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Stops it, and returns when it has ended. Does nothing if it is stopped."""
        process, self._process = self._process, None
        if process is not None:
            end(process)

    def ns_records(self, name: str) -> tuple[list[str], int]:
        """Returns the NS records of a name below the apex, and their TTL."""
        response = self._query(name, "NS")
        assert response.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN), response
        for found in response.authority:
            if found.name.to_text() == f"{name}." and found.rdtype == dns.rdatatype.NS:
                return sorted(str(record).lower() for record in found), found.ttl
        return [], 0

    def referral(self, name: str) -> list[str]:
        """Returns the NS records of a name below the apex: lower case, with a final dot, sorted."""
        return self.ns_records(name)[0]

    def _responds(self) -> bool:
        try:
            # Another server may have taken the port just before this one. Each has an ID.
            found = f"{self._query(self.zone, 'SOA')}{self._query('id.server', 'TXT', 'CH')}"
        except (OSError, EOFError, dns.exception.DNSException):
            return False
        return "hostmaster" in found and self._id in found

    def _query(self, name: str, kind: str, class_: str = "IN") -> dns.message.Message:
        query = dns.message.make_query(name, kind, class_, flags=0)
        return dns.query.tcp(query, "127.0.0.1", TIMEOUT_SECONDS, self.port)

    def _configuration(self) -> str:
        keys = "".join(
            f'key "{key.name}" {{ algorithm {key.algorithm}; secret "{key.secret}"; }};\n' for key in self.keys
        )
        grants = "".join(f'    grant "{key.name}" name {name}. NS;\n' for key in self.keys for name in key.grants)
        policy = f"  update-policy {{\n{grants}  }};\n" if grants else ""
        if self.unsigned:
            policy += "  allow-update { 127.0.0.1; };\n"
        return f"""{keys}
options {{
  directory "{self.folder}";
  listen-on port {self.port} {{ 127.0.0.1; }};
  listen-on-v6 {{ none; }};
  // Otherwise two servers could listen on one port, and each would get some of the queries.
  reuseport no;
  server-id "{self._id}";
  pid-file none;
  session-keyfile none;
  recursion no;
  dnssec-validation no;
  allow-transfer {{ none; }};
  notify no;
}};
controls {{ }};
zone "{self.zone}" {{
  type primary;
  file "zone";
{policy}}};
"""

    def _zone(self) -> str:
        return f"""$TTL 300
@ SOA ns1.{self.zone}. hostmaster.{self.zone}. 1 3600 600 86400 60
@ NS ns1.{self.zone}.
ns1 A 127.0.0.1
{self.records}"""
