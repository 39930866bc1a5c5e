"""A ledger in one process for tests: the real SQLite store, the real signer over its real state file, and faults between.

A fault stands before a durable step and is met once. It says whether the step was carried out (`kept`) and how the caller
hears of it; a `crash` is not heard of at all: the call never returns, and the process is replaced by a new sequencer over
the same file.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from custody.core.checkpoint import Checkpoint, open_checkpoint
from custody.core.note import SignatureType, SignerKey
from custody.core.range_proof import RangeProof
from custody.core.receipt import Receipted, Run, Submitted, verify_runs
from custody.core.record import read_record
from custody.server.admission import admit
from custody.server.batch import Batch
from custody.server.hosted import HostedLog
from custody.server.pool import Pool
from custody.server.publication import Publication
from custody.server.receipts import receipt
from custody.server.sequencer import LedgerStopped, Sequencer
from custody.server.signing import SignerRefused, SignerState, SignerUnavailable
from custody.server.snapshot import Snapshots
from custody.server.store.protocol import HeadMoved, LogStore, OutcomeUnknown, StoreUnavailable
from custody.server.store.sqlite import SqliteDirectory
from custody.signer.decide import Request
from custody.signer.errors import SignerError, SignerRefusalError
from custody.signer.signing import Signer as SigningKey
from custody.signer.state import HeldKey, Identity, create_state, open_state
from custody.v1 import ledger_pb2, record_pb2
from custody.verifier.audit_run import AuditPlan, audit_log
from custody.verifier.choose_log import choose_log
from custody.verifier.log_report import OPTIONAL, LogReport, Status

ORIGIN = "ledger.example/rig"
START_US = 1_770_000_000_000_000
SUBMITTER = "urn:custody:recorder:nvr-1"
HOUR_US = 3_600_000_000


def record_id(number: int) -> bytes:
    raw = bytearray((START_US // 1000).to_bytes(6, "big") + sha256(b"id%d" % number).digest()[:10])
    raw[6], raw[8] = 0x70 | raw[6] & 15, 0x80 | raw[8] & 63
    return bytes(raw)


def segment(number: int, *, stream: str = "site-1/cam-1", size: int = 1) -> bytes:
    record = record_pb2.Record(record_id=record_id(number), at_us=START_US + number * 10_000_000)
    record.segment.stream = stream
    record.segment.number = number + 1
    record.segment.duration_us = 10_000_000
    record.segment.size_bytes = size
    record.segment.file_sha256 = sha256(b"file%d" % number).digest()
    return record.SerializeToString()


def access(number: int, *streams: str) -> bytes:
    record = record_pb2.Record(record_id=record_id(number), at_us=START_US + number)
    record.access.act = record_pb2.ACCESS_ACT_CONSULT
    for stream in streams:
        record.access.spans.add(stream=stream, from_us=1, to_us=2)
    return record.SerializeToString()


def request_of(records: Sequence[bytes], **fields: Any) -> ledger_pb2.AppendRequest:
    return ledger_pb2.AppendRequest(log=ORIGIN, records=records, **fields)


def batch_of(records: Sequence[bytes], submitter: str = SUBMITTER) -> Batch:
    return admit(request_of(records), submitter)


class Clock:
    """Goes on by a second at every look, unless it is held."""

    def __init__(self) -> None:
        self.us = START_US
        self.step_us = 1_000_000

    def __call__(self) -> int:
        self.us += self.step_us
        return self.us


class Fault(NamedTuple):
    """One failure of one step, met once."""

    step: str
    kept: bool
    how: str

    def __str__(self) -> str:
        return f"{self.step}-{'kept' if self.kept else 'lost'}-{self.how}"


ERRORS: dict[str, Callable[[str], Exception]] = {
    "unavailable": StoreUnavailable,
    "unknown": OutcomeUnknown,
    "moved": HeadMoved,
    "no-signer": SignerUnavailable,
}


class Faults:
    """Faults that still wait, in the order in which they are to be met."""

    def __init__(self) -> None:
        self.waiting: list[Fault] = []
        self.crashed = asyncio.Event()

    async def around(self, step: str, call: Callable[[], Awaitable[Any]]) -> Any:
        if not self.waiting or self.waiting[0].step != step:
            return await call()
        fault = self.waiting.pop(0)
        if fault.kept:
            await call()
        if fault.how == "crash":
            self.crashed.set()
            await asyncio.Event().wait()  # for ever: the process is dead
        raise ERRORS[fault.how](f"injected: {fault}")


class FaultyStore:
    """A real store with faults before its steps."""

    def __init__(self, store: LogStore, faults: Faults) -> None:
        self._store = store
        self._faults = faults

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)

        async def call(*args: Any) -> Any:
            return await self._faults.around(f"store.{name}", lambda: method(*args))

        return call


class RealSigner:
    """The signer's own state machine and state file, called without a socket; remembers every note it ever gave."""

    def __init__(self, signing: SigningKey, faults: Faults) -> None:
        self.signing = signing
        self.notes: dict[int, set[bytes]] = {}
        self._faults = faults

    async def state(self, origin: str) -> SignerState:
        async def call() -> SignerState:
            state = self.signing.state(origin)
            note = state.signed.note if state.signed else b""
            vkeys = tuple(key.encode() for key in self.signing.vkeys)
            return SignerState(vkeys, state.size, state.root, note, state.latched)

        found: SignerState = await self._faults.around("signer.state", call)
        return found

    async def sign(
        self, origin: str, old_size: int, new_size: int, new_root: bytes, consistency: Sequence[bytes]
    ) -> bytes:
        request = Request(
            origin=origin, old_size=old_size, new_size=new_size, new_root=new_root, proof=tuple(consistency)
        )

        async def call() -> bytes:
            try:
                note = self.signing.sign(request)
            except SignerRefusalError as error:
                raise SignerRefused(str(error), code=error.code) from error
            except SignerError as error:
                raise SignerUnavailable(str(error)) from error
            self.notes.setdefault(new_size, set()).add(note)
            return note

        signed: bytes = await self._faults.around("signer.sign", call)
        return signed


