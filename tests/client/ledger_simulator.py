"""A ledger in this process: a real gRPC server on a Unix socket, a real key, a real tree, and the power to lie.

It keeps what it holds in lists and sequences every batch at once. Each lie is one attribute that a test sets; without
lies it is a plain, honest ledger (`check_log` recomputes everything that it holds).
"""
# ruff: noqa: N802  (gRPC gives the methods their names)

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from custody.core.chain import START, Chains, Head
from custody.core.checkpoint import Checkpoint, encode_body, sign_checkpoint
from custody.core.entry import Link, decode_entry, encode_seal, encode_stamp, sealed_record
from custody.core.errors import CustodyError
from custody.core.hashing import leaf_hash
from custody.core.heads import chain_heads, encode_head
from custody.core.note import SignatureType, SignerKey
from custody.core.proof import consistency_plan, inclusion_plan
from custody.core.range_proof import range_plan
from custody.core.record import ReadRecord, read_record
from custody.core.tree import EMPTY_FRONTIER, Frontier, Node, extend
from custody.v1 import entry_pb2, ledger_pb2, ledger_pb2_grpc, record_pb2

ORIGIN = "ledger.test/site-1"
SUBMITTER = "urn:custody:recorder:nvr-3"
EPOCH_US = 1_700_000_000_000_000

Context = Any


class Tree:
    """Entries, every complete node and every size's frontier."""

    def __init__(self) -> None:
        self.entries: list[bytes] = []
        self.nodes: dict[Node, bytes] = {}
        self.frontiers: dict[int, Frontier] = {0: EMPTY_FRONTIER}
        self.chains = Chains()
        self.by_id: dict[bytes, int] = {}

    @property
    def size(self) -> int:
        return len(self.entries)

    def root(self, size: int) -> bytes:
        return self.frontiers[size].root()

    def grow(self, entries: Sequence[bytes]) -> None:
        # One by one: every size then has its frontier, so that checkpoints of any size can be shown.
        for entry in entries:
            extension = extend(self.frontiers[self.size], [leaf_hash(entry)])
            for level, row in enumerate(extension.rows):
                for offset, value in enumerate(row):
                    self.nodes[Node(level, extension.starts[level] + offset)] = value
            self.entries.append(entry)
            self.frontiers[self.size] = extension.frontier

    def copy(self, size: int) -> Tree:
        """The tree as it was at `size`, with chains and ids of then."""
        other = Tree()
        other.grow(self.entries[:size])
        for index, raw in enumerate(other.entries):
            read = decode_entry(raw)
            for link in read.links:
                other.chains.follow(link.chain, link.seq, link.prev, leaf_hash(raw))
            other.by_id[read_record(read.record).record_id] = index
        return other

    def inclusion(self, index: int, size: int) -> tuple[bytes, ...]:
        return inclusion_plan(index, size).assemble(self.nodes.get)

    def consistency(self, old_size: int, size: int) -> tuple[bytes, ...]:
        return consistency_plan(old_size, size).assemble(self.nodes.get)

    def range(self, first: int, count: int, size: int) -> ledger_pb2.RangeProof:
        proof = range_plan(first, count, size).assemble(self.nodes.get)
        return ledger_pb2.RangeProof(left=proof.left, right=proof.right)


@dataclass(kw_only=True)
class Lies:
    """What the ledger does wrong; everything off by default."""

    refuse: list[tuple[grpc.StatusCode, str, dict[str, str]]] = field(default_factory=list)
    """Refusals to come, one for each append: status, code, metadata."""
    refuse_records: dict[bytes, str] = field(default_factory=dict)
    """Records (by id) that are refused for good, with the code."""
    lose_answers: int = 0
    """Appends that are stored and then answered with UNAVAILABLE; a stream ends there."""
    hold: list[asyncio.Event] | None = None
    """When a list: calls (appends, once stored) put an event of their own there and are answered after it."""
    answer: Callable[[ledger_pb2.AppendResponse], None] | None = None
    """Changes each answer to an append."""
    page: Callable[[ledger_pb2.EntryPage], None] | None = None
    """Changes each page."""
    heads: Callable[[ledger_pb2.GetChainHeadsResponse], None] | None = None
    proof: Callable[[ledger_pb2.GetProofResponse], None] | None = None
    stamp: Callable[[int, list[Link]], list[Link]] | None = None
    """Changes the links of each new entry, by leaf index, before it is hashed."""
    key: SignerKey | None = None
    """Signs with this key instead."""


