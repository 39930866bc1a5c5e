"""What every store must do, whatever it is made of (custody.server.store.protocol)."""

from __future__ import annotations

import random

import pytest
from model_log import START_US, Item, ModelLog, grow, random_items

from custody.core.hashing import EMPTY_ROOT
from custody.server.store.protocol import (
    HeadMoved,
    LogDirectory,
    LogExists,
    LogHead,
    LogState,
    LogStore,
    LogUnknown,
    Placed,
    RecordExists,
    Submission,
)

ORIGIN = "ledger.example/site-1"
VKEYS = ("ledger.example/site-1+00000000+AQ==",)


async def grown(store: LogStore, seed: int, sizes: tuple[int, ...]) -> ModelLog:
    model = ModelLog()
    items = random_items(seed, sum(sizes))
    for size in sizes:
        await grow(store, model, items[:size])
        del items[:size]
    return model


async def test_a_new_log_is_empty(store: LogStore) -> None:
    assert await store.state() == LogState(ORIGIN, VKEYS, LogHead(0, EMPTY_ROOT, 0), 0, 0, b"")
    assert await store.heads(0) == {}
    assert await store.entries(0, 10) == []
    assert await store.tiles([(0, 0)]) == {}
    assert await store.checkpoints(0, 10) == []
    assert await store.time_range(0, START_US) == (0, 0)


async def test_a_directory_lists_its_logs_and_creates_each_once(directory: LogDirectory) -> None:
    assert await directory.origins() == []
    await directory.create("b.example", VKEYS, 1)
    await directory.create("a.example", (VKEYS[0], "other+00000001+AQ=="), 1)
    assert await directory.origins() == ["a.example", "b.example"]
    with pytest.raises(LogExists):
        await directory.create("a.example", VKEYS, 2)
    with pytest.raises(LogUnknown):
        await directory.open("c.example")
    assert (await (await directory.open("a.example")).state()).vkeys == (VKEYS[0], "other+00000001+AQ==")


@pytest.mark.parametrize("sizes", [(1,) * 40, (255, 1, 1, 255, 256), (700, 3), (16, 240, 300)], ids=str)
async def test_everything_that_was_committed_is_read_back(store: LogStore, sizes: tuple[int, ...]) -> None:
    model = await grown(store, 1, sizes)
    state = await store.state()
    assert (state.head, state.sequenced_us) == (model.head, model.stamps[-1])
    assert await store.tiles(list(model.tiles)) == model.tiles
    assert await store.heads(len(model.items)) == model.heads()
    for chain, head in model.heads().items():
        assert await store.chain_head(chain) == head
    everything = [Placed(index, item.entry) for index, item in enumerate(model.items)]
    assert await store.entries(0, len(everything)) == everything


async def test_heads_are_known_for_every_earlier_size(store: LogStore) -> None:
    model = await grown(store, 21, (3, 300, 1, 1, 40))
    for size in (0, 1, 2, 3, 4, 255, 256, 257, 303, 304, 305, 345, 999):
        assert await store.heads(size) == model.heads(size)


async def test_a_log_is_the_same_after_it_was_closed(directory: LogDirectory, store: LogStore) -> None:
    model = await grown(store, 2, (300, 17))
    await store.publish(model.head, 317, b"note")
    again = await directory.open(ORIGIN)
    assert await again.state() == await store.state()
    await grow(again, model, random_items(99, 5))
    assert await again.heads(len(model.items)) == model.heads()


async def test_logs_do_not_see_each_other(directory: LogDirectory) -> None:
    one, other = await directory.create("a.example", VKEYS, 1), await directory.create("b.example", VKEYS, 1)
    model = await grown(one, 3, (20, 3))
    same = await grown(other, 3, (20, 3))  # the very same record ids, in the other log
    assert await one.heads(23) == await other.heads(23) == model.heads() == same.heads()
    await grow(one, model, random_items(4, 300))
    assert (await other.state()).head == same.head
    assert await other.entries(0, 1000) == (await one.entries(0, 23))


# ---- one writer ----


async def test_a_commit_on_another_head_writes_nothing(store: LogStore) -> None:
    model = await grown(store, 5, (10,))
    before = await store.state()
    items = random_items(6, 4)
    commit = model.commit(items)
    behind = ModelLog()
    behind.accept(behind.commit(model.items[:9]), model.items[:9])
    for stale in (
        commit._replace(old=model.head._replace(epoch=1)),
        commit._replace(old=model.head._replace(root=bytes(32))),
        behind.commit(items),
        ModelLog().commit(items),
    ):
        with pytest.raises(HeadMoved):
            await store.commit(stale)
    assert await store.state() == before
    assert await store.entries(10, 10) == []
    assert await store.known_records([item.record_id for item in items]) == {}
    await grow(store, model, items)


async def test_of_two_writers_one_wins(directory: LogDirectory, store: LogStore) -> None:
    other = await directory.open(ORIGIN)
    model = ModelLog()
    first, second = random_items(7, 5), random_items(8, 5)
    lost = model.commit(second)
    await grow(store, model, first)
    with pytest.raises(HeadMoved):
        await other.commit(lost)
    await grow(other, model, second)  # it has looked, and goes on from there


