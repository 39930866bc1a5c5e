"""Pinning: the one moment at which a client may learn a log's keys from the log itself, and only when told to.

Whoever pins should compare the printed keys with those that the operator published by another way; from then on every
checkpoint must be signed by one of them.
"""

from collections.abc import Sequence
from pathlib import Path

import grpc

from custody.client.aio import DEFAULT_TIMEOUT_S
from custody.client.environment import Environment
from custody.client.session import decode
from custody.client.state import State
from custody.client.wire import Wire
from custody.core.checkpoint import open_checkpoint
from custody.core.errors import VerificationError
from custody.core.note import VerifierKey
from custody.v1 import ledger_pb2


async def fetch_keys(
    target: str,
    *,
    log: str = "",
    credentials: grpc.ChannelCredentials | None = None,
    timeout_s: float = DEFAULT_TIMEOUT_S,
) -> tuple[str, tuple[VerifierKey, ...]]:
    """Asks a server for a log's origin and keys and checks only that they fit its checkpoint; nothing is stored.

    `log` may be empty when the server holds only one. Raises RefusedError, LedgerUnavailable, MalformedError,
    SignatureError, VerificationError 'checkpoint-origin'.
    """
    wire = Wire(targets=(target,), credentials=credentials)
    try:
        raw = await wire.call("GetLog", ledger_pb2.GetLogRequest(log=log).SerializeToString(), timeout_s)
    finally:
        await wire.close()
    answer = decode(ledger_pb2.GetLogResponse, raw)
    if log and answer.log != log:
        raise VerificationError(f"asked for {log}, the server answered for {answer.log!r}", code="checkpoint-origin")
    keys = tuple(VerifierKey.parse(text) for text in answer.vkeys)
    if answer.checkpoint:
        open_checkpoint(answer.checkpoint, keys, origin=answer.log)
    return answer.log, keys


def pin(
    state: State | Path | str, log: str, vkeys: Sequence[str | VerifierKey], *, environment: Environment | None = None
) -> None:
    """Stores the keys of a log in a state file; durable on return. Raises MalformedError, FileInUse, ClientStorageError."""
    keys = [VerifierKey.parse(key) if isinstance(key, str) else key for key in vkeys]
    if not keys:
        raise ValueError("there is no key to pin")
    opened = state if isinstance(state, State) else State(Path(state))
    try:
        opened.pin(log, keys, (environment or Environment()).now_us())
    finally:
        if opened is not state:
            opened.close()
