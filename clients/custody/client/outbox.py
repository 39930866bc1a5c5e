"""The outbox: records on disk until the ledger has given its receipt for them.

`put` returns when the records are durable. They leave in the order in which they came, each exactly once by its record
id: a record whose receipt was lost is sent again and gets the first receipt again. A record that the ledger refuses for
good moves to the dead letters, with the code, so that it does not stand in the way of the others; a person decides about
it. What is dropped was receipted, and the checkpoint of that receipt was on disk before.
"""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from custody.client.database import Database
from custody.client.environment import Environment
from custody.client.errors import ClientStorageError, OutboxConflict, OutboxFull, RefusedError
from custody.core import limits
from custody.core.entry import encode_seal
from custody.core.receipt import Submitted
from custody.core.record import read_records
from custody.v1 import entry_pb2, record_pb2

_APPLICATION_ID: Final = 0x4375734F  # "CusO"
_SCHEMA: Final = (
    """
CREATE TABLE item (
    item      INTEGER PRIMARY KEY AUTOINCREMENT,  -- the order; a number is never used twice
    record_id BLOB NOT NULL UNIQUE,
    record    BLOB NOT NULL,
    seal      BLOB NOT NULL,                      -- as field 2 of an entry, or empty
    chains    TEXT NOT NULL,                      -- one a line
    put_us    INTEGER NOT NULL
) STRICT
""",
    """
CREATE TABLE dead (
    item      INTEGER PRIMARY KEY,
    record_id BLOB NOT NULL,
    record    BLOB NOT NULL,
    seal      BLOB NOT NULL,
    put_us    INTEGER NOT NULL,
    code      TEXT NOT NULL,                      -- why the ledger refused it
    message   TEXT NOT NULL,
    dead_us   INTEGER NOT NULL
) STRICT
""",
)


Sealing = Callable[[Sequence[Submitted]], Sequence[Submitted]]
"""Seals a batch as a whole: `SealingKey.seal` for one log."""


class Queued(NamedTuple):
    """One record in the outbox."""

    item: int
    record_id: bytes
    submitted: Submitted
    put_us: int


