"""The signer's memory: one SQLite file in one private folder, for one log.

Rules here, because the whole log's honesty rests on this file:

- Durable on return. One connection, WAL, `synchronous=FULL`: one fdatasync for each write.
- One signer. The folder is locked by `flock` on `lock` for as long as the state is open, and the database itself is
  opened with `locking_mode=EXCLUSIVE` before its first read. SQLite before 3.51.3 can lose pages when two connections
  write or checkpoint one WAL at once; here there is never a second connection.
- Compare-and-swap. A write names the state that it replaces; if another one is stored, nothing is written.
- Never made by accident. `create` is called by `custody signer init` alone and refuses where a state is; `open_state`
  refuses where none is.

A copy of this folder on another machine is beyond these locks. That is what `--floor` and the ledger's comparison at its
own start are for.
"""

import fcntl
import os
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, Self

from custody.core.checkpoint import parse_checkpoint
from custody.core.errors import MalformedError
from custody.core.note import VerifierKey
from custody.private.file import sync_folder
from custody.signer.decide import Evidence, Signed, State
from custody.signer.errors import SignerStateError

STATE_FILE: Final = "state.sqlite"
LOCK_FILE: Final = "lock"
APPLICATION_ID: Final = 0x43555354  # "CUST"
SCHEMA_VERSION: Final = 2

_FAULTS: Final = (sqlite3.Error, UnicodeError)
"""What reading a damaged file raises: the second comes when SQLite's message quotes the damage."""

_SCHEMA: Final = """
CREATE TABLE signer (
    origin TEXT PRIMARY KEY,
    size   INTEGER CHECK (size >= 0),
    root   BLOB CHECK (length(root) = 32),
    note   BLOB,
    CHECK ((size IS NULL) = (note IS NULL) AND (root IS NULL) = (note IS NULL))
) STRICT, WITHOUT ROWID;
CREATE TABLE key (
    place   INTEGER PRIMARY KEY,
    vkey    TEXT NOT NULL UNIQUE,
    uri     TEXT NOT NULL,
    retired INTEGER NOT NULL CHECK (retired IN (0, 1))
) STRICT;
CREATE TABLE evidence (
    origin      TEXT PRIMARY KEY REFERENCES signer,
    detected_us INTEGER NOT NULL,
    held        BLOB NOT NULL,
    offered     BLOB NOT NULL
) STRICT, WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldKey:
    """One key of a state: its C2SP vkey, where it lies, and whether it has ended. An ended key is kept as a name only."""

    vkey: str
    uri: str
    retired: bool = False

    @property
    def key(self) -> VerifierKey:
        """The public key. Raises MalformedError."""
        return VerifierKey.parse(self.vkey)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Which log and keys a state belongs to; the keys in the order in which they came."""

    origin: str
    keys: tuple[HeldKey, ...]

    @property
    def active(self) -> tuple[HeldKey, ...]:
        """The keys that sign."""
        return tuple(one for one in self.keys if not one.retired)


class StateStore(Protocol):
    """Where the signer's state lives.

    `record` and `latch` are durable when they return. When they raise, whatever they raise, the write may have happened
    or not: the caller must `reload` before it decides anything again. No method is safe for concurrent use.
    """

    def reload(self) -> State:
        """Read the state afresh from its medium; what comes back is durable. Raises SignerStateError."""

    def record(self, old: State, signed: Signed) -> None:
        """Replace what `old` says was signed by `signed`. Raises SignerStateError."""

    def latch(self, old: State, evidence: Evidence, detected_us: int) -> None:
        """Keep the evidence for good. Raises SignerStateError."""


