"""Personal data stands in the store of disclosures and nowhere else: planted names are looked for in every byte."""

from __future__ import annotations

import logging
import sqlite3
import stat
from pathlib import Path
from typing import Any

import grpc
import pytest
from tests.desk.desk_rig import (
    ACCESS,
    CLERK,
    HOLD,
    NOW_US,
    OFFICERS,
    PAPER,
    PLANTED,
    SITE,
    SPAN,
    STREAM,
    DeskRig,
    moment,
)
from tests.desk.test_stories import wait_list

from custody.client.errors import LedgerUnavailable
from custody.client.sync import SyncLedgerClient
from custody.core.disclosure import Disclosure
from custody.core.errors import CustodyError
from custody.desk.disclosures import DisclosureStore

REASON = "planted reason 丢失自行车"
WHO = {"by": CLERK}
RANGE = {"ranges": [{**SPAN, "first": 1, "last": 1}], "knowledge": "announced", **WHO}
EVERY_ACT: list[tuple[str, Any]] = [
    ("request", {"request_id": "r-1", "spans": [SPAN], "officers": OFFICERS, "reason": REASON}),
    ("grant", {"request_id": "r-1", "streams": [STREAM], **WHO}),
    ("refuse", {"request_id": "r-2", "streams": [STREAM], "reason": "other", "reason_text": REASON, **WHO}),
    *((f"access {act}", ACCESS) for act in ("view", "consult", "retrieve", "copy", "provide", "publish")),
    ("hold place", HOLD),
    ("hold release", {"hold_id": "h-1", "streams": [STREAM], "authority": "Court"}),
    ("stream change", {"description": {"stream": STREAM, "angle": "west"}, "aspects": ["angle"]}),
    ("retention", {"streams": [STREAM], "minimum": "30 d", "effective_from": moment(NOW_US)}),
    ("staff begin", {"person": OFFICERS[0], "duty": "monitoring"}),
    ("staff end", {"person": OFFICERS[0], "duty": "monitoring"}),
    ("training", {"people": OFFICERS, "subject": "work"}),
    ("delegation", {"delegate": "Repairs Ltd"}),
    ("shift", {"people": OFFICERS, "duration": "8 h"}),
    ("incident", {"incident_id": "i-1", "seen": moment(NOW_US), "text": REASON}),
    ("check", {"streams": [STREAM], **WHO}),
    ("inspection", {"inspection_id": "n-1", "inspectors": OFFICERS}),
    ("order", {"order_id": "o-1", "due": moment(NOW_US)}),
    ("done", {"order_id": "o-1"}),
    *((f"disposal {kind}", RANGE) for kind in ("manual", "ordered", "lost")),
    ("redaction", {"sources": [{**SPAN, "first": 1, "last": 1}], "derived_sha256": PAPER, **WHO}),
    ("publication", {"streams": [STREAM], "published_sha256": PAPER, **WHO}),
    ("correction", {"index": 1, "leaf_sha256": PAPER, "streams": [STREAM], "reason": REASON}),
    ("stream retire", {"stream": STREAM}),
]


