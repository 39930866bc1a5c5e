"""The client library: submits records, verifies every receipt, and remembers the last checkpoint.

`aio.LedgerClient` is the client for asyncio, `sync.SyncLedgerClient` the same for threads; `outbox.Outbox` keeps records
on disk until they are receipted and `drain.Drain` sends them. Guide: docs/client.md.
"""

from custody.client.aio import Followed, LedgerClient, Seen
from custody.client.backoff import Backoff
from custody.client.credentials import Credentials, SealFiles, TlsFiles
from custody.client.drain import Drain
from custody.client.environment import Environment
from custody.client.errors import (
    ClientStorageError,
    FileInUse,
    KeysNotPinned,
    LatchedError,
    LedgerUnavailable,
    OutboxConflict,
    OutboxFull,
    OutboxNotEmpty,
    ReadError,
    RefusedError,
)
from custody.client.outbox import Bounds, DeadLetter, Outbox, Queued
from custody.client.pin import fetch_keys, pin
from custody.client.receipt import ProvenEntry, Receipt
from custody.client.sealing import SealingKey
from custody.client.state import Conflict, State
from custody.client.sync import SyncLedgerClient
from custody.client.wire import tls
from custody.core.receipt import Submitted

__all__ = [
    "Backoff",
    "Bounds",
    "ClientStorageError",
    "Conflict",
    "Credentials",
    "DeadLetter",
    "Drain",
    "Environment",
    "FileInUse",
    "Followed",
    "KeysNotPinned",
    "LatchedError",
    "LedgerClient",
    "LedgerUnavailable",
    "Outbox",
    "OutboxConflict",
    "OutboxFull",
    "OutboxNotEmpty",
    "ProvenEntry",
    "Queued",
    "ReadError",
    "Receipt",
    "RefusedError",
    "SealFiles",
    "SealingKey",
    "Seen",
    "State",
    "Submitted",
    "SyncLedgerClient",
    "TlsFiles",
    "fetch_keys",
    "pin",
    "tls",
]
