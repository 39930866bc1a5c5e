"""The index in pages: chains and digests, many items to a row.

A row and two index entries for every link and every digest would cost more than all the rest of a commit. So an item is
first written where it costs nothing, in the one row of `tail` that belongs to its commit, and gathered in the writer's
memory by its key: the chain, or a bucket of digests. When a key has 64 items, or its first has waited for long enough, the
items become one row of `chain_page` or `digest_page`, in the same transaction as the commit that made it so.

Rules that readers rely on:
- An item is in a page or in the tail, or in both (then it is the same item twice); never in neither.
- Links of commits that began more than RUN_TAIL entries before the last one began are in pages; digests, DIGEST_TAIL.
- A page holds neighbouring items of its key, in order.

Nothing in memory is needed after a crash: `restored` gathers again what the tail has and no page.
"""

import struct
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from custody.server.store.protocol import ChainRun, StoreDamaged

PAGE_ITEMS: Final = 64
"""Items in a full page: a row of about one to two kilobytes."""

RUN_TAIL: Final = 8_192
"""Entries whose links may wait in the tail. Every reader of a chain looks through them: some milliseconds."""

DIGEST_TAIL: Final = 65_536
"""Entries whose digests may wait in the tail; with BUCKETS, long enough to fill pages."""

BUCKETS: Final = 1_024
"""Digests are gathered by 10 of their bits."""

_RUN: Final = struct.Struct(">qqiqq")
_TAIL_RUN: Final = struct.Struct(">iqqiqq")
_DIGEST: Final = struct.Struct(">8sq")


class Run(NamedTuple):
    """A chain run without the name of its chain."""

    first_seq: int
    first_index: int
    count: int  # type: ignore[assignment]  # hides tuple.count, which nobody calls
    from_us: int
    to_us: int


class _Page:
    """Items of one key that wait for a page."""

    __slots__ = ("first_index", "first_seq", "from_us", "items", "last", "since", "to_us")

    def __init__(self, since: int, first_seq: int, first_index: int, from_us: int, to_us: int) -> None:
        self.since = since  # where the commit of the first item began
        self.first_seq = first_seq
        self.first_index = first_index
        self.from_us = from_us
        self.to_us = to_us
        self.last = 0  # last number of a chain; last index of a bucket
        self.items: list[bytes] = []

    def take(self, last: int, from_us: int, to_us: int, item: bytes) -> None:
        """Puts a run behind the others."""
        self.last = last
        if from_us < self.from_us:
            self.from_us = from_us
        if to_us > self.to_us:
            self.to_us = to_us
        self.items.append(item)