async def test_a_fence_shuts_the_former_writer_out(directory: LogDirectory, store: LogStore) -> None:
    model = await grown(store, 9, (12,))
    other = await directory.open(ORIGIN)
    taken = await other.fence(model.head)
    assert taken == model.head._replace(epoch=1)
    assert (await store.state()).head == taken
    with pytest.raises(HeadMoved):
        await store.commit(model.commit(random_items(10, 3)))
    with pytest.raises(HeadMoved):
        await store.publish(model.head, 12, b"note")
    with pytest.raises(HeadMoved):
        await store.fence(model.head)
    assert await store.checkpoints(0, 10) == []
    model.head = taken
    await grow(other, model, random_items(10, 3))


async def test_a_record_is_in_a_log_once(store: LogStore) -> None:
    model = await grown(store, 11, (300,))
    before = await store.state()
    fresh = random_items(12, 2)
    known = Item(entry=b"again", record_id=model.items[5].record_id)
    for batch in ([fresh[0], known], [known], [fresh[0], fresh[1], fresh[0]]):
        with pytest.raises(RecordExists):
            await store.commit(model.commit(batch))
    assert await store.state() == before
    assert await store.entries(300, 10) == []
    await grow(store, model, fresh)
    wanted = [item.record_id for item in model.items]
    assert await store.known_records([*wanted, bytes(16)]) == {key: index for index, key in enumerate(wanted)}
    assert await store.known_records([]) == {}


async def test_a_new_chain_of_a_refused_batch_leaves_no_trace(store: LogStore) -> None:
    model = await grown(store, 13, (8,))
    known = Item(entry=b"x", record_id=model.items[0].record_id, chains=("custody/site-9/door",))
    with pytest.raises(RecordExists):
        await store.commit(model.commit([known]))
    assert await store.chain_head("custody/site-9/door") is None
    await grow(store, model, [Item(entry=b"y", record_id=b"y" * 16, chains=("custody/site-9/gate", "site/site-9"))])
    await grow(store, model, [Item(entry=b"z", record_id=b"z" * 16, chains=("custody/site-9/door",))])
    assert await store.heads(len(model.items)) == model.heads()


# ---- checkpoints ----


async def test_checkpoints_are_kept_byte_for_byte(store: LogStore) -> None:
    model = await grown(store, 14, (5,))
    await store.publish(model.head, 0, b"note of nothing\n")
    assert (await store.state()).checkpoint == b"note of nothing\n"
    await store.publish(model.head, 5, "note of 5 \u2014 caf\u00e9\n".encode())
    await store.publish(model.head, 5, "note of 5 \u2014 caf\u00e9\n".encode())  # repeated after a lost answer
    await grow(store, model, random_items(15, 3))
    state = await store.state()
    assert (state.published, state.checkpoint) == (5, "note of 5 \u2014 caf\u00e9\n".encode())
    with pytest.raises(HeadMoved):
        await store.publish(model.head, 5, b"another note of 5")
    await store.publish(model.head, 8, bytes(range(256)))
    assert await store.checkpoint(8) == bytes(range(256))
    assert await store.checkpoint(7) is None
    assert await store.checkpoints(1, 10) == ["note of 5 \u2014 caf\u00e9\n".encode(), bytes(range(256))]
    assert await store.checkpoints(0, 2) == [b"note of nothing\n", "note of 5 \u2014 caf\u00e9\n".encode()]
    assert await store.checkpoints(9, 2) == []


# ---- reading ----


async def test_entries_come_back_byte_for_byte(store: LogStore) -> None:
    entries = [b"", b"\0", bytes(65_535), bytes(range(256)) * 200, "证据".encode(), b"\xff" * 127, *[b"e"] * 300]
    items = [Item(entry=entry, record_id=at.to_bytes(16, "big")) for at, entry in enumerate(entries)]
    await grow(store, ModelLog(), items)
    assert [placed.entry for placed in await store.entries(0, 400)] == entries


async def test_entries_are_read_from_any_place(store: LogStore) -> None:
    model = await grown(store, 16, (3, 270, 1, 1, 600, 300))
    size = len(model.items)
    for first, count in [(0, 1), (255, 2), (2, 5), (273, 3), (size - 1, 10), (size, 1), (100, 1024), (0, 0)]:
        expected = [Placed(at, model.items[at].entry) for at in range(first, min(first + count, size))]
        assert await store.entries(first, count) == expected
    assert len(await store.entries(0, 5000)) == 1024


async def test_entries_are_read_at_any_indexes_in_the_order_asked(store: LogStore) -> None:
    model = await grown(store, 17, (3, 270, 1, 1, 600, 300))
    size = len(model.items)
    draw = random.Random(1)
    for asked in ([], [0], [size], [5, 3, size + 7, 4], [draw.randrange(size) for _ in range(400)], [7, 7]):
        expected = [Placed(at, model.items[at].entry) for at in asked if at < size]
        assert await store.entries_at(asked) == expected
    assert len(await store.entries_at(list(range(1100)))) == 1024


