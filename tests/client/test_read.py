"""Stories of reading: everything that comes out was proven, and is what was asked for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from tests.client.camera_records import access, raw_segment, record_id
from tests.client.ledger_simulator import EPOCH_US, SUBMITTER, LedgerSimulator

from custody.client import Followed, LedgerClient, LedgerUnavailable, ProvenEntry
from custody.client.selection import by_range
from custody.core.errors import CustodyError, InclusionError
from custody.core.record import read_record
from custody.v1 import ledger_pb2


async def _indexes(entries: AsyncIterator[ProvenEntry]) -> list[int]:
    return [entry.index async for entry in entries]


@pytest.fixture
async def full(client: LedgerClient) -> LedgerClient:
    """23 entries of three cameras; 20 and 22 are accesses to two of them."""
    await client.append([raw_segment(number, camera=f"cam-{number % 3}") for number in range(20)])
    await client.append([access(20, "cam-0", "cam-1"), raw_segment(21), access(22, "cam-1", "cam-2")])
    return client


async def test_by_range(full: LedgerClient, ledger: LedgerSimulator) -> None:
    entries = [entry async for entry in full.read_range(3, 100)]
    assert [entry.index for entry in entries] == list(range(3, 23))
    assert [entry.entry.raw for entry in entries] == ledger.tree.entries[3:]
    assert await _indexes(full.read_range(7, 1)) == [7]


async def test_by_chain(full: LedgerClient) -> None:
    entries = [entry async for entry in full.read_chain("footage/site-1/cam-1")]
    assert [entry.index for entry in entries] == [1, 4, 7, 10, 13, 16, 19, 21]
    assert await _indexes(full.read_chain("footage/site-1/cam-1", 3, 2)) == [7, 10]
    assert await _indexes(full.read_chain("custody/site-1/cam-1")) == [20, 22]
    assert await _indexes(full.read_chain("custody/site-1/nobody")) == []


async def test_by_time_record_file_period_and_submitter(full: LedgerClient) -> None:
    assert await _indexes(full.read_time(EPOCH_US, EPOCH_US + 2_000)) == list(range(20))
    assert await _indexes(full.read_time(EPOCH_US + 2_000, EPOCH_US + 9_000)) == [20, 21, 22]
    found = await full.read_record(record_id(21))
    assert found is not None
    assert found.index == 21
    assert await full.read_record(record_id(77)) is None
    digest = read_record(raw_segment(5)).digests[0]
    assert await _indexes(full.read_file(digest)) == [5]
    begin = read_record(raw_segment(6)).at_us
    assert await _indexes(full.read_chain_time("footage/site-1/cam-0", begin, begin + 40_000_000)) == [6, 9]
    # No page proof can cover these: the client fetches what is missing.
    assert await _indexes(full.read_submitter(SUBMITTER, 0, EPOCH_US * 2)) == list(range(23))


def _altered(page: ledger_pb2.EntryPage) -> None:
    entry = bytearray(page.entries[1].entry)
    entry[40] ^= 1
    page.entries[1].entry = bytes(entry)


def _moved(page: ledger_pb2.EntryPage) -> None:
    page.entries[1].index += 1


def _moved_far(page: ledger_pb2.EntryPage) -> None:
    page.entries[1].index = page.entries[0].index


def _left_out(page: ledger_pb2.EntryPage) -> None:
    del page.entries[1]


def _no_proof(page: ledger_pb2.EntryPage) -> None:
    page.ClearField("range")
    page.ClearField("last")
    page.ClearField("checkpoint")


def _wrong_proof(page: ledger_pb2.EntryPage) -> None:
    if page.WhichOneof("proof") == "range":
        page.range.right[:] = [b"\x01" * 32] * len(page.range.right)
    else:
        page.last.hashes[:] = [b"\x01" * 32] * len(page.last.hashes)


@pytest.mark.parametrize("lie", [_altered, _moved, _left_out, _no_proof, _wrong_proof])
@pytest.mark.parametrize("what", ["range", "chain"])
async def test_a_lying_page_is_refused(
    full: LedgerClient, ledger: LedgerSimulator, lie: Callable[[ledger_pb2.EntryPage], None], what: str
) -> None:
    if (lie, what) == (_moved, "chain"):
        lie = _moved_far
    ledger.lies.page = lie
    with pytest.raises(CustodyError):
        await _indexes(full.read_range(2, 12) if what == "range" else full.read_chain("footage/site-1/cam-1"))
    assert full.conflicts() == []


async def test_genuine_entries_that_were_not_asked_for(full: LedgerClient, ledger: LedgerSimulator) -> None:
    other = ledger._page([3], 23)
    other.last.hashes.extend(ledger.tree.inclusion(3, 23))
    ledger.lies.page = lambda page: page.CopyFrom(other)
    digest = read_record(raw_segment(5)).digests[0]
    readings: list[AsyncIterator[ProvenEntry]] = [
        full.read_range(4, 1),
        full.read_chain("footage/site-1/cam-1"),
        full.read_chain("footage/site-1/cam-0", 1),
        full.read_time(EPOCH_US + 2_000, EPOCH_US + 9_000),
        full.read_file(digest),
        full.read_chain_time("footage/site-1/cam-1", 0, EPOCH_US * 2),
        full.read_submitter(SUBMITTER, EPOCH_US + 2_000, EPOCH_US * 2),
    ]
    for reading in readings:
        with pytest.raises(CustodyError) as refused:
            await _indexes(reading)
        assert refused.value.code == "read-mismatch"
    with pytest.raises(CustodyError):
        await full.read_record(record_id(5))


async def test_a_range_that_stops_early(full: LedgerClient, ledger: LedgerSimulator) -> None:
    def shorten(page: ledger_pb2.EntryPage) -> None:
        if page.entries[-1].index == 16:
            first = page.entries[0].index
            del page.entries[-1]
            page.range.CopyFrom(ledger.tree.range(first, len(page.entries), 23))

    ledger.lies.page = shorten
    with pytest.raises(CustodyError) as refused:
        await _indexes(full.read_range(12, 5))
    assert refused.value.code == "read-incomplete"


async def test_reading_notices_growth_and_rollback(full: LedgerClient, ledger: LedgerSimulator) -> None:
    ledger.append([(read_record(raw_segment(50)), b"")])
    assert await _indexes(full.read_range(22, 9)) == [22, 23]
    assert full.held.checkpoint.size == 24
    ledger.roll_back(20)
    with pytest.raises(CustodyError) as refused:
        await _indexes(full.read_range(2, 3))
    assert refused.value.code == "rollback"


async def test_a_reader_may_stop_whenever_it_likes(full: LedgerClient) -> None:
    entries = full.read(by_range(0, 23))
    assert (await anext(entries)).index == 0
    await entries.aclose()
    assert await _indexes(full.read_range(1, 1)) == [1]


async def test_following(full: LedgerClient, ledger: LedgerSimulator) -> None:
    seen: list[Followed] = []
    following = full.follow(20)
    seen.append(await anext(following))
    ledger.append([(read_record(raw_segment(60)), b"")])
    seen.append(await anext(following))
    await following.aclose()
    assert [[entry.index for entry in one.entries] for one in seen] == [[20, 21, 22], [23]]
    assert seen[1].seen.checkpoint.size == 24
    assert full.held == seen[1].seen


async def test_following_some_chains(full: LedgerClient, ledger: LedgerSimulator) -> None:
    following = full.follow(0, ["custody/site-1/cam-2"])
    assert [entry.index for entry in (await anext(following)).entries] == [22]
    waiting = asyncio.ensure_future(anext(following))
    ledger.append([(read_record(raw_segment(61)), b"")])
    assert (await waiting).entries == []
    await following.aclose()


async def test_proofs(full: LedgerClient, ledger: LedgerSimulator) -> None:
    entry = await full.read_record(record_id(7))
    assert entry is not None
    seen, hashes = await full.prove_inclusion(entry.index, entry.leaf)
    assert hashes == ledger.tree.inclusion(7, 23)
    old = (await full.checkpoint(20)).checkpoint
    assert old.size == 20
    assert full.held == seen
    seen, hashes = await full.prove_consistency(old)
    assert hashes == ledger.tree.consistency(20, 23)
    ledger.lies.proof = lambda proof: proof.hashes.append(b"\x00" * 32)
    with pytest.raises(CustodyError, match="needs"):
        await full.prove_inclusion(entry.index, entry.leaf)
    with pytest.raises(CustodyError, match="needs"):
        await full.prove_consistency(old)


async def test_many_proofs_at_once_and_what_is_wrong_with_one(full: LedgerClient, ledger: LedgerSimulator) -> None:
    leaves = {entry.index: entry.leaf async for entry in full.read_chain("footage/site-1/cam-1")}
    seen = await full.checkpoint()
    assert await full.prove_inclusions(leaves, seen) == {at: ledger.tree.inclusion(at, 23) for at in leaves}
    assert await full.prove_inclusions({}, seen) == {}
    for lie in (lambda proof: proof.inclusions.pop(), lambda proof: proof.inclusions[3].hashes.reverse()):
        ledger.lies.proof = lie
        with pytest.raises(InclusionError):
            await full.prove_inclusions(leaves, seen)


async def test_where_every_chain_ends(full: LedgerClient, ledger: LedgerSimulator) -> None:
    expected = dict(ledger.tree.chains.heads)
    ends = await full.chain_heads(fresh=True)
    assert ends.heads == expected
    assert ends.snapshot.index == 23

    def hide_the_last_access(response: ledger_pb2.GetChainHeadsResponse) -> None:
        (head,) = [head for head in response.heads if head.chain == "custody/site-1/cam-2"]
        response.heads.remove(head)

    ledger.lies.heads = hide_the_last_access
    with pytest.raises(CustodyError) as refused:
        await full.chain_heads(fresh=True)
    assert refused.value.code == "heads-mismatch"


async def test_a_page_that_does_not_come(full: LedgerClient, ledger: LedgerSimulator) -> None:
    ledger.lies.hold = []
    with pytest.raises(LedgerUnavailable, match="no page"):
        await _indexes(full.read(by_range(0, 9), timeout_s=0.05))
