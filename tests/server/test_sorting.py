"""Exactly once: new, known and contradicting records, told apart."""

from __future__ import annotations

import random

import pytest
from tests.server.ledger_rig import SUBMITTER, Rig, batch_of, record_id, request_of, segment

from custody.server.admission import admit
from custody.server.sorting import RecordConflict, all_new, sort_out
from custody.v1 import entry_pb2, record_pb2


def other(number: int) -> bytes:
    """Another record with the id of `segment(number)`."""
    record = record_pb2.Record.FromString(segment(number + 5_000))
    record.record_id = record_id(number)
    return record.SerializeToString()


async def test_batches_without_a_common_id_are_taken_as_new() -> None:
    rows = all_new([batch_of([segment(1), segment(2)]), batch_of([segment(3)])])
    assert rows is not None
    assert [len(row.items) for row in rows] == [2, 1]
    assert all_new([batch_of([segment(1)]), batch_of([segment(1)])]) is None


async def test_new_and_known_records_of_a_batch(rig: Rig) -> None:
    await rig.append([segment(1), segment(2)])
    ((row,), later) = await sort_out(rig.raw_store, [batch_of([segment(3), segment(2), segment(4), segment(1)])])
    assert (row.positions, row.known, later) == ([0, 2], [(1, 1), (3, 0)], [])


async def test_another_source_gets_the_place_of_the_first(rig: Rig) -> None:
    first = await rig.append([segment(1)])
    again = await rig.submit([segment(1)], submitter="urn:custody:recorder:nvr-2")
    assert again.entries == first.entries


@pytest.mark.parametrize(
    "seals",
    [
        (),
        (entry_pb2.Seal(key_id="k", signature=b"s", count=1),),
        (entry_pb2.Seal(key_id="k", signature=b"s" * 70, count=1),),
    ],
)
async def test_another_seal_is_other_bytes(rig: Rig, seals: tuple[entry_pb2.Seal, ...]) -> None:
    sealed = admit(request_of([segment(1)], seals=[entry_pb2.Seal(key_id="k", signature=b"ss", count=1)]), SUBMITTER)
    rig.start()
    await rig.sequencer.submit(sealed)
    with pytest.raises(RecordConflict):
        await rig.sequencer.submit(admit(request_of([segment(1)], seals=seals), SUBMITTER))
    assert (await rig.raw_store.state()).head.size == 1


async def test_a_batch_behind_another_with_the_same_new_id_waits(rig: Rig) -> None:
    first, second, third = batch_of([segment(1)]), batch_of([segment(2), segment(1)]), batch_of([segment(3)])
    rows, later = await sort_out(rig.raw_store, [first, second, third])
    assert [row.batch for row in rows] == [first, third]
    assert later == [second]


async def test_a_conflict_in_one_round_hurts_nobody_else(rig: Rig) -> None:
    rig.start()
    batches = [
        batch_of([segment(1)]),
        batch_of([segment(2), other(1)]),
        batch_of([segment(3)]),
        batch_of([other(3), segment(4)]),
    ]
    for batch in batches:
        rig.pool.put(batch)
    done = [await batch.done if not batch.done.done() else batch.done.result() for batch in (batches[0], batches[2])]
    assert [outcome.run.first_index if outcome.run else None for outcome in done] == [0, 1]
    for batch in (batches[1], batches[3]):
        with pytest.raises(RecordConflict):
            await batch.done
    assert (await rig.raw_store.state()).head.size == 2
    rig.audit()


@pytest.mark.parametrize("seed", range(10))
async def test_whatever_is_sent_again_the_first_receipt_comes_back(rig: Rig, seed: int) -> None:
    draw = random.Random(seed)
    places: dict[int, tuple[int, bytes]] = {}
    rig.start()
    for _ in range(30):
        numbers = draw.sample(range(40), draw.randrange(1, 12))
        appended = await rig.submit([segment(number) for number in numbers])
        for number, entry in zip(numbers, appended.entries, strict=True):
            assert places.setdefault(number, (entry.index, entry.leaf)) == (entry.index, entry.leaf)
    assert sorted(index for index, _ in places.values()) == list(range(len(places)))
    rig.audit()
