"""The façade for threads: the same answers and the same errors."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pytest
from tests.client.camera_records import raw_segment, record_id, segment
from tests.client.ledger_simulator import ORIGIN, LedgerSimulator

from custody.client import KeysNotPinned, LatchedError, Outbox, RefusedError, SyncLedgerClient
from custody.client.selection import by_chain, by_range
from custody.core.errors import RollbackError

T = TypeVar("T")


class Place:
    """Where the simulated ledger is; stories run in a thread, the simulator on the loop of the test."""

    def __init__(self, ledger: LedgerSimulator, target: str, folder: Path) -> None:
        self.ledger, self.target, self.folder = ledger, target, folder

    def connect(self) -> SyncLedgerClient:
        return SyncLedgerClient.connect(
            self.target, log=ORIGIN, vkeys=[self.ledger.vkey], state=self.folder / "state.db"
        )

    async def story(self, tell: Callable[[Place], T]) -> T:
        return await asyncio.to_thread(tell, self)


@pytest.fixture
def place(ledger: LedgerSimulator, sockets: Path, tmp_path: Path) -> Place:
    return Place(ledger, f"unix:{sockets / 'ledger'}", tmp_path)


async def test_append_read_prove_and_follow(place: Place) -> None:
    def story(place: Place) -> None:
        with place.connect() as client:
            receipt = client.append([raw_segment(number) for number in range(12)])
            assert receipt.indexes == tuple(range(12))
            assert client.held.checkpoint.size == 12
            assert [entry.index for entry in client.read(by_range(2, 3))] == [2, 3, 4]
            assert len(list(client.read(by_chain("footage/site-1/cam-1")))) == 12
            entry = client.read_record(record_id(5))
            assert entry is not None
            seen, _ = client.prove_inclusion(entry.index, entry.leaf)
            assert seen == client.checkpoint() == client.held
            client.append([raw_segment(12)])
            client.prove_consistency(seen.checkpoint)
            assert len(client.chain_heads(fresh=True).heads) == 1
            following = client.follow(0)
            assert len(next(following).entries) == 14
            following.close()  # type: ignore[attr-defined]

    await place.story(story)


async def test_errors_cross_the_threads(place: Place) -> None:
    def story(place: Place) -> None:
        with place.connect() as client:
            client.append([raw_segment(number) for number in range(5)])
            other = segment(0)
            other.segment.size_bytes = 1
            with pytest.raises(RefusedError):
                client.append([other])
            place.ledger.roll_back(2)
            with pytest.raises(RollbackError):
                client.append([raw_segment(9)])
            with pytest.raises(LatchedError):
                client.append([raw_segment(9)])
            assert len(client.conflicts()) == 1
            client.clear_conflicts("a test", adopt=place.ledger.note(2))
            client.append([raw_segment(9)])

    await place.story(story)


async def test_many_threads_share_one_client_and_an_outbox_is_flushed(place: Place) -> None:
    def story(place: Place) -> None:
        outbox = Outbox(place.folder / "outbox.db")
        with place.connect() as client, ThreadPoolExecutor(8) as threads:
            receipts = list(threads.map(lambda number: client.append([raw_segment(number)]), range(40)))
            assert sorted(receipt.indexes[0] for receipt in receipts) == list(range(40))
            outbox.put_many([raw_segment(number) for number in range(30, 60)])
            client.flush(outbox, 30)
        assert outbox.count == 0
        outbox.close()

    await place.story(story)
    assert len(place.ledger.check_log()) == 60


async def test_a_client_that_cannot_be_made_leaves_no_thread(place: Place) -> None:
    def story(place: Place) -> None:
        with pytest.raises(KeysNotPinned):
            SyncLedgerClient.connect(place.target, log=ORIGIN)

    await place.story(story)
