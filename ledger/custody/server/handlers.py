"""The ledger's methods as gRPC takes them, with parsing in our hands.

gRPC would answer bytes that are no message with UNKNOWN, the runtime's own words and no code. Here such bytes reach the
service as `Unreadable`, and it refuses them like every other bad input.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import grpc
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from custody.core.errors import MalformedError
from custody.v1 import ledger_pb2, ledger_pb2_grpc

_SERVICE: Final = ledger_pb2.DESCRIPTOR.services_by_name["Ledger"]

_KINDS: Final[Mapping[tuple[bool, bool], Callable[..., Any]]] = {
    # (the client streams, the server streams)
    (False, False): grpc.unary_unary_rpc_method_handler,
    (False, True): grpc.unary_stream_rpc_method_handler,
    (True, False): grpc.stream_unary_rpc_method_handler,
    (True, True): grpc.stream_stream_rpc_method_handler,
}


class Unreadable:
    """A request that could not be parsed. Reading any field of it raises MalformedError 'request-malformed'."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, field: str) -> Any:
        raise MalformedError(f"the request is not a {self._name}", code="request-malformed")


def handler(servicer: ledger_pb2_grpc.LedgerServicer) -> grpc.GenericRpcHandler:
    """All methods of the service `custody.v1.Ledger`, answered by `servicer`."""
    return grpc.method_handlers_generic_handler(
        _SERVICE.full_name,
        {
            method.name: _KINDS[method.client_streaming, method.server_streaming](
                getattr(servicer, method.name),
                request_deserializer=_reader(GetMessageClass(method.input_type)),
                response_serializer=GetMessageClass(method.output_type).SerializeToString,
            )
            for method in _SERVICE.methods
        },
    )


def _reader(kind: type[Message]) -> Callable[[bytes], Message | Unreadable]:
    name = kind.DESCRIPTOR.full_name

    def read(raw: bytes) -> Message | Unreadable:
        try:
            return kind.FromString(raw)
        except DecodeError:
            return Unreadable(name)

    return read
