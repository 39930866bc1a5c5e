"""The witness's memory: one SQLite file in one private folder, one row for each log.

Rules here, as in the signer's memory, because a witness that forgets can be used to cosign a fork:

- Durable on return: one connection, WAL, `synchronous=FULL`.
- One witness: the folder is locked by `flock` for as long as the memory is open.
- Compare-and-swap: a write names the size and root that it replaces; if others are stored, nothing is written.
- Never made by accident: `create_memory` is called by `custody witness init` alone.
"""

import fcntl
import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Final, Self

from custody.core.cosigned_message import MAX_NAME_BYTES
from custody.core.errors import MalformedError
from custody.core.note import VerifierKey
from custody.private.file import sync_folder
from custody.witness.decide import Held
from custody.witness.errors import WitnessStateError

STATE_FILE: Final = "witness.sqlite"
LOCK_FILE: Final = "lock"
APPLICATION_ID: Final = 0x43555357  # "CUSW"
SCHEMA_VERSION: Final = 1

_FAULTS: Final = (sqlite3.Error, UnicodeError)
_SCHEMA: Final = """
CREATE TABLE witness (vkeys TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
CREATE TABLE log (
    origin TEXT PRIMARY KEY,
    vkeys  TEXT NOT NULL,
    size   INTEGER NOT NULL CHECK (size >= 0),
    root   BLOB NOT NULL CHECK (length(root) = 32),
    note   BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE fork (
    origin      TEXT PRIMARY KEY REFERENCES log,
    detected_us INTEGER NOT NULL,
    held        BLOB NOT NULL,
    offered     BLOB NOT NULL
) STRICT, WITHOUT ROWID;
"""


class Memory:
    """The open memory. Not safe for concurrent use: one owner, which is the witness's event loop.

    When a write raises, it may have happened or not; whoever goes on calls `reload` first.
    """

    def __init__(self, folder: Path, connection: sqlite3.Connection, lock: int) -> None:
        self._folder = folder
        self._connection = connection
        self._lock = lock
        self.vkeys = tuple(_rows(connection, "SELECT vkeys FROM witness")[0][0].split("\n"))
        """The witness's own keys."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file and gives up the lock."""
        self._connection.close()
        os.close(self._lock)

    def reload(self) -> None:
        """Opens the file again, which runs the recovery that a new process would run. Raises WitnessStateError."""
        self._connection.close()
        self._connection = _connect(self._folder)
        # Pages may be readable after a failed fsync and yet never reach the disk; this writes and syncs them again.
        _rows(self._connection, "PRAGMA wal_checkpoint(TRUNCATE)")

    def logs(self) -> list[str]:
        """Origins of all known logs, sorted."""
        return [origin for (origin,) in _rows(self._connection, "SELECT origin FROM log ORDER BY origin")]

    def held(self, origin: str) -> Held | None:
        """What is remembered of a log; None when it is not known. Raises WitnessStateError."""
        rows = _rows(self._connection, "SELECT vkeys, size, root, note FROM log WHERE origin = ?", origin)
        if not rows:
            return None
        vkeys, size, root, note = rows[0]
        try:
            keys = tuple(VerifierKey.parse(vkey) for vkey in vkeys.split("\n"))
        except MalformedError as error:
            raise WitnessStateError(f"the keys of {origin} are damaged: {error}") from error
        return Held(origin=origin, keys=keys, size=size, root=root, note=note)

    def fork(self, origin: str) -> tuple[bytes, bytes] | None:
        """The two checkpoints of one size that the log signed, if it ever offered a second one."""
        rows = _rows(self._connection, "SELECT held, offered FROM fork WHERE origin = ?", origin)
        return (rows[0][0], rows[0][1]) if rows else None

    def replace(self, old: Held, new: Held) -> None:
        """Remembers `new` in the place of `old`; durable on return. Raises WitnessStateError."""
        self._write(
            "UPDATE log SET size = ?, root = ?, note = ? WHERE origin = ? AND size = ? AND root = ?",
            (new.size, new.root, new.note, old.origin, old.size, old.root),
        )

    def add_log(self, held: Held) -> None:
        """Begins to watch a log, or takes up its new keys; what is held of it stays.

        Keys follow one another with an overlap (docs/ops/signer.md): one of the new keys must be known already. Raises
        WitnessStateError `witness-log-exists` when only other keys are known for it.
        """
        if len(held.origin.encode()) > MAX_NAME_BYTES:
            raise WitnessStateError(f"an origin has at most {MAX_NAME_BYTES} bytes", code="witness-name-malformed")
        known = self.held(held.origin)
        if known is not None:
            if known.keys != held.keys:
                self._change_keys(known, held)
            return
        vkeys = "\n".join(key.encode() for key in held.keys)
        self._write(
            "INSERT INTO log (origin, vkeys, size, root, note) VALUES (?, ?, ?, ?, ?)",
            (held.origin, vkeys, held.size, held.root, held.note),
        )

    def _change_keys(self, known: Held, new: Held) -> None:
        if not set(known.keys) & set(new.keys):
            raise WitnessStateError(
                f"{known.origin} is known with other keys; give an old key together with the new one",
                code="witness-log-exists",
            )
        before, after = ("\n".join(key.encode() for key in one.keys) for one in (known, new))
        self._write("UPDATE log SET vkeys = ? WHERE origin = ? AND vkeys = ?", (after, known.origin, before))

    def keep_fork(self, held: Held, offered: bytes, detected_us: int) -> None:
        """Keeps the first proof of a fork for good."""
        if self.fork(held.origin) is None:
            self._write(
                "INSERT INTO fork (origin, detected_us, held, offered) VALUES (?, ?, ?, ?)",
                (held.origin, detected_us, held.note, offered),
            )

    def _write(self, statement: str, values: tuple[int | str | bytes, ...]) -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            if self._connection.execute(statement, values).rowcount != 1:
                raise WitnessStateError("the stored state is not the one that this witness knows; nothing was written")
            # Crash before this line: nothing was cosigned, the offer is forgotten and may come again.
            self._connection.execute("COMMIT")
            # Crash after it: the new size is held, the log gets its cosignature when it offers the same again.
        except sqlite3.Error as error:
            raise WitnessStateError(f"the state could not be written: {error}", code="witness-state-unknown") from error
        finally:
            if self._connection.in_transaction:
                with suppress(sqlite3.Error):  # the owner reloads, which ends what a rollback cannot
                    self._connection.execute("ROLLBACK")


