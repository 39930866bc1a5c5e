"""The driver of a session: calls with deadlines and retries, fetches the proofs that the session asks for, and makes
what it believes durable.

Concurrency: any number of tasks of one event loop share a link. `_placing` is held from the question "is this
checkpoint consistent?" to its answer, so the held checkpoint does not move while a proof to it is under way; `_saving`
makes waiting callers share one durable write.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple

from custody.client.backoff import Backoff
from custody.client.environment import Environment
from custody.client.errors import ClientStorageError, LatchedError, LedgerUnavailable, RefusedError
from custody.client.session import Session, Sighting, decode
from custody.client.state import State
from custody.client.wire import Wire
from custody.core.checkpoint import Checkpoint
from custody.core.errors import CheckpointConflictError
from custody.v1 import ledger_pb2

# Refusals by which a log says that it does not have the tree that is asked about. Others (not allowed, too busy) prove
# nothing about the log.
_LACKING: Final = frozenset({"NOT_FOUND", "OUT_OF_RANGE", "INVALID_ARGUMENT", "FAILED_PRECONDITION"})


class Seen(NamedTuple):
    """A checkpoint that was verified and placed, and its signed note."""

    checkpoint: Checkpoint
    note: bytes


class LedgerLink:
    """One log at one ledger, and what is remembered of it."""

    def __init__(
        self, wire: Wire, session: Session, state: State, environment: Environment, backoff: Backoff, timeout_s: float
    ) -> None:
        self.wire = wire
        self.session = session
        self.state = state
        self.environment = environment
        self._backoff = backoff
        self.timeout_s = timeout_s
        self._placing = asyncio.Lock()
        self._saving = asyncio.Lock()
        self._saved_size = session.held.size
        self._writer = ThreadPoolExecutor(1, "custody-state") if state.durable else None
        self._latched = any(one.cleared_us is None for one in state.conflicts(session.origin))

    async def close(self) -> None:
        """Ends the connections and the writing thread; the state stays open, it belongs to whoever opened it."""
        await self.wire.close()
        if self._writer is not None:
            self._writer.shutdown()

    def check_latch(self) -> None:
        """Raises LatchedError while a rollback or fork stands that no person has cleared."""
        if self._latched or self.session.conflict is not None:
            raise LatchedError(
                f"{self.session.origin} contradicted itself; nothing is appended until a person has looked at the two"
                " checkpoints (conflicts) and cleared them"
            )

    def cleared(self, session: Session) -> None:
        """Goes on with a session that a person's decision made."""
        self.session = session
        self._latched = False
        self._saved_size = session.held.size

    async def call(self, method: str, request: bytes, *, timeout_s: float | None = None, retry: bool = True) -> bytes:
        """A unary call that may be repeated, within one deadline. Raises RefusedError or LedgerUnavailable."""
        clock = self.environment.monotonic_s
        deadline = clock() + (self.timeout_s if timeout_s is None else timeout_s)
        attempt = 0
        while True:
            left = deadline - clock()
            # With several servers one that hangs must leave time to ask another.
            patience = left if len(self.wire.targets) == 1 or not retry else left / 2
            try:
                return await self.wire.call(method, request, max(patience, 0.001))
            except (LedgerUnavailable, RefusedError) as error:
                if not retry or (isinstance(error, RefusedError) and not error.retryable):
                    raise
                wait = self._backoff.wait_s(attempt, self.environment)
                if clock() + wait >= deadline:
                    raise
            await self.environment.sleep(wait)
            attempt += 1

    async def accept(self, sighting: Sighting) -> None:
        """Proves that a checkpoint is consistent with the held one, fetching what is needed for that.

        Raises RollbackError or ForkError after both checkpoints were kept; RefusedError or LedgerUnavailable when the
        proof could not be had: then nothing was accepted.
        """
        # A neighbour of the same batch of the ledger may bring the proof along: let those that have arrived go first.
        if self._placing.locked() or self._place(sighting):
            await asyncio.sleep(0)
            async with self._placing:
                if self._place(sighting):
                    await self._bridge(sighting)

    async def see(self, note: bytes, since_size: int) -> Seen:
        """Opens, accepts and remembers a checkpoint that came with something other than a receipt; errors as `accept`."""
        sighting = self.session.sight(note, since_size)
        await self.accept(sighting)
        await self.remember()
        return Seen(sighting.checkpoint, note)

    async def remember(self) -> None:
        """Makes the held checkpoint durable; callers that wait together share one write.

        Crash before the write: the receipt was not handed out, the record is sent again. Crash after: the same.
        """
        wanted = self.session.held.size
        if self._saved_size >= wanted:
            return
        async with self._saving:
            if self._saved_size >= wanted:
                return
            session = self.session
            size, note = session.held.size, session.note
            if self._writer is None:
                self.state.remember(session.origin, size, note)
            else:
                loop = asyncio.get_running_loop()
                await loop.run_in_executor(self._writer, self.state.remember, session.origin, size, note)
            self._saved_size = size

    async def refused(self, error: RefusedError, known_size: int) -> None:
        """Looks whether a log that refuses a batch as a whole has lost what it signed. Raises RollbackError or ForkError."""
        if known_size and error.position < 0 and error.status in _LACKING:
            request = ledger_pb2.GetCheckpointRequest(log=self.session.origin).SerializeToString()
            answer = decode(ledger_pb2.GetCheckpointResponse, await self.call("GetCheckpoint", request))
            await self.see(answer.checkpoint, known_size)

    def _place(self, sighting: Sighting) -> bool:
        """True when a proof must be fetched."""
        try:
            return self.session.place(sighting) is not None
        except CheckpointConflictError as error:
            self._keep(error)
            raise

    async def _bridge(self, sighting: Sighting) -> None:
        held, size = self.session.held.size, sighting.checkpoint.size
        request = ledger_pb2.GetProofRequest(
            log=self.session.origin,
            consistency=ledger_pb2.Consistency(old_size=min(held, size)),
            size=max(held, size),
        )
        try:
            response = await self.call("GetProof", request.SerializeToString())
        except RefusedError as error:
            if error.status not in _LACKING:
                raise
            conflict = self.session.no_bridge(sighting)
            self._keep(conflict)
            raise conflict from error
        try:
            self.session.bridge(sighting, decode(ledger_pb2.GetProofResponse, response).hashes)
        except CheckpointConflictError as error:
            self._keep(error)
            raise

    def _keep(self, error: CheckpointConflictError) -> None:
        # Latched first: should the disk be full, at least this process appends nothing more.
        self._latched = True
        try:
            self.state.keep(self.session.origin, error, self.environment.now_us())
        except ClientStorageError as failure:
            # The conflict is the greater news and is raised all the same, with both checkpoints in it.
            error.add_note(f"the two checkpoints could not be kept: {failure}")
