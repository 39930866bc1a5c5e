"""An audit that goes on where the last one stood says what an audit of the whole log says."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from tests.rules.simulator import DAY, HOUR, LIBRARY, MINUTE
from tests.verifier.audit.conftest import Audit, Told

from custody.cli.main import run
from custody.rules import Scope
from custody.verifier.audit_run import Progress
from custody.verifier.custody_audit.custody_run import CustodyPlan, audit_custody
from custody.verifier.custody_audit.memory_file import read_memory
from custody.verifier.custody_audit.result import CustodyAudit
from custody.verifier.custody_audit.zone import Zone
from custody.verifier.progress import progress_bar
from custody.verifier.sqlite_log import SqliteLog


@pytest.fixture
def month(told: Told) -> Told:
    """Some days in short segments: more than two bundles."""
    told.world.lawful("bj185", "cn799")
    told.world.record(days=20, length=HOUR)
    told.world.access(officers=[])
    told.world.record(days=4, length=HOUR)
    told.write()
    return told


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(one[key] == other[key] for key in ("findings", "streams", "judged", "verdict", "at_us"))


def test_the_next_audit_reads_only_what_is_new(month: Told, audit: Audit, memory: Path) -> None:
    arguments = (month.log.path, "--key", month.key)
    first = audit(*arguments, "--state", memory)[1]
    assert first["read_from"] == 0
    month.world.record(days=3, length=HOUR)
    month.world.dispose(1, 5)
    month.write()
    again = audit(*arguments, "--state", memory)[1]
    assert 0 < again["read_from"] < first["judged"]
    assert same(again, audit(*arguments)[1])
    assert {row["code"] for row in again["not_checked"]} >= {"read-before"}
    assert "no-memory" not in {row["code"] for row in again["not_checked"]}
    idle = audit(*arguments, "--state", memory)[1]
    assert same(idle, again)


def test_many_small_steps_say_what_one_step_says(told: Told, audit: Audit, memory: Path) -> None:
    told.world.lawful("bj185")
    last: dict[str, Any] = {}
    for step in range(6):
        told.world.record(days=3, length=HOUR)
        if step % 2:
            told.world.access(officers=[])
        told.write()
        last = audit(told.log.path, "--key", told.key, "--state", memory)[1]
    assert last["read_from"] > 0
    assert same(last, audit(told.log.path, "--key", told.key)[1])


def test_a_correction_of_what_an_earlier_audit_read(told: Told, audit: Audit, memory: Path) -> None:
    world = told.world
    world.lawful("bj185").record(days=20, length=HOUR)
    wrong = world.access(recorded_by=None)
    told.write()
    first = audit(told.log.path, "--key", told.key, "--state", memory)[1]
    assert "register-incomplete" in [one["code"] for one in first["findings"]]
    held = read_memory(memory)
    assert held is not None
    state = held.restore(LIBRARY, ("default",))
    assert state is not None
    (leaf,) = [note.leaf for note in state.notes if note.index == wrong]
    right = world.entries[world.access()][2].record_id
    world.tell(correction=world.correction(wrong, leaf_sha256=leaf, replacement_id=right))
    world.tell(correction=world.correction(wrong, leaf_sha256=bytes(32)))
    told.write()
    again = audit(told.log.path, "--key", told.key, "--state", memory)[1]
    codes = [one["code"] for one in again["findings"]]
    assert again["read_from"] > 0
    assert same(again, audit(told.log.path, "--key", told.key)[1])
    assert "register-incomplete" not in codes
    assert {"corrected", "correction-unfounded"} <= set(codes)


def test_a_rollback_is_found(month: Told, audit: Audit, memory: Path, tmp_path: Path) -> None:
    old = tmp_path / "old.db"
    shutil.copy(month.log.path, old)
    month.world.record(days=1, length=HOUR)
    month.write()
    assert audit(month.log.path, "--key", month.key, "--state", memory)[1]["log"]["verdict"] == "fine"
    before = memory.read_bytes()
    status, report = audit(old, "--key", month.key, "--state", memory)
    assert status == 1
    assert "log-truncated" in [one["code"] for one in report["findings"]]
    assert "rollback" in [one["code"] for one in report["log"]["findings"]]
    assert memory.read_bytes() == before


def test_a_fork_is_found(month: Told, audit: Audit, memory: Path, new_writer: Any) -> None:
    assert audit(month.log.path, "--key", month.key, "--state", memory)[1]["log"]["verdict"] == "fine"
    other = Told(new_writer("fork.db"))
    other.world.lawful("bj185", "cn799")
    other.world.record(days=30, length=MINUTE * 59)
    other.write()
    assert len(other.world.entries) > len(month.world.entries)
    status, report = audit(other.log.path, "--key", month.key, "--state", memory)
    assert status == 1
    assert "log-forked" in [one["code"] for one in report["findings"]]


def test_other_rules_replay_the_whole_log(month: Told, audit: Audit, memory: Path) -> None:
    audit(month.log.path, "--key", month.key, "--state", memory)
    report = audit(month.log.path, "--key", month.key, "--state", memory, "--profile", "ctl32")[1]
    assert report["read_from"] == 0
    assert "no-memory" not in {row["code"] for row in report["not_checked"]}
    assert audit(month.log.path, "--key", month.key, "--state", memory, "--profile", "ctl32")[1]["read_from"] > 0


def test_damage_in_what_is_new_is_found_and_not_remembered(month: Told, audit: Audit, memory: Path) -> None:
    audit(month.log.path, "--key", month.key, "--state", memory)
    before = memory.read_bytes()
    month.world.record(days=1, length=HOUR)
    month.write()
    month.log.db.execute(
        "UPDATE entry_run SET data = zeroblob(length(data))"
        " WHERE first_index = (SELECT max(first_index) FROM entry_run)"
    )
    status, report = audit(month.log.path, "--key", month.key, "--state", memory)
    assert (status, report["log"]["verdict"], report["read_from"]) == (1, "findings", 0)
    assert memory.read_bytes() == before


def _of_before(data: bytes) -> bytes:
    """A file of the form before this one, whole."""
    body = data[:-32].replace(b"custody-audit-2\n", b"custody-audit-1\n", 1)
    return body + sha256(body).digest()


def _with_an_old_state(data: bytes) -> bytes:
    """A file of this form that holds a custody state of the form before."""
    body = data[:-32].replace(b"custody-state-4\n", b"custody-state-3\n", 1)
    return body + sha256(body).digest()


@pytest.mark.parametrize("damage", [_of_before, _with_an_old_state, lambda data: data[:0]])
def test_a_memory_that_cannot_be_used_says_what_to_do(
    month: Told, audit: Audit, memory: Path, damage: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    audit(month.log.path, "--key", month.key, "--state", memory)
    spoilt = damage(memory.read_bytes())
    memory.write_bytes(spoilt)
    status = run(["audit", str(month.log.path), "--key", month.key, "--state", str(memory), "--workers", "1"])
    told = capsys.readouterr()
    assert (status, told.out) == (2, "")
    assert "delete it and read the whole log again" in told.err
    assert "state-malformed" in told.err
    assert memory.read_bytes() == spoilt


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: b"x" + data[1:], lambda data: data[:40]])
def test_a_damaged_memory_is_refused(month: Told, audit: Audit, memory: Path, damage: Any) -> None:
    audit(month.log.path, "--key", month.key, "--state", memory)
    memory.write_bytes(damage(memory.read_bytes()))
    assert audit(month.log.path, "--key", month.key, "--state", memory) == (2, {})


def test_without_a_key_nothing_is_remembered(month: Told, audit: Audit, memory: Path) -> None:
    audit(month.log.path, "--state", memory)
    assert not memory.exists()


def plan_of(told: Told, memory: Path) -> CustodyPlan:
    return CustodyPlan(
        place=str(told.log.path), open_log=partial(SqliteLog.open, told.log.path, 1), keys=(told.log.key.vkey,),
        library=LIBRARY, base=("default",), scope=Scope(), now_us=told.world.now + DAY, memory=memory, zone=Zone(), range_bundles=1,
    )  # fmt: skip


@contextmanager
def interrupted(_: str) -> Iterator[Progress]:
    def progress(done: int, total: int) -> None:
        if done >= 512:
            raise KeyboardInterrupt

    yield progress


def test_an_interrupted_audit_goes_on(month: Told, memory: Path) -> None:
    plan = plan_of(month, memory)
    with pytest.raises(KeyboardInterrupt):
        audit_custody(plan, interrupted)
    held = read_memory(memory)
    assert held is not None
    assert (held.log.first, held.checkpoint) == (512, b"")
    done: CustodyAudit = audit_custody(plan, progress_bar)
    assert done.begun_at == 512
    whole = audit_custody(replace(plan, memory=None), progress_bar)
    assert (done.findings, done.status, done.log_status) == (whole.findings, whole.status, whole.log_status)
    kept = read_memory(memory)
    assert kept is not None
    assert kept.checkpoint


def test_a_history_that_changed_during_the_interruption_is_found(month: Told, memory: Path, new_writer: Any) -> None:
    with pytest.raises(KeyboardInterrupt):
        audit_custody(plan_of(month, memory), interrupted)
    other = Told(new_writer("fork.db"))
    other.world.lawful("bj185", "cn799")
    other.world.record(days=30, length=MINUTE * 59)
    other.write()
    done = audit_custody(plan_of(other, memory), progress_bar)
    assert done.begun_at == 0  # the memory leads to another root, so the whole log was read
