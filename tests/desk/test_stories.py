"""Stories at the desk, over a real ledger: what it predicts, what it records, and what an audit finds afterwards."""

from __future__ import annotations

import uuid
from typing import Any

from tests.desk.desk_rig import ACCESS, HOLD, NOW_US, OFFICERS, SITE, SPAN, STREAM, DeskRig, moment

from custody.core.disclosure import check_disclosure
from custody.desk.disclosures import DisclosureStore


def codes(receipt: Any) -> list[str]:
    return [finding["code"] for finding in receipt["predicted"]]


async def test_two_officers_with_their_documents_break_no_rule(place: DeskRig) -> None:
    await place.open()
    said = await place.act("access consult", ACCESS)
    assert said.status == 0
    assert "No rule would be broken." in said.err
    assert f"custody/{STREAM} number 2" in said.out
    (access,) = [one for one in await place.records() if one.kind.name == "access"]
    assert [code for code, record_id in await place.findings() if record_id == access.record_id] == []
    assert str(uuid.UUID(bytes=access.record_id)) in said.out
    store = DisclosureStore(place.disclosures)
    opened = [
        check_disclosure(store.find([one])[0][1].encode(), one).value
        for officer in access.body.officers
        for one in (officer.name_commitment, officer.work_id_commitment)
    ]
    store.close()
    assert opened == [value for officer in OFFICERS for value in (officer["name"], officer["work_id"])]
    place.rig.audit()


async def test_one_officer_alone_is_foretold_and_recorded_all_the_same(place: DeskRig) -> None:
    await place.open()
    form = ACCESS | {"officers": OFFICERS[:1]}
    refused = await place.act("access consult", form)
    assert refused.status == 1
    assert "Nothing was recorded" in refused.err
    assert "fewer than two officers [under-two-officers" in refused.err
    assert "D185-17" in refused.err
    assert not [one for one in await place.records() if one.kind.name == "access"]
    assert not wait_list(place)
    receipt = await place.record("access consult", form)
    assert codes(receipt) == ["under-two-officers"]
    audit = await place.custody("audit")
    assert audit.status == 1
    found = [(one["code"], one["record_ids"]) for one in audit.json["findings"]]
    assert ("under-two-officers", [receipt["record_id"].replace("-", "")]) in found


async def test_a_deletion_under_a_hold_is_warned_of(place: DeskRig) -> None:
    await place.open()
    await place.footage()
    await place.record("hold place", HOLD)
    disposal = {"ranges": [{**SPAN, "first": 1, "last": 1}], "knowledge": "announced", "by": OFFICERS[0]}
    said = await place.act("disposal manual", disposal)
    assert said.status == 1
    assert "[disposed-under-hold, critical]" in said.err
    receipt = await place.record("disposal manual", disposal)
    assert set(codes(receipt)) == {"disposed-under-hold", "disposed-early"}
    assert "penalty: D185-19..26" in said.err
    listed = await place.act("access consult", ACCESS)
    assert listed.status == 0
    assert "It would be listed" in listed.err
    assert "[access-during-hold, listed]" in listed.err
    assert "disposed-under-hold" in [code for code, _ in await place.findings()]


async def test_an_answered_request_settles_what_was_open(place: DeskRig) -> None:
    await place.open()
    asked = {
        "request_id": "r-1", "spans": [SPAN], "purpose": "criminal_case", "accessor": "public_security",
        "officers": OFFICERS, "at": moment(NOW_US - 3 * 86_400_000_000), "act": "copy",
    }  # fmt: skip
    assert codes(await place.record("request", asked)) == ["request-unanswered"]
    grant = {"request_id": "r-1", "streams": [STREAM], "by": OFFICERS[0]}
    said = await place.act("grant", grant, "--yes")
    assert said.status == 0
    assert "It would settle" in said.err
    refusal = {"request_id": "r-1", "streams": [STREAM], "reason": "other", "reason_text": "planted reason"}
    assert "emergency-refused" not in codes(await place.record("refuse", refusal))


async def test_one_person_is_known_again_within_a_site(place: DeskRig) -> None:
    await place.open()
    guard = OFFICERS[0]
    begun = {"person": guard, "duty": "monitoring", "at": moment(NOW_US - 40 * 86_400_000_000)}
    assert "staff-untrained" in codes(await place.record("staff begin", begun))
    said = await place.act("training", {"people": [guard], "subject": "work"}, "--yes")
    assert "no recorded training" in said.err[said.err.index("It would settle") :]
    bodies = {one.kind.name: one.body for one in await place.records()}
    assert bodies["staff_change"].on_duty
    person, trained = bodies["staff_change"].person, bodies["training"].people[0]
    assert (person.name_commitment, person.work_id_commitment) == (trained.name_commitment, trained.work_id_commitment)


async def test_equal_reasons_have_different_commitments(place: DeskRig) -> None:
    await place.open()
    await place.record("access consult", ACCESS)
    await place.record("access copy", ACCESS)
    first, second = [one.body for one in await place.records() if one.kind.name == "access"]
    assert first.reason_commitment != second.reason_commitment
    assert first.officers == second.officers


async def test_a_dry_run_leaves_nothing(place: DeskRig) -> None:
    await place.open()
    before = len(await place.records())
    said = await place.act("access consult", ACCESS | {"officers": OFFICERS[:1]}, "--dry-run")
    assert said.status == 0
    assert "under-two-officers" in said.err
    assert "Dry run" in said.err
    assert len(await place.records()) == before
    assert not DisclosureStoreView(place).persons(SITE)


async def test_a_correction_finds_what_it_corrects(place: DeskRig) -> None:
    await place.open()
    wrong = await place.record("access consult", ACCESS)
    form = {"corrects": wrong["record_id"], "reason": "planted reason"}
    receipt = await place.record("correction", form)
    assert codes(receipt) == ["corrected"]
    body = (await place.records())[-1].body
    assert (body.index, body.leaf_sha256.hex()) == (wrong["index"], wrong["leaf_sha256"])
    assert list(body.streams) == [STREAM]


class DisclosureStoreView:
    """A look into the store between two commands."""

    def __init__(self, place: DeskRig) -> None:
        self._path = place.disclosures

    def persons(self, site: str) -> list[bytes]:
        store = DisclosureStore(self._path)
        try:
            return store.person(site, {"work_id": OFFICERS[0]["work_id"]})
        finally:
            store.close()


def wait_list(place: DeskRig) -> list[tuple[bytes, bytes]]:
    store = DisclosureStore(place.disclosures)
    try:
        return store.pending()
    finally:
        store.close()
