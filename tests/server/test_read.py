"""Reading: every selector, across page borders, proven by `core`, and nothing that is not published."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from hashlib import sha256
from typing import Any, cast

import pytest
from tests.server.ledger_rig import ORIGIN, START_US, Fault, Rig, access, range_proof, record_id, request_of, segment
from tests.server.refusals import Served, refusal

from custody.core.checkpoint import open_checkpoint
from custody.core.entry import decode_entry
from custody.core.hashing import leaf_hash
from custody.core.proof import verify_inclusion
from custody.core.range_proof import verify_range
from custody.server import read as read_module
from custody.server.read import FETCHES, PAGE_BYTES, PAGE_ENTRIES, Reader
from custody.server.store.protocol import LogStore, Placed
from custody.v1 import ledger_pb2, record_pb2

COUNT = 2_500
CHAIN = "footage/site-1/cam-1"


def record(number: int) -> bytes:
    if number % 97 == 5:
        return access(number, "site-1/cam-1", "site-1/cam-2")
    return segment(number, stream=f"site-1/cam-{1 + number // 1_400}")


async def fill(served: Served) -> list[bytes]:
    """Appends COUNT records in batches of two submitters; returns the entries."""
    for first in range(0, COUNT, 500):
        records = [record(number) for number in range(first, min(first + 500, COUNT))]
        name = f"nvr-{first // 500 % 2}"
        await served.stub.Append(request_of(records), metadata=(("custody-submitter", name),))
    return [page.entry async for page in _all(served)]


async def _all(served: Served) -> Any:
    for first in range(0, COUNT, 1_000):
        for placed in await served.rig.raw_store.entries(first, min(1_000, COUNT - first)):
            yield placed


def proven(served: Served, page: ledger_pb2.EntryPage) -> list[int]:
    """Indexes of a page after everything in it was proven."""
    checkpoint = open_checkpoint(page.checkpoint, served.rig.signer.signing.vkey, origin=ORIGIN)
    leaves = [leaf_hash(one.entry) for one in page.entries]
    last = page.entries[-1]
    if page.WhichOneof("proof") == "range":
        verify_range(leaves, page.entries[0].index, checkpoint.size, range_proof(page.range), checkpoint.root)
    else:
        verify_inclusion(leaves[-1], last.index, checkpoint.size, tuple(page.last.hashes), checkpoint.root)
        for leaf, after in zip(leaves, page.entries[1:], strict=False):
            assert leaf in {link.prev for link in decode_entry(after.entry).links}
    assert len(page.entries) <= PAGE_ENTRIES
    return [one.index for one in page.entries]


async def read(served: Served, entries: Sequence[bytes], **selector: Any) -> list[int]:
    pages = await served.read(with_proof=True, **selector)
    indexes = [index for page in pages for index in proven(served, page)]
    assert [one.entry for page in pages for one in page.entries] == [entries[index] for index in indexes]
    plain = await served.read(**selector)
    assert [one.index for page in plain for one in page.entries] == indexes
    assert not any(page.checkpoint for page in plain)
    return indexes


async def test_every_selector(served: Served) -> None:
    entries = await fill(served)
    read_entries = [decode_entry(entry) for entry in entries]
    on_chain = [at for at, entry in enumerate(read_entries) if CHAIN in {link.chain for link in entry.links}]
    assert len(on_chain) > PAGE_ENTRIES
    for first, count in ((0, COUNT), (0, 10**9), (1_023, 2), (255, 1_500), (COUNT - 1, 5), (COUNT, 5), (7, 0)):
        assert await read(served, entries, range={"first": first, "count": count}) == list(
            range(first, min(first + count, COUNT))
        )
    for first_seq, count in ((1, 0), (0, 0), (1_000, 100), (1_025, 0), (len(on_chain), 9), (len(on_chain) + 1, 9)):
        begin = max(1, first_seq) - 1
        expected = on_chain[begin : begin + count] if count else on_chain[begin:]
        assert await read(served, entries, chain={"chain": CHAIN, "first_seq": first_seq, "count": count}) == expected
    times = [entry.sequenced_at_us for entry in read_entries]
    for from_us, to_us in (
        (0, times[-1] + 1),
        (times[0], times[-1]),
        (times[700], times[700] + 1),
        (times[0], times[0]),
    ):
        expected = [at for at, time in enumerate(times) if from_us <= time < to_us]
        assert await read(served, entries, time={"from_us": from_us, "to_us": to_us}) == expected
    mine = [at for at, entry in enumerate(read_entries) if entry.submitter.endswith("nvr-1")]
    by = {"submitter": "urn:custody:unverified:nvr-1", "from_us": 0, "to_us": times[-1] + 1}
    assert await read(served, entries, submitter_time=by) == mine
    for number in (0, 5, 1_399, COUNT - 1):
        assert await read(served, entries, record_id=record_id(number)) == [number]
    for number in (0, 1_401):
        assert await read(served, entries, file_sha256=sha256(b"file%d" % number).digest()) == [number]
    told = await refusal(served.read(file_sha256=bytes(32)))
    assert (told.status, told.code) == ("NOT_FOUND", "not-there")


async def test_a_period_of_a_chain_holds_exactly_the_entries_that_touch_it(served: Served) -> None:
    entries = await fill(served)
    for first, last in ((0, COUNT), (300, 310), (1_390, 1_410), (499, 501), (2_400, 2_401)):
        from_us, to_us = START_US + first * 10_000_000, START_US + last * 10_000_000
        found = await read(served, entries, chain_time={"chain": CHAIN, "from_us": from_us, "to_us": to_us})
        wanted = [n for n in range(first, min(last, 1_400)) if n % 97 != 5]
        assert found == wanted  # also where the period begins or ends within a run: a client refuses a neighbour


async def test_many_inclusion_proofs_at_once(served: Served) -> None:
    entries = await fill(served)
    size, root = COUNT, (await served.rig.raw_store.state()).head.root
    for indexes in ([0], [COUNT - 1, 3, 3, 700], list(range(0, COUNT, 7)), []):
        wanted = ledger_pb2.Inclusions(indexes=indexes)
        answer = await served.stub.GetProof(ledger_pb2.GetProofRequest(log=ORIGIN, inclusions=wanted))
        assert len(answer.inclusions) == len(indexes)
        for index, proof in zip(indexes, answer.inclusions, strict=True):
            verify_inclusion(leaf_hash(entries[index]), index, size, proof.hashes, root)
    for indexes, code in (([0] * 1_025, "batch-oversize"), ([0, COUNT], "proof-impossible")):
        wanted = ledger_pb2.Inclusions(indexes=indexes)
        told = await refusal(served.stub.GetProof(ledger_pb2.GetProofRequest(log=ORIGIN, inclusions=wanted)))
        assert told.code == code


async def test_pages_end_before_the_message_limit(served: Served) -> None:
    large = [segment_of_bytes(number, 50_000) for number in range(60)]
    await served.stub.Append(request_of(large))
    pages = await served.read(range={"first": 0, "count": 60}, with_proof=True)
    assert [index for page in pages for index in proven(served, page)] == list(range(60))
    assert len(pages) == 3
    assert all(page.ByteSize() < PAGE_BYTES + 2 * 65_535 for page in pages)


def segment_of_bytes(number: int, size: int) -> bytes:
    """A record of about `size` bytes: an access to many documents."""
    made = record_pb2.Record.FromString(access(number, "site-1/cam-1"))
    for at in range(size // 500):
        made.access.documents.add(
            kind=record_pb2.DOCUMENT_KIND_CERTIFYING, reference=f"{at:0450}", document_sha256=bytes(32)
        )
    return made.SerializeToString()


async def test_what_is_not_published_is_not_shown(served: Served, rig: Rig) -> None:
    await served.stub.Append(request_of([segment(1)]))
    rig.faults.waiting = [Fault("signer.sign", False, "crash")]
    sending = served.stub.Append(request_of([segment(2)]))
    await rig.faults.crashed.wait()
    assert await served.size() == 2  # sequenced, unsigned
    chain = {"chain": CHAIN}
    everything = {"from_us": 0, "to_us": START_US * 2}
    for selector in (
        {"range": {"first": 0, "count": 9}},
        {"chain": chain},
        {"chain_time": {**chain, **everything}},
        {"time": everything},
        {"submitter_time": {"submitter": "urn:custody:unverified:anonymous", **everything}},
    ):
        assert [one.index for page in await served.read(**selector) for one in page.entries] == [0]
    for hidden in ({"record_id": record_id(2)}, {"file_sha256": sha256(b"file2").digest()}):
        assert (await refusal(served.read(**hidden))).code == "not-there"
    told = await refusal(
        served.stub.GetProof(ledger_pb2.GetProofRequest(log=ORIGIN, inclusion=ledger_pb2.Inclusion(index=1)))
    )
    assert told.code == "proof-impossible"
    sending.cancel()
    await rig.crash()


@pytest.mark.parametrize(
    "damage", ["UPDATE entry_run SET data = zeroblob(9)", "UPDATE tile SET hashes = substr(hashes, 1, 32)"]
)
async def test_damage_is_called_damage_and_not_the_peers_fault(served: Served, rig: Rig, damage: str) -> None:
    await served.stub.Append(request_of([segment(number) for number in range(5)]))
    await rig.directory.write(rig.directory._connection.execute, damage)
    told = await refusal(served.read(range={"first": 3, "count": 1}, with_proof=True))
    assert (told.status, told.code) == ("DATA_LOSS", "store-damaged")


class Noted:
    """A store that says which ranges of entries were asked for."""

    def __init__(self, store: LogStore) -> None:
        self._store = store
        self.asked: list[int] = []
        self.second = asyncio.Event()

    async def entries(self, first: int, count: int) -> list[Placed]:
        self.asked.append(first)
        if len(self.asked) == 2:
            self.second.set()
        return await self._store.entries(first, count)


async def test_the_next_page_is_fetched_while_one_is_read(served: Served) -> None:
    await fill(served)
    noted = Noted(served.rig.raw_store)
    reader = Reader(cast("LogStore", noted), COUNT, b"", with_proof=False)
    pages = reader.pages(ledger_pb2.ReadEntriesRequest(range=ledger_pb2.IndexRange(first=0, count=COUNT)))
    assert (await anext(pages)).entries[0].index == 0
    async with asyncio.timeout(5):
        await noted.second.wait()  # though nobody has asked for the second page yet
    assert [page.entries[0].index async for page in pages] == [PAGE_ENTRIES, 2 * PAGE_ENTRIES]
    assert noted.asked == [0, PAGE_ENTRIES, 2 * PAGE_ENTRIES]  # one page ahead, and none twice


class Slow:
    """A store whose entries come when they are let go."""

    def __init__(self, store: LogStore) -> None:
        self._store = store
        self.asked: list[int] = []
        self.given_up = 0
        self.many = asyncio.Event()
        self.go = asyncio.Event()
        self.chain_indexes = store.chain_indexes
        self.chain_period = store.chain_period

    async def entries_at(self, indexes: Sequence[int]) -> list[Placed]:
        self.asked.append(indexes[0])
        if len(self.asked) == FETCHES:
            self.many.set()
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.given_up += 1
            raise
        return await self._store.entries_at(indexes)


BY_CHAIN = {
    "number": ledger_pb2.ReadEntriesRequest(chain=ledger_pb2.ChainRange(chain=CHAIN, first_seq=1)),
    "time": ledger_pb2.ReadEntriesRequest(
        chain_time=ledger_pb2.ChainTimeRange(chain=CHAIN, from_us=0, to_us=START_US * 2)
    ),
}


@pytest.mark.parametrize("request_", BY_CHAIN.values(), ids=BY_CHAIN)
async def test_pages_of_a_chain_are_fetched_side_by_side_and_come_in_order(
    served: Served, request_: ledger_pb2.ReadEntriesRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(served)
    monkeypatch.setattr(read_module, "PAGE_ENTRIES", 100)
    plain = [
        entry.index
        async for page in Reader(served.rig.raw_store, COUNT, b"", with_proof=False).pages(request_)
        for entry in page.entries
    ]
    assert plain == sorted(plain)
    assert len(plain) > 1_000
    slow = Slow(served.rig.raw_store)
    reader = Reader(cast("LogStore", slow), COUNT, b"", with_proof=False)
    reading = asyncio.create_task(_indexes(reader, request_))
    async with asyncio.timeout(5):
        await slow.many.wait()
    assert slow.asked == [plain[0], plain[100], plain[200]]  # and no more while none has come
    slow.go.set()
    assert await reading == plain


async def test_a_reader_that_goes_takes_its_fetches_with_it(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    await fill(served)
    monkeypatch.setattr(read_module, "PAGE_ENTRIES", 100)
    slow = Slow(served.rig.raw_store)
    reader = Reader(cast("LogStore", slow), COUNT, b"", with_proof=False)
    reading = asyncio.create_task(_indexes(reader, BY_CHAIN["number"]))
    async with asyncio.timeout(5):
        await slow.many.wait()
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
    assert slow.given_up == FETCHES


async def _indexes(reader: Reader, request_: ledger_pb2.ReadEntriesRequest) -> list[int]:
    return [entry.index async for page in reader.pages(request_) for entry in page.entries]