def create_memory(folder: Path, vkeys: tuple[str, ...]) -> None:
    """Makes a new, empty memory in a folder that is there. Raises WitnessStateError `witness-state-exists`."""
    if (folder / STATE_FILE).exists():
        raise WitnessStateError(f"{folder} holds a witness's state already", code="witness-state-exists")
    draft = folder / f"{STATE_FILE}.new"
    draft.unlink(missing_ok=True)
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    # Built under another name and renamed: crash before the rename leaves no state, after it a whole one.
    with closing(sqlite3.connect(draft, isolation_level=None)) as connection:
        connection.executescript(
            f"PRAGMA synchronous=FULL; PRAGMA application_id={APPLICATION_ID}; PRAGMA user_version={SCHEMA_VERSION};"
            f"BEGIN IMMEDIATE; {_SCHEMA}"
        )
        connection.execute("INSERT INTO witness (vkeys) VALUES (?)", ("\n".join(vkeys),))
        connection.execute("COMMIT")
    draft.rename(folder / STATE_FILE)
    sync_folder(folder)


def open_memory(folder: Path) -> Memory:
    """Opens and locks the memory in `folder`. Raises WitnessStateError: `witness-state-missing`, `-locked`, `-damaged`."""
    if not (folder / STATE_FILE).is_file():
        raise WitnessStateError(
            f"{folder} holds no witness's state; see: custody witness init", code="witness-state-missing"
        )
    lock = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise WitnessStateError(f"another witness uses {folder}", code="witness-state-locked") from error
        connection = _connect(folder)
        try:
            return Memory(folder, connection, lock)
        except BaseException:
            connection.close()
            raise
    except BaseException:
        os.close(lock)
        raise


def _connect(folder: Path) -> sqlite3.Connection:
    # One owner, but a test may drive the event loop from another thread.
    uri = f"{(folder / STATE_FILE).absolute().as_uri()}?mode=rw"
    try:
        connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=0, check_same_thread=False)
    except _FAULTS as error:
        raise _damaged(error) from error
    try:
        for pragma in ("locking_mode=EXCLUSIVE", "journal_mode=WAL", "synchronous=FULL", "trusted_schema=OFF"):
            connection.execute(f"PRAGMA {pragma}")
        found = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")]
        if found != [APPLICATION_ID, SCHEMA_VERSION]:
            raise WitnessStateError(f"not a witness's state of schema {SCHEMA_VERSION}")
        if (verdict := connection.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
            raise WitnessStateError(f"the state file is damaged: {verdict}")
    except BaseException as error:
        connection.close()
        if isinstance(error, _FAULTS):
            raise _damaged(error) from error
        raise
    return connection


def _rows(connection: sqlite3.Connection, statement: str, *values: str) -> list[Any]:
    try:
        return connection.execute(statement, values).fetchall()
    except _FAULTS as error:
        raise _damaged(error) from error


def _damaged(error: Exception) -> WitnessStateError:
    return WitnessStateError(f"the state file cannot be read: {error}")