class Appended(NamedTuple):
    """A receipt that was verified as a client does it."""

    checkpoint: Checkpoint
    entries: list[Receipted]


class Rig:
    """One log with its signer in a folder. `start` and `crash` as often as wished."""

    def __init__(self, folder: Path, directory: SqliteDirectory, store: LogStore, signing: SigningKey) -> None:
        self.folder = folder
        self.database = folder / "ledger.db"
        self.directory = directory
        self.raw_store = store
        self.faults = Faults()
        self.store: Any = FaultyStore(store, self.faults)
        self.signer = RealSigner(signing, self.faults)
        self.clock = Clock()
        self.snapshot_interval_us = HOUR_US * 24 * 365
        self.publication = Publication()
        self.pool = Pool()
        self.sequencer: Sequencer
        self.running: asyncio.Task[None] | None = None
        self.ends: list[BaseException] = []
        """Why sequencers ended, other than by a crash."""
        self._ids = 1_000_000

    @classmethod
    async def make(cls, folder: Path, *, seed: int = 1) -> Rig:
        directory = await SqliteDirectory.open_file(folder / "ledger.db", create=True)
        signing = open_signing(folder / "signer", seed=seed)
        store = await directory.create(ORIGIN, [signing.vkey.encode()], START_US)
        return cls(folder, directory, store, signing)

    async def close(self) -> None:
        await self.crash()
        await self.directory.close()
        close_signing(self.signer.signing)

    def _new_id(self, at_us: int) -> bytes:
        self._ids += 1
        return record_id(self._ids)

    def start(self) -> Sequencer:
        self.publication, self.pool = Publication(), Pool()
        self.sequencer = Sequencer(
            store=self.store,
            signer=self.signer,
            pool=self.pool,
            snapshots=Snapshots(
                interval_us=self.snapshot_interval_us, new_record_id=self._new_id, now_us=self.clock.us
            ),
            publication=self.publication,
            now_us=self.clock,
        )
        self.faults.crashed = asyncio.Event()
        self.running = asyncio.create_task(self.sequencer.run())
        return self.sequencer

    def hosted(self) -> HostedLog:
        """The log as a server hosts it; after `start`."""
        return HostedLog(
            origin=ORIGIN,
            vkeys=(self.signer.signing.vkey.encode(),),
            store=self.raw_store,
            sequencer=self.sequencer,
            publication=self.publication,
        )

    async def crash(self) -> None:
        """Ends the sequencer without letting it do anything more."""
        if self.running is None:
            return
        self.running.cancel()
        (end,) = await asyncio.gather(self.running, return_exceptions=True)
        if end is not None and not isinstance(end, asyncio.CancelledError):
            self.ends.append(end)
        self.running = None

    async def refused_start(self) -> BaseException:
        """Starts a sequencer that must not come up; returns why."""
        self.start()
        assert self.running is not None
        (end,) = await asyncio.gather(self.running, return_exceptions=True)
        self.running = None
        assert end is not None
        return end

    async def submit(self, records: Sequence[bytes], known_size: int = 0, submitter: str = SUBMITTER) -> Appended:
        """Appends once, verifies the receipt."""
        batch = batch_of(records, submitter)
        outcome = await self.sequencer.submit(batch)
        return self.read(records, await receipt(self.raw_store, batch, outcome, known_size))

    def read(self, records: Sequence[bytes], response: ledger_pb2.AppendResponse) -> Appended:
        checkpoint = open_checkpoint(response.checkpoint, self.signer.signing.vkey, origin=ORIGIN)
        runs = [Run(run.first_index, run.stamps, tuple(run.positions), range_proof(run.proof)) for run in response.runs]
        submitted = [Submitted(raw, b"", read_record(raw).chains) for raw in records]
        return Appended(checkpoint, verify_runs(submitted, runs, checkpoint))

    async def append(self, records: Sequence[bytes]) -> Appended:
        """Appends as an outbox does: again and again, over crashes, until there is a receipt."""
        for _ in range(20):
            if self.running is None:
                self.start()
            assert self.running is not None
            sending = asyncio.create_task(self.submit(records))
            crash = asyncio.create_task(self.faults.crashed.wait())
            await asyncio.wait({sending, crash, self.running}, return_when=asyncio.FIRST_COMPLETED)
            crash.cancel()
            if self.faults.crashed.is_set() or self.running.done():
                await self.crash()
            try:
                return await sending
            except LedgerStopped:
                continue
        raise AssertionError("the ledger never came back")

    def audit(self) -> LogReport:
        keys = (self.signer.signing.vkey,)
        report = audit_log(AuditPlan(open_log=choose_log(self.database, ORIGIN, keys), keys=keys))
        assert not list(report.findings.blaming()), report.findings.blaming()
        assert all(check.status is Status.FINE for check in report.checks if check.number not in OPTIONAL), (
            report.checks
        )
        return report


def range_proof(proof: ledger_pb2.RangeProof) -> RangeProof:
    return RangeProof(left=tuple(proof.left), right=tuple(proof.right))


_states: dict[int, Any] = {}


def open_signing(folder: Path, *, seed: int = 1) -> SigningKey:
    """The signer over its state file; makes the state when the folder is new."""
    key = SignerKey.from_seed(ORIGIN, SignatureType.ED25519, bytes([seed]) * 32)
    if not folder.exists():
        create_state(folder, Identity(origin=ORIGIN, keys=(HeldKey(vkey=key.vkey.encode(), uri="file:/unused"),)))
    store = open_state(folder)
    signing = SigningKey(origin=ORIGIN, keys=(key,), store=store, clock_us=lambda: START_US)
    _states[id(signing)] = store
    return signing


def close_signing(signing: SigningKey) -> None:
    _states.pop(id(signing)).close()