class LedgerSimulator(ledger_pb2_grpc.LedgerServicer):
    def __init__(self, seed: int = 1) -> None:
        self.key = SignerKey.from_seed(ORIGIN, SignatureType.ED25519, bytes([seed]) * 32)
        self.tree = Tree()
        self.published: dict[int, bytes] = {}
        self.lies = Lies()
        self.calls: list[str] = []
        self.now_us = EPOCH_US
        self.grown = asyncio.Event()

    @property
    def vkey(self) -> str:
        return self.key.vkey.encode()

    # ---- state

    def note(self, size: int | None = None) -> bytes:
        size = self.tree.size if size is None else size
        if self.lies.key is not None or size not in self.published:
            checkpoint = Checkpoint(origin=ORIGIN, size=size, root=self.tree.root(size))
            signed = sign_checkpoint(checkpoint, [self.lies.key or self.key]).note.encode()
            if self.lies.key is not None:
                return signed
            self.published[size] = signed
        return self.published[size]

    def roll_back(self, size: int) -> None:
        self.tree = self.tree.copy(size)
        self.published = {known: note for known, note in self.published.items() if known <= size}

    def fork(self, size: int, records: Sequence[bytes]) -> None:
        """Goes back to `size` and grows another way."""
        self.roll_back(size)
        for record in records:
            self.append([(read_record(record), b"")])

    def append(self, items: Sequence[tuple[ReadRecord, bytes]]) -> list[tuple[int, bytes]]:
        """Sequences what is new; returns (index, stamp) for every item."""
        self.now_us += 1_000
        placed = []
        for record, seal in items:
            known = self.tree.by_id.get(record.record_id)
            if known is None:
                known = self.tree.size
                links = []
                for chain in record.chains:
                    head = self.tree.chains.heads.get(chain, START)
                    links.append(Link(chain, head.seq + 1, head.leaf))
                if self.lies.stamp is not None:
                    links = self.lies.stamp(known, links)
                entry = sealed_record(record.raw, seal) + encode_stamp(SUBMITTER, self.now_us, links)
                self.tree.grow([entry])
                for link in links:
                    self.tree.chains.heads[link.chain] = Head(link.seq, leaf_hash(entry))
                self.tree.by_id[record.record_id] = known
            entry = self.tree.entries[known]
            placed.append((known, entry[len(sealed_record(record.raw, seal)) :]))
        self.grown.set()
        self.grown = asyncio.Event()
        return placed

    def check_log(self) -> list[bytes]:
        """Recomputes chains; returns the record ids in order, each of which stands once."""
        chains = Chains()
        ids = []
        for raw in self.tree.entries:
            entry = decode_entry(raw)
            for link in entry.links:
                chains.follow(link.chain, link.seq, link.prev, leaf_hash(raw))
            ids.append(read_record(entry.record).record_id)
        assert len(set(ids)) == len(ids)
        return ids

    # ---- service

    async def Append(self, request: ledger_pb2.AppendRequest, context: Context) -> Any:
        self.calls.append("Append")
        if self.lies.refuse:
            await refuse(context, *self.lies.refuse.pop(0))
        try:
            response = await self._append(request)
        except RefuseError as error:
            await refuse(context, error.status, error.code, {"position": str(error.position)})
            raise
        if self.lies.hold is not None:
            self.lies.hold.append(asyncio.Event())
            await self.lies.hold[-1].wait()
        if self.lies.lose_answers:
            self.lies.lose_answers -= 1
            await context.abort(grpc.StatusCode.UNAVAILABLE, "the connection broke")
        return response

    async def AppendStream(self, requests: Any, context: Context) -> AsyncIterator[ledger_pb2.AppendResult]:
        async for request in requests:
            self.calls.append("AppendStream")
            if self.lies.hold is not None:
                self.lies.hold.append(asyncio.Event())
                await self.lies.hold[-1].wait()
            if self.lies.lose_answers:
                self.lies.lose_answers -= 1
                return
            try:
                yield ledger_pb2.AppendResult(response=await self._append(request))
            except RefuseError as error:
                yield ledger_pb2.AppendResult(
                    refusal=ledger_pb2.Refusal(
                        code=error.code, message=str(error), status=error.status.value[0], position=error.position
                    )
                )

    def _admit(self, request: ledger_pb2.AppendRequest) -> list[tuple[ReadRecord, bytes]]:
        items = []
        seals = list(request.seals) or [entry_pb2.Seal()] * len(request.records)
        if len(seals) == 1:
            seals = [entry_pb2.Seal()] * (len(request.records) - 1) + seals
        for position, (raw, seal) in enumerate(zip(request.records, seals, strict=True)):
            try:
                record = read_record(raw)
            except CustodyError as error:
                raise RefuseError(str(error), error.code, position) from error
            if record.record_id in self.lies.refuse_records:
                raise RefuseError("not this source's to tell", self.lies.refuse_records[record.record_id], position)
            known = self.tree.by_id.get(record.record_id)
            if known is not None and decode_entry(self.tree.entries[known]).record != raw:
                raise RefuseError("other bytes", "record-conflict", position, grpc.StatusCode.ALREADY_EXISTS)
            items.append((record, encode_seal(seal) if seal.signature else b""))
        return items

    async def _append(self, request: ledger_pb2.AppendRequest) -> ledger_pb2.AppendResponse:
        placed = self.append(self._admit(request))
        size = self.tree.size
        if request.known_size > size:
            raise RefuseError("a rollback, or another log", "size-unknown", -1, grpc.StatusCode.NOT_FOUND)
        response = ledger_pb2.AppendResponse(checkpoint=self.note())
        order = sorted(range(len(placed)), key=lambda position: placed[position][0])
        runs: list[list[int]] = []
        for position in order:
            if runs and placed[runs[-1][-1]][0] + 1 == placed[position][0]:
                runs[-1].append(position)
            else:
                runs.append([position])
        for run in runs:
            first = placed[run[0]][0]
            response.runs.add(
                first_index=first,
                stamps=[placed[position][1] for position in run],
                positions=[] if run == list(range(len(placed))) else run,
                proof=self.tree.range(first, len(run), size),
            )
        if request.known_size:
            response.consistency.extend(self.tree.consistency(request.known_size, size))
        if self.lies.answer is not None:
            self.lies.answer(response)
        return response

    async def GetProof(self, request: ledger_pb2.GetProofRequest, context: Context) -> Any:
        self.calls.append("GetProof")
        size = request.size or self.tree.size
        if size > self.tree.size:
            await refuse(context, grpc.StatusCode.NOT_FOUND, "size-unknown", {})
        response = ledger_pb2.GetProofResponse(checkpoint=self.note())
        match request.WhichOneof("of"):
            case "inclusion":
                response.hashes.extend(self.tree.inclusion(request.inclusion.index, size))
            case "inclusions":
                for index in request.inclusions.indexes:
                    response.inclusions.add(hashes=self.tree.inclusion(index, size))
            case "consistency":
                response.hashes.extend(self.tree.consistency(request.consistency.old_size, size))
            case _:
                response.range.CopyFrom(self.tree.range(request.range.first, request.range.count, size))
        if self.lies.proof is not None:
            self.lies.proof(response)
        return response

    async def GetCheckpoint(self, request: ledger_pb2.GetCheckpointRequest, context: Context) -> Any:
        self.calls.append("GetCheckpoint")
        if request.size > self.tree.size:
            await refuse(context, grpc.StatusCode.NOT_FOUND, "checkpoint-unknown", {})
        return ledger_pb2.GetCheckpointResponse(checkpoint=self.note(request.size or None))

    async def GetTimestamps(self, request: ledger_pb2.GetTimestampsRequest, context: Context) -> Any:
        return ledger_pb2.GetTimestampsResponse()

    async def GetLog(self, request: ledger_pb2.GetLogRequest, context: Context) -> Any:
        return ledger_pb2.GetLogResponse(log=ORIGIN, vkeys=[self.vkey], checkpoint=self.note())

    async def ReadEntries(
        self, request: ledger_pb2.ReadEntriesRequest, context: Context
    ) -> AsyncIterator[ledger_pb2.EntryPage]:
        self.calls.append("ReadEntries")
        if self.lies.hold is not None:
            self.lies.hold.append(asyncio.Event())
            await self.lies.hold[-1].wait()
        size = self.tree.size
        kind = request.WhichOneof("selector")
        indexes = [index for index in range(size) if self._selects(request, kind, index)]
        if kind == "record_id" and not indexes:
            await refuse(context, grpc.StatusCode.NOT_FOUND, "not-there", {})
        for start in range(0, len(indexes), 5):  # small pages, so that tests see many
            some = indexes[start : start + 5]
            page = self._page(some, size)
            if kind in ("range", "time"):
                page.range.CopyFrom(self.tree.range(some[0], len(some), size))
            elif kind != "submitter_time":
                page.last.hashes.extend(self.tree.inclusion(some[-1], size))
            if self.lies.page is not None:
                self.lies.page(page)
            yield page

    def _page(self, indexes: Sequence[int], size: int) -> ledger_pb2.EntryPage:
        return ledger_pb2.EntryPage(
            entries=[ledger_pb2.LoggedEntry(index=index, entry=self.tree.entries[index]) for index in indexes],
            checkpoint=self.note(size),
        )

    def _selects(self, request: ledger_pb2.ReadEntriesRequest, kind: str | None, index: int) -> bool:
        entry = decode_entry(self.tree.entries[index])
        record = read_record(entry.record)
        match kind:
            case "range":
                return request.range.first <= index < request.range.first + request.range.count
            case "chain":
                wanted = request.chain
                end = wanted.first_seq + (wanted.count or self.tree.size)
                return any(link.chain == wanted.chain and wanted.first_seq <= link.seq < end for link in entry.links)
            case "time":
                return request.time.from_us <= entry.sequenced_at_us < request.time.to_us
            case "record_id":
                return record.record_id == request.record_id
            case "file_sha256":
                return request.file_sha256 in record.digests
            case "chain_time":
                at = request.chain_time
                return at.chain in record.chains and record.period_us[0] < at.to_us and record.period_us[1] > at.from_us
            case _:
                by = request.submitter_time
                return entry.submitter == by.submitter and by.from_us <= entry.sequenced_at_us < by.to_us

    async def Follow(self, request: ledger_pb2.FollowRequest, context: Context) -> AsyncIterator[ledger_pb2.EntryPage]:
        at, chains = request.from_index, set(request.chains)
        while True:
            size, grown = self.tree.size, self.grown
            if at < size:
                indexes = list(range(at, size))
                proof = self.tree.range(at, size - at, size)
                if chains:
                    indexes = [
                        index
                        for index in indexes
                        if chains & {link.chain for link in decode_entry(self.tree.entries[index]).links}
                    ]
                page = self._page(indexes, size)
                if not chains:
                    page.range.CopyFrom(proof)
                if self.lies.page is not None:
                    self.lies.page(page)
                yield page
                at = size
            await grown.wait()

    async def GetChainHeads(self, request: ledger_pb2.GetChainHeadsRequest, context: Context) -> Any:
        heads = dict(self.tree.chains.heads)
        index = self.tree.size
        body = chain_heads(index, heads)
        record_id = (EPOCH_US // 1000).to_bytes(6, "big") + b"\x7f\xff\xbf" + index.to_bytes(7, "big")
        record = record_pb2.Record(record_id=record_id, at_us=self.now_us, chain_heads=body)
        self.append([(read_record(record.SerializeToString()), b"")])
        size = self.tree.size
        response = ledger_pb2.GetChainHeadsResponse(
            snapshot=ledger_pb2.LoggedEntry(index=index, entry=self.tree.entries[index]),
            heads=[entry_pb2.ChainHead.FromString(encode_head(chain, heads[chain])) for chain in sorted(heads)],
            checkpoint=self.note(size),
            inclusion=ledger_pb2.InclusionProof(hashes=self.tree.inclusion(index, size)),
        )
        if self.lies.heads is not None:
            self.lies.heads(response)
        return response


class RefuseError(Exception):
    def __init__(
        self,
        message: str,
        code: str,
        position: int,
        status: grpc.StatusCode = grpc.StatusCode.INVALID_ARGUMENT,
    ) -> None:
        super().__init__(message)
        self.code, self.position, self.status = code, position, status


async def refuse(context: Context, status: grpc.StatusCode, code: str, metadata: dict[str, str]) -> None:
    detail = AnyMessage()
    detail.Pack(error_details_pb2.ErrorInfo(reason=code, domain="custody", metadata=metadata))
    rich = rpc_status.to_status(status_pb2.Status(code=status.value[0], message=f"refused: {code}", details=[detail]))
    await context.abort(rich.code, rich.details, rich.trailing_metadata)


async def serve(simulator: ledger_pb2_grpc.LedgerServicer, path: Path) -> grpc.aio.Server:
    server = grpc.aio.server()
    ledger_pb2_grpc.add_LedgerServicer_to_server(simulator, server)
    server.add_insecure_port(f"unix:{path}")
    await server.start()
    return server


def forged(checkpoint: Checkpoint, key: SignerKey) -> bytes:
    """A note with this text, signed by `key`."""
    assert encode_body(checkpoint)
    return sign_checkpoint(checkpoint, [key]).note.encode()
