"""A served log as tests see it, and how a refusal on the wire is read."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any, NamedTuple

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from tests.server.ledger_rig import ORIGIN, Rig, request_of, segment

from custody.v1 import ledger_pb2


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A running server and a stub."""

    rig: Rig
    target: str
    channel: grpc.aio.Channel
    stub: Any

    async def size(self) -> int:
        """Sequenced entries."""
        return (await self.rig.raw_store.state()).head.size

    async def alive(self, number: int = 999_999) -> None:
        """The server takes a record, and its receipt verifies."""
        records = [segment(number)]
        self.rig.read(records, await self.stub.Append(request_of(records)))

    async def read(self, **selector: Any) -> list[ledger_pb2.EntryPage]:
        return [page async for page in self.stub.ReadEntries(ledger_pb2.ReadEntriesRequest(log=ORIGIN, **selector))]


class Refused(NamedTuple):
    """Status and google.rpc.ErrorInfo."""

    status: str
    code: str
    position: str
    retryable: str


async def refusal(call: Awaitable[Any]) -> Refused:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call
    status = rpc_status.from_call(raised.value)
    assert status is not None, raised.value
    (detail,) = status.details
    info = error_details_pb2.ErrorInfo()
    assert detail.Unpack(info)
    assert info.domain == "custody"
    assert "Traceback" not in status.message
    return Refused(raised.value.code().name, info.reason, info.metadata["position"], info.metadata["retryable"])