class StateFile:
    """The state in its SQLite file. Not safe for concurrent use: one owner, which is the signer's event loop."""

    def __init__(self, folder: Path, identity: Identity, connection: sqlite3.Connection, lock: int) -> None:
        self.identity = identity
        self._folder = folder
        self._connection = connection
        self._lock = lock

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file and give up the lock."""
        self._connection.close()
        os.close(self._lock)

    def reload(self) -> State:
        """See StateStore. The file is closed and opened again, which runs the recovery that a new process would run."""
        self._connection.close()
        self._connection = _connect(self._folder)
        if _read_identity(self._connection) != self.identity:
            raise SignerStateError("the state now belongs to another log or key")
        try:
            # After a failed fsync, pages may be readable in the kernel's cache and yet never reach the disk. Moving the
            # WAL into the database writes them again and syncs them, so that nothing is answered from a mirage.
            busy = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            if busy:
                raise SignerStateError("the state file is in use by somebody else", code="signer-state-locked")
            return _read_state(self._connection, self.identity.origin)
        except _FAULTS as error:
            raise _damaged(error) from error

    def record(self, old: State, signed: Signed) -> None:
        """See StateStore."""
        before = None if old.signed is None else old.signed.note
        self._write(
            "UPDATE signer SET size = ?, root = ?, note = ? WHERE origin = ? AND note IS ?",
            (signed.checkpoint.size, signed.checkpoint.root, signed.note, old.origin, before),
        )

    def latch(self, old: State, evidence: Evidence, detected_us: int) -> None:
        """See StateStore. Evidence that is there already stays as it is."""
        self._write(
            "INSERT INTO evidence (origin, detected_us, held, offered) VALUES (?, ?, ?, ?)",
            (old.origin, detected_us, evidence.held, evidence.offered),
        )

    def add_key(self, key: HeldKey) -> None:
        """One more key that signs from the next start on; durable on return. Raises SignerStateError."""
        self._write("INSERT INTO key (vkey, uri, retired) VALUES (?, ?, 0)", (key.vkey, key.uri))
        self.identity = _read_identity(self._connection)

    def retire_key(self, key: HeldKey) -> None:
        """Let a key sign no more from the next start on; durable on return. Raises SignerStateError."""
        self._write("UPDATE key SET retired = 1 WHERE vkey = ? AND retired = 0", (key.vkey,))
        self.identity = _read_identity(self._connection)

    def _write(self, statement: str, values: tuple[int | str | bytes | None, ...]) -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            changed = self._connection.execute(statement, values).rowcount
            if changed != 1:
                raise SignerStateError("the stored state is not the one that the signer knows; nothing was written")
            # Crash before this line: nothing was signed, the note dies with the process.
            self._connection.execute("COMMIT")
            # Crash after it: the note is stored, nobody has it yet; the same request gets it after the restart.
        except sqlite3.Error as error:
            raise SignerStateError(f"the state could not be written: {error}", code="signer-state-unknown") from error
        finally:
            if self._connection.in_transaction:
                with suppress(sqlite3.Error):  # the caller reloads, which ends what a rollback cannot
                    self._connection.execute("ROLLBACK")


def prepare_folder(folder: Path) -> None:
    """Make the private folder if it is missing. Raises SignerStateError `signer-state-exists`, `signer-state-exposed`."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    check_folder(folder)
    if (folder / STATE_FILE).exists():
        raise SignerStateError(f"{folder} holds a signer's state already", code="signer-state-exists")


def create_state(folder: Path, identity: Identity) -> None:
    """Make a new, empty state. Raises SignerStateError as `prepare_folder`, and `signer-state-locked`."""
    prepare_folder(folder)
    lock = _lock_folder(folder)
    try:
        prepare_folder(folder)  # again under the lock, which is what settles a race of two
        _write_new(folder, identity)
    finally:
        os.close(lock)


def open_state(folder: Path) -> StateFile:
    """Open and lock the state in `folder`.

    Raises SignerStateError: `signer-state-missing`, `signer-state-locked`, `signer-state-exposed`, `signer-state-damaged`.
    """
    if not (folder / STATE_FILE).is_file():
        raise SignerStateError(
            f"{folder} holds no signer's state; it is never made again by itself, see `custody signer init`",
            code="signer-state-missing",
        )
    check_folder(folder)
    lock = _lock_folder(folder)
    try:
        connection = _connect(folder)
        try:
            return StateFile(folder, _read_identity(connection), connection, lock)
        except BaseException:
            connection.close()
            raise
    except BaseException:
        os.close(lock)
        raise


def check_folder(folder: Path) -> None:
    """Raise SignerStateError `signer-state-exposed` unless the folder is ours and closed to others."""
    found = folder.stat()
    if found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise SignerStateError(
            f"{folder} must belong to the signer's user and be closed to all others (chmod 700)",
            code="signer-state-exposed",
        )


