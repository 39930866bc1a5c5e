"""A receipt proves what was sent and nothing else: every part of it is changed in turn."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from custody.core.entry import Link, encode_seal, encode_stamp, sealed_record
from custody.core.errors import CustodyError, MalformedError
from custody.core.hashing import leaf_hash
from custody.core.limits import MAX_BATCH_BYTES, MAX_BATCH_RECORDS
from custody.core.range_proof import RangeProof, range_plan
from custody.core.receipt import Run, Submitted, check_batch_size, verify_runs
from custody.core.tree import EMPTY_FRONTIER, Extension, extend
from custody.core.tree_head import Checkpoint
from custody.v1 import entry_pb2

SUBMITTER = "urn:custody:recorder:nvr-3"
CHAIN = "footage/a/b"
SEAL = encode_seal(entry_pb2.Seal(key_id="k", signature=bytes(64), count=4))


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """A log of 21 entries; those at 5 to 8 are the batch."""

    batch: list[Submitted]
    stamps: list[bytes]
    tree: Extension

    @property
    def checkpoint(self) -> Checkpoint:
        return Checkpoint(origin="ledger.example/a", size=21, root=self.tree.root)

    def run(self, first: int, positions: list[int]) -> Run:
        proof = range_plan(first, len(positions), 21).assemble(self.tree.node)
        return Run(first, [self.stamps[at] for at in positions], positions, proof)


@pytest.fixture(scope="module")
def log() -> Log:
    batch = [Submitted(b"record %d" % number, SEAL if number == 3 else b"", (CHAIN,)) for number in range(4)]
    stamps = [encode_stamp(SUBMITTER, 1_000 + number, [Link(CHAIN, number + 2, bytes(32))]) for number in range(4)]
    leaves = [leaf_hash(b"%d" % number) for number in range(21)]
    leaves[5:9] = [
        leaf_hash(sealed_record(sent.record, sent.seal) + stamp) for sent, stamp in zip(batch, stamps, strict=True)
    ]
    return Log(batch=batch, stamps=stamps, tree=extend(EMPTY_FRONTIER, leaves))


def test_a_batch_in_one_run(log: Log) -> None:
    run = log.run(5, [0, 1, 2, 3])
    receipted = verify_runs(log.batch, [run], log.checkpoint)
    assert verify_runs(log.batch, [run._replace(positions=())], log.checkpoint) == receipted
    assert [(item.index, item.entry.record) for item in receipted] == [
        (5 + number, b"record %d" % number) for number in range(4)
    ]
    assert [item.leaf for item in receipted] == [leaf_hash(item.entry.raw) for item in receipted]


def test_a_batch_of_which_some_was_there_before(log: Log) -> None:
    runs = [log.run(7, [2, 3]), log.run(5, [0, 1])]
    assert [item.index for item in verify_runs(log.batch, runs, log.checkpoint)] == [5, 6, 7, 8]


def changes(log: Log) -> dict[str, tuple[list[Submitted], list[Run], str]]:
    run = log.run(5, [0, 1, 2, 3])
    first, *others = log.batch
    last = log.stamps[3]
    foreign = encode_stamp(SUBMITTER, 1_000, [Link("footage/a/c", 2, bytes(32))])
    two = encode_stamp(SUBMITTER, 1_000, [Link("custody/a/b", 2, bytes(32)), Link(CHAIN, 2, bytes(32))])
    other = encode_stamp("urn:custody:recorder:nvr-4", 1_000, [Link(CHAIN, 2, bytes(32))])
    return {
        "record": ([first._replace(record=b"record 9"), *others], [run], "inclusion-failed"),
        "seal": ([first._replace(seal=SEAL), *others], [run], "inclusion-failed"),
        "seal-lost": ([*log.batch[:3], log.batch[3]._replace(seal=b"")], [run], "inclusion-failed"),
        "order": ([log.batch[1], first, *others[1:]], [run], "inclusion-failed"),
        "stamp": (log.batch, [run._replace(stamps=[other, *run.stamps[1:]])], "inclusion-failed"),
        "chain": (log.batch, [run._replace(stamps=[foreign, *run.stamps[1:]])], "receipt-mismatch"),
        "more-chains": (log.batch, [run._replace(stamps=[two, *run.stamps[1:]])], "receipt-mismatch"),
        "garbage": (log.batch, [run._replace(stamps=[b"\x1a", *run.stamps[1:]])], "entry-malformed"),
        "own-record": (log.batch, [run._replace(stamps=[sealed_record(b"x") + last] * 4)], "entry-spelling"),
        "index": (log.batch, [run._replace(first_index=6)], "inclusion-failed"),
        "outside": (log.batch, [run._replace(first_index=18)], "receipt-mismatch"),
        "empty-run": (log.batch, [run, Run(0, [], [], RangeProof(left=(), right=()))], "receipt-mismatch"),
        "fewer": (log.batch, [log.run(5, [0, 1, 2])], "receipt-mismatch"),
        "none": (log.batch, [], "receipt-mismatch"),
        "twice": (log.batch, [run, run], "receipt-mismatch"),
        "twice-in-one": (log.batch, [run._replace(positions=[0, 1, 2, 2])], "receipt-mismatch"),
        "no-such-position": (log.batch, [run._replace(positions=[0, 1, 2, 4])], "receipt-mismatch"),
        "negative-position": (log.batch, [run._replace(positions=[0, 1, 2, -1])], "receipt-mismatch"),
        "fewer-positions": (log.batch, [run._replace(positions=[0, 1, 2])], "receipt-mismatch"),
        "proof": (log.batch, [run._replace(proof=RangeProof(left=run.proof.left, right=()))], "inclusion-failed"),
    }


def test_every_change_is_refused_with_its_code(log: Log) -> None:
    for name, (batch, runs, code) in changes(log).items():
        with pytest.raises(CustodyError) as caught:
            verify_runs(batch, runs, log.checkpoint)
        assert (name, caught.value.code) == (name, code)


def test_a_run_beyond_the_caps_is_refused(log: Log) -> None:
    run = log.run(5, [0, 1, 2, 3])
    with pytest.raises(CustodyError):
        verify_runs(log.batch, [run._replace(stamps=[*run.stamps] * MAX_BATCH_RECORDS)], log.checkpoint)


def test_batches_have_a_size() -> None:
    check_batch_size(1, 1)
    check_batch_size(MAX_BATCH_RECORDS, MAX_BATCH_BYTES)
    for count, total, code in (
        (0, 0, "batch-empty"),
        (MAX_BATCH_RECORDS + 1, 1, "batch-oversize"),
        (1, MAX_BATCH_BYTES + 1, "batch-oversize"),
    ):
        with pytest.raises(MalformedError) as caught:
            check_batch_size(count, total)
        assert caught.value.code == code
