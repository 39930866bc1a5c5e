"""The gRPC service of DESIGN section 3: bytes in, admitted batches on, receipts and proofs out.

Each method answers one request; the errors of our family leave through `status.abort` with their stable code, and
nothing else leaves at all: an unexpected error is logged and answered as `internal`, without its text.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from functools import wraps
from typing import Any, Final, TypeVar

import grpc
import structlog

from custody.core.entry import decode_entry
from custody.core.errors import CustodyError, MalformedError
from custody.core.heads import encode_head
from custody.core.limits import MAX_BATCH_RECORDS
from custody.core.log_key import LogKeys
from custody.core.names import CHAIN_HEADS, check_chain
from custody.core.note import VerifierKey
from custody.core.receipt import check_batch_size
from custody.server.admission import admit
from custody.server.gate import RECHECK_S, Gate, GateSettings, audit
from custody.server.hosted import HostedLog
from custody.server.key_registry import KeyRegistry
from custody.server.log_keys import signing_vkeys
from custody.server.peer import Peer
from custody.server.proofs import prove_consistency, prove_inclusion, prove_inclusions, prove_range
from custody.server.read import NotThere, Reader
from custody.server.receipts import receipt
from custody.server.sequencer import LedgerStopped, NotLeader
from custody.server.snapshot import LogEmpty
from custody.server.status import abort, position_of, refusal_status, status_of
from custody.server.store.protocol import LogUnknown
from custody.v1 import entry_pb2, ledger_pb2, ledger_pb2_grpc

log = structlog.get_logger()
Context = Any  # grpc.aio.ServicerContext is generic in the stubs only
T = TypeVar("T")

MAX_WAIT_S: Final = 120.0
"""No call waits longer, whatever its deadline."""
DEFAULT_WAIT_S: Final = 30.0
STREAM_IN_FLIGHT: Final = 64
"""Batches of one append stream that wait for their receipts; further ones are not read from the network."""
MAX_STAMPED: Final = 16
"""Stamped checkpoints in one answer; each has a few tokens of some kilobytes."""


class InternalError(CustodyError):
    """Our fault; the log has the details."""

    code = "internal"


def _answers(method: Callable[..., Awaitable[T]]) -> Callable[..., Awaitable[T]]:
    @wraps(method)
    async def run(self: "LedgerService", request: Any, context: Context) -> T:
        peer = None
        try:
            peer = self.gate.who(context)
            self.gate.enter(peer, method.__name__)
            async with asyncio.timeout(_wait_s(context)):
                return await method(self, request, peer)
        except CustodyError as error:
            audit(error, method.__name__, peer)
            await abort(context, error)
        except TimeoutError:
            await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, "the ledger did not get to it in time; ask again")
            raise
        except Exception as error:  # noqa: BLE001  (nothing of ours may leak to a peer)
            await _log_fault(method.__name__, error)
            await abort(context, InternalError("the ledger failed; its log has the details"))

    return run


def _streams(method: Callable[..., AsyncIterator[T]]) -> Callable[..., AsyncIterator[T]]:
    @wraps(method)
    async def run(self: "LedgerService", request: Any, context: Context) -> AsyncIterator[T]:
        peer = None
        try:
            peer = self.gate.who(context)
            self.gate.enter(peer, method.__name__)
            with self.gate.stream(peer):
                async for answer in method(self, request, peer):
                    self.gate.recheck(peer)
                    yield answer
        except CustodyError as error:
            audit(error, method.__name__, peer)
            await abort(context, error)
        except Exception as error:  # noqa: BLE001  (nothing of ours may leak to a peer)
            await _log_fault(method.__name__, error)
            await abort(context, InternalError("the ledger failed; its log has the details"))

    return run


async def _log_fault(method: str, error: Exception) -> None:
    if isinstance(error, grpc.RpcError | grpc.aio.AbortError):
        raise error
    await log.aexception("call failed", method=method, error=type(error).__name__)


def _wait_s(context: Context) -> float:
    remaining = context.time_remaining()
    return DEFAULT_WAIT_S if remaining is None else min(float(remaining), MAX_WAIT_S)


class LedgerService(ledger_pb2_grpc.LedgerServicer):
    """All logs of one server."""

    def __init__(self, logs: Mapping[str, HostedLog], gate: Gate | None = None) -> None:
        """`gate` says who may do what; without one the gate of a plain socket."""
        self._logs = logs
        self.gate = gate or Gate(GateSettings(), now_us=lambda: time.time_ns() // 1_000, monotonic_s=time.monotonic)
        self._keys = {
            origin: KeyRegistry(hosted.store, hosted.publication, time.monotonic) for origin, hosted in logs.items()
        }
        self._log_keys = {
            origin: LogKeys(origin, [VerifierKey.parse(vkey) for vkey in hosted.vkeys])
            for origin, hosted in logs.items()
        }

    def _readable(self, origin: str) -> HostedLog:
        """A log of which something is published. Raises LedgerStopped while it is being opened: it is not empty."""
        hosted = self._log(origin)
        if not hosted.publication.note:
            if hosted.sequencer.halted is not None:
                raise LedgerStopped(f"this log is not served until somebody has looked: {hosted.sequencer.halted}")
            raise LedgerStopped("the log is being opened and checked; ask again")
        return hosted

    def _log(self, origin: str) -> HostedLog:
        hosted = self._logs.get(origin)
        if hosted is None:
            raise LogUnknown(f"this server does not host the log {origin[:200]!r}")
        return hosted

    # ---- append

    @_answers
    async def Append(self, request: ledger_pb2.AppendRequest, peer: Peer) -> ledger_pb2.AppendResponse:
        """See ledger.proto. Cancellation leaves a batch that may still be stored; sending it again is safe."""
        return await self._append(request, peer)

    async def _append(self, request: ledger_pb2.AppendRequest, peer: Peer) -> ledger_pb2.AppendResponse:
        hosted = self._log(request.log)
        records, total_bytes = len(request.records), sum(map(len, request.records))
        check_batch_size(records, total_bytes)
        # Limits and room first: reading a batch is what costs, and one that is turned away must cost others nothing.
        with self.gate.batch(peer, records, total_bytes):
            hosted.sequencer.check_room(peer.identity, records, total_bytes)
            batch = admit(request, peer.identity)
            hosted.sequencer.check_writing()
            await _catch_up(hosted, request.known_size)
            _check_known(request.known_size, hosted.publication.size)
            keys = self._keys[request.log]
            await self.gate.admit(peer, keys, request.log, batch, request.seals)
            outcome = await hosted.sequencer.submit(batch)
        await keys.after(batch)
        return await receipt(hosted.store, batch, outcome, request.known_size)

    async def AppendStream(
        self, requests: AsyncIterator[ledger_pb2.AppendRequest], context: Context
    ) -> AsyncIterator[ledger_pb2.AppendResult]:
        """See ledger.proto. Answers come in the order of the requests."""
        peer = None
        try:
            peer = self.gate.who(context)
            self.gate.enter(peer, "AppendStream")
            with self.gate.stream(peer):
                async for result in self._results(requests, peer):
                    yield result
        except CustodyError as error:
            audit(error, "AppendStream", peer)
            await abort(context, error)
        except Exception as error:  # noqa: BLE001  (nothing of ours may leak to a peer)
            await _log_fault("AppendStream", error)
            await abort(context, InternalError("the ledger failed; its log has the details"))

    async def _results(
        self, requests: AsyncIterator[ledger_pb2.AppendRequest], peer: Peer
    ) -> AsyncIterator[ledger_pb2.AppendResult]:
        results: asyncio.Queue[asyncio.Task[ledger_pb2.AppendResult] | None] = asyncio.Queue(STREAM_IN_FLIGHT)

        async def read() -> None:
            try:
                async for request in requests:
                    self.gate.recheck(peer)
                    await results.put(asyncio.create_task(self._append_or_refuse(request, peer)))
            finally:
                await results.put(None)

        reader = asyncio.create_task(read())
        try:
            while (task := await self._next(results, peer)) is not None:
                yield await task
            await reader  # a fault while reading must not look like the end of what the peer had to say
        finally:
            # The peer has left: nobody reads the receipts. What is in the pool may still be stored; it will send again.
            reader.cancel()
            while not results.empty():
                if (task := results.get_nowait()) is not None:
                    task.cancel()

    async def _next(self, results: "asyncio.Queue[T]", peer: Peer) -> T:
        """The next of a stream; while nothing comes, looks whether the peer is still to be believed. Raises Unauthenticated."""
        while True:
            try:
                async with asyncio.timeout(RECHECK_S):
                    return await results.get()
            except TimeoutError:
                self.gate.recheck(peer)

    async def _append_or_refuse(self, request: ledger_pb2.AppendRequest, peer: Peer) -> ledger_pb2.AppendResult:
        try:
            async with asyncio.timeout(MAX_WAIT_S):
                return ledger_pb2.AppendResult(response=await self._append(request, peer))
        except CustodyError as error:
            audit(error, "AppendStream", peer)
            return _refusal(error)
        except TimeoutError:
            return _refusal(LedgerStopped("the ledger did not get to it in time; send the batch again"))
        except Exception as error:  # noqa: BLE001  (nothing of ours may leak to a peer)
            await _log_fault("AppendStream", error)
            return _refusal(InternalError("the ledger failed; its log has the details"))

    # ---- read

    @_streams
    async def ReadEntries(
        self, request: ledger_pb2.ReadEntriesRequest, peer: Peer
    ) -> AsyncIterator[ledger_pb2.EntryPage]:
        """See ledger.proto."""
        hosted = self._readable(request.log)
        size, note = hosted.publication.size, hosted.publication.note
        async for page in Reader(hosted.store, size, note, with_proof=request.with_proof).pages(request):
            yield page

    @_answers
    async def GetProof(self, request: ledger_pb2.GetProofRequest, peer: Peer) -> ledger_pb2.GetProofResponse:
        """See ledger.proto."""
        hosted = self._readable(request.log)
        await _catch_up(hosted, request.size)
        published, note = hosted.publication.size, hosted.publication.note
        size = request.size or published
        if size > published:
            if hosted.sequencer.leader is not None:  # a standby may lag behind what the leader has published
                raise NotLeader(
                    "this process has not heard of that size yet; ask the leader", leader=hosted.sequencer.leader
                )
            raise NotThere(f"size {size} is not published; the latest is {published}", code="size-unknown")
        response = ledger_pb2.GetProofResponse(checkpoint=note)
        try:
            match request.WhichOneof("of"):
                case "inclusion":
                    response.hashes.extend(await prove_inclusion(hosted.store, request.inclusion.index, size))
                case "inclusions":
                    indexes = _few(request.inclusions.indexes)
                    for hashes in await prove_inclusions(hosted.store, indexes, size):
                        response.inclusions.add(hashes=hashes)
                case "consistency":
                    old_size = request.consistency.old_size
                    response.hashes.extend(await prove_consistency(hosted.store, old_size, size))
                case "range":
                    wanted = request.range
                    proof = await prove_range(hosted.store, wanted.first, wanted.count, size)
                    response.range.left.extend(proof.left)
                    response.range.right.extend(proof.right)
                case _:
                    raise MalformedError("the request asks for no proof", code="selector-missing")
        except ValueError as error:
            raise NotThere(str(error), code="proof-impossible") from error
        return response

    @_answers
    async def GetCheckpoint(
        self, request: ledger_pb2.GetCheckpointRequest, peer: Peer
    ) -> ledger_pb2.GetCheckpointResponse:
        """See ledger.proto."""
        hosted = self._readable(request.log)
        if not request.size:
            return ledger_pb2.GetCheckpointResponse(checkpoint=hosted.publication.note)
        note = await hosted.store.checkpoint(request.size) if request.size <= hosted.publication.size else None
        if note is None:
            raise NotThere(f"no checkpoint of size {request.size} was published", code="checkpoint-unknown")
        return ledger_pb2.GetCheckpointResponse(checkpoint=note)

    @_streams
    async def Follow(self, request: ledger_pb2.FollowRequest, peer: Peer) -> AsyncIterator[ledger_pb2.EntryPage]:
        """See ledger.proto. Each page is proven under the checkpoint that published it."""
        hosted = self._readable(request.log)
        chains = frozenset(check_chain(chain) for chain in request.chains)
        at = request.from_index
        while True:
            size, note = hosted.publication.size, hosted.publication.note
            async for page in Reader(hosted.store, size, note, with_proof=True).range(at, max(0, size - at)):
                yield _only(page, chains) if chains else page
            at = max(at, size)
            await self._beyond(hosted, at, peer)

    async def _beyond(self, hosted: HostedLog, size: int, peer: Peer) -> None:
        """Waits for more, and looks meanwhile whether the peer is still to be believed."""
        while hosted.publication.size <= size:
            try:
                async with asyncio.timeout(RECHECK_S):
                    await hosted.publication.beyond(size)
            except TimeoutError:
                self.gate.recheck(peer)

    @_answers
    async def GetChainHeads(
        self, request: ledger_pb2.GetChainHeadsRequest, peer: Peer
    ) -> ledger_pb2.GetChainHeadsResponse:
        """See ledger.proto."""
        hosted = self._readable(request.log)
        index = await hosted.sequencer.snapshot() if request.fresh else await _last_snapshot(hosted)
        size, note = hosted.publication.size, hosted.publication.note
        if index >= size:
            raise NotThere("the heads snapshot is not published yet", code="snapshot-unknown")
        (placed,) = await hosted.store.entries_at([index])
        heads = await hosted.store.heads(index)
        response = ledger_pb2.GetChainHeadsResponse(
            snapshot=ledger_pb2.LoggedEntry(index=index, entry=placed.entry), checkpoint=note
        )
        for chain in sorted(heads):
            response.heads.append(entry_pb2.ChainHead.FromString(encode_head(chain, heads[chain])))
        response.inclusion.hashes.extend(await prove_inclusion(hosted.store, index, size))
        return response

    @_answers
    async def GetTimestamps(
        self, request: ledger_pb2.GetTimestampsRequest, peer: Peer
    ) -> ledger_pb2.GetTimestampsResponse:
        """See ledger.proto."""
        hosted = self._readable(request.log)
        if hosted.stamps is None:
            return ledger_pb2.GetTimestampsResponse()
        count = min(max(1, request.count), MAX_STAMPED)
        found = await asyncio.to_thread(hosted.stamps.archive.at_least, request.from_size, count)
        return ledger_pb2.GetTimestampsResponse(
            stamped=[
                ledger_pb2.StampedCheckpoint(
                    size=one.size,
                    checkpoint=one.note,
                    generations=[ledger_pb2.StampGeneration(tokens=tokens) for tokens in one.generations],
                )
                for one in found
            ]
        )

    @_answers
    async def GetLog(self, request: ledger_pb2.GetLogRequest, peer: Peer) -> ledger_pb2.GetLogResponse:
        """See ledger.proto."""
        if not request.log and len(self._logs) == 1:
            (hosted,) = self._logs.values()
        else:
            hosted = self._log(request.log)
        note = hosted.publication.note
        vkeys = await signing_vkeys(hosted.store, self._log_keys[hosted.origin], note)
        return ledger_pb2.GetLogResponse(log=hosted.origin, vkeys=vkeys, checkpoint=note)


async def _last_snapshot(hosted: HostedLog) -> int:
    head = await hosted.store.chain_head(CHAIN_HEADS)
    if head is None:
        raise LogEmpty("no heads snapshot was taken yet; ask for a fresh one", code="snapshot-unknown")
    (index,) = await hosted.store.chain_indexes(CHAIN_HEADS, head.seq, 1)
    return index


async def _catch_up(hosted: HostedLog, size: int) -> None:
    """Looks into the storage when a client knows more than this process does, before that is called a rollback.

    A process that was paused, or has only just become the leader, lags behind what another one has published.
    """
    if size > hosted.publication.size:
        state = await hosted.store.state()
        if state.published > hosted.publication.size:
            hosted.publication.publish(state.published, state.checkpoint)


def _check_known(known_size: int, size: int) -> None:
    if known_size > size:
        raise NotThere(
            f"the client knows size {known_size}, but this ledger has published {size}: a rollback, or another log",
            code="size-unknown",
        )


def _few(indexes: Sequence[int]) -> Sequence[int]:
    if len(indexes) > MAX_BATCH_RECORDS:
        raise MalformedError(f"at most {MAX_BATCH_RECORDS} proofs at once", code="batch-oversize")
    return indexes


def _only(page: ledger_pb2.EntryPage, chains: frozenset[str]) -> ledger_pb2.EntryPage:
    """Entries of some chains out of a page; without the range proof, which speaks of all of it."""
    wanted = [
        logged for logged in page.entries if any(link.chain in chains for link in decode_entry(logged.entry).links)
    ]
    return ledger_pb2.EntryPage(entries=wanted, checkpoint=page.checkpoint)


def _refusal(error: CustodyError) -> ledger_pb2.AppendResult:
    refusal = ledger_pb2.Refusal(
        code=error.code,
        message=str(error),
        status=refusal_status(error),
        position=position_of(error),
        retryable=status_of(error)[1],
    )
    return ledger_pb2.AppendResult(refusal=refusal)
