"""What the audit of a log in tiles finds without any index."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from tests.verifier.tile_folder import KEY, entries_of, segment, write_tiles

from custody.core.entry import Link, decode_entry, encode_entry
from custody.verifier import record_ids
from custody.verifier.audit_run import AuditPlan, AuditStopped, audit_log
from custody.verifier.finding import Finding
from custody.verifier.log_report import LogReport
from custody.verifier.tiles.tile_log import TileLog


def audit(folder: Path, *, workers: int = 1) -> LogReport:
    open_log = partial(TileLog.open, str(folder))
    return audit_log(AuditPlan(open_log=open_log, keys=(KEY.vkey,), workers=workers, range_bundles=1))


def findings(folder: Path) -> list[Finding]:
    return list(audit(folder).findings.blaming())


def test_a_log_without_fault(tmp_path: Path) -> None:
    folder = write_tiles(tmp_path, entries_of([segment(number) for number in range(1, 601)]))
    assert findings(folder) == []


@pytest.mark.parametrize(("first", "again"), [(0, 1), (0, 255), (255, 256), (3, 599), (511, 512)])
def test_a_record_id_that_is_there_twice(tmp_path: Path, first: int, again: int) -> None:
    """Within a range and across ranges; nothing but the ids themselves tells."""
    records = [segment(number) for number in range(1, 601)]
    records[again] = segment(again + 1, identity=first + 1)
    (found,) = findings(write_tiles(tmp_path, entries_of(records)))
    assert (found.code, found.check, found.index) == ("record-repeated", 7, again)
    assert f"entries {first} and {again} have the same record id" in found.message


def test_every_repetition_is_named_in_the_order_of_the_log(tmp_path: Path) -> None:
    records = [segment(number, identity=number % 290) for number in range(1, 301)]
    found = findings(write_tiles(tmp_path, entries_of(records)))
    assert [(one.code, one.index) for one in found] == [("record-repeated", index) for index in range(290, 300)]


def test_a_repetition_is_found_beside_an_entry_that_cannot_be_read(tmp_path: Path) -> None:
    records = [segment(number, identity=7 if number in {7, 400} else None) for number in range(1, 501)]
    entries = entries_of(records)
    entries[20] = b"no entry"
    codes = [(one.code, one.index) for one in findings(write_tiles(tmp_path, entries))]
    assert ("record-repeated", 399) in codes


def test_more_ids_than_are_kept_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_ids, "MEMORY_BYTES", 48)
    records = [segment(number, identity=7 if number == 400 else None) for number in range(1, 501)]
    folder = write_tiles(tmp_path, entries_of(records))
    assert [(one.code, one.index) for one in findings(folder)] == [("record-repeated", 399)]
    # No room for them: nothing is decided.
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    with pytest.raises(AuditStopped):
        audit(folder)


@pytest.mark.parametrize("extra", ["footage/site/aaa", "footage/site/zzz", "custody/site/cam"])
def test_an_entry_that_is_filed_where_it_does_not_belong(tmp_path: Path, extra: str) -> None:
    entries = entries_of([segment(number) for number in range(1, 11)])
    last = decode_entry(entries[-1])
    links = sorted([*last.links, Link(extra, 1, b"")])
    entries[-1] = encode_entry(last.record, None, last.submitter, last.sequenced_at_us, links)
    assert [(one.code, one.index) for one in findings(write_tiles(tmp_path, entries))] == [("chains-differ", 9)]
