"""Stories of a ledger whose tree is honest and whose answers hide entries of it, or tell of one twice."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
from tests.client.camera_records import EPOCH_MS, access, raw_segment
from tests.client.clock import Connect
from tests.client.ledger_simulator import EPOCH_US, SUBMITTER, LedgerSimulator

from custody.client import LedgerClient, ProvenEntry
from custody.core.errors import CustodyError
from custody.core.record import read_record
from custody.v1 import ledger_pb2

FIRST, HIDDEN = 2, 3


@pytest.fixture
async def watched(client: LedgerClient) -> LedgerClient:
    """Entry 3, an access, stands between two segments of one camera, of which the later names the earlier."""
    await client.append([raw_segment(number) for number in range(3)])
    await client.append([access(4, "cam-1"), raw_segment(5), raw_segment(6)])
    return client


def _segment_twice(ledger: LedgerSimulator) -> Callable[[ledger_pb2.EntryPage], None]:
    """The segment before the access takes its place too, and is proven as predecessor of the next."""

    def lie(page: ledger_pb2.EntryPage) -> None:
        indexes = [logged.index for logged in page.entries]
        if HIDDEN not in indexes:
            return
        page.entries[indexes.index(HIDDEN)].entry = ledger.tree.entries[FIRST]
        page.last.hashes[:] = ledger.tree.inclusion(indexes[-1], ledger.tree.size)

    return lie


@pytest.mark.parametrize(
    "read",
    [
        lambda client: client.read_range(0, 6),
        lambda client: client.read_time(0, EPOCH_US * 2),
        lambda client: client.read_submitter(SUBMITTER, 0, EPOCH_US * 2),
    ],
    ids=["range", "time", "submitter"],
)
async def test_a_predecessor_in_the_place_of_a_hidden_entry(
    watched: LedgerClient, ledger: LedgerSimulator, read: Callable[[LedgerClient], AsyncIterator[ProvenEntry]]
) -> None:
    ledger.lies.page = _segment_twice(ledger)
    with pytest.raises(CustodyError) as refused:
        [entry async for entry in read(watched)]
    assert refused.value.code == "inclusion-failed"


async def test_a_predecessor_in_the_place_of_a_hidden_entry_while_following(
    watched: LedgerClient, ledger: LedgerSimulator
) -> None:
    ledger.lies.page = _segment_twice(ledger)
    with pytest.raises(CustodyError) as refused:
        await anext(watched.follow(0))
    assert refused.value.code == "inclusion-failed"


async def test_one_access_told_twice_in_a_period_of_a_chain(watched: LedgerClient, ledger: LedgerSimulator) -> None:
    def lie(page: ledger_pb2.EntryPage) -> None:
        # Leaf index 3 is another chain's; in reads of a chain only the ledger vouches for indexes.
        page.entries.insert(3, ledger_pb2.LoggedEntry(index=3, entry=page.entries[2].entry))

    ledger.lies.page = lie
    begin = EPOCH_MS * 1000
    with pytest.raises(CustodyError) as refused:
        [one async for one in watched.read_chain_time("footage/site-1/cam-1", begin, begin + 70_000_000)]
    assert refused.value.code == "read-mismatch"


async def test_following_a_chain_with_a_hole(watched: LedgerClient, ledger: LedgerSimulator) -> None:
    def lie(page: ledger_pb2.EntryPage) -> None:
        del page.entries[2]

    ledger.lies.page = lie
    with pytest.raises(CustodyError) as refused:
        await anext(watched.follow(0, ["footage/site-1/cam-1"]))
    assert refused.value.code == "read-mismatch"


async def test_following_a_chain_whose_hole_lies_between_two_pages(
    watched: LedgerClient, ledger: LedgerSimulator
) -> None:
    following = watched.follow(0, ["footage/site-1/cam-1"])
    await anext(following)

    def hide_first(page: ledger_pb2.EntryPage) -> None:
        page.entries.pop(0)

    ledger.lies.page = hide_first
    await watched.append([raw_segment(7), raw_segment(8)])
    with pytest.raises(CustodyError) as refused:
        await anext(following)
    assert refused.value.code == "read-mismatch"


async def test_an_old_snapshot_in_the_place_of_a_fresh_one(watched: LedgerClient, ledger: LedgerSimulator) -> None:
    """Heads of before the last accesses are genuine, and would hide them."""
    kept: list[ledger_pb2.GetChainHeadsResponse] = []

    def keep(response: ledger_pb2.GetChainHeadsResponse) -> None:
        old = ledger_pb2.GetChainHeadsResponse()
        old.CopyFrom(response)
        kept.append(old)

    ledger.lies.heads = keep
    old = await watched.chain_heads(fresh=True)
    await watched.append([access(9, "cam-1")])

    def replay(response: ledger_pb2.GetChainHeadsResponse) -> None:
        index = old.snapshot.index
        response.snapshot.CopyFrom(kept[0].snapshot)
        del response.heads[:]
        response.heads.extend(kept[0].heads)
        response.inclusion.hashes[:] = ledger.tree.inclusion(index, ledger.tree.size)

    ledger.lies.heads = replay
    with pytest.raises(CustodyError) as refused:
        await watched.chain_heads(fresh=True)
    assert refused.value.code == "heads-stale"


async def test_a_record_filed_under_another_name(connect: Connect, ledger: LedgerSimulator) -> None:
    """The tree is honest about it: the entry really says that somebody else submitted."""
    client = await connect(identity=SUBMITTER)
    receipt = await client.append([raw_segment(0), raw_segment(1)])
    assert read_record(receipt[0].entry.record).kind.name == "segment"
    other = await connect(identity="urn:custody:recorder:nvr-4")
    with pytest.raises(CustodyError) as refused:
        await other.append([raw_segment(2), raw_segment(3)])
    assert refused.value.code == "receipt-mismatch"
