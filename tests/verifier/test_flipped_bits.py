"""Every bit of a small log, flipped one by one, and every value of a wrong type: none goes unnoticed.

Of a stored number, which no signature covers as it stands, the bits of `NUMBER_BITS` are tried: all that small values
have, and of those that only make it huge or negative some.

The database has no constraints, because a disk that flips a bit asks none. Left out are two columns that no entry, tile
or signature speaks of and that no reader relies on: when the row of the log was made, and the fencing number of its
writer (only their sign is checked).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest

from custody.core.errors import CustodyError
from custody.verifier.audit_run import AuditPlan, audit_log
from custody.verifier.sqlite_log import TABLES, SqliteLog

if TYPE_CHECKING:
    from tests.verifier.conftest import LogWriter

NUMBER_BITS = (*range(16), 31, 32, 47, 53, 62, 63)
UNSAID = {("log", "created_us"), ("log", "epoch")}


class OpenLog(SqliteLog):
    """Reads the connection that the test writes with, and leaves it open."""

    def close(self) -> None:
        pass


def exit_status(db: sqlite3.Connection, log: int, plan_keys: Any) -> int:
    try:
        return audit_log(AuditPlan(open_log=lambda: OpenLog(db, log), keys=plan_keys)).status.exit_status
    except CustodyError:
        return 2


def flips(value: Any) -> Iterator[Any]:
    """The value with each of its bits flipped (of a number: `NUMBER_BITS`), in the type that it is stored in."""
    match value:
        case int():
            for bit in NUMBER_BITS:
                flipped = (value ^ 1 << bit) & (1 << 64) - 1
                yield flipped - (1 << 64) if flipped >> 63 else flipped
        case str():
            for changed in flips(value.encode()):
                yield changed.decode("utf-8", "surrogateescape")
        case bytes():
            for bit in range(8 * len(value)):
                yield value[: bit // 8] + bytes((value[bit // 8] ^ 1 << bit % 8,)) + value[bit // 8 + 1 :]


def columns(db: sqlite3.Connection, table: str) -> list[str]:
    return [name for _, name, *_ in db.execute(f"PRAGMA table_info({table})")]


def put(db: sqlite3.Connection, table: str, column: str, row: int, value: Any) -> None:
    if isinstance(value, str):
        # The driver refuses lone surrogates; the bytes go in as they are and keep their type.
        db.execute(
            f"UPDATE {table} SET {column} = CAST(? AS TEXT) WHERE rowid = ?",  # noqa: S608
            (value.encode("utf-8", "surrogateescape"), row),
        )
    else:
        db.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (value, row))  # noqa: S608


@pytest.fixture
def small(new_writer: Callable[..., LogWriter]) -> LogWriter:
    writer = new_writer(constraints=False)
    writer.story()
    return writer


def test_the_small_log_is_fine(small: LogWriter) -> None:
    assert exit_status(small.db, small.log, (small.key.vkey,)) == 0


# The entries have most of the bits; they are tried in parts, so that several processes can share them.
PARTS = [
    (table, part, parts) for table in TABLES for parts in ({"entry_run": 4}.get(table, 1),) for part in range(parts)
]


@pytest.mark.slow
@pytest.mark.parametrize(("table", "part", "parts"), PARTS)
def test_every_flipped_bit_is_found(small: LogWriter, table: str, part: int, parts: int) -> None:
    keys = (small.key.vkey,)
    unnoticed: list[tuple[str, int, int]] = []
    tried = 0
    for column in columns(small.db, table):
        if (table, column) in UNSAID:
            continue
        for row, value in small.db.execute(f"SELECT rowid, {column} FROM {table}").fetchall():  # noqa: S608
            for bit, changed in islice(enumerate(flips(value)), part, None, parts):
                put(small.db, table, column, row, changed)
                tried += 1
                if exit_status(small.db, small.log, keys) == 0:
                    unnoticed.append((column, row, bit))
            put(small.db, table, column, row, value)
    assert not unnoticed
    assert tried >= len(NUMBER_BITS)
    assert exit_status(small.db, small.log, keys) == 0


WRONG: list[Any] = [None, 1.5, -1, 1 << 62, "x", b"x", b"", "9" * 40]


@pytest.mark.parametrize("table", TABLES)
def test_a_value_of_the_wrong_type_is_found_and_breaks_nothing(small: LogWriter, table: str) -> None:
    keys = (small.key.vkey,)
    for column in columns(small.db, table):
        for row, value in small.db.execute(f"SELECT rowid, {column} FROM {table}").fetchall():  # noqa: S608
            for wrong in WRONG:
                put(small.db, table, column, row, wrong)
                told = exit_status(small.db, small.log, keys)
                assert told in {1, 2} or (table, column) in UNSAID, (column, row, wrong)
            put(small.db, table, column, row, value)
    assert exit_status(small.db, small.log, keys) == 0
