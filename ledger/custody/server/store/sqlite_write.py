"""What the writer of the embedded store does: one transaction for each step of the sequencer.

A commit is few statements, however many entries it has: each runs in SQLite's own code without Python's lock, so that
admission of the next batch goes on beside it. What costs is getting the lock back between two statements.
"""

import json
import sqlite3
from collections.abc import Sequence
from typing import Any, Final

from custody.server.store.protocol import (
    Commit,
    HeadMoved,
    LogHead,
    OutcomeUnknown,
    RecordExists,
    StoreError,
    StoreUnavailable,
)

_MAX_ROWS: Final = 256
"""Rows in one statement of VALUES; SQLite takes at most 32,766 parameters."""

_COUNT: Final = (
    "(WITH RECURSIVE n (at) AS (SELECT 0 UNION ALL SELECT at + 1 FROM n WHERE at + 1 < :count) SELECT at FROM n)"
)
"""The numbers 0 to :count - 1; SQLite unpacks a batch of equal things from one bound value with them."""

_INSERT_RECORDS: Final = (
    "INSERT INTO record (log, record_id, leaf_index)"
    f" SELECT :log, substr(:ids, 1 + 16 * at, 16), :first + at FROM {_COUNT}"
)
_INSERT_DIGESTS: Final = (
    "INSERT INTO digest (log, prefix, leaf_index)"
    " SELECT :log, substr(:prefixes, 1 + 8 * key, 8), value FROM json_each(:indexes) WHERE true"
    " ON CONFLICT DO NOTHING"  # one record may name two files with the same first bytes
)


def insert(connection: sqlite3.Connection, head: str, rows: Sequence[Sequence[Any]], tail: str = "") -> None:
    """Runs `head VALUES (...), ... tail` for all rows in as few statements as possible."""
    for at in range(0, len(rows), _MAX_ROWS):
        part = rows[at : at + _MAX_ROWS]
        marks = "(" + ",".join("?" * len(part[0])) + ")"
        values = [value for row in part for value in row]
        connection.execute(f"{head} VALUES {','.join([marks] * len(part))} {tail}", values)


