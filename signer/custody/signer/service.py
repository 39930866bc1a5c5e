"""The gRPC face of the signer: bytes in, bytes out, every refusal with its code.

Requests are parsed here and not by gRPC, so that garbage gets an answer with a code like everything else. The methods
call the signer without awaiting anything: a call is decided, stored and answered as one step of the event loop. The
price is that the loop stands still for one fdatasync; the signer has nothing else to do.
"""

from collections.abc import Callable
from typing import Final, TypeVar

import grpc
import structlog
from google.protobuf.message import DecodeError, Message
from google.protobuf.unknown_fields import UnknownFieldSet

from custody.core.errors import CustodyError
from custody.signer.decide import Request
from custody.signer.errors import SignerRefusalError
from custody.signer.refusals import fault, refusal
from custody.signer.signing import FORK, Signer
from custody.v1 import signer_pb2

MAX_REQUEST_BYTES: Final = 16 * 1024
"""An origin of 1,024 bytes and a proof of 64 hashes need less than 4 KiB."""

SERVICE: Final = signer_pb2.DESCRIPTOR.services_by_name["Signer"].full_name

M = TypeVar("M", bound=Message)

_log = structlog.get_logger("custody.signer")


class SignerService:
    """Answers `custody.v1.Signer` for one signer."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    def handler(self) -> grpc.GenericRpcHandler:
        """The service as gRPC takes it."""
        methods = {"GetState": self._get_state, "Sign": self._sign}
        return grpc.method_handlers_generic_handler(
            SERVICE, {name: grpc.unary_unary_rpc_method_handler(_answering(method)) for name, method in methods.items()}
        )

    def _get_state(self, data: bytes) -> Message:
        request = _parse(signer_pb2.GetStateRequest(), data)
        state = self._signer.state(request.origin)
        signed = state.signed
        return signer_pb2.GetStateResponse(
            vkeys=[key.encode() for key in self._signer.vkeys],
            size=0 if signed is None else signed.checkpoint.size,
            root=b"" if signed is None else signed.checkpoint.root,
            checkpoint=b"" if signed is None else signed.note,
            latched=state.latched,
        )

    def _sign(self, data: bytes) -> Message:
        request = _parse(signer_pb2.SignRequest(), data)
        note = self._signer.sign(
            Request(
                origin=request.origin,
                old_size=request.old_size,
                new_size=request.new_size,
                new_root=request.new_root,
                proof=tuple(request.consistency_proof),
            )
        )
        return signer_pb2.SignResponse(checkpoint=note)


def _parse(message: M, data: bytes) -> M:
    """Read a request. Raises SignerRefusalError `signer-request-malformed`, for unknown fields too: a signer does not sign what it does not understand."""
    try:
        message.ParseFromString(data)
    except DecodeError as error:
        raise SignerRefusalError("the request is not a message", code="signer-request-malformed") from error
    if len(UnknownFieldSet(message)):
        raise SignerRefusalError("the request has unknown fields", code="signer-request-malformed")
    return message


def _answering(method: Callable[[bytes], Message]) -> Callable[..., object]:
    """A gRPC handler that turns the method's errors into statuses."""

    async def handle(data: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes | None:
        try:
            return method(data).SerializeToString()
        except CustodyError as error:
            status = refusal(error)
            log = _log.critical if error.code == FORK else _log.warning
            log("refused", code=error.code, message=str(error))
        except Exception:  # noqa: BLE001 - a bug must not take the signer down, and its text must not travel
            status = fault()
            _log.exception("failed", code="internal-error")
        return await context.abort(status.code, status.details, status.trailing_metadata)

    return handle