class OpenPages:
    """What waits for pages, as of one head. Owned by the writer; thrown away when a commit fails."""

    def __init__(self, chains: Mapping[str, tuple[int, int]]) -> None:
        """`chains`: number and longest period of a page (microseconds) of every chain by name."""
        self._numbers = {name: number for name, (number, _) in chains.items()}
        self._names = {number: name for name, number in self._numbers.items()}
        self._longest = dict(chains.values())
        # In the order in which they were begun, so that those that have waited longest come first.
        self._runs: dict[int, _Page] = {}
        self._digests: dict[int, _Page] = {}

    def add_runs(self, since: int, runs: Sequence[ChainRun]) -> tuple[bytes, list[Any], list[Any]]:
        """Takes the runs of a commit that begins at entry `since`.

        Returns the tail's bytes, rows of `chain` (number, longest, name) and rows of `chain_page`.
        """
        tail, changed, full = [], {}, []
        pages, pack = self._runs, _TAIL_RUN.pack
        for name, first_seq, first_index, count, from_us, to_us in runs:
            number = self._numbers.get(name)
            if number is None:
                number = self._numbers[name] = len(self._numbers) + 1
                self._names[number] = name
                self._longest[number] = changed[number] = 0
            entry = pack(number, first_seq, first_index, count, from_us, to_us)
            tail.append(entry)
            page = pages.get(number)
            if page is None:
                page = pages[number] = _Page(since, first_seq, first_index, from_us, to_us)
            elif from_us < page.from_us:
                page.from_us = from_us
            if to_us > page.to_us:
                page.to_us = to_us
            page.last = first_seq + count - 1
            items = page.items
            items.append(entry[4:])
            if len(items) == PAGE_ITEMS:
                full.append(_page_of(number, pages.pop(number)))
        full += [_page_of(number, pages.pop(number)) for number in _expired(pages, since - RUN_TAIL)]
        for number, _, _, _, from_us, to_us, _ in full:
            if to_us - from_us > self._longest[number]:
                self._longest[number] = changed[number] = to_us - from_us
        return b"".join(tail), [(number, longest, self._names[number]) for number, longest in changed.items()], full

    def add_digests(self, since: int, digests: Collection[tuple[bytes, int]]) -> tuple[bytes, list[Any]]:
        """Takes the digests of a commit that begins at entry `since`: the tail's bytes, and rows of `digest_page`.

        Raises ValueError for a digest that is not 8 bytes.
        """
        if not {len(prefix) for prefix, _ in digests} <= {8}:
            raise ValueError("a digest is indexed by its first 8 bytes")
        tail, ripe = [], []
        pages, pack = self._digests, _DIGEST.pack
        for prefix, index in digests:
            item = pack(prefix, index)
            bucket = prefix[7] | (prefix[6] & 3) << 8  # bucket_of, without the call
            tail.append(item)
            page = pages.get(bucket)
            if page is None:
                page = pages[bucket] = _Page(since, 0, index, 0, 0)
            page.last = index
            items = page.items
            items.append(item)
            if len(items) == PAGE_ITEMS:
                ripe.append(bucket)
        # Only between commits, so that all digests of an entry that share a bucket are in one page.
        rows = []
        for bucket in dict.fromkeys([*ripe, *_expired(pages, since - DIGEST_TAIL)]):
            page = pages.pop(bucket)
            rows.append((bucket, page.first_index, page.last, b"".join(page.items)))
        return b"".join(tail), rows

    def restore(
        self, tail: Iterable[tuple[int, bytes, bytes]], paged_runs: Mapping[int, int], paged_digests: Mapping[int, int]
    ) -> None:
        """Gathers again what waits: rows of the tail (first index, runs, digests) in order.

        `paged_runs`: last number in a page, by chain; `paged_digests`: last index in a page, by bucket.
        """
        for since, runs, digests in tail:
            for number, run in tail_runs(runs):
                if run.first_seq > paged_runs.get(number, 0):
                    page = self._runs.get(number)
                    if page is None:
                        page = self._runs[number] = _Page(since, run.first_seq, run.first_index, run.from_us, run.to_us)
                    page.take(run.first_seq + run.count - 1, run.from_us, run.to_us, _RUN.pack(*run))
            for prefix, index in unpack_digests(digests):
                bucket = bucket_of(prefix)
                if index > paged_digests.get(bucket, -1):
                    page = self._digests.setdefault(bucket, _Page(since, 0, index, 0, 0))
                    page.last = index
                    page.items.append(_DIGEST.pack(prefix, index))


def _expired(pages: Mapping[int, _Page], limit: int) -> list[int]:
    found = []
    for key, page in pages.items():
        if page.since >= limit:
            break
        found.append(key)
    return found


def _page_of(number: int, page: _Page) -> tuple[int, int, int, int, int, int, bytes]:
    return (number, page.first_seq, page.last, page.first_index, page.from_us, page.to_us, b"".join(page.items))


def bucket_of(prefix: bytes) -> int:
    """The bucket of a digest, by its first 8 bytes. Raises ValueError for another length."""
    if len(prefix) != 8:
        raise ValueError(f"a digest is found by its first 8 bytes, not by {len(prefix)}")
    return prefix[7] | (prefix[6] & 3) << 8


def page_runs(data: bytes) -> Iterator[Run]:
    """The runs of a page. Raises StoreDamaged."""
    return map(Run._make, _unpack(_RUN, data))


def tail_runs(data: bytes, only: int | None = None) -> Iterator[tuple[int, Run]]:
    """Chain numbers and runs of a row of the tail, or those of one chain. Raises StoreDamaged."""
    rows = _unpack(_TAIL_RUN, data)
    return ((row[0], Run._make(row[1:])) for row in rows if only is None or row[0] == only)


def unpack_digests(data: bytes) -> Iterator[tuple[bytes, int]]:
    """Digests (first 8 bytes) and leaf indexes of a page or of a row of the tail. Raises StoreDamaged."""
    return ((prefix, index) for prefix, index in _unpack(_DIGEST, data))


def _unpack(form: struct.Struct, data: bytes) -> Iterator[tuple[Any, ...]]:
    try:
        return form.iter_unpack(data)
    except struct.error as error:
        raise StoreDamaged(f"a page of the index is {len(data)} bytes long, no multiple of {form.size}") from error