class Writer:
    """The statements of one log; used in one thread only."""

    def __init__(self, connection: sqlite3.Connection, log: int) -> None:
        self._connection = connection
        self._log = log
        self._chains: dict[str, tuple[int, int]] = {}
        self._chains_at: tuple[int, bytes] | None = None
        """The size and root for which `_chains` is whole; at any other head it is read anew."""

    def fence(self, head: LogHead) -> LogHead:
        """See LogStore.fence."""
        with _Transaction(self._connection):
            self._move("epoch = epoch + 1", (), head)
        return head._replace(epoch=head.epoch + 1)

    def publish(self, head: LogHead, size: int, note: bytes) -> None:
        """See LogStore.publish."""
        connection = self._connection
        with _Transaction(connection):
            self._move("published = max(published, ?)", (size,), head)
            connection.execute(
                "INSERT INTO checkpoint (log, size, note) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                (self._log, size, note),
            )
            (kept,) = connection.execute(
                "SELECT note FROM checkpoint WHERE log = ? AND size = ?", (self._log, size)
            ).fetchone()
            if kept != note:
                raise HeadMoved(f"another checkpoint of size {size} is already published")

    def commit(self, commit: Commit) -> None:
        """See LogStore.commit."""
        with _Transaction(self._connection):
            self._move(
                "size = ?, root = ?, sequenced_us = ?", (commit.size, commit.root, commit.sequenced_us), commit.old
            )
            grown = self._chains_of(commit.old)
            self._write(commit, grown)
        # Only now: after a rollback the numbers of new chains must be handed out again.
        self._chains, self._chains_at = grown, (commit.size, commit.root)

    def _chains_of(self, head: LogHead) -> dict[str, tuple[int, int]]:
        if self._chains_at == (head.size, head.root):
            return dict(self._chains)
        rows = self._connection.execute("SELECT name, chain, longest_us FROM chain WHERE log = ?", (self._log,))
        return {name: (number, longest) for name, number, longest in rows}

    def _move(self, change: str, values: tuple[Any, ...], old: LogHead) -> None:
        moved = self._connection.execute(
            f"UPDATE log SET {change} WHERE log = ? AND size = ? AND root = ? AND epoch = ?",
            (*values, self._log, old.size, old.root, old.epoch),
        ).rowcount
        if moved != 1:
            raise HeadMoved("the log was moved on by another writer")

    def _write(self, commit: Commit, chains: dict[str, tuple[int, int]]) -> None:
        log, run = self._log, self._connection
        try:
            run.execute(
                _INSERT_RECORDS,
                {
                    "log": log,
                    "ids": b"".join(commit.record_ids),
                    "first": commit.old.size,
                    "count": len(commit.record_ids),
                },
            )
        except sqlite3.IntegrityError as error:
            raise RecordExists("a record id of the batch is already in the log") from error
        insert(
            run,
            "INSERT INTO entry_run (log, first_index, count, sequenced_us, data)",
            [(log, first, count, commit.sequenced_us, data) for first, count, data in commit.entries],
        )
        insert(
            run,
            "INSERT INTO tile (log, level, tile_index, hashes)",
            [(log, level, index, hashes) for (level, index), hashes in commit.tiles.items()],
            "ON CONFLICT (log, level, tile_index) DO UPDATE SET hashes = excluded.hashes",
        )
        self._write_chains(commit, chains)
        if commit.digests:
            prefixes = b"".join([prefix for prefix, _ in commit.digests])
            indexes = json.dumps([index for _, index in commit.digests])
            run.execute(_INSERT_DIGESTS, {"log": log, "prefixes": prefixes, "indexes": indexes})
        insert(
            run,
            "INSERT INTO submission (log, submitter, sequenced_us, first_index, count)",
            [(log, submitter, commit.sequenced_us, first, count) for submitter, first, count in commit.submissions],
        )

    def _write_chains(self, commit: Commit, chains: dict[str, tuple[int, int]]) -> None:
        log = self._log
        changed: dict[str, tuple[int, int]] = {}
        rows = []
        for name, first_seq, first_index, count, from_us, to_us in commit.chain_runs:
            number, longest = chains.get(name) or (len(chains) + 1, -1)
            if to_us - from_us > longest:
                chains[name] = changed[name] = (number, to_us - from_us)
            rows.append((log, number, first_seq, first_index, count, from_us, to_us))
        insert(
            self._connection,
            "INSERT INTO chain (log, chain, name, longest_us)",
            [(log, number, name, longest) for name, (number, longest) in changed.items()],
            "ON CONFLICT (log, chain) DO UPDATE SET longest_us = excluded.longest_us",
        )
        insert(
            self._connection,
            "INSERT INTO chain_run (log, chain, first_seq, first_index, count, from_us, to_us)",
            rows,
        )


class _Transaction:
    """BEGIN IMMEDIATE ... COMMIT; ROLLBACK on any error.

    A crash before COMMIT returns leaves nothing: SQLite ignores the unfinished frames of the WAL. When COMMIT itself
    fails the outcome is not known, and the caller must reload.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise StoreUnavailable(f"cannot begin to write: {error}") from error

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if error is None:
            try:
                self._connection.execute("COMMIT")
            except sqlite3.Error as failure:
                self._undo()
                raise OutcomeUnknown(f"COMMIT failed: {failure}") from failure
            return
        self._undo()
        if isinstance(error, sqlite3.Error) and not isinstance(error, StoreError):
            raise StoreUnavailable(f"cannot write: {error}") from error

    def _undo(self) -> None:
        if self._connection.in_transaction:
            try:
                self._connection.execute("ROLLBACK")
            except sqlite3.Error:
                # The connection is beyond use; the next BEGIN fails and says so. Nothing was committed by us.
                return
