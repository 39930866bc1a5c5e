"""The derived index of a log in a SQLite file, read by a stranger (see `sqlite_log`)."""

import sqlite3
from collections.abc import Sequence
from itertools import chain
from typing import Any, Final

from custody.verifier.log_reader import (
    ChainTotals,
    DigestSum,
    IndexTotals,
    LogUnreadable,
    StoredChain,
    StoredSubmission,
)

_KEYED: Final = ("entry_run", "tile", "checkpoint", "chain", "chain_run", "record", "digest", "submission")
_PARAMETERS: Final = 500
"""Values in one statement; SQLite allows 999 in its oldest builds."""
_FETCH: Final = 4_096
_MAX_HASHED: Final = (1 << 61) - 2
"""Largest integer that Python's hash does not reduce."""


class SqliteIndex:
    """Implements IndexReader on the connection of its log."""

    def __init__(self, connection: sqlite3.Connection, log: int, path: str) -> None:
        self._connection = connection
        self._log = log
        self._path = path

    def _rows(self, sql: str, *values: Any) -> list[Any]:
        try:
            return self._connection.execute(sql, (self._log, *values)).fetchall()
        except (sqlite3.Error, OverflowError, UnicodeError) as error:
            raise LogUnreadable(f"{self._path}: {error}") from error

    def _numbers(self, sql: str, *values: Any) -> list[Any]:
        rows = self._rows(sql, *values)
        if not set(map(type, chain.from_iterable(rows))) <= {int}:
            raise LogUnreadable(f"{self._path}: a row of the index has a value of the wrong type")
        return rows

    def chains(self) -> list[StoredChain]:
        """See IndexReader."""
        rows = self._rows("SELECT chain, name, longest_us FROM chain WHERE log = ?")
        if any((type(number), type(name), type(longest)) != (int, str, int) for number, name, longest in rows):
            raise LogUnreadable(f"{self._path}: the index row of a chain has a value of the wrong type")
        return [StoredChain(*row) for row in rows]

    def chain_runs(self, number: int, first_seq: int, end_seq: int) -> list[tuple[int, int, int, int, int]]:
        """See IndexReader."""
        return self._numbers(
            "SELECT first_seq, first_index, count, from_us, to_us FROM chain_run WHERE log = ?1 AND chain = ?2"
            " AND first_seq < ?4 AND first_seq >= coalesce((SELECT max(first_seq) FROM chain_run"
            " WHERE log = ?1 AND chain = ?2 AND first_seq <= ?3), ?3) ORDER BY first_seq",
            number,
            first_seq,
            end_seq,
        )

    def chain_totals(self) -> dict[int, ChainTotals]:
        """See IndexReader."""
        rows = self._numbers(
            "SELECT chain, sum(count), min(first_seq), max(first_seq + count), max(to_us - from_us)"
            " FROM chain_run WHERE log = ? GROUP BY chain"
        )
        return {number: ChainTotals(*totals) for number, *totals in rows}

    def submissions(self, submitter: str, first: int, end: int) -> list[StoredSubmission]:
        """See IndexReader."""
        rows = self._numbers(
            "SELECT first_index, count, sequenced_us FROM submission WHERE log = ?1 AND submitter = ?2"
            " AND first_index < ?4 AND first_index >= coalesce((SELECT max(first_index) FROM submission"
            " WHERE log = ?1 AND submitter = ?2 AND first_index <= ?3), ?3) ORDER BY first_index",
            submitter,
            first,
            end,
        )
        return [StoredSubmission(*row) for row in rows]

    def records_between(self, low: bytes, high: bytes, count: int) -> list[tuple[bytes, int]]:
        """See IndexReader."""
        return self._rows(
            "SELECT record_id, leaf_index FROM record WHERE log = ? AND record_id >= ? AND record_id <= ? LIMIT ?",
            low,
            high,
            count,
        )

    def record_places(self, record_ids: Sequence[bytes]) -> list[tuple[bytes, int]]:
        """See IndexReader."""
        found: list[tuple[bytes, int]] = []
        for at in range(0, len(record_ids), _PARAMETERS):
            part = record_ids[at : at + _PARAMETERS]
            marks = ",".join("?" * len(part))
            found += self._rows(
                f"SELECT record_id, leaf_index FROM record WHERE log = ? AND record_id IN ({marks})",  # noqa: S608
                *part,
            )
        return found

    def has_digest(self, prefix: bytes, index: int) -> bool:
        """See IndexReader."""
        return bool(self._rows("SELECT 1 FROM digest WHERE log = ? AND prefix = ? AND leaf_index = ?", prefix, index))

    def digest_sum(self, low: bytes, high: bytes | None) -> DigestSum:
        """See IndexReader."""
        upper = "AND prefix < ?" if high is not None else ""
        values = (self._log, low) if high is None else (self._log, low, high)
        count = total = 0
        try:
            cursor = self._connection.execute(
                f"SELECT prefix, leaf_index FROM digest WHERE log = ? AND prefix >= ? {upper}",  # noqa: S608
                values,
            )
            while rows := cursor.fetchmany(_FETCH):
                count += len(rows)
                total += sum(map(hash, rows))
                if not _plain(rows):
                    count += 1  # can equal nothing that entries say
        except (sqlite3.Error, OverflowError, UnicodeError) as error:
            raise LogUnreadable(f"{self._path}: {error}") from error
        return DigestSum(count, total)

    def totals(self) -> IndexTotals:
        """See IndexReader."""
        ((records,),) = self._rows("SELECT count(*) FROM record WHERE log = ?")
        ((submitted,),) = self._rows("SELECT coalesce(sum(count), 0) FROM submission WHERE log = ?")
        ((nameless,),) = self._rows(
            "SELECT count(*) FROM (SELECT DISTINCT chain FROM chain_run WHERE log = ?1)"
            " WHERE chain NOT IN (SELECT chain FROM chain WHERE log = ?1)"
        )
        strays = [f"table {table}" for table in _KEYED if self._has_strays(table)]
        if nameless:
            strays.append("runs of a chain without a name")
        return IndexTotals(records, submitted, tuple(strays))

    def _has_strays(self, table: str) -> bool:
        """Whether a table has rows of a log that the file does not have; hops from log to log along the key."""
        try:
            known = {log for (log,) in self._connection.execute("SELECT log FROM log")}
            at: Any = None
            while True:
                row = self._connection.execute(
                    f"SELECT log FROM {table} WHERE log > ? ORDER BY log LIMIT 1"  # noqa: S608
                    if at is not None
                    else f"SELECT log FROM {table} ORDER BY log LIMIT 1",  # noqa: S608
                    (at,) if at is not None else (),
                ).fetchone()
                if row is None:
                    return False
                (at,) = row
                if at not in known:
                    return True
        except sqlite3.Error as error:
            raise LogUnreadable(f"{self._path}: {error}") from error


def _plain(rows: list[tuple[object, object]]) -> bool:
    """Whether leaf indexes are such as a log has. Python's hash takes integers modulo 2^61 - 1, and 0 and b"" as one."""
    indexes = [row[1] for row in rows]
    return all(type(index) is int and 0 <= index <= _MAX_HASHED for index in indexes)
