"""`LedgerClient`: append, read, prove and follow, from asyncio.

Everything that a method returns was verified first: signed by a configured key, proven under that checkpoint, and the
checkpoint proven consistent with the last one held, which is on disk before a receipt is handed out.
"""

from collections.abc import AsyncGenerator, AsyncIterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import grpc

from custody.client import appending, pages, selection
from custody.client.backoff import Backoff
from custody.client.batch import Item, read_batch
from custody.client.environment import Environment
from custody.client.errors import KeysNotPinned, RefusedError
from custody.client.heads import ChainEnds, check_chain_heads
from custody.client.link import LedgerLink, Seen
from custody.client.pages import Followed
from custody.client.receipt import ProvenEntry, Receipt
from custody.client.sealing import SealingKey
from custody.client.selection import Selection
from custody.client.session import Session, decode
from custody.client.state import Conflict, State
from custody.client.wire import Metadata, Renew, Wire
from custody.core import limits
from custody.core.checkpoint import Checkpoint
from custody.core.errors import InclusionError
from custody.core.note import VerifierKey
from custody.core.policy import Policy
from custody.core.proof import verify_consistency, verify_inclusion
from custody.v1 import ledger_pb2

__all__ = ["DEFAULT_TIMEOUT_S", "Followed", "LedgerClient", "Seen"]

DEFAULT_TIMEOUT_S: Final = 10.0
"""Deadline of one call, its retries included."""


SUBMITTER_METADATA: Final = "custody-submitter"
"""Call metadata with the name that an unauthenticated client claims."""


