"""The gate: who calls, whether that is still so, and what they may do. Every call passes it, every batch and page again.

1. Who: the certificate that TLS checked (`peer`), or the unverified name of a plain socket (`identity`).
2. Still: its dates, the revocation list, and the log's own revocations, at every call and again within open streams.
3. May: role x rpc at the call, role x kind x scope for every record (`rights`), seals (`sealed`), limits (`limits`).

A denial leaves nothing stored and one line in the server's log: who, what, which code; no text of the request.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import structlog

from custody.core.errors import CustodyError
from custody.core.roles import Role, Scope
from custody.server.admission import ForbiddenError
from custody.server.batch import Batch
from custody.server.identity import Unauthenticated, submitter_of
from custody.server.key_registry import KeyRegistry
from custody.server.limits import Limits, Usage
from custody.server.peer import Peer, read_peer
from custody.server.revocation import RevocationLists
from custody.server.rights import check_record, check_rpc
from custody.server.sealed import check_seals, demand_seals
from custody.v1 import entry_pb2

log = structlog.get_logger()

_CERTIFICATE: Final = "x509_pem_cert"
RECHECK_S: Final = 1.0
"""How long an open stream that has nothing to send goes on after its certificate was revoked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateSettings:
    """What the operator demands."""

    limits: Limits = field(default_factory=Limits)
    sealed_sites: frozenset[str] = frozenset()
    """Sites whose footage, and what their devices tell, is taken only in sealed batches."""


class Gate:
    """One for the server; used on one event loop."""

    def __init__(
        self,
        settings: GateSettings,
        *,
        now_us: Callable[[], int],
        monotonic_s: Callable[[], float],
        lists: RevocationLists | None = None,
    ) -> None:
        self._settings = settings
        self._now_us = now_us
        self._lists = lists
        self._usage = Usage(settings.limits, monotonic_s)

    def who(self, context: Any) -> Peer:
        """Who calls. Raises Unauthenticated."""
        pems = context.auth_context().get(_CERTIFICATE)
        return read_peer(pems[0]) if pems else Peer(submitter_of(context), Role.UNVERIFIED)

    def enter(self, peer: Peer, rpc: str) -> None:
        """Whether the peer may call this now. Raises Unauthenticated, Denied."""
        self.recheck(peer)
        check_rpc(peer.role, rpc)

    def recheck(self, peer: Peer) -> None:
        """Whether the peer is still to be believed.

        Raises Unauthenticated: 'certificate-expired', 'certificate-revoked', 'revocation-list-expired'.
        """
        if not peer.spki:
            return
        now_us = self._now_us()
        if not peer.from_us <= now_us < peer.until_us:
            raise Unauthenticated("the certificate is not valid now", code="certificate-expired")
        if self._lists is None:
            return
        self._lists.look()
        if self._lists.revoked(peer.serial):
            raise Unauthenticated("the certificate was revoked", code="certificate-revoked")
        if self._lists.expired(now_us):
            raise Unauthenticated("the server's revocation list has expired", code="revocation-list-expired")

    async def admit(
        self, peer: Peer, keys: KeyRegistry, origin: str, batch: Batch, seals: Sequence[entry_pb2.Seal]
    ) -> None:
        """Whether the peer may append this batch. Raises Unauthenticated, Denied, StoreUnavailable."""
        self.recheck(peer)
        if peer.role is not Role.UNVERIFIED or seals:
            await keys.refresh()
        if peer.role is not Role.UNVERIFIED:
            scope = self._scope(peer, keys)
            cleared: set[tuple[str, tuple[str, ...]]] = set()
            for position, item in enumerate(batch.items):
                what = (item.record.kind.name, item.record.chains)
                if what not in cleared:
                    check_record(peer.role, scope, item.record, position)
                    cleared.add(what)
        if seals:
            check_seals(keys.ring, origin, batch, seals, self._now_us())
        else:
            demand_seals(self._settings.sealed_sites, batch)

    def _scope(self, peer: Peer, keys: KeyRegistry) -> Scope | None:
        """What the log lets this key speak for; None when it is not registered. Raises Unauthenticated when revoked there."""
        now_us = self._now_us()
        scope = None
        for key in keys.ring.identities(peer.spki, peer.identity):
            if now_us >= key.revoked_from_us:
                raise Unauthenticated("the log has revoked the certificate's key", code="certificate-revoked")
            if key.valid_at(now_us):
                scope = key.scope if scope is None else scope.joined(key.scope)
        return scope

    @contextmanager
    def batch(self, peer: Peer, records: int, total_bytes: int) -> Iterator[None]:
        """Holds a batch under the peer's limits until its receipt. Raises LimitExceeded."""
        with self._usage.batch(peer.identity, records, total_bytes):
            yield

    @contextmanager
    def stream(self, peer: Peer) -> Iterator[None]:
        """Holds an open stream under the peer's limits. Raises LimitExceeded."""
        with self._usage.stream(peer.identity):
            yield


def audit(error: CustodyError, rpc: str, peer: Peer | None) -> None:
    """Writes the one line of a denial; other errors are none and write nothing. `peer` is None when nobody is known."""
    if isinstance(error, ForbiddenError | Unauthenticated):
        log.warning(
            "denied", identity=peer.identity if peer is not None else "", rpc=rpc, code=error.code, kind=getattr(error, "kind", ""),
            position=getattr(error, "position", -1),
        )  # fmt: skip
