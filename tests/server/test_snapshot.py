"""Heads snapshots: on schedule, on demand, and right at their own place."""

from __future__ import annotations

import asyncio

import pytest
from tests.server.ledger_rig import HOUR_US, Fault, Rig, access, segment

from custody.core.entry import decode_entry
from custody.core.errors import CustodyError
from custody.core.heads import check_heads
from custody.core.names import CHAIN_HEADS
from custody.server.snapshot import SNAPSHOT_SUBMITTER
from custody.v1 import record_pb2


async def check_snapshot(rig: Rig, index: int) -> None:
    (placed,) = await rig.raw_store.entries_at([index])
    entry = decode_entry(placed.entry)
    assert entry.submitter == SNAPSHOT_SUBMITTER
    assert [link.chain for link in entry.links] == [CHAIN_HEADS]
    snapshot = record_pb2.Record.FromString(entry.record).chain_heads
    check_heads(snapshot, index, await rig.raw_store.heads(index))


async def test_a_snapshot_speaks_of_the_log_right_before_it(rig: Rig) -> None:
    sequencer = rig.start()
    for at in range(4):
        await rig.append([segment(2 * at), access(2 * at + 1, f"site-1/cam-{at}", "site-1/cam-1")])
        assert await sequencer.snapshot() == 3 * at + 2
    for index in (2, 5, 8, 11):
        await check_snapshot(rig, index)
    rig.audit()


async def test_one_round_serves_all_who_ask(rig: Rig) -> None:
    sequencer = rig.start()
    await rig.append([segment(1)])
    assert await asyncio.gather(*(sequencer.snapshot() for _ in range(10))) == [1] * 10


async def test_a_snapshot_shares_a_round_with_batches(rig: Rig) -> None:
    sequencer = rig.start()
    await rig.append([segment(1)])
    index, appended = await asyncio.gather(sequencer.snapshot(), rig.append([segment(2), segment(3)]))
    assert {index, *(entry.index for entry in appended.entries)} == {1, 2, 3}
    await check_snapshot(rig, index)


async def test_on_schedule_but_only_when_the_log_grew(rig: Rig) -> None:
    rig.snapshot_interval_us = HOUR_US
    await rig.append([segment(1)])
    rig.clock.us += HOUR_US
    await rig.append([segment(2)])
    await check_snapshot(rig, 2)
    rig.clock.us += 10 * HOUR_US
    await rig.append([segment(2)])  # known already: the log has not grown
    assert (await rig.raw_store.state()).head.size == 3
    rig.audit()


async def test_nothing_to_snapshot(rig: Rig) -> None:
    with pytest.raises(CustodyError) as told:
        await rig.start().snapshot()
    assert told.value.code == "log-empty"


@pytest.mark.parametrize("kept", [False, True])
async def test_an_interrupted_snapshot_is_told_and_can_be_asked_again(rig: Rig, kept: bool) -> None:
    sequencer = rig.start()
    await rig.append([segment(1)])
    rig.faults.waiting = [Fault("store.commit", kept, "unknown")]
    with pytest.raises(CustodyError) as told:
        await sequencer.snapshot()
    assert told.value.code == "ledger-stopped"
    await check_snapshot(rig, await sequencer.snapshot())
    rig.audit()
