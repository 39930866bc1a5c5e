"""What a client remembers between runs: pinned keys, the last checkpoint of each log, and evidence of misbehaviour.

Rules: the checkpoint is durable before a record is let go; it never shrinks by itself; evidence is never deleted, only
marked as cleared by a person who says why.
"""

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from custody.client.database import Database
from custody.core.errors import CheckpointConflictError
from custody.core.note import VerifierKey

_APPLICATION_ID: Final = 0x43757374  # "Cust"
_SCHEMA: Final = (
    """
CREATE TABLE pinned (
    origin    TEXT PRIMARY KEY,
    vkeys     TEXT NOT NULL,             -- C2SP vkeys, one a line
    pinned_us INTEGER NOT NULL
) STRICT
""",
    """
CREATE TABLE checkpoint (
    origin    TEXT PRIMARY KEY,
    size      INTEGER NOT NULL,
    note      BLOB NOT NULL              -- signed note, byte for byte
) STRICT
""",
    """
CREATE TABLE conflict (
    conflict   INTEGER PRIMARY KEY,
    origin     TEXT NOT NULL,
    code       TEXT NOT NULL,            -- 'rollback' or 'fork'
    message    TEXT NOT NULL,
    held       BLOB NOT NULL,            -- the two signed notes that contradict each other
    offered    BLOB NOT NULL,
    noted_us   INTEGER NOT NULL,
    cleared_us INTEGER,
    reason     TEXT
) STRICT
""",
)


class Conflict(NamedTuple):
    """Evidence that a log went back or forked: two checkpoints, both signed by it."""

    code: str
    message: str
    held: bytes
    offered: bytes
    noted_us: int
    cleared_us: int | None
    reason: str | None
    """Why a person cleared it; None while it stands."""


class State:
    """The state file; thread-safe. One process at a time has it open."""

    def __init__(self, path: Path | None = None, *, factory: type[sqlite3.Connection] = sqlite3.Connection) -> None:
        """Opens or creates `path`; None keeps everything in memory. Raises ClientStorageError, FileInUse."""
        self._database = Database(path, schema=_SCHEMA, application_id=_APPLICATION_ID, factory=factory)

    @property
    def durable(self) -> bool:
        """False for a state in memory."""
        return self._database.path is not None

    def close(self) -> None:
        """Closes the file."""
        self._database.close()

    def pin(self, origin: str, keys: Sequence[VerifierKey], now_us: int) -> None:
        """Stores which keys sign `origin`, instead of whatever was stored; durable on return."""
        text = "\n".join(key.encode() for key in keys)
        with self._database.write() as connection:
            connection.execute("INSERT OR REPLACE INTO pinned VALUES (?, ?, ?)", (origin, text, now_us))

    def pinned(self, origin: str) -> tuple[VerifierKey, ...]:
        """The stored keys of `origin`; none when it was never pinned."""
        with self._database.read() as connection:
            row = connection.execute("SELECT vkeys FROM pinned WHERE origin = ?", (origin,)).fetchone()
        return tuple(VerifierKey.parse(line) for line in row[0].split("\n")) if row else ()

    def checkpoint(self, origin: str) -> bytes:
        """The last checkpoint that was remembered, a signed note; empty before the first."""
        with self._database.read() as connection:
            row = connection.execute("SELECT note FROM checkpoint WHERE origin = ?", (origin,)).fetchone()
        return bytes(row[0]) if row else b""

    def remember(self, origin: str, size: int, note: bytes) -> None:
        """Stores a checkpoint that was proven to extend the stored one; durable on return, a smaller one changes nothing.

        Crash before the commit: the older checkpoint stands, from which the log can prove consistency again.
        """
        with self._database.write() as connection:
            connection.execute(
                "INSERT INTO checkpoint VALUES (?1, ?2, ?3) ON CONFLICT (origin) DO UPDATE"
                " SET size = ?2, note = ?3 WHERE size <= ?2",
                (origin, size, note),
            )

    def keep(self, origin: str, error: CheckpointConflictError, now_us: int) -> None:
        """Keeps both checkpoints of a rollback or fork; durable on return. The same pair is kept once while it stands."""
        with self._database.write() as connection:
            connection.execute(
                "INSERT INTO conflict (origin, code, message, held, offered, noted_us) SELECT ?1, ?2, ?3, ?4, ?5, ?6"
                " WHERE NOT EXISTS (SELECT 1 FROM conflict WHERE origin = ?1 AND held = ?4 AND offered = ?5"
                " AND cleared_us IS NULL)",
                (origin, error.code, str(error), error.held, error.offered, now_us),
            )

    def conflicts(self, origin: str) -> list[Conflict]:
        """All evidence about `origin`, oldest first, cleared or not."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT code, message, held, offered, noted_us, cleared_us, reason FROM conflict"
                " WHERE origin = ? ORDER BY conflict",
                (origin,),
            ).fetchall()
        return [Conflict(*row) for row in rows]

    def clear(self, origin: str, reason: str, now_us: int, adopt: tuple[int, bytes] | None = None) -> None:
        """Marks all standing evidence as cleared; with `adopt` (size, note) that checkpoint is held from now on."""
        with self._database.write() as connection:
            connection.execute(
                "UPDATE conflict SET cleared_us = ?, reason = ? WHERE origin = ? AND cleared_us IS NULL",
                (now_us, reason, origin),
            )
            if adopt is not None:
                connection.execute("INSERT OR REPLACE INTO checkpoint VALUES (?, ?, ?)", (origin, *adopt))
