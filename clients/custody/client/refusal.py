"""From gRPC's errors to ours, in one table.

The ledger's refusals carry google.rpc.ErrorInfo with domain "custody", our code as reason, and in its metadata
`position` (decimal, of the record in the batch), `leader` (target of the current writer) and `retryable` ("true").
Everything without it is transport: then it is unknown whether the ledger did what was asked.
"""

from typing import Final

import grpc
from google.protobuf.message import DecodeError
from google.rpc import code_pb2, error_details_pb2, status_pb2

from custody.client.errors import LedgerUnavailable, RefusedError
from custody.core.codec import parse_decimal
from custody.core.errors import CustodyError, MalformedError
from custody.core.limits import MAX_BATCH_RECORDS
from custody.v1 import ledger_pb2

_DOMAIN: Final = "custody"
_DETAILS: Final = "grpc-status-details-bin"

# Statuses after which the very same request may succeed. Everything else stays refused until somebody acts.
RETRYABLE: Final = frozenset({"UNAVAILABLE", "RESOURCE_EXHAUSTED", "ABORTED", "DEADLINE_EXCEEDED"})

# Statuses by which a transport, or a peer that is no ledger, says no for good.
_FINAL: Final = frozenset({
    "UNIMPLEMENTED", "UNAUTHENTICATED", "PERMISSION_DENIED", "INVALID_ARGUMENT", "RESOURCE_EXHAUSTED", "OUT_OF_RANGE",
    "NOT_FOUND", "ALREADY_EXISTS", "FAILED_PRECONDITION",
})  # fmt: skip


def from_rpc(error: grpc.aio.AioRpcError) -> CustodyError:
    """The error of a call: RefusedError when the ledger said no, else LedgerUnavailable."""
    status = error.code().name
    message = error.details() or status.lower()
    info = _error_info(error)
    if info is not None:
        return RefusedError(
            message,
            code=info.reason,
            status=status,
            retryable=status in RETRYABLE or info.metadata.get("retryable") == "true",
            position=_position(info.metadata.get("position", "")),
            leader=info.metadata.get("leader", "")[:512],
        )
    if status in _FINAL:
        code = status.lower().replace("_", "-")
        return RefusedError(message, code=code, status=status, retryable=status in RETRYABLE)
    return LedgerUnavailable(f"no answer from the ledger ({status.lower().replace('_', ' ')}): {message}")


def from_message(refusal: ledger_pb2.Refusal) -> RefusedError:
    """The refusal of one batch of a stream."""
    try:
        status = code_pb2.Code.Name(refusal.status)
    except ValueError:
        status = "UNKNOWN"
    return RefusedError(
        refusal.message,
        code=refusal.code,
        status=status,
        retryable=refusal.retryable,
        position=refusal.position,
    )


def _error_info(error: grpc.aio.AioRpcError) -> error_details_pb2.ErrorInfo | None:
    for key, value in error.trailing_metadata() or ():
        if key == _DETAILS and isinstance(value, bytes):
            return _find_info(value)
    return None


def _find_info(raw: bytes) -> error_details_pb2.ErrorInfo | None:
    info = error_details_pb2.ErrorInfo()
    try:
        for detail in status_pb2.Status.FromString(raw).details:
            if detail.Is(info.DESCRIPTOR) and detail.Unpack(info) and info.domain == _DOMAIN and info.reason:
                return info
    except DecodeError:
        return None  # details of somebody else's making: the status alone is read
    return None


def _position(text: str) -> int:
    try:
        return parse_decimal(text, maximum=MAX_BATCH_RECORDS)
    except MalformedError:
        return -1
