"""What a failure of PostgreSQL means: the one place where it is decided whether something was written.

An SQLSTATE that the server reports belongs to a statement that it rolled back, with these exceptions: the class 08 and
the shutdowns (57P0x) tell that the connection ended, and a commit may have been on its way; `40003` says outright that
the outcome is unknown. When the client gives up waiting it does not know either.
"""

import asyncio
from typing import Final

import asyncpg

from custody.server.store.protocol import OutcomeUnknown, RecordExists, StoreDamaged, StoreError, StoreUnavailable

RETRY: Final = frozenset({"40001", "40P01"})
"""Rolled back because of others: serialization failure, deadlock. The same statement may go through at once."""

MADE_MEANWHILE: Final = (asyncpg.DuplicateTableError, asyncpg.DuplicateObjectError, asyncpg.UniqueViolationError)
"""How CREATE TABLE fails when another session creates the same table: which one depends on how far that has come."""

_ENDED: Final = ("08", "57P01", "57P02", "57P03", "57P04", "57P05")
_UNKNOWN: Final = "40003"
_DAMAGED: Final = ("XX001", "XX002", "42P01", "42703", "22021")
"""Data or index corrupted; table or column missing; bytes that are no text of the database's encoding."""

LOST: Final = (ConnectionError, OSError, TimeoutError, asyncio.TimeoutError)


def is_retry(error: BaseException) -> bool:
    """Whether the statement was rolled back through no fault of its own."""
    return isinstance(error, asyncpg.PostgresError) and error.sqlstate in RETRY


def is_lost(error: BaseException) -> bool:
    """Whether the connection ended or the answer did not come: what was sent may have been done."""
    if isinstance(error, asyncpg.PostgresError):
        return (error.sqlstate or "08").startswith(_ENDED) or error.sqlstate == _UNKNOWN
    # InterfaceError: the client library's view of a connection that is not what it was.
    return isinstance(error, (*LOST, asyncpg.InterfaceError, asyncpg.InternalClientError))


def while_reading(error: Exception) -> StoreError:
    """Ours for a failed read."""
    if isinstance(error, asyncpg.PostgresError) and error.sqlstate in _DAMAGED:
        return StoreDamaged(f"cannot read: {_say(error)}")
    return StoreUnavailable(f"cannot read: {_say(error)}")


def while_writing(error: Exception) -> StoreError:
    """Ours for a failed write that was one statement in a transaction of its own."""
    if is_lost(error):
        return OutcomeUnknown(f"the connection ended while writing: {_say(error)}")
    if isinstance(error, asyncpg.UniqueViolationError):
        if error.constraint_name == "record_pkey":
            return RecordExists("a record id of the batch is already in the log")
        # Rows beyond the head that was compared: nobody who goes through the head can have written them.
        return StoreDamaged(f"rows are stored beyond the log's head: {_say(error)}")
    if isinstance(error, asyncpg.PostgresError) and error.sqlstate in _DAMAGED:
        return StoreDamaged(f"cannot write: {_say(error)}")
    # Disk full, no memory, lock or statement timeout, read-only standby: rolled back, and it may pass.
    return StoreUnavailable(f"cannot write: {_say(error)}")


def _say(error: Exception) -> str:
    state = getattr(error, "sqlstate", None)
    text = str(error) or type(error).__name__
    return f"{text} ({state})" if state else text
