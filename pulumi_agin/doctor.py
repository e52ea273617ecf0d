"""`pulumi-agin doctor`: why a domain's Agent Ingress does not work yet, as seen from outside. It changes nothing.

What `--json` prints, and what stays so:

    domain      in canonical form
    ok          whether all is well, which the exit status says too
    checks      api_key, agent_ingress, delegation and certificate, each with
        state       "ok", "wait" (nothing to do but wait), "wrong", or "unknown" (it could not be found out)
        says        why, in a line
        remedies    a list of {"do": what to do, "lines": what to paste or to create}
      and besides
        api_key         source: where the key came from
        agent_ingress   id: or null
        delegation      asked: HOST:PORT or null for public DNS; found, expected, missing, extra: names, or null where
                        unknown
        certificate     error_code, retries_at, renews_at: as ngrok has them, or null
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from .api import errors
from .api.client import AgentIngressClient
from .api.inputs import validate
from .api.models import AgentIngress, CertificateState, certificate_in_words, certificate_state
from .api.text import one_line
from .nameservers import Delegation, Server, find_delegation
from .settings import Settings

# The most that ngrok, and then DNS, is waited for: somebody sits before the terminal.
NGROK_SECONDS = 30.0
DNS_SECONDS = 10.0

_KEY_OF_THE_STACK = 'NGROK_API_KEY="$(pulumi config get ngrok:apiKey)"'

_TITLES = {
    "api_key": "API key",
    "agent_ingress": "Agent Ingress",
    "delegation": "delegation",
    "certificate": "certificate",
}

State = Literal["ok", "wait", "wrong", "unknown"]


class NotExaminableError(Exception):
    """Nothing can be asked until the user sets something right: one sentence that says what."""


@dataclass(frozen=True)
class Remedy:
    """What puts something right."""

    do: str
    lines: Sequence[str] = ()


@dataclass(frozen=True)
class Check:
    """What was found of one thing."""

    state: State
    says: str
    remedies: Sequence[Remedy] = ()
    details: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class Report:
    """What was found of all."""

    domain: str
    checks: dict[str, Check]

    @property
    def is_ok(self) -> bool:
        return all(check.state == "ok" for check in self.checks.values())

    def table(self) -> str:
        """For people: a row for each check, and then what to do."""
        width = max(map(len, _TITLES.values()))
        lines = [self.domain, ""]
        lines += [f"{_TITLES[name]:{width}}  {check.state:7}  {check.says}" for name, check in self.checks.items()]
        remedies = [(name, remedy) for name, check in self.checks.items() for remedy in check.remedies]
        for name, remedy in remedies:
            lines += ["", f"{_TITLES[name]}: {remedy.do}{':' if remedy.lines else ''}"]
            lines += [f"  {line}" for line in remedy.lines]
        return "\n".join(lines) + "\n"

    def json(self) -> str:
        """For machines. ASCII only, whatever the terminal has."""
        checks: dict[str, Any] = {}
        for name, check in self.checks.items():
            remedies = [{"do": remedy.do, "lines": list(remedy.lines)} for remedy in check.remedies]
            checks[name] = {"state": check.state, "says": check.says, "remedies": remedies, **check.details}
        return json.dumps({"domain": self.domain, "ok": self.is_ok, "checks": checks}, indent=2) + "\n"


def examine(domain: str, server: Server | None = None) -> Report:
    """Looks at all of it, with the settings of the environment. Asks the `server` in place of public DNS.

    Raises NotExaminableError where the domain or the settings can't be right, or dnspython is missing.
    """
    inputs, problems = validate({"domain": domain})
    if problems:
        raise NotExaminableError(f'the domain "{one_line(domain, 80)}" {problems[0].message}')
    settings = Settings.load(lambda key: None)
    if not settings.api_key.get_secret_value():
        raise NotExaminableError(
            "there is no ngrok API key: set the environment variable NGROK_API_KEY, such as with "
            f"{_KEY_OF_THE_STACK} where the stack config has it"
        )
    try:
        client = settings.client()
        # First, as it also tells whether dnspython is there.
        found = find_delegation(inputs["domain"], DNS_SECONDS, server)
    except (errors.InvalidInputsError, ImportError) as error:
        raise NotExaminableError(str(error)) from None
    return _Examination(inputs["domain"], server, settings, client).report(found)


@dataclass(frozen=True)
class _Examination:
    domain: str
    server: Server | None
    settings: Settings
    client: AgentIngressClient

    def report(self, found: Delegation) -> Report:
        ingress, api_key, agent_ingress = self._asked()
        delegation = self._delegation(ingress, found)
        certificate = self._certificate(ingress, agent_ingress.state, delegation.state)
        checks = (api_key, agent_ingress, delegation, certificate)
        return Report(self.domain, dict(zip(_TITLES, checks, strict=True)))

    # -- ngrok --------------------------------------------------------------------------------------------

    def _asked(self) -> tuple[AgentIngress | None, Check, Check]:
        """The ingress, and what became of the API key and of it."""
        source = self.settings.api_key_source
        details = {"source": source}
        unseen = Check("unknown", "ngrok could not be asked for it", details={"id": None})
        try:
            ingress = self.client.find(self.domain, min(NGROK_SECONDS, self.client.timeout_seconds))
        except errors.AuthenticationError as error:
            remedy = Remedy("ask with a key that ngrok accepts, such as that of the stack config", [self._with_its_key])
            return None, Check("wrong", str(error), [remedy], details), unseen
        except errors.NgrokError as error:
            # The message says what to do, where there is more to do than this.
            remedy = Remedy("when that is over or put right, ask again", [self._line()])
            return None, Check("unknown", str(error), [remedy], details), unseen
        accepted = Check("ok", f"ngrok accepts the one from {source}", details=details)
        if ingress is None:
            says = f"the account of the key from {source} has none with this domain"
            make = f'agin.AgentIngress("connect", domain="{self.domain}")'
            remedies = [
                Remedy("where there is none yet, put it into the program and run `pulumi up`", [make]),
                Remedy("where another account has it, ask with the key of that one", [self._with_its_key]),
            ]
            return None, accepted, Check("wrong", says, remedies, {"id": None})
        return ingress, accepted, Check("ok", self.client.named(ingress), details={"id": ingress.id})

    # -- DNS ----------------------------------------------------------------------------------------------

    def _delegation(self, ingress: AgentIngress | None, found: Delegation) -> Check:
        who = "public DNS" if self.server is None else str(self.server)
        says = one_line(found.described(who))
        expected = ingress.ns_targets if ingress is not None else []
        details: dict[str, Any] = {
            "asked": None if self.server is None else str(self.server),
            "found": None if found.problem else list(found.names),
            "expected": expected or None,
            "missing": None,
            "extra": None,
        }
        if found.problem:
            remedy = Remedy("ask a DNS server that can be reached from here", [self._line(dns="HOST:PORT")])
            return Check("unknown", says, [remedy], details)
        if not expected:
            why = "what ngrok wants is not known" if ingress is None else "ngrok names no name servers"
            return Check("unknown", f"{says}; {why}", details=details)
        # One too many is wrong as well: some resolvers would ask that one, and not find the domain.
        missing = [name for name in expected if name not in found.names]
        extra = [name for name in found.names if name not in expected]
        details |= {"missing": missing, "extra": extra}
        if not missing and not extra:
            return Check("ok", f"{who} answers with the {len(expected)} name servers that ngrok wants", (), details)
        remedies = [
            Remedy(do, [f"{self.domain}. NS {name}" for name in names])
            for do, names in (
                ("create these records, in the zone above the domain", missing),
                ("delete these records, which lead astray", extra),
            )
            if names
        ]
        remedies.append(Remedy("where an AgentIngressDelegation makes the records, run", ["pulumi up --refresh"]))
        if found.names:
            differences = (("missing", missing), ("too many", extra))
            listed = "; ".join(f"{word}: {', '.join(names)}" for word, names in differences if names)
            says = one_line(f"{who} answers with other name servers than ngrok wants: {listed}")
        return Check("wrong", says, remedies, details)

    # -- the certificate ----------------------------------------------------------------------------------

    def _certificate(self, ingress: AgentIngress | None, agent_ingress: State, delegation: State) -> Check:
        status = ingress.certificate_management_status if ingress is not None else None
        job = status.provisioning_job if status is not None else None
        details = {
            "error_code": self._shown(job.error_code) if job else None,
            "retries_at": self._shown(job.retries_at) if job else None,
            "renews_at": self._shown(status.renews_at) if status else None,
        }
        if ingress is None:
            is_asked = agent_ingress != "unknown"
            says = (
                "without an Agent Ingress there is none to be seen" if is_asked else "ngrok could not be asked for it"
            )
            return Check("unknown", says, details=details)
        state = certificate_state(ingress)
        says = self._shown(certificate_in_words(ingress)) or ""
        if state.is_ready:
            return Check("ok", says, details=details)
        retry = f"ngrok tries again at {details['retries_at']}" if details["retries_at"] else "ngrok tries again"
        again = [self._line()]
        if state in (CertificateState.OTHER_ERROR, CertificateState.UNKNOWN):
            help_ = f"{retry}; where it stays so, ask ngrok's support, and name {ingress.id}"
            return Check("unknown", says, [Remedy(help_)], details)
        if delegation == "wrong":
            remedy = Remedy(f"see to the delegation first; {retry}")
            return Check("wrong" if state is CertificateState.DNS_ERROR else "wait", says, [remedy], details)
        if state is CertificateState.DNS_ERROR:
            if delegation == "unknown":
                remedy = Remedy(f"see that the delegation is right; {retry}: look then", again)
                return Check("wrong", says, [remedy], details)
            return Check("wait", says, [Remedy(f"the delegation is right by now; {retry}: look then", again)], details)
        if state in (CertificateState.PENDING, CertificateState.IN_PROGRESS):
            remedy = Remedy("wait, as Let's Encrypt takes seconds to minutes, and look again", again)
            return Check("wait", says, [remedy], details)
        return Check("wait", says, [Remedy(f"{retry}: look then", again)], details)

    # -- in words -----------------------------------------------------------------------------------------

    @property
    def _with_its_key(self) -> str:
        return f"{_KEY_OF_THE_STACK} {self._line()}"

    def _line(self, dns: str | None = None) -> str:
        """This command once more."""
        asked = dns or (str(self.server) if self.server is not None else None)
        return f"pulumi-agin doctor {shlex.quote(self.domain)}" + (f" --dns {shlex.quote(asked)}" if asked else "")

    def _shown(self, text: str | None) -> str | None:
        return self.client.shown(text) if text else None