def bytes_of(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def holding(files: dict[Path, bytes], words: tuple[str, ...] = PLANTED) -> set[str]:
    return {path.name for path, data in files.items() if any(word.encode() in data for word in words)}


async def test_nothing_personal_leaves_the_store(
    place: DeskRig, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await place.open()
    for name, form in EVERY_ACT:
        assert (await place.act(name, form, "--yes")).status == 0, name
        bad = await place.act(name, form | {"Planted": 1}, "--yes")
        assert bad.status == 2
        assert "[form-key-unknown]" in bad.err
    files = bytes_of(tmp_path)
    assert holding(files) <= {"disclosures.db", "disclosures.db-wal"}
    assert holding(files)
    said = "".join(one.out + one.err for one in place.said) + caplog.text
    # The last command of each pair was given a key `Planted`; even that is not repeated.
    assert not [word for word in PLANTED if word in said.replace("'Planted'", "")]
    assert not [word for word in PLANTED if any(word.encode() in one.raw for one in await place.records())]


async def test_reading_is_recorded_before_it_is_shown(place: DeskRig, tmp_path: Path) -> None:
    await place.open()
    receipt = await place.record("access consult", ACCESS)
    form = {"records": [receipt["record_id"]], "basis": "Inspection n-1", "by": CLERK}
    said = await place.act("disclose", form)
    assert said.status == 0
    assert all(value in said.out for value in ("Li Planted-One", "王植入", "WID-778103", REASON))
    body = (await place.records())[-1].body
    assert (body.act, len(body.opened_commitments), body.site) == (1, 7, SITE)
    target = tmp_path / "for-the-court.json"
    exported = await place.act("disclose", form | {"persons": [{"work_id": "WID-778101"}]}, "--export", str(target))
    assert exported.status == 0
    assert "Planted" not in exported.out + exported.err
    assert "王植入" in target.read_text(encoding="utf-8")
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert (await place.records())[-1].body.act == 2
    again = await place.act("disclose", form, "--export", str(target))
    assert again.status == 2


async def test_nothing_is_shown_when_it_cannot_be_recorded(place: DeskRig) -> None:
    await place.open()
    receipt = await place.record("access consult", ACCESS)
    store = DisclosureStore(place.disclosures)
    (first, *_) = store.person(SITE, {"work_id": "WID-778101"})
    store.close()
    place.configure("unix:/nowhere/at/all", timeout_s=1)
    said = await place.act("disclose", {"opened_commitments": [first.hex()], "basis": "x"}, "--yes")
    assert said.status == 2
    assert "Planted" not in said.out + said.err
    assert receipt["record_id"] not in said.out


async def test_erasing_leaves_no_byte_and_every_proof(place: DeskRig, tmp_path: Path) -> None:
    await place.open()
    await place.record("access consult", ACCESS)
    reasons = [one.body.reason_commitment.hex() for one in await place.records() if one.kind.name == "access"]
    form = {
        "persons": [{"work_id": officer["work_id"]} for officer in [*OFFICERS, CLERK]],
        "opened_commitments": reasons,
        "basis": "PIPL Art. 47",
    }
    said = await place.act("erase", form)
    assert said.status == 0, said
    assert "Erased: 7 disclosure(s)" in said.err
    assert holding(bytes_of(tmp_path)) == set()
    body = (await place.records())[-1].body
    assert (body.act, len(body.opened_commitments)) == (3, 7)
    verified = await place.custody("verify", "log")
    assert verified.status == 0, verified
    gone = await place.act("disclose", {"opened_commitments": reasons, "basis": "x"})
    assert gone.status == 2
    assert "[disclosure-unknown]" in gone.err


def kept(folder: Path) -> tuple[DisclosureStore, list[bytes]]:
    store = DisclosureStore(folder / "disclosures.db")
    draft = store.draft(SITE)
    commitments = list(draft.person({"name": "Li Planted", "work_id": "WID-7781"}).values())
    store.put(b"record-1", b"raw-1", draft)
    return store, commitments


def test_an_interrupted_erasure_is_finished_when_the_store_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, commitments = kept(tmp_path)
    store.put(b"record-2", b"raw-2", store.draft(SITE), commitments)
    assert not store.holds(commitments)  # what is being erased is not handed out any more
    assert not store.person(SITE, {"work_id": "WID-7781"})

    def killed() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(store, "_wipe", killed)
    with pytest.raises(KeyboardInterrupt):
        store.sent(b"record-2")
    # The files as a crash leaves them: the connection was never closed.
    left = tmp_path / "left"
    left.mkdir()
    for path in tmp_path.glob("disclosures.db*"):
        if not path.name.endswith(".lock"):
            (left / path.name).write_bytes(path.read_bytes())
            (left / path.name).chmod(0o600)
    assert holding(bytes_of(left)) == {"disclosures.db-wal"}
    reopened = DisclosureStore(left / "disclosures.db")
    assert holding(bytes_of(left)) == set()
    assert [raw for _, raw in reopened.pending()] == [b"raw-1", b"raw-2"]
    reopened.sent(b"record-2")
    assert [raw for _, raw in reopened.pending()] == [b"raw-1"]
    reopened.close()
    store.close()


def test_an_erasure_that_is_refused_erases_nothing(tmp_path: Path) -> None:
    store, commitments = kept(tmp_path)
    draft = store.draft(SITE)
    draft.person({"name": "Somebody else"})
    store.put(b"record-2", b"raw-2", draft, commitments)
    store.refused(b"record-2", draft)
    assert store.holds(commitments) == commitments
    assert not store.person(SITE, {"name": "Somebody else"})
    store.close()


def test_a_store_that_others_may_read_is_refused(tmp_path: Path) -> None:
    store, _ = kept(tmp_path)
    store.close()
    path = tmp_path / "disclosures.db"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o640)
    with pytest.raises(CustodyError, match="chmod 600") as refused:
        DisclosureStore(path)
    assert refused.value.code == "disclosure-store-exposed"


def test_the_side_files_of_the_store_are_its_owners_alone(tmp_path: Path) -> None:
    store, _ = kept(tmp_path)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.glob("disclosures.db*")}
    assert set(modes.values()) == {0o600}
    assert "disclosures.db-wal" in modes
    store.close()


