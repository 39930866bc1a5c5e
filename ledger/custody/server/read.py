"""Reading: pages of entries under one published checkpoint, with what proves them.

Readers see only what is published. A read speaks of the checkpoint that was the latest when it began. Neighbouring
leaves are proven by one range proof; a slice of a chain by the inclusion of its last entry, for each entry names its
predecessor; anything else by one inclusion proof for each entry.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Coroutine, Iterator, Sequence
from contextlib import aclosing
from itertools import groupby
from typing import Any, Final, TypeVar

from custody.core.entry import decode_entries, decode_entry
from custody.core.errors import CustodyError, MalformedError
from custody.core.limits import MAX_BATCH_RECORDS
from custody.core.names import check_chain, check_identity
from custody.core.record import read_record, read_records
from custody.server.proofs import prove_inclusion, prove_range
from custody.server.store.protocol import LogStore, Placed, StoreDamaged
from custody.v1 import ledger_pb2

PAGE_ENTRIES: Final = MAX_BATCH_RECORDS
PAGE_BYTES: Final = 1024 * 1024
"""A page ends with the entry that crosses this, so it stays far below the message limit."""

FETCHES: Final = 3
"""Pages of a chain that are fetched at once; the one before them is being sent."""

_T = TypeVar("_T")
Fetch = Callable[[Sequence[int]], Coroutine[Any, Any, Sequence[Placed]]]


class NotThere(CustodyError):
    """What was asked for is not in the log, or not published yet."""

    code = "not-there"


class Reader:
    """Reads of one log as it was at one published checkpoint."""

    def __init__(self, store: LogStore, size: int, note: bytes, *, with_proof: bool) -> None:
        self._store = store
        self._size = size
        self._note = note
        self._with_proof = with_proof

    async def pages(self, request: ledger_pb2.ReadEntriesRequest) -> AsyncIterator[ledger_pb2.EntryPage]:
        """Answers a request page by page. Raises MalformedError for a selector that selects nothing sensible."""
        match request.WhichOneof("selector"):
            case "range":
                pages = self.range(request.range.first, request.range.count)
            case "chain":
                chain = request.chain
                pages = self._chain(check_chain(chain.chain), max(1, chain.first_seq), chain.count or self._size)
            case "time":
                pages = self._time(request.time.from_us, request.time.to_us)
            case "record_id":
                pages = self._record(request.record_id)
            case "file_sha256":
                pages = self._file(request.file_sha256)
            case "chain_time":
                wanted = request.chain_time
                pages = self._chain_time(check_chain(wanted.chain), wanted.from_us, wanted.to_us)
            case "submitter_time":
                by = request.submitter_time
                pages = self._submitter(check_identity(by.submitter), by.from_us, by.to_us)
            case _:
                raise MalformedError("the request selects nothing", code="selector-missing")
        async with aclosing(_ahead(pages)) as read:
            async for page in read:
                yield page

    async def range(self, first: int, count: int) -> AsyncIterator[ledger_pb2.EntryPage]:
        """Neighbouring leaves [first, first + count), as far as they are published."""
        at, end = first, min(first + count, self._size)
        while at < end:
            placed = _cut(await self._store.entries(at, min(PAGE_ENTRIES, end - at)))
            if not placed:
                return
            page = _page(placed)
            if self._with_proof:
                page.checkpoint = self._note
                proof = await prove_range(self._store, at, len(placed), self._size)
                page.range.left.extend(proof.left)
                page.range.right.extend(proof.right)
            yield page
            at += len(placed)

    async def _chain(self, chain: str, first_seq: int, count: int) -> AsyncIterator[ledger_pb2.EntryPage]:
        runs = self._numbered(chain, first_seq, count)
        async with aclosing(_side_by_side(runs, self._store.entries_at)) as read:
            async for placed in read:
                for page in _pages_of(placed):
                    yield await self._proven_by_last(page)

    async def _numbered(self, chain: str, first_seq: int, count: int) -> AsyncGenerator[list[int]]:
        end_seq = min(first_seq + count, self._size + 1)  # no chain is longer than the log
        while first_seq < end_seq:
            indexes = await self._store.chain_indexes(chain, first_seq, min(PAGE_ENTRIES, end_seq - first_seq))
            indexes = [index for index in indexes if index < self._size]
            if not indexes:
                return
            yield indexes
            first_seq += len(indexes)

    async def _chain_time(self, chain: str, from_us: int, to_us: int) -> AsyncIterator[ledger_pb2.EntryPage]:
        runs = self._runs_of(chain, from_us, to_us)
        async with aclosing(_side_by_side(runs, self._store.entries_at)) as read:
            async for placed in read:
                for page in _pages_of(placed):
                    for part in _telling_of(page, from_us, to_us):
                        yield await self._proven_by_last(part)

    async def _runs_of(self, chain: str, from_us: int, to_us: int) -> AsyncGenerator[list[int]]:
        """Leaf indexes of neighbouring numbers: within a page each entry must be the predecessor of the next."""
        after = 0
        while True:
            places = await self._store.chain_period(chain, from_us, to_us, after, PAGE_ENTRIES)
            places = [place for place in places if place[1] < self._size]
            if not places:
                return
            for _, group in groupby(enumerate(places), key=lambda item: item[1][0] - item[0]):
                yield [index for _, (_, index) in group]
            after = places[-1][0]

    async def _time(self, from_us: int, to_us: int) -> AsyncIterator[ledger_pb2.EntryPage]:
        first, end = await self._store.time_range(from_us, to_us)
        async for page in self.range(first, end - first):
            yield page

    async def _record(self, record_id: bytes) -> AsyncIterator[ledger_pb2.EntryPage]:
        index = (await self._store.known_records([record_id])).get(record_id)
        if index is None or index >= self._size:
            raise NotThere("no published entry has this record id")
        yield await self._proven_by_last(await self._store.entries_at([index]))

    async def _file(self, digest: bytes) -> AsyncIterator[ledger_pb2.EntryPage]:
        if len(digest) != 32:
            raise MalformedError("file_sha256 has 32 bytes", code="record-digest")
        indexes = await self._store.digest_indexes(digest[:8], PAGE_ENTRIES)
        placed = await self._store.entries_at([index for index in indexes if index < self._size])
        found = [one for one in placed if digest in _digests(one)]
        if not found:
            raise NotThere("no published entry names a file with this SHA-256")
        for one in found:
            yield await self._proven_by_last([one])

    async def _submitter(self, submitter: str, from_us: int, to_us: int) -> AsyncIterator[ledger_pb2.EntryPage]:
        after = -1
        while runs := await self._store.submitter_runs(submitter, from_us, to_us, after, PAGE_ENTRIES):
            for _, first, count in runs:
                async for page in self.range(first, count):
                    yield page
            after = runs[-1].first_index

    async def _proven_by_last(self, placed: Sequence[Placed]) -> ledger_pb2.EntryPage:
        page = _page(placed)
        if self._with_proof:
            page.checkpoint = self._note
            page.last.hashes.extend(await prove_inclusion(self._store, placed[-1].index, self._size))
        return page


async def _ahead(pages: AsyncIterator[_T]) -> AsyncGenerator[_T]:
    """The next item is made while the one before it is used: one more in memory, and nobody waits in turns."""

    async def fetch() -> _T | None:
        return await anext(pages, None)

    fetching = asyncio.create_task(fetch())
    try:
        while (page := await fetching) is not None:
            fetching = asyncio.create_task(fetch())
            yield page
    finally:
        # The reader may have gone in the middle.
        fetching.cancel()
        await asyncio.gather(fetching, return_exceptions=True)


async def _side_by_side(runs: AsyncGenerator[list[int]], fetch: Fetch) -> AsyncGenerator[Sequence[Placed]]:
    """The entries of each run, in order; those of FETCHES runs are fetched at once, for each waits for the disk."""
    under_way: deque[asyncio.Task[Sequence[Placed]]] = deque()
    try:
        async with aclosing(_ahead(runs)) as ahead:
            async for run in ahead:
                under_way.append(asyncio.create_task(fetch(run)))
                if len(under_way) == FETCHES:
                    yield await under_way.popleft()
        while under_way:
            yield await under_way.popleft()
    finally:
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)


def _pages_of(placed: Sequence[Placed]) -> Iterator[Sequence[Placed]]:
    while placed:
        page = _cut(placed)
        yield page
        placed = placed[len(page) :]


def _page(placed: Sequence[Placed]) -> ledger_pb2.EntryPage:
    return ledger_pb2.EntryPage(entries=[ledger_pb2.LoggedEntry(index=index, entry=entry) for index, entry in placed])


def _digests(placed: Placed) -> Collection[bytes]:
    try:
        return read_record(decode_entry(placed.entry).record).digests
    except MalformedError as error:
        raise StoreDamaged(f"entry {placed.index} cannot be read: {error}") from error


def _telling_of(placed: Sequence[Placed], from_us: int, to_us: int) -> list[list[Placed]]:
    """Those that tell of the period, in parts without a hole: the index knows only the period of a whole run."""
    parts: list[list[Placed]] = []
    open_part = False
    records = read_records([entry.record for entry in decode_entries([one.entry for one in placed])])
    for one, record in zip(placed, records, strict=True):
        begin, end = record.period_us
        # An instant lies in the half-open time that it names; a period overlaps it.
        if begin < to_us and (end > from_us or begin == end == from_us):
            if not open_part:
                parts.append([])
            parts[-1].append(one)
            open_part = True
        else:
            open_part = False
    return parts


def _cut(placed: Sequence[Placed]) -> Sequence[Placed]:
    total = 0
    for count, one in enumerate(placed, 1):
        total += len(one.entry)
        if total >= PAGE_BYTES:
            return placed[:count]
    return placed
