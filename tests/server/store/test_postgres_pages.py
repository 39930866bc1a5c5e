"""The index in pages: nothing is missed while items move from the tail into pages, nor after the writer starts again."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_log import Item, ModelLog, grow

from custody.server.store.postgres.directory import PostgresDirectory
from custody.server.store.postgres.log import PostgresLog
from custody.server.store.postgres.pages import (
    BUCKETS,
    DIGEST_TAIL,
    PAGE_ITEMS,
    RUN_TAIL,
    OpenPages,
    Run,
    bucket_of,
    page_runs,
    tail_runs,
    unpack_digests,
)
from custody.server.store.protocol import ChainRun, StoreDamaged


class Shelf:
    """What the tables hold, in memory."""

    def __init__(self) -> None:
        self.tail: dict[int, tuple[bytes, bytes]] = {}
        self.chains: dict[str, tuple[int, int]] = {}
        self.chain_pages: dict[tuple[int, int], tuple[int, bytes]] = {}
        self.digest_pages: dict[tuple[int, int], tuple[int, bytes]] = {}

    def put(self, pages: OpenPages, since: int, runs: list[ChainRun], digests: list[tuple[bytes, int]]) -> None:
        tail, chains, chain_pages = pages.add_runs(since, runs)
        digest_tail, digest_pages = pages.add_digests(since, digests)
        self.tail[since] = (tail, digest_tail)
        self.tail = {at: row for at, row in self.tail.items() if at >= since - DIGEST_TAIL}
        self.chains |= {name: (number, longest) for number, longest, name in chains}
        for number, first_seq, last_seq, _, _, _, data in chain_pages:
            assert (number, first_seq) not in self.chain_pages
            self.chain_pages[number, first_seq] = (last_seq, data)
        for bucket, first, last, data in digest_pages:
            assert (bucket, first) not in self.digest_pages
            self.digest_pages[bucket, first] = (last, data)

    def reopened(self) -> OpenPages:
        pages = OpenPages(self.chains)
        pages.restore(
            [(since, runs, digests) for since, (runs, digests) in sorted(self.tail.items())],
            {number: last for (number, _), (last, _) in sorted(self.chain_pages.items())},
            {bucket: last for (bucket, _), (last, _) in sorted(self.digest_pages.items())},
        )
        return pages

    def runs(self) -> set[tuple[int, Run]]:
        newest = max(self.tail)
        found = {(number, run) for (number, _), (_, data) in self.chain_pages.items() for run in page_runs(data)}
        for since, (data, _) in self.tail.items():
            if since >= newest - RUN_TAIL:
                found |= set(tail_runs(data))
        return found

    def digests(self) -> set[tuple[bytes, int]]:
        pages = [data for _, data in self.digest_pages.values()] + [data for _, data in self.tail.values()]
        return {found for data in pages for found in unpack_digests(data)}


def _commits(draw: random.Random) -> Iterator[tuple[int, list[ChainRun], list[tuple[bytes, int]]]]:
    size, numbers = 0, dict.fromkeys([f"footage/site/camera-{at}" for at in range(draw.choice((1, 5, 400)))], 0)
    for _ in range(60):
        since, runs, digests = size, [], []
        for _ in range(draw.choice((1, 3, 100))):
            name, count = draw.choice(list(numbers)), draw.choice((1, 1, 7, 1000))
            runs.append(ChainRun(name, numbers[name] + 1, size, count, size, size + draw.randrange(5000)))
            digests += [(draw.randbytes(8), size), (bytes(8), size)]
            numbers[name] += count
            size += count
        yield since, runs, digests


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_whatever_was_put_in_is_found_at_every_step(seed: int) -> None:
    draw = random.Random(seed)
    shelf, pages = Shelf(), OpenPages({})
    expected_runs: set[tuple[str, Run]] = set()
    expected_digests: set[tuple[bytes, int]] = set()
    for since, runs, digests in _commits(draw):
        if draw.random() < 0.2:
            pages = shelf.reopened()
        shelf.put(pages, since, runs, digests)
        expected_runs |= {(name, Run(*rest)) for name, *rest in runs}
        expected_digests |= set(digests)
        names = {number: name for name, (number, _) in shelf.chains.items()}
        assert {(names[number], run) for number, run in shelf.runs()} == expected_runs
        assert shelf.digests() == expected_digests
        assert all(since - at <= DIGEST_TAIL for at in shelf.tail)


def test_pages_fill_when_few_keys_are_used() -> None:
    shelf, pages = Shelf(), OpenPages({})
    for at in range(PAGE_ITEMS):
        shelf.put(pages, at, [ChainRun("site/s", at + 1, at, 1, at, at)], [(bytes(8), at)])
    assert shelf.chain_pages[1, 1][0] == PAGE_ITEMS
    assert shelf.digest_pages[0, 0][0] == PAGE_ITEMS - 1


def test_the_bucket_of_a_digest_is_10_of_its_bits() -> None:
    assert {bucket_of(bytes(6) + at.to_bytes(2, "big")) for at in range(2 * BUCKETS)} == set(range(BUCKETS))
    with pytest.raises(ValueError, match="first 8 bytes"):
        bucket_of(bytes(32))


def test_a_page_that_was_cut_short_is_damage() -> None:
    for read in (page_runs, tail_runs, unpack_digests):
        with pytest.raises(StoreDamaged):
            list(read(bytes(7)))


async def test_a_log_longer_than_the_tail_answers_from_pages_and_tail_alike(postgres: PostgresDirectory) -> None:
    store = await postgres.create("ledger.example", ["x"], 1)
    model = ModelLog()
    draw = random.Random(5)
    rare = {1: "custody/site/rare", 30_000: "custody/site/rare", 69_000: "custody/site/late"}
    for first in range(0, 70_000, 1_000):
        items = [
            Item(
                entry=at.to_bytes(4, "big"),
                record_id=at.to_bytes(16, "big"),
                chains=(rare.get(at, f"footage/site/camera-{at % 40}"),),
                digests=(draw.randbytes(8),),
                from_us=at * 1000,
                to_us=at * 1000 + 500,
            )
            for at in range(first, first + 1_000)
        ]
        await grow(store, model, items)
        if first % 20_000 == 0:
            store = await postgres.open("ledger.example")
    await _answers_like(store, model)
    assert await store._server.read("SELECT FROM tail WHERE first_index < 2000") == []


async def _answers_like(store: PostgresLog, model: ModelLog) -> None:
    for size in (2, 1_000, 35_000, 61_500, 70_000):
        assert await store.heads(size) == model.heads(size)
    for chain in ("footage/site/camera-3", "custody/site/rare", "custody/site/late"):
        indexes = model.chains[chain]
        assert await store.chain_head(chain) == model.heads()[chain]
        for first in (1, 2, 700, len(indexes) - 100, len(indexes)):
            assert (
                await store.chain_indexes(chain, first, 500) == indexes[first - 1 : first + 499] if first > 0 else True
            )
        for low, high in [(0, 70_000), (20_000, 20_400), (29_000, 65_000), (69_000, 70_000)]:
            within = [(seq, at) for seq, at in enumerate(indexes, 1) if low <= at < high]
            found: list[tuple[int, int]] = []
            while page := await store.chain_period(chain, low * 1000, high * 1000, found[-1][0] if found else 0, 300):
                found += page
            assert found == within
    for at in (0, 777, 5_000, 40_000, 69_999):
        assert at in await store.digest_indexes(model.items[at].digests[0], 10)
