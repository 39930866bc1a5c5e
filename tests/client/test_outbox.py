"""The outbox by itself: durable on return, bounded, ordered, and honest after a failed write."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest
from tests.client.camera_records import access, raw_segment, record_id, segment
from tests.client.faulty_connection import Plan, faulty

from custody.client import Bounds, ClientStorageError, FileInUse, Outbox, OutboxConflict, OutboxFull, RefusedError
from custody.client.environment import Environment
from custody.client.waiting import Refusal, Waiting, look
from custody.core.entry import encode_seal
from custody.core.errors import MalformedError
from custody.v1 import entry_pb2


def _ids(outbox: Outbox) -> list[bytes]:
    return [one.record_id for one in outbox.oldest()]


def test_what_was_put_is_there_after_reopening_in_its_order(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.db")
    outbox.put(segment(2))
    outbox.put_many([raw_segment(0), access(3, "cam-2", "cam-1")])
    outbox.close()
    outbox = Outbox(tmp_path / "outbox.db")
    assert _ids(outbox) == [record_id(2), record_id(0), record_id(3)]
    assert outbox.count == 3
    assert outbox.total_bytes == sum(len(one.submitted.record) for one in outbox.oldest())
    assert outbox.oldest()[2].submitted.chains == ("custody/site-1/cam-1", "custody/site-1/cam-2")
    outbox.drop(outbox.oldest(2))
    assert _ids(outbox) == [record_id(3)]
    outbox.close()


def test_a_batch_is_cut_by_count_and_by_bytes(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.db")
    outbox.put_many([raw_segment(number) for number in range(10)])
    length = len(raw_segment(0))
    assert len(outbox.oldest(4)) == 4
    assert len(outbox.oldest(10, 3 * length)) == 3
    assert len(outbox.oldest(10, 1)) == 1
    outbox.close()


def test_putting_again_is_safe_and_another_record_under_the_same_id_is_not(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.db")
    outbox.put_many([raw_segment(0), raw_segment(0), raw_segment(1)])
    outbox.put(raw_segment(1))
    assert outbox.count == 2
    other = segment(1)
    other.segment.size_bytes = 7
    with pytest.raises(OutboxConflict) as refused:
        outbox.put_many([raw_segment(5), other.SerializeToString()])
    assert refused.value.code == "outbox-conflict"
    assert outbox.count == 2
    outbox.close()


def test_malformed_records_are_refused_at_the_door(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.db")
    bad = segment(1)
    bad.segment.stream = "Not A Stream"
    with pytest.raises(MalformedError):
        outbox.put_many([raw_segment(0), bad.SerializeToString()])
    assert outbox.count == 0
    outbox.close()


def test_the_bounds_hold_for_count_and_bytes(tmp_path: Path) -> None:
    length = len(raw_segment(0))
    outbox = Outbox(tmp_path / "outbox.db", bounds=Bounds(records=3))
    outbox.put_many([raw_segment(0), raw_segment(1)])
    with pytest.raises(OutboxFull) as full:
        outbox.put_many([raw_segment(2), raw_segment(3)])
    assert full.value.code == "outbox-full"
    outbox.put(raw_segment(2))
    outbox.put(raw_segment(2))
    outbox.drop(outbox.oldest(1))
    outbox.put(raw_segment(3))
    outbox.close()
    outbox = Outbox(tmp_path / "outbox.db", bounds=Bounds(total_bytes=4 * length))
    outbox.put(raw_segment(4))
    with pytest.raises(OutboxFull):
        outbox.put(raw_segment(5))
    assert outbox.count == 4
    outbox.close()


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.db")
    with pytest.raises(FileInUse) as refused:
        Outbox(tmp_path / "outbox.db")
    assert refused.value.code == "file-in-use"
    outbox.close()
    Outbox(tmp_path / "outbox.db").close()


def test_a_file_of_something_else_is_left_alone(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "outbox.db")
    connection.execute("CREATE TABLE t (a)")
    connection.commit()
    connection.close()
    with pytest.raises(ClientStorageError, match="something else"):
        Outbox(tmp_path / "outbox.db")
    (tmp_path / "garbage.db").write_bytes(b"no database" * 1000)
    with pytest.raises(ClientStorageError):
        Outbox(tmp_path / "garbage.db")


def test_seals_wait_with_their_records(tmp_path: Path) -> None:
    seal = entry_pb2.Seal(key_id="k1", signature=b"\x01" * 64, count=1)
    outbox = Outbox(tmp_path / "outbox.db")
    outbox.put(raw_segment(0), seal)
    outbox.put(raw_segment(1))
    assert [one.submitted.seal for one in outbox.oldest()] == [encode_seal(seal), b""]
    outbox.close()


def test_dead_letters_are_kept_until_somebody_discards_them(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.db")
    outbox.put_many([raw_segment(0), raw_segment(1)])
    refusal = RefusedError("no", code="scope-denied", status="PERMISSION_DENIED", retryable=False)
    outbox.bury(outbox.oldest()[0], refusal)
    assert _ids(outbox) == [record_id(1)]
    assert outbox.count == 1
    outbox.close()
    outbox = Outbox(tmp_path / "outbox.db")
    (letter,) = outbox.dead_letters()
    assert (letter.record, letter.code) == (raw_segment(0), "scope-denied")
    outbox.discard(letter)
    assert outbox.dead_letters() == []
    outbox.close()


def _buried(outbox: Outbox, numbers: range) -> None:
    outbox.put_many([raw_segment(number) for number in numbers])
    for one in outbox.oldest(len(numbers)):
        outbox.bury(one, RefusedError("not yours", code="not-in-scope", status="PERMISSION_DENIED", retryable=False))


def test_dead_letters_are_sent_again_when_somebody_has_mended_the_cause(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.db")
    _buried(outbox, range(2))
    outbox.put(raw_segment(2))
    assert outbox.revive() == 2
    assert _ids(outbox) == [record_id(2), record_id(0), record_id(1)]
    assert outbox.oldest()[1].submitted.chains == ("footage/site-1/cam-1",)
    assert (outbox.count, outbox.dead_letters()) == (3, [])
    assert outbox.revive() == 0
    outbox.close()


def test_without_room_dead_letters_stay(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.db", bounds=Bounds(records=2))
    _buried(outbox, range(2))
    outbox.put(raw_segment(2))
    with pytest.raises(OutboxFull):
        outbox.revive()
    assert (outbox.count, len(outbox.dead_letters())) == (1, 2)
    outbox.close()


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("commit", ["put", "drop"])
def test_fault_at_revive_loses_and_doubles_nothing(tmp_path: Path, when: str, commit: str) -> None:
    plan: Plan = {}
    outbox = Outbox(tmp_path / "outbox.db", factory=faulty(plan))
    _buried(outbox, range(3))
    if commit == "put":
        plan["commit"] = when
    forget = outbox.listen(lambda: plan.update(commit=when) if commit == "drop" else None)  # told after the put
    with pytest.raises(ClientStorageError):
        outbox.revive()
    forget()
    outbox.revive()
    assert _ids(outbox) == [record_id(0), record_id(1), record_id(2)]
    assert outbox.dead_letters() == []
    outbox.close()


def test_a_look_from_outside_counts_what_waits_by_chain_and_what_was_refused(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    assert look(path) == Waiting()
    outbox = Outbox(path, environment=Environment(now_us=lambda: 7))
    _buried(outbox, range(2))
    outbox.put_many([raw_segment(5), raw_segment(6), access(7, "cam-2", "cam-1")])
    assert look(path) == Waiting(
        records=3,
        oldest_us=7,
        chains={"footage/site-1/cam-1": 2, "custody/site-1/cam-1": 1, "custody/site-1/cam-2": 1},
        refusals=(Refusal(code="not-in-scope", count=2, example="not yours"),),
    )
    outbox.close()
    assert look(path).records == 3


def test_many_threads_put_at_once(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.db")

    def put(base: int) -> None:
        for number in range(20):
            outbox.put(raw_segment(base + number))

    threads = [threading.Thread(target=put, args=(base,)) for base in range(0, 160, 20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outbox.count == 160
    assert len(set(_ids(outbox))) == 160
    outbox.close()


# ---- fault pairs: the write failed, and was or was not persisted


@pytest.mark.parametrize("when", ["before", "after"])
def test_fault_at_put(tmp_path: Path, when: str) -> None:
    plan: Plan = {}
    outbox = Outbox(tmp_path / "outbox.db", factory=faulty(plan))
    outbox.put(raw_segment(0))
    plan["commit"] = when
    with pytest.raises(ClientStorageError) as failed:
        outbox.put_many([raw_segment(1), raw_segment(2)])
    assert failed.value.code == "client-storage"
    persisted = 2 if when == "after" else 0
    assert outbox.count == 1 + persisted
    assert len(outbox.oldest()) == outbox.count
    # Whoever was told of a failure puts again.
    outbox.put_many([raw_segment(1), raw_segment(2)])
    assert _ids(outbox) == [record_id(number) for number in range(3)]
    outbox.close()


@pytest.mark.parametrize("when", ["before", "after"])
def test_fault_at_drop_and_at_bury(tmp_path: Path, when: str) -> None:
    plan: Plan = {}
    outbox = Outbox(tmp_path / "outbox.db", factory=faulty(plan))
    outbox.put_many([raw_segment(number) for number in range(4)])
    plan["commit"] = when
    with pytest.raises(ClientStorageError):
        outbox.drop(outbox.oldest(2))
    assert outbox.count == (2 if when == "after" else 4)
    assert outbox.total_bytes == sum(len(one.submitted.record) for one in outbox.oldest())
    plan["commit"] = when
    refusal = RefusedError("no", code="scope-denied", status="PERMISSION_DENIED", retryable=False)
    count = outbox.count
    with pytest.raises(ClientStorageError):
        outbox.bury(outbox.oldest(1)[0], refusal)
    assert outbox.count + len(outbox.dead_letters()) == count
    assert outbox.count == len(outbox.oldest())
    outbox.close()