def _lock_folder(folder: Path) -> int:
    # The descriptor is the lock: the kernel lets go of it when the process dies, however it dies.
    lock = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise SignerStateError(f"another signer uses {folder}", code="signer-state-locked") from error
    return lock


def _write_new(folder: Path, identity: Identity) -> None:
    # Built under another name and renamed: crash before the rename leaves no state, after it a whole one.
    draft = folder / f"{STATE_FILE}.new"
    draft.unlink(missing_ok=True)
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    with closing(sqlite3.connect(draft, isolation_level=None)) as connection:
        connection.executescript(
            f"PRAGMA synchronous=FULL; PRAGMA application_id={APPLICATION_ID}; PRAGMA user_version={SCHEMA_VERSION};"
            f"BEGIN IMMEDIATE; {_SCHEMA}"
        )
        connection.execute("INSERT INTO signer (origin) VALUES (?)", (identity.origin,))
        connection.executemany(
            "INSERT INTO key (vkey, uri, retired) VALUES (?, ?, ?)",
            [(one.vkey, one.uri, int(one.retired)) for one in identity.keys],
        )
        connection.execute("COMMIT")
    draft.rename(folder / STATE_FILE)
    sync_folder(folder)


def _connect(folder: Path) -> sqlite3.Connection:
    # mode=rw: SQLite must never make the file. One owner, but tests drive the event loop from another thread.
    try:
        connection = sqlite3.connect(
            f"{(folder / STATE_FILE).absolute().as_uri()}?mode=rw",
            uri=True,
            isolation_level=None,
            timeout=0,
            check_same_thread=False,
        )
    except _FAULTS as error:
        raise _damaged(error) from error
    try:
        # EXCLUSIVE before the first read keeps the WAL index in this process's memory: no second connection can exist.
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA trusted_schema=OFF")
        _check_schema(connection)
    except BaseException as error:
        connection.close()
        if isinstance(error, _FAULTS):
            raise _damaged(error) from error
        raise
    return connection


def _check_schema(connection: sqlite3.Connection) -> None:
    found = tuple(connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version"))
    if found != (APPLICATION_ID, SCHEMA_VERSION):
        raise SignerStateError(f"not a signer's state of schema {SCHEMA_VERSION}")
    if (verdict := connection.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
        raise SignerStateError(f"the state file is damaged: {verdict}")


def _read_identity(connection: sqlite3.Connection) -> Identity:
    try:
        rows = connection.execute("SELECT origin FROM signer").fetchall()
        keys = connection.execute("SELECT vkey, uri, retired FROM key ORDER BY place").fetchall()
    except _FAULTS as error:
        raise _damaged(error) from error
    if len(rows) != 1:
        raise SignerStateError(f"the state file holds {len(rows)} logs, not one")
    held = tuple(HeldKey(vkey=vkey, uri=uri, retired=bool(retired)) for vkey, uri, retired in keys)
    try:
        names = {one.key.name for one in held}
    except MalformedError as error:
        raise SignerStateError(f"a key of the state is damaged: {error}") from error
    if names != {rows[0][0]} or all(one.retired for one in held):
        raise SignerStateError("the state file holds no key of its log that signs")
    return Identity(origin=rows[0][0], keys=held)


def _read_state(connection: sqlite3.Connection, origin: str) -> State:
    size, root, note = connection.execute(
        "SELECT size, root, note FROM signer WHERE origin = ?", (origin,)
    ).fetchone() or (None, None, None)
    kept = connection.execute("SELECT held, offered FROM evidence WHERE origin = ?", (origin,)).fetchone()
    evidence = None if kept is None else Evidence(held=kept[0], offered=kept[1])
    if note is None:
        return State(origin=origin, evidence=evidence)
    try:
        checkpoint = parse_checkpoint(note).checkpoint
    except MalformedError as error:
        raise SignerStateError(f"the stored note is damaged: {error}") from error
    if (checkpoint.origin, checkpoint.size, checkpoint.root) != (origin, size, root):
        raise SignerStateError("the stored note and the stored size and root contradict each other")
    return State(origin=origin, signed=Signed(checkpoint=checkpoint, note=note), evidence=evidence)


def _damaged(error: Exception) -> SignerStateError:
    return SignerStateError(f"the state file cannot be read: {error}")
