"""Roles and scopes: who a party is, and for which streams and sites it may speak.

An identity is `urn:custody:<role>:<name>` (`names.check_identity`). A scope is a stream, `site-12/cam-01`, or a whole
site, `site-12/*`: all its streams and its own chain.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from custody.core.errors import MalformedError
from custody.core.names import check_identity, check_site, check_stream

ALL_OF_SITE: Final = "*"


class Role(StrEnum):
    """The parties that a ledger knows; the value is the role's word in an identity."""

    RECORDER = "recorder"
    CUSTODIAN = "custodian"
    DESK = "desk"
    INSPECTOR = "inspector"
    EXPORTER = "exporter"
    WITNESS = "witness"
    ADMINISTRATOR = "administrator"
    LEDGER = "ledger"
    """A server of the ledger; it holds a server's certificate and submits nothing from outside."""
    UNVERIFIED = "unverified"
    """Whoever reaches a Unix socket: no certificate says who it is. Never stands in a certificate."""


CERTIFIED: Final = tuple(role for role in Role if role not in {Role.UNVERIFIED, Role.LEDGER})
"""Roles that a client's certificate may carry."""


def identity_of(role: Role, name: str) -> str:
    """The identity of a party. Raises MalformedError ('identity-malformed')."""
    return check_identity(f"urn:custody:{role.value}:{name}")


def role_of(identity: str) -> Role:
    """The role in an identity. Raises MalformedError: 'identity-malformed', or 'role-unknown' for a word that is no role."""
    word = check_identity(identity).split(":", 3)[2]
    try:
        return Role(word)
    except ValueError:
        raise MalformedError(f"there is no role {word!r}", code="role-unknown") from None


def check_scope(scope: str) -> str:
    """Returns `scope` if it is `site/camera` or `site/*`; raises MalformedError ('name-malformed')."""
    site, _, rest = scope.partition("/")
    if rest == ALL_OF_SITE:
        check_site(site)
        return scope
    return check_stream(scope)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What somebody may speak for."""

    streams: frozenset[str] = frozenset()
    sites: frozenset[str] = frozenset()
    """Whole sites."""

    @classmethod
    def of(cls, texts: Iterable[str]) -> "Scope":
        """From KeyRegistered.scopes. What is no scope grants nothing: a ledger must not guess what was meant."""
        streams, sites = set(), set()
        for text in texts:
            try:
                check_scope(text)
            except MalformedError:
                continue
            site, _, rest = text.partition("/")
            if rest == ALL_OF_SITE:
                sites.add(site)
            else:
                streams.add(text)
        return cls(streams=frozenset(streams), sites=frozenset(sites))

    def covers(self, chain: str) -> bool:
        """Whether an entry in `chain` is theirs to tell; the log's own chains are nobody's."""
        family, _, subject = chain.partition("/")
        if family == "site":
            return subject in self.sites
        if family not in {"footage", "custody"}:
            return False
        return subject in self.streams or subject.partition("/")[0] in self.sites

    def joined(self, other: "Scope") -> "Scope":
        """Both together."""
        return Scope(streams=self.streams | other.streams, sites=self.sites | other.sites)
