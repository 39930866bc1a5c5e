"""One SQLite file: locked, migrated, with exactly one writing connection.

SQLite up to 3.51.2 can corrupt a WAL that two connections write or checkpoint at once. So there is one writing
connection in one process, held by a lock on a file beside the database (`flock`: the kernel releases it when the
process dies, however it dies); all other connections are read-only and cannot checkpoint.

`synchronous=FULL` in WAL mode: when COMMIT returns, the transaction is on the disk.
"""

import fcntl
import hashlib
import os
import re
import sqlite3
from importlib import resources
from pathlib import Path
from typing import Final

from custody.server.store.protocol import StoreDamaged, StoreError, StoreUnavailable

_MIGRATION: Final = re.compile(r"(\d{4})_[a-z0-9_]+\.sql", re.ASCII)
_PAGE_BYTES: Final = 8192
_WAL_PAGES: Final = 4_096
"""Pages in the WAL before the writer moves them into the database: 32 MiB, so that a batch seldom waits for it."""


class StoreLocked(StoreError):
    """Another process writes this file."""

    code = "store-locked"


class WriterLock:
    """The right to write one database file; released by `close` or by the end of the process."""

    def __init__(self, database: Path) -> None:
        """Raises StoreLocked when another process has it."""
        path = database.with_name(database.name + ".lock")
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._descriptor)
            raise StoreLocked(f"another process writes {database}; stop it first") from None

    def close(self) -> None:
        """Gives the right up; the lock file stays, for removing it would race with the next one."""
        os.close(self._descriptor)


def connect_writer(database: Path, *, create: bool) -> sqlite3.Connection:
    """Opens the one writing connection and brings the schema up to date. The caller holds the WriterLock.

    Raises StoreUnavailable when the file is not there and `create` is false, StoreDamaged for a schema that is not ours.
    """
    if not create and not database.exists():
        raise StoreUnavailable(f"there is no ledger at {database}; create one with: custody log create")
    if create and not database.exists():
        os.close(os.open(database, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    connection = sqlite3.connect(database, isolation_level=None, check_same_thread=False, cached_statements=256)
    try:
        connection.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA mmap_size = 0")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_WAL_PAGES}")
        migrate(connection)
    except sqlite3.DatabaseError as error:
        connection.close()
        raise StoreDamaged(f"{database} is not a ledger database: {error}") from error
    except BaseException:
        connection.close()
        raise
    return connection


def connect_reader(database: Path) -> sqlite3.Connection:
    """Opens a read-only connection; it cannot write, nor checkpoint the WAL."""
    uri = f"file:{database.as_posix().replace('%', '%25').replace('?', '%3f').replace('#', '%23')}?mode=ro"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, cached_statements=256)
    connection.execute("PRAGMA mmap_size = 0")
    return connection


def migrations() -> list[tuple[int, str, str]]:
    """Numbered migrations of this program: (number, SQL, hex SHA-256 of the SQL)."""
    folder = resources.files("custody.server.store") / "schema" / "sqlite"
    found = []
    for item in folder.iterdir():
        match = _MIGRATION.fullmatch(item.name)
        if match:
            text = item.read_text(encoding="utf-8")
            found.append((int(match[1]), text, hashlib.sha256(text.encode()).hexdigest()))
    return sorted(found)


def migrate(connection: sqlite3.Connection) -> None:
    """Applies the missing migrations, each in one transaction; a crash in between leaves a whole number of them.

    Raises StoreDamaged when an applied migration is not the one of this program, or is newer than it.
    """
    known = migrations()
    connection.execute("CREATE TABLE IF NOT EXISTS migration (number INTEGER PRIMARY KEY, sha256 TEXT NOT NULL) STRICT")
    applied = dict(connection.execute("SELECT number, sha256 FROM migration"))
    if unknown := applied.keys() - {number for number, _, _ in known}:
        raise StoreDamaged(
            f"the database has migrations that this program does not know: {sorted(unknown)}; upgrade it"
        )
    for number, text, digest in known:
        if number in applied:
            if applied[number] != digest:
                raise StoreDamaged(f"migration {number} of the database is not the one of this program")
            continue
        # executescript would commit by itself; BEGIN and COMMIT inside the script keep it one transaction.
        connection.executescript(
            f"BEGIN IMMEDIATE;\n{text}\nINSERT INTO migration VALUES ({number}, '{digest}');\nCOMMIT;"
        )
