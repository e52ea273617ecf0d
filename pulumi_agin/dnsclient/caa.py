"""CAA records (RFC 8659): whether they allow a certificate authority to issue. Does not load dnspython."""

from __future__ import annotations

from dataclasses import dataclass

# RFC 8659, 4, and RFC 9495.
_KNOWN_TAGS = ("issue", "issuewild", "iodef", "issuemail")

# Let's Encrypt treats 1 as critical, too, because it is a common mistake.
_CRITICAL_FLAGS = 128 | 1

# RFC 8657. An authority that supports them compares them with the account and the method of the request.
_LIMITS = ("accounturi", "validationmethods")


@dataclass(frozen=True)
class CaaRecord:
    """A CAA record. Its tag is in lower case."""

    flags: int
    tag: str
    value: str

    def __str__(self) -> str:
        return f'{self.flags} {self.tag} "{self.value}"'

    @property
    def issuer(self) -> str:
        """The authority that an `issue` record allows; "" if it allows none, as with a malformed parameter."""
        issuer, _, parameters = self.value.partition(";")
        # RFC 8659, 4.2. A semicolon can follow the authority, but not the last parameter.
        is_malformed = parameters.strip() and not all("=" in parameter for parameter in parameters.split(";"))
        # Let's Encrypt requires lower case, although the case of a domain does not matter.
        return "" if is_malformed else issuer.strip().lower()

    @property
    def limits(self) -> set[str]:
        """The parameters of an `issue` record that limit the authority."""
        _, *parameters = self.value.split(";")
        return {parameter.partition("=")[0].strip().lower() for parameter in parameters}.intersection(_LIMITS)


@dataclass(frozen=True)
class CaaSet:
    """The CAA records of a name, or the reason that they could not be read."""

    owner: str
    """The name in canonical form."""
    records: tuple[CaaRecord, ...] = ()
    problem: str = ""

    @property
    def unknown_critical(self) -> list[CaaRecord]:
        """The records that forbid every certificate, because Let's Encrypt does not know their critical property."""
        return [record for record in self.records if record.flags & _CRITICAL_FLAGS and record.tag not in _KNOWN_TAGS]

    def forbids(self, issuer: str) -> bool:
        """Returns whether the `issue` records forbid an authority. Without any, every authority is allowed."""
        # `issuewild` is only for names with a wildcard.
        issuers = [record.issuer for record in self.records if record.tag == "issue"]
        return bool(issuers) and issuer not in issuers

    def limits(self, issuer: str) -> list[str]:
        """Returns the parameters that limit an authority; none if one of its records has no limit."""
        limits = [record.limits for record in self.records if record.tag == "issue" and record.issuer == issuer]
        return sorted(set().union(*limits)) if all(limits) else []
