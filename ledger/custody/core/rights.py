"""Who may do what: one table, role by role. Everything that is not in it is refused.

A right is a method (rpc), and for what is appended a kind of record and a scope. Reading is not scoped by site: entries
hold no personal data, and a log that shows a party only its own part could not be checked by it. Disclosures are kept
elsewhere, and no role of this table reads them here.

The server asks it at the door, the verifier asks it again of every entry of the log; the matrix test is made from it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final

from custody.core.errors import MalformedError, VerificationError
from custody.core.kinds import KINDS
from custody.core.names import CHAIN_KEYS, site_of
from custody.core.roles import Role, Scope, role_of

APPEND: Final = frozenset({"Append", "AppendStream"})
VERIFY: Final = frozenset({"GetProof", "GetCheckpoint", "GetLog"})
"""What a client needs to check its receipts; whoever may append may verify."""
READ: Final = frozenset({"ReadEntries", "Follow", "GetTimestamps"})
HEADS: Final = frozenset({"GetChainHeads"})
"""May make the ledger append a snapshot in its own name."""
RPCS: Final = APPEND | VERIFY | READ | HEADS

LEDGER_KINDS: Final = frozenset({"chain_heads"})
"""Told by the ledger alone."""


class Scoping(Enum):
    """Which chains a role may append to."""

    REGISTERED = "the streams and sites that the log's registration of its key names"
    KEYS = "the log's own chain of keys"
    ANY = "all of them"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """One row of the table."""

    rpcs: frozenset[str]
    kinds: frozenset[str] = frozenset()
    scoping: Scoping = Scoping.REGISTERED
    device: bool = False
    """Whether a device speaks here: where a site demands seals, all that it tells of the site has its own."""


class NotAllowed(VerificationError):
    """The table has no such right."""

    code = "kind-not-allowed"


def _kinds(*families: str) -> frozenset[str]:
    return frozenset(kind.name for kind in KINDS.values() if kind.family in families)


_OBSERVED: Final = frozenset({"recorder_configuration", "disposal", "move", "access", "integrity_scan", "correction"})
"""What a recording system sees of itself besides footage; the register of access is the desk's all the same."""
_AUTHORITY: Final = frozenset({"inspection", "rectification_order"})
_DESK: Final = frozenset({
    "access_request", "access_granted", "access_refused", "access", "redaction", "publication", "package_exported",
    "package_verified", "disclosure_access", "correction",
})  # fmt: skip
_INSPECTOR: Final = _AUTHORITY | {
    "hold_placed", "hold_released", "package_verified", "integrity_scan", "disclosure_access", "correction",
}  # fmt: skip

TABLE: Final[Mapping[Role, Rights]] = MappingProxyType(
    {
        Role.RECORDER: Rights(rpcs=APPEND | VERIFY, kinds=_kinds("footage") | _OBSERVED, device=True),
        Role.CUSTODIAN: Rights(rpcs=RPCS, kinds=_kinds("custody", "site", "either") - _AUTHORITY),
        Role.DESK: Rights(rpcs=RPCS, kinds=_DESK),
        Role.INSPECTOR: Rights(rpcs=RPCS, kinds=_INSPECTOR),
        Role.EXPORTER: Rights(rpcs=RPCS, kinds=frozenset({"package_exported", "disclosure_access"})),
        Role.WITNESS: Rights(rpcs=VERIFY),
        Role.ADMINISTRATOR: Rights(rpcs=APPEND | VERIFY | READ, kinds=_kinds(CHAIN_KEYS), scoping=Scoping.KEYS),
        # No certificate makes anybody the ledger; it calls nothing and speaks in its own log for itself.
        Role.LEDGER: Rights(rpcs=frozenset(), kinds=LEDGER_KINDS, scoping=Scoping.ANY),
        Role.UNVERIFIED: Rights(rpcs=RPCS, kinds=frozenset(KINDS) - LEDGER_KINDS, scoping=Scoping.ANY),
    }
)


def is_device(submitter: str) -> bool:
    """Whether this identity is a device's."""
    try:
        return TABLE[role_of(submitter)].device
    except MalformedError:
        return False


def owes_seal(chain: str, *, device: bool) -> str:
    """The site that may demand a seal of an entry in this chain: of all footage, and of all that a device tells; else ''."""
    family, _, subject = chain.partition("/")
    if family == "footage" or (device and family != "log"):
        return site_of(subject)
    return ""


def check_told(role: Role, scope: Scope | None, kind: str, chains: Sequence[str]) -> None:
    """Whether a role with these registered scopes may append a record of this kind; None: nothing is registered for it.

    Raises NotAllowed: 'kind-not-allowed', 'not-in-scope', or 'identity-unregistered', which says nothing of the record.
    """
    rights = TABLE[role]
    if kind not in rights.kinds:
        raise NotAllowed(f"{role.value} is no role that tells of {kind}", code="kind-not-allowed")
    if rights.scoping is not Scoping.REGISTERED:
        return
    if scope is None:
        raise NotAllowed("the log has no valid registration of this identity's key", code="identity-unregistered")
    for chain in chains:
        if not scope.covers(chain):
            raise NotAllowed(f"{chain} is another's to tell of", code="not-in-scope")
