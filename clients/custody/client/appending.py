"""Appending: a batch by itself, or many over one stream. What a receipt must prove is the session's matter."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Sequence
from typing import TypeVar

import grpc

from custody.client.batch import Item, read_batch
from custody.client.errors import LedgerUnavailable, RefusedError
from custody.client.link import LedgerLink
from custody.client.receipt import Receipt
from custody.client.refusal import from_message
from custody.client.session import decode
from custody.client.wire import Stream
from custody.core.receipt import Submitted
from custody.v1 import ledger_pb2

_T = TypeVar("_T")


async def append(link: LedgerLink, records: Sequence[Item], *, timeout_s: float | None, retry: bool) -> Receipt:
    """See `LedgerClient.append`."""
    link.check_latch()
    batch = read_batch(records)
    request, known_size = link.session.append_request(batch)
    try:
        response = await link.call("Append", request, timeout_s=timeout_s, retry=retry)
    except RefusedError as error:
        await link.refused(error, known_size)
        raise
    return await _receive(link, batch, response, known_size)


async def append_stream(
    link: LedgerLink, batches: AsyncIterable[Sequence[Item]], *, in_flight: int, timeout_s: float | None
) -> AsyncGenerator[Receipt | RefusedError]:
    """See `LedgerClient.append_stream`."""
    if in_flight < 1:
        raise ValueError("at least one batch is in flight")
    patience_s = link.timeout_s if timeout_s is None else timeout_s
    call, target = link.wire.duplex("AppendStream")
    waiting: deque[tuple[list[Submitted], int]] = deque()
    try:
        async for records in batches:
            link.check_latch()
            batch = read_batch(records)
            request, known_size = link.session.append_request(batch)
            await _patiently(call.write(request), patience_s)
            waiting.append((batch, known_size))
            if len(waiting) >= in_flight:
                yield await _answer(link, call, patience_s, *waiting.popleft())
        await call.done_writing()
        while waiting:
            yield await _answer(link, call, patience_s, *waiting.popleft())
    except grpc.aio.AioRpcError as error:
        raise link.wire.failed(target, error) from error
    except asyncio.InvalidStateError as error:
        raise LedgerUnavailable("the stream ended before every batch was sent") from error
    finally:
        call.cancel()


async def _answer(
    link: LedgerLink, call: Stream, patience_s: float, batch: list[Submitted], known_size: int
) -> Receipt | RefusedError:
    raw = await _patiently(call.read(), patience_s)
    if not isinstance(raw, bytes):
        raise LedgerUnavailable("the ledger ended the stream before it answered every batch")
    result = decode(ledger_pb2.AppendResult, raw)
    if result.WhichOneof("outcome") == "refusal":
        refusal = from_message(result.refusal)
        await link.refused(refusal, known_size)
        return refusal
    return await _receive(link, batch, result.response.SerializeToString(), known_size)


async def _patiently(waiting: Awaitable[_T], patience_s: float) -> _T:
    try:
        async with asyncio.timeout(patience_s):
            return await waiting
    except TimeoutError as error:
        raise LedgerUnavailable(f"no answer on the stream within {patience_s:g} s") from error


async def _receive(link: LedgerLink, batch: Sequence[Submitted], response: bytes, known_size: int) -> Receipt:
    receipt, sighting = link.session.read_receipt(batch, response, known_size)
    await link.accept(sighting)
    await link.remember()
    return receipt
