"""The signer behind its Unix socket (signer.proto)."""

from collections.abc import Sequence
from typing import Final, NoReturn

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from custody.core.hashing import EMPTY_ROOT
from custody.server.signing import SignerMovedOn, SignerRefused, SignerState, SignerUnavailable
from custody.v1 import signer_pb2, signer_pb2_grpc

DEADLINE_S: Final = 10.0
_MOVED_ON: Final = frozenset({"signer-old-size", "signer-rollback"})
_LATER: Final = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED})


class RemoteSigner:
    """Implements Signer over a gRPC channel that the caller owns."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = signer_pb2_grpc.SignerStub(channel)

    async def state(self, origin: str) -> SignerState:
        """See Signer.state."""
        try:
            answer = await self._stub.GetState(signer_pb2.GetStateRequest(origin=origin), timeout=DEADLINE_S)
        except grpc.aio.AioRpcError as error:
            _raise(error)
        root = answer.root if answer.size or answer.root else EMPTY_ROOT
        return SignerState(tuple(answer.vkeys), answer.size, root, answer.checkpoint, answer.latched)

    async def sign(
        self, origin: str, old_size: int, new_size: int, new_root: bytes, consistency: Sequence[bytes]
    ) -> bytes:
        """See Signer.sign."""
        request = signer_pb2.SignRequest(
            origin=origin, old_size=old_size, new_size=new_size, new_root=new_root, consistency_proof=consistency
        )
        try:
            answer = await self._stub.Sign(request, timeout=DEADLINE_S)
        except grpc.aio.AioRpcError as error:
            _raise(error)
        return answer.checkpoint


def _raise(error: grpc.aio.AioRpcError) -> NoReturn:
    reason = _reason(error)
    if error.code() in _LATER:
        raise SignerUnavailable(f"the signer does not answer ({error.code().name.lower()})") from error
    if reason in _MOVED_ON:
        raise SignerMovedOn(f"the signer has moved on: {error.details()}", code=reason) from error
    raise SignerRefused(f"the signer refused: {error.details()}", code=reason or "signer-refused") from error


def _reason(error: grpc.aio.AioRpcError) -> str:
    status = rpc_status.from_call(error)
    for detail in status.details if status is not None else ():
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info) and info.domain == "custody":
            return str(info.reason)
    return ""