def test_two_desks_do_not_share_a_store(tmp_path: Path) -> None:
    store, _ = kept(tmp_path)
    with pytest.raises(CustodyError) as refused:
        DisclosureStore(tmp_path / "disclosures.db")
    assert refused.value.code == "file-in-use"
    store.close()


def test_a_changed_disclosure_is_noticed(tmp_path: Path) -> None:
    store, (work_id, _) = kept(tmp_path)
    store.close()
    forged = Disclosure(salt=bytes(16), name="person.work_id", value="another").encode()
    with sqlite3.connect(tmp_path / "disclosures.db") as connection:
        connection.execute("UPDATE disclosure SET raw = ? WHERE commitment = ?", (forged, work_id))
    connection.close()
    store = DisclosureStore(tmp_path / "disclosures.db")
    with pytest.raises(CustodyError) as refused:
        store.find([work_id])
    assert refused.value.code == "disclosure-mismatch"
    store.close()


async def test_killed_before_sending_the_record_waits_and_goes_out_next(
    place: DeskRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    await place.open()
    before = len(await place.records())
    sending = SyncLedgerClient.append

    def killed(*_: Any, **__: Any) -> Any:
        raise LedgerUnavailable("killed")

    monkeypatch.setattr(SyncLedgerClient, "append", killed)
    said = await place.act("access consult", ACCESS)
    assert said.status == 2
    assert "The record is kept" in said.err
    # Nothing is in the log; the disclosures are there, used by no entry, and so is the record that will use them.
    assert len(await place.records()) == before
    ((record_id, _),) = wait_list(place)
    monkeypatch.setattr(SyncLedgerClient, "append", sending)
    said = await place.act("check", {"streams": [STREAM]}, "--yes")
    assert said.status == 0
    assert "1 record(s) of an interrupted command are sent first." in said.err
    records = await place.records()
    assert [one.record_id for one in records].count(record_id) == 1
    assert not wait_list(place)
    place.rig.audit()


async def test_killed_after_sending_the_record_is_in_the_log_once(
    place: DeskRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    await place.open()
    with monkeypatch.context() as patch:
        patch.setattr(DisclosureStore, "sent", lambda *_: None)  # killed before it was noted
        assert (await place.act("access consult", ACCESS)).status == 0
    assert len(wait_list(place)) == 1
    said = await place.run("send")
    assert (said.status, said.out) == (0, "1 record(s) sent.\n")
    assert [one.kind.name for one in await place.records()].count("access") == 1
    assert (await place.run("send")).out == "Nothing waits to be sent.\n"


async def test_what_the_ledger_refuses_leaves_nothing_personal(
    place: DeskRig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await place.open()
    from custody.client.errors import RefusedError

    def refuse(*_: Any, **__: Any) -> Any:
        raise RefusedError("no", code="denied", status=grpc.StatusCode.PERMISSION_DENIED.name, retryable=False)

    monkeypatch.setattr(SyncLedgerClient, "append", refuse)
    said = await place.act("access consult", ACCESS)
    assert said.status == 2
    assert "[denied]" in said.err
    assert holding(bytes_of(tmp_path)) == set()
    assert not wait_list(place)


async def test_an_unreachable_ledger_keeps_nobody_from_telling(place: DeskRig) -> None:
    place.configure("unix:/nowhere/at/all", timeout_s=1)
    said = await place.act("access consult", ACCESS)
    assert said.status == 1
    assert "NOT CHECKED: which rules the record would break (ledger-unavailable)" in said.err
    told = await place.act("access consult", ACCESS, "--yes")
    assert told.status == 2
    assert "The record is kept" in told.err
    assert len(wait_list(place)) == 1
