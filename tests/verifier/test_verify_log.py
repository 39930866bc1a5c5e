"""Stories about logs that were tampered with, told to `custody verify log`."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from custody.cli.main import run
from custody.core.note import SignatureType, SignerKey
from custody.verifier.audit_run import WORTH_SHARING, AuditPlan, audit_log
from custody.verifier.log_report import Status
from custody.verifier.sqlite_log import SqliteLog

if TYPE_CHECKING:
    from tests.verifier.conftest import LogWriter

Verify = Callable[..., tuple[int, dict[str, Any]]]
NewWriter = Callable[..., "LogWriter"]


def codes(report: dict[str, Any]) -> set[str]:
    return {one["code"] for one in report["findings"] if one["severity"] == "finding"}


def statuses(report: dict[str, Any]) -> dict[int, str]:
    return {one["number"]: one["status"] for one in report["checks"]}


def test_a_good_log_is_fine_and_says_what_was_not_checked(writer: LogWriter, verify: Verify) -> None:
    writer.story()
    status, report = verify("log", writer.path, "--key", writer.key.vkey)
    assert (status, report["verdict"]) == (0, "fine")
    assert report["not_checked"] == [10, 11, 12]
    assert report["log"]["verified"] == 4
    (info,) = report["findings"]
    assert (info["code"], info["severity"], info["index"]) == ("unsigned-tail", "info", 4)


def test_without_a_key_nothing_is_fine(writer: LogWriter, verify: Verify, capsys: pytest.CaptureFixture[str]) -> None:
    writer.story()
    status, report = verify("log", writer.path)
    assert (status, report["verdict"]) == (2, "not-checked")
    assert statuses(report)[1] == "not-checked"
    assert run(["verify", "log", str(writer.path)]) == 2
    assert "NO KEY WAS GIVEN" in capsys.readouterr().out


def test_an_empty_log_proves_nothing(writer: LogWriter, verify: Verify) -> None:
    status, report = verify("log", writer.path, "--key", writer.key.vkey)
    assert (status, report["findings"]) == (2, [])


def test_another_key_is_not_the_log_s(writer: LogWriter, verify: Verify) -> None:
    writer.story()
    other = SignerKey.from_seed(writer.origin, SignatureType.ED25519, bytes(32))
    status, report = verify("log", writer.path, "--key", other.vkey)
    assert status == 1
    assert {"signature-missing", "log-keys-differ"} <= codes(report)
    assert report["log"]["verified"] == 0


def test_a_key_file_may_hold_comments(writer: LogWriter, verify: Verify, tmp_path: Path) -> None:
    writer.story()
    file = tmp_path / "log.vkey"
    file.write_text(f"# from the authority\n{writer.key.vkey}\n")
    assert verify("log", writer.path, "--key", file)[0] == 0


@pytest.mark.parametrize("bundles", [1, 2, 64])
def test_ranges_of_any_width_agree(new_writer: NewWriter, bundles: int) -> None:
    writer = fill(new_writer(), 21)
    report = audit(writer, range_bundles=bundles)
    assert (report.status, report.verified, report.snapshots) == (Status.FINE, writer.size, 3)
    assert report.findings.kept == []


def fill(writer: LogWriter, rounds: int) -> LogWriter:
    """Five cameras in turns and one alone, batches that cross bundles, snapshots between."""
    for turn in range(rounds):
        names = [f"site-1/cam-{one % 5}" for one in range(37)] + ["site-2/yard"] * 23
        writer.append([writer.segment(name, b"%d" % writer.number) for name in names])
        if turn % 7 == 6:
            writer.append([writer.snapshot()])
    return writer


def audit(writer: LogWriter, **options: Any) -> Any:
    opened = partial(SqliteLog.open, writer.path, writer.log)
    return audit_log(AuditPlan(open_log=opened, keys=(writer.key.vkey,), **options))


def test_processes_find_what_one_finds(new_writer: NewWriter, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = fill(new_writer(), 21)
    writer.db.execute("UPDATE digest SET leaf_index = leaf_index + 1 WHERE leaf_index = 700")
    alone = audit(writer)
    monkeypatch.setattr("custody.verifier.audit_run.WORTH_SHARING", 1)
    assert WORTH_SHARING > 1
    shared = audit(writer, workers=2, range_bundles=1)
    assert shared.findings.kept == alone.findings.kept
    assert {one.code for one in shared.findings.kept} == {"index-digest"}
    assert [one.index for one in shared.findings.kept] == [None, 700]


def test_a_flaw_beyond_the_first_tile_level_is_found(new_writer: NewWriter) -> None:
    writer = fill(new_writer(), 21)
    writer.db.execute("UPDATE tile SET hashes = zeroblob(length(hashes)) WHERE level = 1")
    report = audit(writer)
    assert [(one.code, one.check) for one in report.findings.kept] == [("tile-mismatch", 4)]


def test_a_removed_entry_is_named(writer: LogWriter, verify: Verify) -> None:
    writer.story()
    writer.db.execute("DELETE FROM entry_run WHERE first_index = 2")
    status, report = verify("log", writer.path, "--key", writer.key.vkey)
    assert status == 1
    missing = [one for one in report["findings"] if one["code"] == "entries-missing"]
    assert [one["index"] for one in missing] == [2]
    # The tile's hash stands in for the entry, and the signed roots say that there was one.
    assert statuses(report)[3] == "fine"


def test_reordered_entries_are_found(writer: LogWriter, verify: Verify) -> None:
    one = "site-12/cam-01"
    writer.append([writer.segment(one, b"a")])
    writer.append([writer.segment(one, b"b")])
    (first,), (second,) = writer.db.execute("SELECT data FROM entry_run ORDER BY first_index").fetchall()
    writer.db.execute("UPDATE entry_run SET data = ? WHERE first_index = 0", (second,))
    writer.db.execute("UPDATE entry_run SET data = ? WHERE first_index = 1", (first,))
    status, report = verify("log", writer.path, "--key", writer.key.vkey)
    assert status == 1
    assert {"root-mismatch", "tile-mismatch", "chain-number", "time-decreases"} <= codes(report)


def test_a_history_rewritten_without_the_key_is_found(new_writer: NewWriter, verify: Verify) -> None:
    """Everything is recomputed to fit, but the checkpoints can only be signed by another key, or kept."""
    true, false = new_writer("true.db"), new_writer("false.db")
    true.story()
    false.number = 100
    false.story()
    kept = true.db.execute("SELECT size, note FROM checkpoint").fetchall()
    false.db.execute("DELETE FROM checkpoint")
    false.db.executemany("INSERT INTO checkpoint VALUES (1, ?, ?)", kept)
    status, report = verify("log", false.path, "--key", true.key.vkey)
    assert status == 1
    assert codes(report) == {"root-mismatch"}
    assert report["log"]["verified"] == 0

    forger = new_writer("forged.db", key=SignerKey.from_seed(true.origin, SignatureType.ED25519, bytes(32)))
    forger.story()
    forger.db.execute("UPDATE log SET vkeys = ?", (true.key.vkey.encode(),))
    status, report = verify("log", forger.path, "--key", true.key.vkey)
    assert (status, codes(report)) == (1, {"signature-missing"})


def test_a_rollback_shows_only_to_those_who_remember(writer: LogWriter, verify: Verify, tmp_path: Path) -> None:
    writer.story()
    writer.publish()
    old = tmp_path / "old.db"
    shutil.copy(writer.path, old)
    memory = tmp_path / "memory"
    writer.append([writer.segment("site-12/cam-01", b"later")])
    key = ("--key", writer.key.vkey)
    assert verify("log", writer.path, *key, "--remember", memory)[0] == 0
    assert verify("log", writer.path, *key, "--remember", memory)[1]["not_checked"] == [11, 12]
    assert verify("log", old, *key)[0] == 0
    held = memory.read_bytes()
    for option in ("--since", "--remember"):
        status, report = verify("log", old, *key, option, memory)
        assert (status, codes(report)) == (1, {"rollback"})
    assert memory.read_bytes() == held


def test_a_fork_is_found_by_those_who_remember(new_writer: NewWriter, verify: Verify, tmp_path: Path) -> None:
    """Both sides are signed by the right key: the operator has it, or its signer was copied."""
    one, two = new_writer("one.db"), new_writer("two.db")
    one.story()
    memory = tmp_path / "memory"
    memory.write_bytes(one.checkpoint())
    two.number = 100
    two.story()
    two.publish()
    status, report = verify("log", two.path, "--key", one.key.vkey, "--since", memory)
    assert (status, codes(report)) == (1, {"fork"})


def test_a_remembered_checkpoint_must_be_signed(writer: LogWriter, verify: Verify, tmp_path: Path) -> None:
    writer.story()
    memory = tmp_path / "memory"
    memory.write_bytes(writer.checkpoint()[:-6] + b"AAAA=\n")
    assert verify("log", writer.path, "--key", writer.key.vkey, "--since", memory) == (2, {})


def test_entries_cut_off_at_the_end_are_named(writer: LogWriter, verify: Verify) -> None:
    """Somebody sets the head back and forgets, or cannot remove, the checkpoint."""
    writer.append([writer.segment("site-12/cam-01", b"a")])
    root = writer.frontier.root()
    writer.append([writer.segment("site-12/cam-01", b"b")])
    writer.db.execute("UPDATE log SET size = 1, published = 1, root = ?", (root,))
    status, report = verify("log", writer.path, "--key", writer.key.vkey)
    assert status == 1
    assert {"log-truncated", "entries-outside"} <= codes(report)


def test_hostile_sizes_end_soon(new_writer: NewWriter, verify: Verify) -> None:
    for number, size in enumerate((1 << 62, -5)):
        writer = new_writer(f"{number}.db", constraints=False)
        writer.story()
        writer.db.execute("UPDATE log SET size = ?", (size,))
        writer.db.execute("UPDATE entry_run SET first_index = ? WHERE first_index = 4", (1 << 61,))
        assert verify("log", writer.path, "--key", writer.key.vkey)[0] == 1


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\0" + bytes(4096), b"garbage" * 999])
def test_what_is_no_ledger_cannot_be_checked(verify: Verify, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "x.db"
    file.write_bytes(content)
    assert verify("log", file) == (2, {})
    assert verify("log", tmp_path / "nothing.db") == (2, {})


def test_several_logs_in_one_file_are_told_apart(new_writer: NewWriter, verify: Verify) -> None:
    one = new_writer()
    one.story()
    two = new_writer(origin="example.org/other")
    two.story()
    assert verify("log", one.path) == (2, {})
    assert verify("log", one.path, "--log", "example.org/none") == (2, {})
    for writer in (one, two):
        assert verify("log", one.path, "--key", writer.key.vkey)[1]["log"]["origin"] == writer.origin
    status, report = verify("log", one.path, "--log", two.origin, "--key", one.key.vkey)
    assert status == 1
    assert "signature-missing" in codes(report)


def test_a_reader_sees_one_moment_while_a_writer_goes_on(writer: LogWriter) -> None:
    writer.db.execute("PRAGMA journal_mode = WAL")
    writer.story()
    reader = SqliteLog.open(writer.path, writer.log)
    before = reader.head()
    writer.append([writer.segment("site-12/cam-01", b"meanwhile")])
    report = audit_log(AuditPlan(open_log=lambda: reader, keys=(writer.key.vkey,)))
    assert (report.status, report.size) == (Status.FINE, before.size)
    assert audit(writer).size == before.size + 1


def test_the_verdict_is_also_said_in_chinese(writer: LogWriter, capsys: pytest.CaptureFixture[str]) -> None:
    writer.story()
    assert run(["verify", "log", str(writer.path), "--key", writer.key.vkey.encode(), "--lang", "zh"]) == 0
    assert "结论: 无误 (未检查: 10, 11, 12)" in capsys.readouterr().out


@pytest.mark.parametrize("key", ["x", "a+b+c", "example.org/log+00000000+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c"])
def test_an_unusable_key_is_no_verdict(writer: LogWriter, verify: Verify, key: str) -> None:
    writer.story()
    assert verify("log", writer.path, "--key", key) == (2, {})
