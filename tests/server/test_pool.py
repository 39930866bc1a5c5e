"""The pool: first in, first out, bounded by records and bytes, and nobody is forgotten in it."""

from __future__ import annotations

import pytest
from tests.server.ledger_rig import batch_of, segment

from custody.server.batch import Batch
from custody.server.pool import Pool, PoolFull


def batches(*sizes: int) -> list[Batch]:
    numbers = iter(range(10_000))
    return [batch_of([segment(next(numbers)) for _ in range(size)]) for size in sizes]


async def test_batches_come_out_in_their_order_and_whole() -> None:
    pool = Pool()
    put = batches(3, 1, 5)
    for batch in put:
        pool.put(batch)
    assert len(pool) == 9
    assert pool.take(4) == put[:2]
    assert pool.arrived.is_set()
    assert pool.take(1) == put[2:]  # a batch is never cut, and one always comes
    assert not pool.arrived.is_set()
    assert len(pool) == 0


@pytest.mark.parametrize("bound", ["max_records", "max_bytes"])
async def test_what_does_not_fit_is_turned_away_and_changes_nothing(bound: str) -> None:
    put = batches(3, 3)
    pool = Pool(**{bound: 5 if bound == "max_records" else put[0].total_bytes + 1})
    pool.put(put[0])
    with pytest.raises(PoolFull):
        pool.put(put[1])
    assert pool.take(100) == put[:1]
    pool.put(put[1])
    assert len(pool) == 3


async def test_a_sender_that_left_is_dropped_and_its_room_is_free_again() -> None:
    pool = Pool(max_records=4)
    gone, stays = batches(3, 1)
    pool.put(gone)
    pool.put(stays)
    gone.done.cancel()
    assert pool.take(100) == [stays]
    assert len(pool) == 0
    assert not pool.arrived.is_set()


async def test_what_is_put_back_keeps_its_place() -> None:
    pool = Pool()
    first, second, third = put = batches(1, 1, 1)
    for batch in put:
        pool.put(batch)
    assert pool.take(2) == [first, second]
    pool.put_back([first, second])
    assert pool.take(9) == [first, second, third]
    assert len(pool) == 0


async def test_the_end_is_told_to_everyone_who_waits() -> None:
    pool = Pool()
    put = batches(2, 2)
    for batch in put:
        pool.put(batch)
    put[0].done.cancel()
    pool.fail_all(PoolFull("the end"))
    assert isinstance(put[1].done.exception(), PoolFull)
    assert len(pool) == 0
    assert not pool.arrived.is_set()
