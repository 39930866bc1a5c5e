"""A log in a SQLite file, read by a stranger: own SQL, read-only, one transaction for everything.

The file format is ledger/custody/server/store/schema/sqlite/0001_log.sql; no code of the server is used. The file is
hostile: types are checked where they matter, texts may be no UTF-8, and tables may be no tables.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from custody.verifier.log_reader import LogUnreadable, StoredCheckpoint, StoredHead, StoredRun
from custody.verifier.sqlite_index import SqliteIndex

TABLES: Final = ("log", "entry_run", "tile", "checkpoint", "chain", "chain_run", "record", "digest", "submission")
_SMALLEST_ENTRY: Final = 64
"""Bytes; no entry with a record id, a submitter and a link is smaller. Bounds how many a file can hold."""
_FEW: Final = 5
MAX_VALUE_BYTES: Final = 32 * 1024 * 1024
"""Twice the largest bundle (256 entries of 64 KiB); a longer value in a row is an error of SQLite."""


@contextmanager
def reading(path: str) -> Iterator[None]:
    """Turns failures of SQLite into LogUnreadable."""
    try:
        yield
    except (sqlite3.Error, OverflowError, UnicodeError) as error:
        raise LogUnreadable(f"{path}: {error}") from error


def connect(path: Path) -> sqlite3.Connection:
    """Opens a database file for reading. Raises LogUnreadable for anything that is no ledger database."""
    if not path.is_file():
        raise LogUnreadable(f"there is no file {path}")
    place = path.absolute().as_posix().replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    with reading(str(path)):
        try:
            return _opened(f"file:{place}?mode=ro", path)
        except sqlite3.OperationalError:
            # On a read-only medium SQLite cannot make the shared memory that a WAL database wants. Without a WAL file
            # beside it nobody is writing, and the file alone is the whole database.
            if Path(f"{path}-wal").exists():
                raise
            return _opened(f"file:{place}?mode=ro&immutable=1", path)


def _opened(uri: str, path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, cached_statements=256)
    try:
        # Bytes that are no UTF-8 must become a difference, not an exception in the middle of a check.
        connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA query_only = ON")
        connection.execute("PRAGMA mmap_size = 0")
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES)
        connection.execute("BEGIN")
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        computed = [table for table in TABLES if _computes(connection, table)]
    except BaseException:
        connection.close()
        raise
    if missing := set(TABLES) - tables:
        connection.close()
        raise LogUnreadable(f"{path} is no ledger database: it lacks {', '.join(sorted(missing))}")
    if computed:
        connection.close()
        raise LogUnreadable(f"{path} is no ledger database: columns of {', '.join(computed)} are computed, not stored")
    return connection


def _computes(connection: sqlite3.Connection, table: str) -> bool:
    """Whether reading the table runs what the file says: a few bytes of it could make gigabytes."""
    return bool(connection.execute("SELECT 1 FROM pragma_table_xinfo(?) WHERE hidden <> 0", (table,)).fetchone())


def origins(connection: sqlite3.Connection) -> list[tuple[int, str]]:
    """(number, origin) of every log in the file."""
    with reading("database"):
        return [
            (number, origin) for number, origin in connection.execute("SELECT log, origin FROM log ORDER BY origin")
        ]


class SqliteLog:
    """One log of the file; implements LogReader and holds its connection."""

    def __init__(self, connection: sqlite3.Connection, log: int, *, path: str = "database") -> None:
        self._connection = connection
        self._log = log
        self._path = path

    @classmethod
    def open(cls, path: Path, log: int) -> "SqliteLog":
        """Opens the file and reads one log of it."""
        return cls(connect(path), log, path=str(path))

    def _rows(self, sql: str, *values: Any) -> list[Any]:
        with reading(self._path):
            return self._connection.execute(sql, (self._log, *values)).fetchall()

    def head(self) -> StoredHead:
        """See LogReader."""
        rows = self._rows(
            "SELECT origin, vkeys, size, root, published, sequenced_us, created_us, epoch FROM log WHERE log = ?"
        )
        if len(rows) != 1:
            raise LogUnreadable(f"{self._path}: there is no log {self._log}")
        origin, vkeys, size, root, published, sequenced_us, created_us, epoch = rows[0]
        numbers = (size, published, sequenced_us, created_us, epoch)
        if any(type(one) is not int for one in numbers) or type(origin) is not str or type(vkeys) is not str:
            raise LogUnreadable(f"{self._path}: the row of the log has values of the wrong type")
        return StoredHead(
            origin, tuple(vkeys.split("\n")), size, _blob(root), published, sequenced_us, created_us, epoch
        )

    def end(self) -> int:
        """See LogReader."""
        rows = self._rows("SELECT first_index + count FROM entry_run WHERE log = ? ORDER BY first_index DESC LIMIT 1")
        with reading(self._path):
            ((pages,),) = self._connection.execute("PRAGMA page_count")
            ((page_bytes,),) = self._connection.execute("PRAGMA page_size")
        end = rows[0][0] if rows else 0
        room = pages * page_bytes // _SMALLEST_ENTRY
        return max(0, min(end, room)) if type(end) is int else 0

    def runs(self, first: int, end: int) -> Iterator[StoredRun]:
        """See LogReader."""
        for index, count, sequenced_us, data in self._rows(
            "SELECT first_index, count, sequenced_us, data FROM entry_run"
            " WHERE log = ? AND first_index >= ? AND first_index < ? ORDER BY first_index",
            first,
            end,
        ):
            if any(type(one) is not int for one in (index, count, sequenced_us)):
                raise LogUnreadable(f"{self._path}: a run of entries has a value of the wrong type")
            yield StoredRun(index, count, sequenced_us, _blob(data))

    def runs_outside(self, end: int) -> list[int]:
        """See LogReader."""
        return self._outside("SELECT first_index FROM entry_run WHERE log = ? AND {} LIMIT ?", "first_index", end)

    def _outside(self, sql: str, column: str, end: int) -> list[int]:
        found = self._rows(sql.format(f"coalesce({column}, -1) < 0"), _FEW) + self._rows(
            sql.format(f"{column} >= ?"), end, _FEW
        )
        return [value if type(value) is int else -1 for (value,) in found]

    def checkpoints(self, above: int, to: int) -> Iterator[StoredCheckpoint]:
        """See LogReader."""
        for size, note in self._rows(
            "SELECT size, note FROM checkpoint WHERE log = ? AND size > ? AND size <= ? ORDER BY size", above, to
        ):
            yield StoredCheckpoint(size, _blob(note))

    def last_checkpoint(self) -> StoredCheckpoint | None:
        """See LogReader."""
        rows = self._rows("SELECT size, note FROM checkpoint WHERE log = ? ORDER BY size DESC LIMIT 1")
        return StoredCheckpoint(rows[0][0], _blob(rows[0][1])) if rows else None

    def checkpoints_outside(self, to: int) -> list[int]:
        """See LogReader."""
        return self._outside("SELECT size FROM checkpoint WHERE log = ? AND {} LIMIT ?", "size", to + 1)

    def tiles(self, level: int, first: int, end: int) -> dict[int, bytes]:
        """See LogReader."""
        return {
            index: _blob(hashes)
            for index, hashes in self._rows(
                "SELECT tile_index, hashes FROM tile WHERE log = ? AND level = ? AND tile_index >= ? AND tile_index < ?",
                level,
                first,
                end,
            )
        }

    def tile_count(self) -> int:
        """See LogReader."""
        count: int = self._rows("SELECT count(*) FROM tile WHERE log = ?")[0][0]
        return count

    def index(self) -> SqliteIndex:
        """See LogReader."""
        return SqliteIndex(self._connection, self._log, self._path)

    def close(self) -> None:
        """See LogReader."""
        self._connection.close()


def _blob(value: object) -> bytes:
    """The bytes of a BLOB; another type is as wrong as no bytes at all, and is found to be."""
    return value if isinstance(value, bytes) else b""