class DeadLetter(NamedTuple):
    """A record that the ledger refused for good."""

    item: int
    record_id: bytes
    record: bytes
    code: str
    message: str
    dead_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much the outbox holds at most; dead letters do not count.

    The defaults are some days of one busy recorder: at 200 bytes a record the count is reached first.
    """

    records: int = 1_000_000
    total_bytes: int = 1024 * 1024 * 1024


class Outbox:
    """A queue in one SQLite file. Thread-safe; one process at a time has it open.

    After a failed write, `count` and `total_bytes` are read from the file again: what is true is what is on the disk.
    """

    def __init__(
        self,
        path: Path | str | None,
        *,
        bounds: Bounds | None = None,
        environment: Environment | None = None,
        factory: type[sqlite3.Connection] = sqlite3.Connection,
    ) -> None:
        """Opens or creates the file; None is an outbox in memory, for tests. Raises FileInUse, ClientStorageError."""
        self.bounds = bounds or Bounds()
        self.environment = environment or Environment()
        self._listeners: list[Callable[[], None]] = []
        self._database = Database(
            None if path is None else Path(path), schema=_SCHEMA, application_id=_APPLICATION_ID, factory=factory
        )
        try:
            self._count, self._total_bytes = self._measure()
        except BaseException:
            self._database.close()
            raise

    def close(self) -> None:
        """Closes the file."""
        self._database.close()

    @property
    def count(self) -> int:
        """Records that wait."""
        return self._count

    @property
    def total_bytes(self) -> int:
        """Their bytes."""
        return self._total_bytes

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Calls `listener`, from the thread of the change, after every put and drop; returns how to stop that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    # ---- put

    def put(self, record: record_pb2.Record | bytes, seal: entry_pb2.Seal | None = None) -> None:
        """Keeps one record; durable on return. See `put_many`."""
        self.put_many([record], [seal])

    def put_many(
        self, records: Sequence[record_pb2.Record | bytes], seals: Sequence[entry_pb2.Seal | None] = ()
    ) -> None:
        """Keeps records in their order, all or none; durable on return, with one write to the disk for all.

        A record that waits already, with the same bytes, is not kept twice: after a failure the caller may put again. A
        batch that is sent takes seals as they are here, so a seal must cover its own record alone.

        Raises MalformedError (with `position`), OutboxFull, OutboxConflict; ClientStorageError: it may be kept or not, put
        it again.
        """
        raws = [record if isinstance(record, bytes) else record.SerializeToString() for record in records]
        read = read_records(raws)
        sealed = [encode_seal(seal) for seal in seals] or [b""] * len(raws)
        now_us = self.environment.now_us()
        rows = [
            (one.record_id, one.raw, seal, "\n".join(one.chains), now_us)
            for one, seal in zip(read, sealed, strict=True)
        ]
        with self._database.lock:
            fresh = self._unknown(rows)
            added = sum(len(row[1]) for row in fresh)
            self._check_room(len(fresh), added)
            self._write(
                lambda connection: connection.executemany(
                    "INSERT INTO item (record_id, record, seal, chains, put_us) VALUES (?, ?, ?, ?, ?)", fresh
                )
            )
            self._count += len(fresh)
            self._total_bytes += added
        self._tell()

    # ---- send

    def oldest(
        self, records: int = limits.MAX_BATCH_RECORDS, total_bytes: int = limits.MAX_BATCH_BYTES
    ) -> list[Queued]:
        """The oldest records that fit in one batch; at least one unless the outbox is empty.

        Records that were sealed together (`seal`) come together and alone, so that a repeat is the same bytes.
        """
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT item, record_id, record, seal, chains, put_us FROM item ORDER BY item LIMIT ?", (records,)
            ).fetchall()
        batch: list[Queued] = []
        for item, record_id, record, seal, chains, put_us in rows:
            total_bytes -= len(record)
            if batch and total_bytes < 0:
                break
            batch.append(Queued(item, record_id, Submitted(record, seal, tuple(chains.split("\n"))), put_us))
            if seal and len(batch) > 1 and _count(seal) == len(batch):
                break
        return batch

    def seal(self, batch: Sequence[Queued], sealing: Sealing) -> list[Queued]:
        """Seals the oldest records as one batch and keeps the seal with them; durable on return, before they are sent.

        Crash before the commit: they are sealed anew, and nothing was sent with the other seal. Crash after: they are sent
        with this one. A batch that has a seal keeps it. Raises ClientStorageError.
        """
        if any(one.submitted.seal for one in batch):
            return list(batch)
        sealed = [
            Queued(one.item, one.record_id, submitted, one.put_us)
            for one, submitted in zip(batch, sealing([one.submitted for one in batch]), strict=True)
        ]
        rows = [(one.submitted.seal, one.item) for one in sealed if one.submitted.seal]
        with self._database.lock:
            self._write(lambda connection: connection.executemany("UPDATE item SET seal = ? WHERE item = ?", rows))
        return sealed

    def unseal(self, batch: Sequence[Queued]) -> list[Queued]:
        """Takes the seal over a batch off it, when the batch cannot stay together; durable on return."""
        items = [(one.item,) for one in batch]
        with self._database.lock:
            self._write(lambda connection: connection.executemany("UPDATE item SET seal = x'' WHERE item = ?", items))
        return [
            Queued(one.item, one.record_id, Submitted(one.submitted.record, b"", one.submitted.chains), one.put_us)
            for one in batch
        ]

    def drop(self, batch: Sequence[Queued]) -> None:
        """Lets receipted records go; durable on return.

        Crash before the commit: they are sent again and get the same receipt. Raises ClientStorageError.
        """
        items = [(one.item,) for one in batch]
        with self._database.lock:
            self._write(lambda connection: connection.executemany("DELETE FROM item WHERE item = ?", items))
            self._count -= len(batch)
            self._total_bytes -= sum(len(one.submitted.record) for one in batch)
        self._tell()

    # ---- dead letters

    def bury(self, one: Queued, refusal: RefusedError) -> None:
        """Moves a record that the ledger refused for good to the dead letters; durable on return."""
        dead_us = self.environment.now_us()

        def move(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT INTO dead SELECT item, record_id, record, seal, put_us, ?, ?, ? FROM item WHERE item = ?",
                (refusal.code, str(refusal), dead_us, one.item),
            )
            connection.execute("DELETE FROM item WHERE item = ?", (one.item,))

        with self._database.lock:
            self._write(move)
            self._count -= 1
            self._total_bytes -= len(one.submitted.record)
        self._tell()

    def dead_letters(self) -> list[DeadLetter]:
        """All of them, oldest first."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT item, record_id, record, code, message, dead_us FROM dead ORDER BY item"
            ).fetchall()
        return [DeadLetter(*row) for row in rows]

    def revive(self) -> int:
        """Puts all dead letters again, without their seals, to be sent once more; durable on return. Returns how many.

        For a person who has mended why the ledger refused them. Raises OutboxFull (then none was put), ClientStorageError.
        """
        letters = self.dead_letters()
        self.put_many([letter.record for letter in letters])
        # Crash here: they wait and are dead letters too. What waits is not put twice, and the ledger takes it once.
        items = [(letter.item,) for letter in letters]
        with self._database.lock:
            self._write(lambda connection: connection.executemany("DELETE FROM dead WHERE item = ?", items))
        return len(letters)

    def discard(self, letter: DeadLetter) -> None:
        """Forgets a dead letter, after a person has dealt with it; durable on return."""
        self._write(lambda connection: connection.execute("DELETE FROM dead WHERE item = ?", (letter.item,)))

    # ---- inside

    def _unknown(
        self, rows: Sequence[tuple[bytes, bytes, bytes, str, int]]
    ) -> list[tuple[bytes, bytes, bytes, str, int]]:
        """Rows that do not wait already, each id once. Raises OutboxConflict."""
        seen: dict[bytes, bytes] = {}
        fresh = []
        with self._database.read() as connection:
            for row in rows:
                record_id, record = row[0], row[1]
                held = seen.get(record_id)
                if held is None:
                    found = connection.execute("SELECT record FROM item WHERE record_id = ?", (record_id,)).fetchone()
                    held = found[0] if found else None
                if held is None:
                    fresh.append(row)
                    seen[record_id] = record
                elif held != record:
                    raise OutboxConflict(f"another record with the id {record_id.hex()} waits already")
        return fresh

    def _check_room(self, records: int, total_bytes: int) -> None:
        bounds = self.bounds
        if self._count + records > bounds.records or self._total_bytes + total_bytes > bounds.total_bytes:
            raise OutboxFull(
                f"the outbox holds {self._count} records ({self._total_bytes} bytes); its bounds are {bounds.records} and"
                f" {bounds.total_bytes} bytes: is the ledger reachable?"
            )

    def _write(self, change: Callable[[sqlite3.Connection], object]) -> None:
        try:
            with self._database.write() as connection:
                change(connection)
        except ClientStorageError:
            # The commit may have happened all the same. Nothing that is remembered counts; read what is there.
            self._count, self._total_bytes = self._measure()
            raise

    def _measure(self) -> tuple[int, int]:
        with self._database.read() as connection:
            count, total_bytes = connection.execute(
                "SELECT count(*), coalesce(sum(length(record)), 0) FROM item"
            ).fetchone()
        return int(count), int(total_bytes)

    def _tell(self) -> None:
        for listener in tuple(self._listeners):
            listener()


def _count(seal: bytes) -> int:
    return int(entry_pb2.Entry.FromString(seal).seal.count)