class LedgerClient:
    """A client of one log. Any number of tasks of one event loop may share it. Made by `connect`."""

    def __init__(self, link: LedgerLink, *, owned: State | None, sealing: SealingKey | None = None) -> None:
        self._link = link
        self._sealing = sealing
        self._owned = owned

    @classmethod
    async def connect(
        cls,
        target: str | Sequence[str],
        *,
        log: str,
        vkeys: Sequence[str | VerifierKey] = (),
        policy: Policy | None = None,
        state: State | Path | str | None = None,
        credentials: grpc.ChannelCredentials | None = None,
        renew: Renew | None = None,
        submitter: str = "",
        identity: str = "",
        metadata: Metadata = (),
        options: Sequence[tuple[str, Any]] = (),
        sealing: SealingKey | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        backoff: Backoff | None = None,
        environment: Environment | None = None,
    ) -> "LedgerClient":
        """Opens the state and makes ready; nothing is sent before the first call.

        Args:
            target: `unix:/path` or `host:port`, or several servers of the same ledger in order of preference.
            log: the log's origin.
            vkeys: the keys that sign it (C2SP vkeys). None: those of `policy`, else those that `pin` stored in the state.
            policy: whose witnesses must have cosigned what the ledger shows (C2SP tlog-policy). A ledger that publishes
                without its quorum is then not believed.
            state: file of what is remembered between runs, or an open `State`. None: nothing outlives the client, and a
                rollback between two runs goes unseen.
            credentials: from `tls`; None speaks in clear, for Unix sockets and tests.
            renew: asked after a call that failed; gives other credentials when the party has some by now, with which the
                client then connects anew (`Credentials.settings`: when its files were replaced).
            submitter: what to be called in the entries where the connection authenticates nobody; the ledger records it
                as unverified.
            identity: the URN that stands in this client's certificate. A receipt whose entries are filed under another
                name is then refused; empty: whoever reads the receipt looks at `ReadEntry.submitter`.
            metadata: sent with every call.
            options: further gRPC channel options.
            sealing: the device's key; each batch that has no seal is then sealed when it is appended. An outbox seals by
                itself (`Drain`), so that repeats are the same bytes.
            timeout_s: deadline of one call, its retries included, where the call gives none.
            backoff: waits between retries.
            environment: clocks and randomness.

        Raises KeysNotPinned, MalformedError (vkeys), ClientStorageError, FileInUse; SignatureError when the remembered
        checkpoint is not signed by these keys.
        """
        targets = (target,) if isinstance(target, str) else tuple(target)
        opened = state if isinstance(state, State) else State(None if state is None else Path(state))
        owned = None if opened is state else opened
        try:
            keys = [VerifierKey.parse(key) if isinstance(key, str) else key for key in vkeys]
            if not keys and policy is not None:
                keys = list(policy.keys)
            keys = keys or list(opened.pinned(log))
            if not keys:
                raise KeysNotPinned(f"no keys are given or pinned for {log}: pass vkeys, or pin them once")
            session = Session(log, keys, opened.checkpoint(log), identity=identity, policy=policy)
            named = (*metadata, (SUBMITTER_METADATA, submitter)) if submitter else metadata
            wire = Wire(targets=targets, credentials=credentials, metadata=named, options=options, renew=renew)
            link = LedgerLink(
                wire,
                session,
                opened,
                environment or Environment(),
                backoff or Backoff(cap_s=2.0),
                timeout_s,
            )
        except BaseException:
            if owned is not None:
                owned.close()
            raise
        return cls(link, owned=owned, sealing=sealing)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends all calls and closes what `connect` opened."""
        await self._link.close()
        if self._owned is not None:
            self._owned.close()

    @property
    def log(self) -> str:
        """The log's origin."""
        return self._link.session.origin

    @property
    def held(self) -> Seen:
        """The newest checkpoint that was proven; size 0 and an empty note before the first."""
        return Seen(self._link.session.held, self._link.session.note)

    @property
    def target(self) -> str:
        """The server that the next call goes to."""
        return self._link.wire.target

    # ---- append

    async def append(self, records: Sequence[Item], *, timeout_s: float | None = None, retry: bool = True) -> Receipt:
        """Appends a batch, whole or not at all, and returns its receipt, verified; the records may then be let go.

        Safe to repeat: a record that is in the log already gets its first receipt again. `retry` repeats by itself until
        the deadline after lost answers and retryable refusals.

        Raises MalformedError (the batch, or a malformed answer), RefusedError, LedgerUnavailable (unknown whether it was
        appended), a VerificationError (above all RollbackError, ForkError), LatchedError, ClientStorageError.
        """
        if self._sealing is not None:
            records = self._sealing.seal(self.log, read_batch(records))
        return await appending.append(self._link, records, timeout_s=timeout_s, retry=retry)

    def append_stream(
        self, batches: AsyncIterable[Sequence[Item]], *, in_flight: int = 8, timeout_s: float | None = None
    ) -> AsyncGenerator[Receipt | RefusedError]:
        """Appends many batches over one stream, at most `in_flight` of them unanswered; answers come in their order.

        A refusal is yielded in the place of the receipt and ends nothing. For sources that have much to send: the next
        answer is read only when the bound is reached or the batches end. After any error every batch without a receipt may
        be appended again. `timeout_s` bounds each wait for the ledger.
        """
        return appending.append_stream(self._link, batches, in_flight=in_flight, timeout_s=timeout_s)

    # ---- read

    def read(self, what: Selection, *, timeout_s: float | None = None) -> AsyncGenerator[ProvenEntry]:
        """Entries of a selection (`custody.client.selection`), each proven and checked before it is yielded.

        `timeout_s` bounds the wait for each page. Raises RefusedError, LedgerUnavailable, MalformedError, ReadError, and
        other VerificationErrors.
        """
        return pages.read(self._link, what, timeout_s=timeout_s)

    def read_range(self, first: int, count: int) -> AsyncGenerator[ProvenEntry]:
        """Entries [first, first + count) or to the end of the log."""
        return self.read(selection.by_range(first, count))

    def read_chain(self, chain: str, first_seq: int = 1, count: int = 0) -> AsyncGenerator[ProvenEntry]:
        """A chain from `first_seq` on; count 0: to its end. Whether it ends there, `chain_heads` says."""
        return self.read(selection.by_chain(chain, first_seq, count))

    def read_time(self, from_us: int, to_us: int) -> AsyncGenerator[ProvenEntry]:
        """Entries sequenced in [from_us, to_us)."""
        return self.read(selection.by_time(from_us, to_us))

    async def read_record(self, record_id: bytes) -> ProvenEntry | None:
        """The entry of one record, None when the ledger shows none (which is its word, not a proof)."""
        entries = self.read(selection.by_record_id(record_id))
        found = [entry async for entry in entries]
        return found[0] if found else None

    def read_file(self, sha256: bytes) -> AsyncGenerator[ProvenEntry]:
        """Entries whose records name a file with this SHA-256."""
        return self.read(selection.by_file(sha256))

    def read_chain_time(self, chain: str, from_us: int, to_us: int) -> AsyncGenerator[ProvenEntry]:
        """Entries of a chain whose records tell of any time in [from_us, to_us)."""
        return self.read(selection.by_chain_time(chain, from_us, to_us))

    def read_submitter(self, submitter: str, from_us: int, to_us: int) -> AsyncGenerator[ProvenEntry]:
        """Entries that one identity submitted in [from_us, to_us)."""
        return self.read(selection.by_submitter(submitter, from_us, to_us))

    def follow(self, from_index: int, chains: Sequence[str] = ()) -> AsyncGenerator[Followed]:
        """Published checkpoints and the entries under them, then new ones as they are published; without end.

        With `chains` only their entries. Raises LedgerUnavailable when the connection breaks: follow again from the next
        index.
        """
        return pages.follow(self._link, from_index, chains)

    # ---- prove

    async def checkpoint(self, size: int = 0) -> Seen:
        """The latest checkpoint, or the published one of exactly this size; consistent with what is held."""
        request = ledger_pb2.GetCheckpointRequest(log=self.log, size=size)
        since_size = 0 if size else self.held.checkpoint.size
        raw = await self._link.call("GetCheckpoint", request.SerializeToString())
        return await self._link.see(decode(ledger_pb2.GetCheckpointResponse, raw).checkpoint, since_size)

    async def prove_inclusion(self, index: int, leaf: bytes, size: int = 0) -> tuple[Seen, tuple[bytes, ...]]:
        """Inclusion proof of a leaf hash (RFC 9162 section 2.1.3) and the checkpoint it leads to, verified."""
        seen = await self.checkpoint(size)
        request = ledger_pb2.GetProofRequest(
            log=self.log, inclusion=ledger_pb2.Inclusion(index=index), size=seen.checkpoint.size
        )
        hashes = await self._proof(request)
        verify_inclusion(leaf, index, seen.checkpoint.size, hashes, seen.checkpoint.root)
        return seen, hashes

    async def prove_inclusions(self, leaves: Mapping[int, bytes], seen: Seen) -> dict[int, tuple[bytes, ...]]:
        """Inclusion proofs of many leaf hashes, by leaf index, all under one checkpoint that was seen; verified."""
        size, root = seen.checkpoint.size, seen.checkpoint.root
        found: dict[int, tuple[bytes, ...]] = {}
        indexes = sorted(leaves)
        for at in range(0, len(indexes), limits.MAX_BATCH_RECORDS):
            part = indexes[at : at + limits.MAX_BATCH_RECORDS]
            request = ledger_pb2.GetProofRequest(
                log=self.log, inclusions=ledger_pb2.Inclusions(indexes=part), size=size
            )
            raw = await self._link.call("GetProof", request.SerializeToString())
            proofs = [tuple(one.hashes) for one in decode(ledger_pb2.GetProofResponse, raw).inclusions]
            if len(proofs) != len(part):
                raise InclusionError(f"{len(part)} proofs were asked for, {len(proofs)} came")
            for index, hashes in zip(part, proofs, strict=True):
                verify_inclusion(leaves[index], index, size, hashes, root)
                found[index] = hashes
        return found

    async def timestamps(self, from_size: int, count: int = 1) -> list[ledger_pb2.StampedCheckpoint]:
        """The first time-stamped checkpoints of at least `from_size` entries, as the ledger has them.

        Nothing is verified here but their form: tokens are held against pinned roots by whoever reads them
        (`core.timestamp`). Empty where the ledger keeps none.
        """
        request = ledger_pb2.GetTimestampsRequest(log=self.log, from_size=from_size, count=count)
        raw = await self._link.call("GetTimestamps", request.SerializeToString())
        return list(decode(ledger_pb2.GetTimestampsResponse, raw).stamped)

    async def prove_consistency(self, old: Checkpoint, size: int = 0) -> tuple[Seen, tuple[bytes, ...]]:
        """Consistency proof (RFC 9162 section 2.1.4) from a checkpoint that the caller holds, verified."""
        seen = await self.checkpoint(size)
        request = ledger_pb2.GetProofRequest(
            log=self.log, consistency=ledger_pb2.Consistency(old_size=old.size), size=seen.checkpoint.size
        )
        hashes = await self._proof(request)
        verify_consistency(old.size, old.root, seen.checkpoint.size, seen.checkpoint.root, hashes)
        return seen, hashes

    async def _proof(self, request: ledger_pb2.GetProofRequest) -> tuple[bytes, ...]:
        raw = await self._link.call("GetProof", request.SerializeToString())
        return tuple(decode(ledger_pb2.GetProofResponse, raw).hashes)

    async def chain_heads(self, *, fresh: bool = False) -> ChainEnds:
        """Where every chain ends, by the last heads snapshot or a fresh one; the root is recomputed."""
        request = ledger_pb2.GetChainHeadsRequest(log=self.log, fresh=fresh)
        since_size = self.held.checkpoint.size
        raw = await self._link.call("GetChainHeads", request.SerializeToString(), retry=not fresh)
        message = decode(ledger_pb2.GetChainHeadsResponse, raw)
        seen = await self._link.see(message.checkpoint, since_size)
        return check_chain_heads(message, seen.checkpoint, not_before=since_size if fresh else 0)

    # ---- evidence

    def conflicts(self) -> list[Conflict]:
        """Every rollback and fork that was seen, cleared or not, with both signed checkpoints."""
        return self._link.state.conflicts(self.log)

    def clear_conflicts(self, reason: str, *, adopt: bytes = b"") -> None:
        """A person's decision that this client may append again; the evidence stays, with the reason.

        `adopt` is the signed checkpoint to hold from now on; without it the one held stays, and a log that really went back
        will be refused again. Raises ValueError without a reason; MalformedError or SignatureError for a bad `adopt`.
        """
        if not reason.strip():
            raise ValueError("say why the conflict is cleared; it is kept with the evidence")
        link = self._link
        note = adopt or link.session.note
        session = Session(self.log, link.session.keys, note, identity=link.session.identity)
        chosen = (session.held.size, adopt) if adopt else None
        link.state.clear(self.log, reason, link.environment.now_us(), chosen)
        link.cleared(session)