async def test_tiles_are_as_wide_as_they_are_now(store: LogStore) -> None:
    model = ModelLog()
    for size in (1, 200, 54, 1, 1, 255, 256, 600):
        await grow(store, model, random_items(size + len(model.items), size))
        assert await store.tiles([(0, 0), (0, 1), (0, 2), (0, 5), (1, 0), (2, 0), (0, 0)]) == {
            key: hashes for key, hashes in model.tiles.items() if key in {(0, 0), (0, 1), (0, 2), (0, 5), (1, 0)}
        }
    assert await store.tiles([]) == {}


async def test_chain_numbers_lead_to_indexes(store: LogStore) -> None:
    model = await grown(store, 18, (500, 1, 1, 1, 300))
    for chain, indexes in model.chains.items():
        for first, count in [(1, 1), (1, 1000), (7, 30), (len(indexes), 5), (len(indexes) + 1, 5), (2, 0)]:
            assert await store.chain_indexes(chain, first, count) == indexes[first - 1 : first - 1 + count]
    assert await store.chain_indexes("footage/nowhere/none", 1, 10) == []


async def test_a_period_of_a_chain_is_found(store: LogStore) -> None:
    model = await grown(store, 19, (200, 100))
    for chain, indexes in model.chains.items():
        places = [(seq, at, model.items[at]) for seq, at in enumerate(indexes, 1)]
        for low, high in [(0, 30), (30, 90), (0, 10_000), (100, 101), (90, 80)]:
            from_us, to_us = START_US + low * 1_000_000, START_US + high * 1_000_000
            touching = [
                (seq, at)
                for seq, at, item in places
                if item.from_us < to_us and (item.to_us > from_us or item.from_us == from_us)
            ]
            found = await store.chain_period(chain, from_us, to_us, 0, 1024)
            assert found == sorted(set(found))
            assert set(touching) <= set(found) <= {(seq, at) for seq, at, _ in places}
            after = touching[len(touching) // 2][0] if touching else 0
            page = await store.chain_period(chain, from_us, to_us, after, 5)
            assert page == [place for place in found if place[0] > after][:5]
    assert await store.chain_period("footage/nowhere/none", 0, START_US * 2, 0, 10) == []


async def test_entries_are_found_by_the_time_of_their_stamp(store: LogStore) -> None:
    model = ModelLog()
    for sequenced_us, size in [(100, 3), (200, 300), (200, 4), (500, 1)]:
        await grow(store, model, random_items(sequenced_us + size, size), sequenced_us)
    for from_us, to_us in [(0, 100), (0, 101), (100, 200), (101, 201), (200, 500), (500, 501), (501, 900), (300, 200)]:
        within = [at for at, stamp in enumerate(model.stamps) if from_us <= stamp < to_us]
        first, end = await store.time_range(from_us, to_us)
        assert list(range(first, end)) == within


async def test_files_are_found_by_their_digest(store: LogStore) -> None:
    same = b"\xff" * 8
    items = random_items(20, 40)
    items[3:5] = [
        Item(entry=b"a", record_id=b"a" * 16, digests=(same, same, b"12345678")),
        Item(entry=b"b", record_id=b"b" * 16, digests=(bytes(8), same)),
    ]
    model = ModelLog()
    await grow(store, model, items)
    again = Item(entry=b"c", record_id=b"c" * 16, digests=(same,))
    await grow(store, model, [again])
    assert await store.digest_indexes(same, 10) == [3, 4, 40]
    assert await store.digest_indexes(same, 2) == [3, 4]
    assert await store.digest_indexes(bytes(8), 10) == [4]
    assert await store.digest_indexes(b"87654321", 10) == []
    for at, item in enumerate(model.items):
        for digest in item.digests:
            assert at in await store.digest_indexes(digest, 10)


async def test_what_a_submitter_sent_is_found_by_time(store: LogStore) -> None:
    model = ModelLog()
    expected: list[tuple[int, Submission]] = []
    for sequenced_us, size in [(100, 30), (200, 30), (200, 5), (300, 20)]:
        items = random_items(sequenced_us + size, size)
        commit = model.commit(items, sequenced_us)
        await store.commit(commit)
        model.accept(commit, items)
        expected += [(sequenced_us, run) for run in commit.submissions if run.submitter == "recorder-1"]
    for from_us, to_us, after in [(0, 999, -1), (100, 200, -1), (200, 300, 40), (0, 999, 29), (400, 500, -1)]:
        within = [run for at, run in expected if from_us <= at < to_us and run.first_index > after]
        assert await store.submitter_runs("recorder-1", from_us, to_us, after, 1024) == within
        assert await store.submitter_runs("recorder-1", from_us, to_us, after, 3) == within[:3]
    assert await store.submitter_runs("nobody", 0, 999, -1, 10) == []
