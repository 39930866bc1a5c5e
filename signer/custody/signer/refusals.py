"""How errors travel: one table from our codes to gRPC status, and google.rpc.ErrorInfo with the code.

What the caller should do follows from the status: ABORTED, read the state and ask again; UNAVAILABLE, ask again later;
FAILED_PRECONDITION, stop and call a person; the rest, the request itself is wrong.
"""

from collections.abc import Mapping
from typing import Final

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from custody.core.errors import CustodyError
from custody.signer.errors import SignerRefusalError

DOMAIN: Final = "custody"

STATUS: Final[Mapping[str, grpc.StatusCode]] = {
    "signer-request-malformed": grpc.StatusCode.INVALID_ARGUMENT,
    "signer-inconsistent": grpc.StatusCode.INVALID_ARGUMENT,
    "signer-origin-unknown": grpc.StatusCode.NOT_FOUND,
    "signer-old-size": grpc.StatusCode.ABORTED,
    "signer-rollback": grpc.StatusCode.FAILED_PRECONDITION,
    "signer-state-behind": grpc.StatusCode.FAILED_PRECONDITION,
    "signer-fork": grpc.StatusCode.FAILED_PRECONDITION,
    "signer-latched": grpc.StatusCode.FAILED_PRECONDITION,
    "signer-state-unknown": grpc.StatusCode.UNAVAILABLE,
    "signer-state-damaged": grpc.StatusCode.UNAVAILABLE,
    "signer-key-failed": grpc.StatusCode.UNAVAILABLE,
}
"""Every code that a call can end with. A code that is missing here is a fault of ours and travels as INTERNAL."""


def refusal(error: CustodyError) -> grpc.Status:
    """The gRPC status of an error of ours, with its code and facts."""
    facts = error.facts if isinstance(error, SignerRefusalError) else {}
    return _status(STATUS.get(error.code, grpc.StatusCode.INTERNAL), str(error), error.code, facts)


def fault() -> grpc.Status:
    """The status of a bug. What it was stands in the log; the peer learns nothing of it."""
    return _status(grpc.StatusCode.INTERNAL, "the signer failed, see its log", "internal-error", {})


def _status(code: grpc.StatusCode, message: str, reason: str, facts: Mapping[str, str]) -> grpc.Status:
    detail = AnyMessage()
    detail.Pack(ErrorInfo(reason=reason, domain=DOMAIN, metadata=facts))
    number: int = code.value[0]
    status: grpc.Status = rpc_status.to_status(Status(code=number, message=message, details=[detail]))
    return status


def code_of(error: grpc.aio.AioRpcError) -> str | None:
    """Our code in a refusal, None when the other side is not ours or was not reached."""
    status = rpc_status.from_call(error)
    for detail in () if status is None else status.details:
        info = ErrorInfo()
        if detail.Unpack(info) and info.domain == DOMAIN:
            return str(info.reason)
    return None
