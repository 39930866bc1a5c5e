"""A small SQLite file with one writer: what the state and the outbox stand on.

WAL with synchronous=FULL: a transaction that `write` left is on the disk. SQLite 3.7.0 to 3.51.2 can corrupt a WAL when
two connections write or checkpoint at once, so exactly one connection exists for a file, kept so by a lock file that
the kernel releases when the process dies, however it dies.
"""

import fcntl
import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from custody.client.errors import ClientStorageError, FileInUse


class Database:
    """One open file. Thread-safe: every use holds `lock`. `factory` is the class of the connection (tests inject faults)."""

    def __init__(
        self,
        path: Path | None,
        *,
        schema: Sequence[str],
        application_id: int,
        factory: type[sqlite3.Connection] = sqlite3.Connection,
    ) -> None:
        """Opens the file, or creates it with the statements of `schema`; None is a database in memory that dies with the object.

        Raises FileInUse, or ClientStorageError for a file that cannot be opened or is not ours.
        """
        self.path = path
        self.lock = threading.RLock()
        self._guard = -1 if path is None else _take_lock(path)
        try:
            self.connection = _open(path, schema, application_id, factory)
        except BaseException:
            self._release()
            raise

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """One durable transaction: all of it after the block, nothing when the block raised.

        Raises ClientStorageError when SQLite failed. If that was the commit itself, whether it happened is unknown until
        the file is read again; the caller must do that before it relies on anything that it remembers.
        """
        with self.lock:
            connection = self.connection
            try:
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
            except sqlite3.Error as error:
                self._roll_back()
                raise ClientStorageError(f"{self.path or 'memory'}: {error}") from error
            except BaseException:
                self._roll_back()
                raise

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Reads under the lock. Raises ClientStorageError."""
        with self.lock:
            try:
                yield self.connection
            except sqlite3.Error as error:
                raise ClientStorageError(f"{self.path or 'memory'}: {error}") from error

    def close(self) -> None:
        """Closes the file and gives up its lock; a second call does nothing."""
        with self.lock:
            with suppress(sqlite3.Error):  # what was committed is durable already; closing only tidies the WAL
                self.connection.close()
            self._release()

    def _roll_back(self) -> None:
        # Fails when no transaction is open any more (BEGIN failed, or COMMIT was done and then reported a failure).
        with suppress(sqlite3.Error):
            self.connection.execute("ROLLBACK")

    def _release(self) -> None:
        if self._guard >= 0:
            os.close(self._guard)
            self._guard = -1


@contextmanager
def beside(path: Path) -> Iterator[sqlite3.Connection]:
    """One snapshot of a file that another process may have open for writing; reads only. Raises ClientStorageError."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5)) as connection:
            connection.execute("BEGIN")
            yield connection
    except sqlite3.Error as error:
        raise ClientStorageError(f"{path}: {error}") from error


def _take_lock(path: Path) -> int:
    try:
        guard = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ClientStorageError(f"{path}: {error}") from error
    try:
        fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(guard)
        raise FileInUse(f"{path} is in use by another process; each recorder needs a file of its own") from error
    return guard


def _open(
    path: Path | None, schema: Sequence[str], application_id: int, factory: type[sqlite3.Connection]
) -> sqlite3.Connection:
    name = ":memory:" if path is None else os.fspath(path)
    try:
        connection = sqlite3.connect(name, isolation_level=None, check_same_thread=False, factory=factory)
    except sqlite3.Error as error:
        raise ClientStorageError(f"{name}: {error}") from error
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        _prepare(connection, name, schema, application_id)
    except sqlite3.Error as error:
        connection.close()
        raise ClientStorageError(f"{name}: {error}") from error
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, name: str, schema: Sequence[str], application_id: int) -> None:
    """Creates the tables in a new file. A crash in between leaves an empty file, which is new again."""
    (found,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if found == application_id:
        return
    if found or tables:
        raise ClientStorageError(f"{name} is a database of something else")
    connection.execute("BEGIN IMMEDIATE")
    for statement in schema:
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id={application_id:d}")
    connection.execute("COMMIT")
