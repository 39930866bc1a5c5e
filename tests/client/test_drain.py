"""Outbox, client and ledger together: everything arrives, once, in order, whatever fails on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from grpc import StatusCode
from tests.client.camera_records import raw_segment, record_id, segment
from tests.client.clock import Clock, Connect
from tests.client.faulty_connection import Plan, faulty
from tests.client.ledger_simulator import ORIGIN, LedgerSimulator

from custody.client import (
    Backoff,
    ClientStorageError,
    Drain,
    LatchedError,
    LedgerClient,
    Outbox,
    OutboxNotEmpty,
    Queued,
    Receipt,
    RefusedError,
    State,
)
from custody.core.errors import RollbackError
from custody.core.record import read_record


@pytest.fixture
def faults() -> Plan:
    return {}


@pytest.fixture
def outbox(tmp_path: Path, clock: Clock, faults: Plan) -> Iterator[Outbox]:
    opened = Outbox(tmp_path / "outbox.db", environment=clock.environment, factory=faulty(faults))
    yield opened
    opened.close()


@pytest.fixture
def drain(outbox: Outbox, client: LedgerClient, clock: Clock) -> Drain:
    return Drain(
        outbox, client, batch_records=10, environment=clock.environment, backoff=Backoff(base_s=1.0, cap_s=8.0)
    )


def _ids(numbers: Sequence[int]) -> list[bytes]:
    return [record_id(number) for number in numbers]


async def test_everything_is_sent_once_and_in_order(outbox: Outbox, drain: Drain, ledger: LedgerSimulator) -> None:
    outbox.put_many([raw_segment(number) for number in range(25)])
    await drain.flush(60)
    assert ledger.check_log() == _ids(range(25))
    assert ledger.calls == ["Append"] * 3
    assert outbox.count == 0


async def test_back_off_is_exponential_bounded_and_jittered(
    outbox: Outbox, drain: Drain, ledger: LedgerSimulator, clock: Clock
) -> None:
    ledger.lies.refuse = [(StatusCode.RESOURCE_EXHAUSTED, "pool-full", {})] * 6
    outbox.put(raw_segment(0))
    await drain.flush(1_000)
    assert clock.waits == [1, 2, 4, 8, 8, 8]
    clock.waits.clear()
    clock.wish = lambda low, high: low + (high - low) / 4
    ledger.lies.refuse = [(StatusCode.UNAVAILABLE, "ledger-stopped", {})] * 3
    outbox.put(raw_segment(1))
    await drain.flush(1_000)
    assert clock.waits == [0.25, 0.5, 1]
    assert drain.trouble is None


async def test_lost_answers_store_nothing_twice(outbox: Outbox, drain: Drain, ledger: LedgerSimulator) -> None:
    ledger.lies.lose_answers = 2
    outbox.put_many([raw_segment(number) for number in range(15)])
    await drain.flush(60)
    assert ledger.check_log() == _ids(range(15))
    assert ledger.calls == ["Append"] * 4


async def test_flush_says_what_still_waits_and_why(
    outbox: Outbox, drain: Drain, ledger: LedgerSimulator, clock: Clock
) -> None:
    ledger.lies.refuse = [(StatusCode.RESOURCE_EXHAUSTED, "pool-full", {})] * 100
    outbox.put(raw_segment(0))
    with pytest.raises(OutboxNotEmpty, match=r"1 records still wait after 20 s: .*pool-full"):
        await drain.flush(20)
    assert sum(clock.waits) <= 20
    assert isinstance(drain.trouble, RefusedError)
    assert outbox.count == 1


async def test_a_record_refused_for_good_does_not_block_the_others(
    outbox: Outbox, drain: Drain, ledger: LedgerSimulator
) -> None:
    ledger.lies.refuse_records = {record_id(3): "scope-denied", record_id(17): "scope-denied"}
    other = segment(8)
    other.segment.size_bytes = 9
    ledger.append([(read_record(other.SerializeToString()), b"")])  # somebody used this id for something else
    outbox.put_many([raw_segment(number) for number in range(20)])
    await drain.flush(60)
    assert [(letter.record_id, letter.code) for letter in outbox.dead_letters()] == [
        (record_id(3), "scope-denied"),
        (record_id(8), "record-conflict"),
        (record_id(17), "scope-denied"),
    ]
    assert ledger.check_log() == _ids([8, *(number for number in range(20) if number not in {3, 8, 17})])
    assert outbox.count == 0


async def test_a_refusal_without_position_is_narrowed_down(
    outbox: Outbox, drain: Drain, ledger: LedgerSimulator
) -> None:
    outbox.put_many([raw_segment(number) for number in range(4)])
    refusal: tuple[StatusCode, str, dict[str, str]] = (StatusCode.INVALID_ARGUMENT, "batch-odd", {})
    # All four; then the first half; then its first record.
    ledger.lies.refuse = [refusal] * 3
    await drain.flush(60)
    assert [letter.record_id for letter in outbox.dead_letters()] == _ids([0])
    assert sorted(ledger.check_log()) == _ids([1, 2, 3])


async def test_refusals_of_the_sender_bury_nothing(outbox: Outbox, drain: Drain, ledger: LedgerSimulator) -> None:
    ledger.lies.refuse = [
        (StatusCode.UNAUTHENTICATED, "unauthenticated", {"position": "-1"}),
        (StatusCode.NOT_FOUND, "log-unknown", {"position": "-1"}),
        (StatusCode.PERMISSION_DENIED, "forbidden", {}),
    ]
    outbox.put(raw_segment(0))
    await drain.flush(60)
    assert outbox.dead_letters() == []
    assert ledger.check_log() == _ids([0])


async def test_run_sends_what_is_put_while_it_runs(
    outbox: Outbox, client: LedgerClient, ledger: LedgerSimulator
) -> None:
    delivered: list[bytes] = []
    enough = asyncio.Event()

    async def note(batch: Sequence[Queued], receipt: Receipt) -> None:
        assert [one.submitted.record for one in batch] == [entry.entry.record for entry in receipt]
        delivered.extend(one.record_id for one in batch)
        if len(delivered) == 30:
            enough.set()

    running = asyncio.create_task(Drain(outbox, client, delivered=note).run())
    for start in range(0, 30, 3):
        await asyncio.to_thread(outbox.put_many, [raw_segment(start + number) for number in range(3)])
    await enough.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert delivered == _ids(range(30))
    assert ledger.check_log() == _ids(range(30))


async def test_a_rollback_stops_the_drain_and_drops_nothing(
    outbox: Outbox, drain: Drain, ledger: LedgerSimulator
) -> None:
    outbox.put_many([raw_segment(number) for number in range(10)])
    await drain.flush(60)
    ledger.roll_back(4)
    outbox.put(raw_segment(20))
    with pytest.raises(RollbackError):
        await drain.run()
    with pytest.raises(LatchedError):
        await drain.run()
    assert [one.record_id for one in outbox.oldest()] == _ids([20])


# ---- fault pairs along the way of a batch


@pytest.mark.parametrize("when", ["before", "after"])
async def test_fault_when_the_checkpoint_is_written(
    outbox: Outbox, connect: Connect, ledger: LedgerSimulator, tmp_path: Path, when: str
) -> None:
    plan: Plan = {}
    state = State(tmp_path / "faulty.db", factory=faulty(plan))
    client = await connect(state=state)
    outbox.put_many([raw_segment(number) for number in range(3)])
    plan["commit"] = when
    drain = Drain(outbox, client, environment=outbox.environment)
    with pytest.raises(ClientStorageError):
        await drain.flush(60)
    assert outbox.count == 3  # no record is let go before the checkpoint is on disk
    assert bool(state.checkpoint(ORIGIN)) == (when == "after")
    await drain.flush(60)
    assert state.checkpoint(ORIGIN) == client.held.note
    assert ledger.check_log() == _ids(range(3))
    assert outbox.count == 0
    await client.close()
    state.close()


@pytest.mark.parametrize("when", ["before", "after"])
async def test_fault_when_receipted_records_are_dropped(
    outbox: Outbox, drain: Drain, ledger: LedgerSimulator, faults: Plan, when: str
) -> None:
    outbox.put_many([raw_segment(number) for number in range(3)])
    faults["commit"] = when
    with pytest.raises(ClientStorageError):
        await drain.flush(60)
    assert outbox.count == (0 if when == "after" else 3)
    # A second failure during the recovery from the first.
    if outbox.count:
        ledger.lies.lose_answers = 1
        faults["commit"] = "after"
        with pytest.raises(ClientStorageError):
            await drain.flush(60)
    await drain.flush(60)
    assert ledger.check_log() == _ids(range(3))
    assert outbox.count == 0


async def test_fault_when_evidence_is_kept(connect: Connect, ledger: LedgerSimulator, tmp_path: Path) -> None:
    """Even without a disk the error is loud and this client appends no more; the log is caught again after a restart."""
    plan: Plan = {}
    state = State(tmp_path / "faulty.db", factory=faulty(plan))
    client = await connect(state=state)
    await client.append([raw_segment(number) for number in range(9)])
    ledger.roll_back(5)
    plan["commit"] = "before"
    with pytest.raises(RollbackError) as caught:
        await client.append([raw_segment(20)])
    assert "could not be kept" in "".join(caught.value.__notes__)
    with pytest.raises(LatchedError):
        await client.append([raw_segment(20)])
    await client.close()
    client = await connect(state=state)
    with pytest.raises(RollbackError):
        await client.append([raw_segment(20)])
    assert len(client.conflicts()) == 1
    await client.close()
    state.close()
