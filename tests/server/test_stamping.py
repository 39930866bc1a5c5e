"""Stamping: hand-written bytes against the protobuf runtime, runs against a naive count, one round against many."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from record_strategies import records
from tests.server.ledger_rig import START_US, access, segment

from custody.core.bundle import decode_bundle
from custody.core.chain import START, Chains, Head
from custody.core.entry import decode_entry, sealed_record
from custody.core.hashing import EMPTY_ROOT, leaf_hash
from custody.core.record import ReadRecord, read_record
from custody.core.tree import EMPTY_FRONTIER, extend
from custody.server.batch import Admitted
from custody.server.stamping import LogMemory, Stamped, Stamper, settle
from custody.server.store.protocol import ChainRun, LogHead
from custody.v1 import entry_pb2

SUBMITTER = "urn:custody:recorder:nvr-1"


def memory() -> LogMemory:
    return LogMemory(LogHead(0, EMPTY_ROOT, 1), EMPTY_FRONTIER, {}, {}, 0)


def admitted(raw: bytes) -> Admitted:
    return Admitted(read_record(raw), sealed_record(raw))


def write(into: LogMemory, batches: Sequence[Sequence[bytes]], now_us: int = START_US) -> Stamped:
    stamper = Stamper(into, now_us)
    for batch in batches:
        stamper.add(SUBMITTER, [admitted(raw) for raw in batch])
    stamped = stamper.finish()
    settle(into, stamped)
    return stamped


def entries_of(stamped: Stamped) -> list[bytes]:
    return [entry for _, count, data in stamped.commit.entries for entry in decode_bundle(data, count)]


raws = st.lists(records().map(lambda record: record.SerializeToString()), min_size=1, max_size=12)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(raws)
def test_a_stamped_entry_is_what_the_runtime_would_write(raws: list[bytes]) -> None:
    stamped = write(memory(), [raws])
    chains = Chains()
    for raw, stamp, entry in zip(raws, stamped.runs[0].stamps, entries_of(stamped), strict=True):
        message = entry_pb2.Entry(record=raw, submitter=SUBMITTER, sequenced_at_us=START_US)
        for chain in read_record(raw).chains:
            head = chains.heads.get(chain, START)
            message.links.add(chain=chain, seq=head.seq + 1, prev=head.leaf)
        assert entry == message.SerializeToString()
        assert entry == sealed_record(raw) + stamp
        for link in decode_entry(entry).links:
            chains.follow(*link, leaf_hash(entry))
    assert stamped.heads == chains.heads
    leaves = [leaf_hash(entry) for entry in entries_of(stamped)]
    assert stamped.commit.root == extend(EMPTY_FRONTIER, leaves).root
    assert stamped.commit.record_ids == [read_record(raw).record_id for raw in raws]


@pytest.mark.parametrize("seq", [1, 127, 128, 16_383, 16_384, (1 << 49) - 1, 1 << 62])
def test_numbers_of_every_length(seq: int) -> None:
    log = memory()
    raw = next(iter(_segments(1)))
    (chain,) = read_record(raw).chains
    log.heads[chain] = Head(seq, b"h" * 32)
    (entry,) = entries_of(write(log, [[raw]]))
    (link,) = decode_entry(entry).links
    assert link == (chain, seq + 1, b"h" * 32)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(raws)
def test_chain_runs_and_digests_are_those_of_a_naive_count(raws: list[bytes]) -> None:
    commit = write(memory(), [raws]).commit
    read = [read_record(raw) for raw in raws]
    assert sorted(commit.chain_runs) == sorted(_naive_runs(read))
    assert sorted(commit.digests) == sorted((digest[:8], at) for at, one in enumerate(read) for digest in one.digests)


def _naive_runs(read: Sequence[ReadRecord]) -> list[ChainRun]:
    found = []
    for chain in {chain for one in read for chain in one.chains}:
        places = [at for at, one in enumerate(read) if chain in one.chains]
        begins = [seq for seq, at in enumerate(places) if not seq or places[seq - 1] + 1 != at]
        for begin, end in zip(begins, [*begins[1:], len(places)], strict=True):
            periods = [read[at].period_us for at in places[begin:end]]
            from_us, to_us = min(low for low, _ in periods), max(high for _, high in periods)
            found.append(ChainRun(chain, begin + 1, places[begin], end - begin, from_us, to_us))
    return found


def _segments(count: int) -> list[bytes]:
    return [
        access(n, "site-1/cam-0", "site-1/cam-1") if n % 7 == 3 else segment(n, stream=f"site-1/cam-{n % 3}")
        for n in range(count)
    ]


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(1, 599), max_size=12), st.lists(st.integers(1, 599), max_size=12))
def test_any_split_into_batches_and_rounds_gives_the_same_log(rounds: list[int], batches: list[int]) -> None:
    raws = _segments(600)
    whole = memory()
    expected = entries_of(write(whole, [raws]))
    parts = memory()
    found: list[bytes] = []
    cuts = sorted({0, 600, *rounds, *batches})
    pending: list[list[bytes]] = []
    for low, high in itertools.pairwise(cuts):
        pending.append(raws[low:high])
        if high in rounds or high == 600:
            stamped = write(parts, pending)
            assert sum(len(run.stamps) for run in stamped.runs) == sum(map(len, pending))
            found += entries_of(stamped)
            pending = []
    assert found == expected
    assert (parts.head, parts.frontier, dict(parts.edge), parts.heads) == (
        whole.head, whole.frontier, dict(whole.edge), whole.heads,
    )  # fmt: skip


def test_time_never_goes_back() -> None:
    log = memory()
    write(log, [_segments(1)])
    with pytest.raises(ValueError, match="never decrease"):
        Stamper(log, START_US - 1)
