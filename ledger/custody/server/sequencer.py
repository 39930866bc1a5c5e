"""The sequencer: one writer for a log, round by round, in the order of DESIGN section 4.

    admit (pool)  ->  sequence: one durable commit  ->  sign  ->  publish: store the checkpoint, wake the waiters

What if we crash ...
- before the commit returns: nothing happened; senders got no answer and send again.
- after the commit: the entries are durable but unsigned. `_open` finds size > published and finishes: sign, publish.
- after the signature, before it is stored: the signer gives the same note for the same size and root again.
- after it is stored, before a sender hears of it: the sender sends again, and gets the receipt of what is there.

After any error that leaves the durable state unknown the memory is thrown away and the log is loaded and checked again
(`_open`): the same code as at start. Senders of that round are told to send again; record ids make that safe.

Everything here runs on one event loop; only the sequencer's own task touches its memory.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar

import structlog

from custody.core.checkpoint import Checkpoint, open_checkpoint
from custody.core.errors import CustodyError
from custody.core.log_key import LogKeys
from custody.core.names import CHAIN_KEYS
from custody.core.note import VerifierKey
from custody.core.tree import Extension
from custody.server.batch import Batch, Outcome
from custody.server.log_keys import read_on
from custody.server.pool import Pool
from custody.server.proofs import prove_consistency
from custody.server.publication import Publication
from custody.server.recovery import StartRefused, check_signer, load
from custody.server.signing import Signer, SignerMovedOn, SignerRefused, SignerUnavailable
from custody.server.snapshot import SNAPSHOT_SUBMITTER, LogEmpty, Snapshots
from custody.server.sorting import SortedBatch, all_new, sort_out
from custody.server.stamping import LogMemory, Stamped, Stamper, settle
from custody.server.store.protocol import LogState, LogStore, OutcomeUnknown, RecordExists, StoreUnavailable
from custody.server.witnessing.quorum import QuorumMissing, Witnesses

log = structlog.get_logger()
T = TypeVar("T")

MAX_ROUND_RECORDS: Final = 8_192
"""Records in one round: bounds how long one commit keeps others waiting."""

MAX_CLOCK_STEP_US: Final = 1_000_000
"""A clock set back by less than this is waited out by repeating the last stamp; by more, nothing is stamped."""

COMMIT_TRIES: Final = 4
FIRST_PAUSE_S: Final = 0.05
LONGEST_PAUSE_S: Final = 5.0


class LedgerStopped(CustodyError):
    """The log cannot be written now; what was sent may or may not be in it. Sending it again is safe."""

    code = "ledger-stopped"


class NotLeader(CustodyError):
    """Another process writes the log now; `leader` is its address, empty when nobody is known to."""

    code = "ledger-standby"

    def __init__(self, message: str, *, leader: str) -> None:
        super().__init__(message)
        self.leader = leader


class ClockBehind(CustodyError):
    """The clock was set back behind the last stamp. A stamp must not decrease, and inventing time would be a lie."""

    code = "clock-behind"


class Sequencer:
    """Writes one log. `run` until cancelled; `submit` and `snapshot` from anywhere on the same loop."""

    def __init__(
        self,
        *,
        store: LogStore,
        signer: Signer,
        pool: Pool,
        snapshots: Snapshots,
        publication: Publication,
        now_us: Callable[[], int],
        witnesses: Witnesses | None = None,
    ) -> None:
        self._store = store
        self._signer = signer
        self._pool = pool
        self._snapshots = snapshots
        self._publication = publication
        self._now_us = now_us
        self._witnesses = witnesses
        self.halted: CustodyError | None = None
        """Why the log is not written any more, until a person has looked."""
        self.leader: str | None = None
        """None: this process writes the log. Else the address of the one that does, empty when nobody is known to."""
        self.may_write: Callable[[], Awaitable[None]] = _always
        """Asked before the log is taken over; raises HeadMoved when another process has the right."""
        self.ready = asyncio.Event()
        """Set while the log is loaded, checked and being written."""
        self.shut = asyncio.Event()
        """Set while it is not."""
        self.shut.set()
        self._keys = LogKeys("")
        self._origin = ""
        self._signed = 0

    def check_room(self, submitter: str, records: int, total_bytes: int) -> None:
        """Whether the pool would take such a batch now. Raises PoolFull."""
        self._pool.check_room(submitter, records, total_bytes)

    async def submit(self, batch: Batch) -> Outcome:
        """Waits until the batch is published.

        Raises PoolFull, LedgerStopped, or RecordConflict. Whoever is cancelled leaves a batch that may still be stored.
        """
        self.check_writing()
        self._pool.put(batch)
        return await batch.done

    async def snapshot(self) -> int:
        """Appends a heads snapshot; returns its leaf index once it is published. Raises LogEmpty, LedgerStopped."""
        self.check_writing()
        request = self._snapshots.ask()
        self._pool.arrived.set()
        return await request

    def check_writing(self) -> None:
        """Raises NotLeader or LedgerStopped when this process does not write the log."""
        if self.leader is not None:
            raise NotLeader("this process does not write the log now; ask its leader", leader=self.leader)
        if self.halted is not None:
            raise LedgerStopped(f"this log is not written until somebody has looked: {self.halted}")

    async def run(self) -> None:
        """Opens the log and writes it until cancelled.

        Raises StartRefused, StoreDamaged or SignerRefused when a person has to look (`halted` says why), and HeadMoved
        when another process writes the log now.
        """
        self.halted = None
        pause_s = FIRST_PAUSE_S
        try:
            while True:
                try:
                    memory = await self._open()
                    pause_s = FIRST_PAUSE_S
                    await self._write(memory)
                except (StoreUnavailable, OutcomeUnknown, SignerUnavailable, SignerMovedOn, ClockBehind) as error:
                    self._shut()
                    await log.awarning("log reopens", origin=self._origin, code=error.code, reason=str(error))
                    await asyncio.sleep(LONGEST_PAUSE_S if isinstance(error, ClockBehind) else pause_s)
                    pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        except CustodyError as error:
            self.halted = error
            raise
        finally:
            self._shut()
            stopped = LedgerStopped("this ledger does not write the log now; send the batch again")
            self._pool.fail_all(stopped)
            self._snapshots.fail_all(stopped)

    async def _open(self) -> LogMemory:
        """Loads and checks the log, takes it over, and finishes what a crash left unfinished."""
        first = not self._origin
        try:
            state, memory = await load(self._store, self._now_us())
        except StartRefused as error:
            if error.code == ClockBehind.code and not first:
                raise ClockBehind(str(error)) from error
            raise
        self._origin = state.origin
        signer = await self._signer.state(state.origin)
        self._keys = await check_signer(self._store, state, signer)
        await self._check_witnesses(state)
        self._signed = signer.size
        await self.may_write()
        memory.head = await self._store.fence(memory.head)
        if state.published < memory.head.size or not state.checkpoint:
            # A log without entries is signed too: readers get a checkpoint of size 0.
            await self._sign_and_publish(memory, None)
        else:
            self._publication.publish(state.published, state.checkpoint)
        self.shut.clear()
        self.ready.set()
        return memory

    def _shut(self) -> None:
        self.ready.clear()
        self.shut.set()

    async def _write(self, memory: LogMemory) -> None:
        while True:
            await self._wait_for_work()
            wanted, asked = self._snapshots.take(memory.head.size, self._now_us())
            batches = self._pool.take(MAX_ROUND_RECORDS)
            try:
                await self._round(memory, batches, asked, wanted=wanted)
            except BaseException:
                # Durable or not: nobody knows before the log is loaded again. Sending again is safe either way.
                failure = LedgerStopped("the ledger was interrupted; send the batch again")
                for waiting in _waiting(batches, asked):
                    if not waiting.done():
                        waiting.set_exception(failure)
                raise

    async def _wait_for_work(self) -> None:
        """Returns when a batch waits or a heads snapshot is due."""
        if self._pool.arrived.is_set():
            # Let admission go on between two rounds, or a busy log would starve its own front door.
            await asyncio.sleep(0)
            return
        try:
            async with asyncio.timeout(self._snapshots.due_in_s(self._now_us())):
                await self._pool.arrived.wait()
        except TimeoutError:
            return

    async def _round(
        self, memory: LogMemory, batches: list[Batch], asked: list[asyncio.Future[int]], *, wanted: bool
    ) -> None:
        rows = all_new(batches)
        if rows is None:
            rows = await self._sort_out(batches)
        stamped, snapshot = self._stamp(memory, rows, wanted=wanted)
        if stamped is not None:
            try:
                await self._commit(stamped)
            except RecordExists:
                rows = await self._sort_out(batches)
                stamped, snapshot = self._stamp(memory, rows, wanted=wanted)
                if stamped is not None:
                    await self._commit(stamped)
        if stamped is not None:
            settle(memory, stamped)
            await self._sign_and_publish(memory, stamped.extension)
        self._answer(rows, stamped, asked, snapshot)

    async def _sort_out(self, batches: list[Batch]) -> list[SortedBatch]:
        rows, later = await sort_out(self._store, batches)
        self._pool.put_back(later)
        return rows

    def _stamp(
        self, memory: LogMemory, rows: Sequence[SortedBatch], *, wanted: bool
    ) -> tuple[Stamped | None, int | None]:
        """The round ready to commit, and the leaf index of its heads snapshot; (None, None) when nothing is new."""
        now_us = self._now_us()
        if now_us < memory.sequenced_us - MAX_CLOCK_STEP_US:
            raise ClockBehind("the clock was set back behind the last entry; the log waits for it")
        stamper = Stamper(memory, max(now_us, memory.sequenced_us))
        for row in rows:
            if row.items:
                stamper.add(row.batch.submitter, row.items, row.positions)
        snapshot = None
        if wanted and stamper.next_index:
            snapshot = stamper.next_index
            stamper.add(SNAPSHOT_SUBMITTER, (self._snapshots.record(snapshot, stamper.heads(), now_us),))
        if stamper.next_index == memory.head.size:
            return None, None
        return stamper.finish(), snapshot

    async def _commit(self, stamped: Stamped) -> None:
        """Step 2. A crash before this returns leaves all of the round or nothing; `_open` finds out which."""
        pause_s = FIRST_PAUSE_S
        for _ in range(COMMIT_TRIES - 1):
            try:
                await self._store.commit(stamped.commit)
            except StoreUnavailable:  # known not to be written, so the same commit may be tried again
                await asyncio.sleep(pause_s)
                pause_s *= 2
            else:
                return
        await self._store.commit(stamped.commit)

    async def _sign_and_publish(self, memory: LogMemory, extension: Extension | None) -> None:
        """Steps 3 and 4. The entries are durable: this is tried until it is done or somebody has to look.

        A crash after the signature: the signer has persisted (size, root) and gives the same note to `_open`.
        """
        size, root, _ = memory.head
        old = self._signed
        recent = extension if extension is not None and extension.old.size == old else None
        proof = await prove_consistency(self._store, old, size, recent)
        note = await self._insist(lambda: self._signer.sign(self._origin, old, size, root, proof))
        # The ledger does not trust the signer either: what it publishes it has read.
        keys = await self._named_keys(memory)
        read = open_checkpoint(note, keys, origin=self._origin, any_type=True)
        if read != Checkpoint(origin=self._origin, size=size, root=root):
            raise SignerRefused("the signer signed something else than it was asked for", code="signer-answer")
        self._signed = size
        if self._witnesses is not None:
            note = await self._cosigned(self._witnesses, note, size, recent)
        await self._insist(lambda: self._store.publish(memory.head, size, note))
        self._publication.publish(size, note)

    async def _named_keys(self, memory: LogMemory) -> Sequence[VerifierKey]:
        """The keys that the log names as its own by now; a new one may have come with this very round."""
        head = memory.heads.get(CHAIN_KEYS)
        if head is not None and head.seq > self._keys.seen:
            await self._insist(lambda: read_on(self._store, self._keys))
        return self._keys.named

    async def _cosigned(self, witnesses: Witnesses, note: bytes, size: int, recent: Extension | None) -> bytes:
        """Step 4a. A crash in here: witnesses may hold a size that is not published; `_open` offers it again."""

        async def prove(old: int) -> tuple[bytes, ...]:
            return await prove_consistency(
                self._store, old, size, recent if recent is not None and recent.old.size == old else None
            )

        return await self._insist(lambda: witnesses.cosign(note, size, prove))

    async def _check_witnesses(self, state: LogState) -> None:
        """Raises WitnessAhead when a witness holds more than is stored here."""
        if self._witnesses is None:
            return

        async def prove(old: int) -> tuple[bytes, ...]:
            return await prove_consistency(self._store, old, state.published)

        await self._witnesses.check_start(state.checkpoint, state.published, state.head.size, prove)

    async def _insist(self, step: Callable[[], Awaitable[T]]) -> T:
        """Repeats a step that is known not to have happened; senders wait as long as their own deadlines allow."""
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                return await step()
            except (SignerUnavailable, StoreUnavailable, QuorumMissing) as error:
                await log.awarning("waiting", origin=self._origin, code=error.code, reason=str(error))
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    def _answer(
        self,
        rows: Sequence[SortedBatch],
        stamped: Stamped | None,
        asked: Sequence[asyncio.Future[int]],
        snapshot: int | None,
    ) -> None:
        size, note = self._publication.size, self._publication.note
        runs = iter(stamped.runs if stamped is not None else ())
        extension = stamped.extension if stamped is not None else None
        for row in rows:
            run = next(runs) if row.items else None
            if not row.batch.done.done():
                row.batch.done.set_result(Outcome(size, note, run, row.known, extension))
        for request in asked:
            if request.done():
                continue
            if snapshot is None:
                request.set_exception(LogEmpty("the log has no entries yet, so there is nothing to snapshot"))
            else:
                request.set_result(snapshot)


def _waiting(batches: Sequence[Batch], asked: Sequence[asyncio.Future[int]]) -> "list[asyncio.Future[Any]]":
    return [*(batch.done for batch in batches), *asked]


async def _always() -> None:
    """The answer of a storage that only one process can open."""
