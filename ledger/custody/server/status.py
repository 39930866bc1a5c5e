"""Errors on the wire: one table from our error families to gRPC status.

Every refusal carries google.rpc.ErrorInfo: domain "custody", reason = the stable code, metadata with `position` (of the
record in its batch), `retryable` ("true" when the same request may succeed later) and, from a standby, `leader`.
"""

from typing import Final, NoReturn

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from custody.core.errors import CustodyError, MalformedError
from custody.server.admission import ForbiddenError
from custody.server.identity import Unauthenticated
from custody.server.limits import LimitExceeded
from custody.server.pool import PoolFull
from custody.server.read import NotThere
from custody.server.sequencer import LedgerStopped, NotLeader
from custody.server.signing import SignerUnavailable
from custody.server.snapshot import LogEmpty
from custody.server.sorting import RecordConflict
from custody.server.store.protocol import LogUnknown, StoreDamaged, StoreUnavailable

DOMAIN: Final = "custody"

_TABLE: Final[tuple[tuple[type[CustodyError], grpc.StatusCode, bool], ...]] = (
    (MalformedError, grpc.StatusCode.INVALID_ARGUMENT, False),
    (RecordConflict, grpc.StatusCode.ALREADY_EXISTS, False),
    (ForbiddenError, grpc.StatusCode.PERMISSION_DENIED, False),
    (Unauthenticated, grpc.StatusCode.UNAUTHENTICATED, False),
    (PoolFull, grpc.StatusCode.RESOURCE_EXHAUSTED, True),
    (LimitExceeded, grpc.StatusCode.RESOURCE_EXHAUSTED, True),
    (NotLeader, grpc.StatusCode.UNAVAILABLE, True),
    (LedgerStopped, grpc.StatusCode.UNAVAILABLE, True),
    (StoreUnavailable, grpc.StatusCode.UNAVAILABLE, True),
    (SignerUnavailable, grpc.StatusCode.UNAVAILABLE, True),
    (LogUnknown, grpc.StatusCode.NOT_FOUND, False),
    (NotThere, grpc.StatusCode.NOT_FOUND, False),
    (LogEmpty, grpc.StatusCode.FAILED_PRECONDITION, False),
    (StoreDamaged, grpc.StatusCode.DATA_LOSS, False),
    (CustodyError, grpc.StatusCode.INTERNAL, False),
)


def status_of(error: CustodyError) -> tuple[grpc.StatusCode, bool]:
    """GRPC status of an error, and whether the same request may succeed later."""
    return next((status, retryable) for family, status, retryable in _TABLE if isinstance(error, family))


def position_of(error: CustodyError) -> int:
    """Position of the guilty record in its batch, -1 when the error is not about one."""
    position = getattr(error, "position", None)
    return -1 if position is None else int(position)


async def abort(context: "grpc.aio.ServicerContext[object, object]", error: CustodyError) -> NoReturn:
    """Ends the call with the error's status and details."""
    status, retryable = status_of(error)
    metadata = {"position": str(position_of(error)), "retryable": "true" if retryable else "false"}
    if isinstance(error, NotLeader) and error.leader:
        metadata["leader"] = error.leader
    info = error_details_pb2.ErrorInfo(reason=error.code, domain=DOMAIN, metadata=metadata)
    detail = AnyMessage()
    detail.Pack(info)
    rich = rpc_status.to_status(status_pb2.Status(code=status.value[0], message=str(error), details=[detail]))
    await context.abort(rich.code, rich.details, rich.trailing_metadata)
    raise AssertionError("abort does not return")


def refusal_status(error: CustodyError) -> int:
    """google.rpc.Code number, as it stands in a Refusal."""
    return int(status_of(error)[0].value[0])
