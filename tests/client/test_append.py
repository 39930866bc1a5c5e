"""Stories of appending: what a client accepts, and what it remembers."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from grpc import StatusCode
from tests.client.camera_records import access, raw_segment, record_id, segment
from tests.client.clock import Clock, Connect
from tests.client.ledger_simulator import ORIGIN, SUBMITTER, LedgerSimulator

from custody.client import LatchedError, LedgerClient, LedgerUnavailable, RefusedError, Submitted
from custody.client.state import State
from custody.core.entry import encode_seal
from custody.core.errors import MalformedError, RollbackError
from custody.v1 import entry_pb2


async def test_a_receipt_proves_every_record(client: LedgerClient, ledger: LedgerSimulator) -> None:
    receipt = await client.append(
        [segment(0), raw_segment(1), Submitted(raw_segment(2), b"", ("footage/site-1/cam-1",))]
    )
    assert receipt.indexes == (0, 1, 2)
    assert list(receipt.raw_entries) == ledger.tree.entries
    assert [one.entry.submitter for one in receipt] == [SUBMITTER] * 3
    assert [one.entry.links[0].seq for one in receipt] == [1, 2, 3]
    assert client.held.checkpoint.size == 3
    assert client.held.note == receipt.note


async def test_chains_of_many_cameras_in_one_batch(client: LedgerClient, ledger: LedgerSimulator) -> None:
    for start in range(0, 60, 20):
        batch = [raw_segment(start + number, camera=f"cam-{number % 7}") for number in range(19)]
        batch.append(access(start + 19, "cam-1", "cam-2"))
        receipt = await client.append(batch)
        assert list(receipt.raw_entries) == ledger.tree.entries[start : start + 20]


async def test_the_same_records_again_get_the_first_receipt_again(
    client: LedgerClient, ledger: LedgerSimulator
) -> None:
    first = await client.append([raw_segment(number) for number in (0, 1, 2)])
    await client.append([raw_segment(3)])
    again = await client.append([raw_segment(number) for number in (4, 1, 3, 2)])
    assert again.indexes == (4, first.indexes[1], 3, first.indexes[2])
    assert len(ledger.check_log()) == 5


async def test_seals_travel_and_stand_in_the_entry(client: LedgerClient) -> None:
    seal = encode_seal(entry_pb2.Seal(key_id="k1", signature=b"\x01" * 64, count=1))
    chains = ("footage/site-1/cam-1",)
    receipt = await client.append([Submitted(raw_segment(0), b"", chains), Submitted(raw_segment(1), seal, chains)])
    assert receipt[0].entry.seal is None
    assert receipt[1].entry.seal is not None
    assert receipt[1].entry.seal.key_id == "k1"
    receipt = await client.append([Submitted(raw_segment(2), seal, chains), Submitted(raw_segment(3), b"", chains)])
    assert receipt[0].entry.seal is not None
    assert receipt[1].entry.seal is None


async def test_the_checkpoint_is_on_disk_before_the_receipt_is_handed_out(connect: Connect, tmp_path: Path) -> None:
    state = State(tmp_path / "state.db")
    try:
        client = await connect(state=state)
        receipt = await client.append([raw_segment(0)])
        assert state.checkpoint(ORIGIN) == receipt.note
        await client.close()
    finally:
        state.close()
    client = await connect(state=tmp_path / "state.db", vkeys=[client._link.session.keys[0]])
    assert client.held.note == receipt.note
    await client.append([raw_segment(1)])


async def test_a_lost_answer_is_asked_for_again(client: LedgerClient, ledger: LedgerSimulator, clock: Clock) -> None:
    ledger.lies.lose_answers = 3
    receipt = await client.append([raw_segment(0)])
    assert receipt.indexes == (0,)
    assert ledger.calls == ["Append"] * 4
    assert clock.waits == [0.05, 0.1, 0.2]


async def test_retries_end_at_the_deadline(client: LedgerClient, ledger: LedgerSimulator, clock: Clock) -> None:
    ledger.lies.refuse = [(StatusCode.RESOURCE_EXHAUSTED, "pool-full", {})] * 100
    with pytest.raises(RefusedError) as refused:
        await client.append([raw_segment(0)], timeout_s=5.0)
    assert (refused.value.code, refused.value.retryable) == ("pool-full", True)
    assert sum(clock.waits) < 5.0
    with pytest.raises(RefusedError):
        await client.append([raw_segment(0)], retry=False)


async def test_a_refusal_for_good_is_not_repeated(client: LedgerClient, ledger: LedgerSimulator) -> None:
    bad = segment(1)
    bad.record_id = b"\x00" * 16
    with pytest.raises(RefusedError) as refused:
        await client.append([raw_segment(0), bad.SerializeToString()])
    assert (refused.value.code, refused.value.position, refused.value.retryable) == ("record-id", 1, False)
    with pytest.raises(MalformedError, match="UUIDv7"):
        await client.append([bad])
    other = segment(0)
    other.segment.size_bytes = 5
    await client.append([raw_segment(0)])
    with pytest.raises(RefusedError) as refused:
        await client.append([other])
    assert refused.value.code == "record-conflict"
    assert ledger.check_log() == [record_id(0)]


@pytest.mark.parametrize(
    ("batch", "code"),
    [
        ([], "batch-empty"),
        ([b"\x0a\x01\x00"] * 1025, "batch-oversize"),
        ([b"\x0a\x01\x00"], "record-kind"),
        ([b"\xff\xff"], "record-malformed"),
    ],
)
async def test_a_batch_that_no_ledger_takes_is_not_sent(
    client: LedgerClient, ledger: LedgerSimulator, batch: list[bytes], code: str
) -> None:
    with pytest.raises(MalformedError) as refused:
        await client.append(batch)
    assert refused.value.code == code
    assert ledger.calls == []


async def test_no_ledger_at_all(connect: Connect, sockets: Path) -> None:
    client = await connect(target=f"unix:{sockets / 'nobody'}")
    with pytest.raises(LedgerUnavailable) as unavailable:
        await client.append([raw_segment(0)])
    assert unavailable.value.code == "ledger-unavailable"


async def test_answers_that_overtake_each_other(client: LedgerClient, ledger: LedgerSimulator) -> None:
    """64 callers, every answer held back and let go in any order: each finds its place in the line of checkpoints."""
    await client.append([raw_segment(1_000)])
    held = ledger.lies.hold = []
    async with asyncio.TaskGroup() as group:
        calls = [group.create_task(client.append([raw_segment(number)])) for number in range(64)]
        while ledger.tree.size < 65:
            await ledger.grown.wait()
        for answer in random.Random(7).sample(held, 64):
            answer.set()
            await asyncio.sleep(0)
    receipts = [call.result() for call in calls]
    assert sorted(receipt.indexes[0] for receipt in receipts) == list(range(1, 65))
    assert client.held.checkpoint.size == 65
    assert len(ledger.check_log()) == 65


async def test_a_stream_of_batches(client: LedgerClient, ledger: LedgerSimulator) -> None:
    bad = segment(99)
    bad.record_id = b"\x00" * 16

    async def batches() -> AsyncIterator[list[bytes]]:
        for start in range(0, 100, 10):
            yield [raw_segment(start + number) for number in range(10)]
            if start == 50:
                yield [bad.SerializeToString()]

    answers = [answer async for answer in client.append_stream(batches(), in_flight=4)]
    assert len(answers) == 11
    assert isinstance(answers[6], RefusedError)
    assert answers[6].code == "record-id"
    assert client.held.checkpoint.size == 100
    # Every batch stands directly behind the checkpoint before it: no proof had to be fetched.
    assert "GetProof" not in ledger.calls


async def _four_batches() -> AsyncIterator[list[bytes]]:
    for number in range(4):
        yield [raw_segment(number)]


@pytest.mark.parametrize("in_flight", [1, 8])
async def test_a_stream_that_breaks_is_appended_again(
    client: LedgerClient, ledger: LedgerSimulator, in_flight: int
) -> None:
    ledger.lies.lose_answers = 1
    with pytest.raises(LedgerUnavailable):
        [answer async for answer in client.append_stream(_four_batches(), in_flight=in_flight)]
    assert len([answer async for answer in client.append_stream(_four_batches())]) == 4
    assert len(ledger.check_log()) == 4


async def test_a_stream_that_is_not_answered_ends(client: LedgerClient, ledger: LedgerSimulator) -> None:
    ledger.lies.hold = []
    with pytest.raises(LedgerUnavailable, match=r"within 0\.05 s"):
        [answer async for answer in client.append_stream(_four_batches(), timeout_s=0.05)]


async def test_a_stream_through_a_rollback(client: LedgerClient, ledger: LedgerSimulator) -> None:
    await client.append([raw_segment(number) for number in range(9)])
    ledger.roll_back(2)
    with pytest.raises(RollbackError):
        [answer async for answer in client.append_stream(_four_batches())]
    with pytest.raises(LatchedError):
        [answer async for answer in client.append_stream(_four_batches())]
