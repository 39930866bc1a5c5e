"""The access register: authorisation, requests, corrections, the order of events."""

from __future__ import annotations

from typing import Any

import pytest
from tests.rules.simulator import DAY, HOUR, LIBRARY, SITE, START, STREAM, World, document, person

from custody.core.hashing import leaf_hash
from custody.rules import restore, save
from custody.v1 import record_pb2 as pb

PAPERS = [document("certifying"), document("register_form")]
POLICE = pb.ACCESSOR_KIND_PUBLIC_SECURITY


def _why(world: World) -> list[str]:
    return [finding.en.partition(": ")[2] for finding in world.findings() if finding.code == "no-authorisation"]


@pytest.fixture
def world() -> World:
    return World().lawful("bj185")


def test_a_request_that_nobody_made(world: World) -> None:
    world.access(documents=PAPERS, request_id="r9")
    assert _why(world) == ["request unknown"]


def test_a_request_that_was_not_answered(world: World) -> None:
    request = world.request()
    index = world.access(documents=PAPERS, request_id="r1")
    assert _why(world) == ["the request was not answered"]
    assert world.one("no-authorisation").indexes == (request, index)
    assert len(world.one("no-authorisation").record_ids) == 2


def test_a_refused_request(world: World) -> None:
    world.request()
    world.refuse(reason="footage_disposed")
    world.access(documents=PAPERS, request_id="r1")
    assert _why(world) == ["the request was refused"]


def test_a_grant_runs_out(world: World) -> None:
    world.request()
    world.grant(valid_until_us=world.now + HOUR)
    spans = [world.span()]
    world.access(documents=PAPERS, request_id="r1", accessor=POLICE, spans=spans)
    assert _why(world) == []
    world.record(hours=1)
    world.access(documents=PAPERS, request_id="r1", accessor=POLICE, spans=spans)
    assert _why(world) == ["the grant had expired"]


def test_a_grant_without_end(world: World) -> None:
    world.request()
    world.grant()
    spans = [world.span()]
    world.record(days=9, length=DAY)
    world.access(documents=PAPERS, request_id="r1", accessor=POLICE, spans=spans)
    assert _why(world) == []


LESS_ACT = "the grant is for less than this act"
LESS_FOOTAGE = "the grant is for less than this footage"
ANOTHER = "it was granted to another kind of accessor"


@pytest.mark.parametrize(
    ("asked", "taken", "why"),
    [
        (pb.ACCESS_ACT_CONSULT, pb.ACCESS_ACT_VIEW, []),
        (pb.ACCESS_ACT_CONSULT, pb.ACCESS_ACT_CONSULT, []),
        (pb.ACCESS_ACT_CONSULT, pb.ACCESS_ACT_COPY, [LESS_ACT]),
        (pb.ACCESS_ACT_UNSPECIFIED, pb.ACCESS_ACT_CONSULT, []),
        (pb.ACCESS_ACT_UNSPECIFIED, pb.ACCESS_ACT_RETRIEVE, [LESS_ACT]),
        (pb.ACCESS_ACT_RETRIEVE, pb.ACCESS_ACT_COPY, []),
        (pb.ACCESS_ACT_COPY, pb.ACCESS_ACT_PROVIDE, [LESS_ACT]),
        (pb.ACCESS_ACT_PROVIDE, pb.ACCESS_ACT_PUBLISH, [LESS_ACT]),
    ],
)
def test_a_grant_covers_no_act_that_goes_farther(world: World, asked: int, taken: int, why: list[str]) -> None:
    world.request(act=asked)
    world.grant()
    world.access(act=taken, documents=PAPERS, request_id="r1", accessor=POLICE)
    assert _why(world) == why


def test_a_grant_covers_the_footage_that_was_asked_for(world: World) -> None:
    begin, middle, end = START, START + HOUR, START + 2 * HOUR
    world.request(spans=[world.span(begin=begin, end=middle), world.span(begin=middle, end=end)])
    world.grant()
    for inside in (world.span(begin=begin, end=end), world.span(begin=middle, end=middle)):
        world.access(spans=[inside], documents=PAPERS, request_id="r1", accessor=POLICE)
        assert _why(world) == []
    world.access(spans=[world.span(begin=begin, end=end + 1)], documents=PAPERS, request_id="r1", accessor=POLICE)
    assert _why(world) == [LESS_FOOTAGE]


def test_a_grant_is_for_whoever_asked(world: World) -> None:
    world.request()
    world.grant()
    world.access(documents=PAPERS, request_id="r1", accessor=pb.ACCESSOR_KIND_OTHER)
    assert _why(world) == [ANOTHER]


def test_a_wider_request_under_the_same_number_widens_no_grant(world: World) -> None:
    world.request(act=pb.ACCESS_ACT_CONSULT)
    world.grant()
    world.request(act=pb.ACCESS_ACT_COPY)
    world.grant()
    world.access(act=pb.ACCESS_ACT_COPY, documents=PAPERS, request_id="r1", accessor=POLICE)
    assert _why(world) == [LESS_ACT]


def test_a_grant_of_what_nobody_asked_for_authorises_nothing(world: World) -> None:
    world.grant()
    world.access(documents=PAPERS, request_id="r1", accessor=POLICE)
    assert _why(world) == ["request unknown"]


@pytest.mark.parametrize(
    ("act", "why"), [(pb.ACCESS_ACT_VIEW, []), (pb.ACCESS_ACT_COPY, ["neither grant nor approval"])]
)
def test_own_staff_may_look_but_not_copy(world: World, act: int, why: list[str]) -> None:
    world.access(accessor=pb.ACCESSOR_KIND_OPERATOR_STAFF, act=act, documents=[])
    assert _why(world) == why


def test_an_approval_without_its_hash_proves_nothing(world: World) -> None:
    bare = pb.Document(kind=pb.DOCUMENT_KIND_APPROVAL, reference="said so")
    world.access(documents=[*PAPERS, bare])
    assert _why(world) == ["neither grant nor approval"]


@pytest.mark.parametrize(
    ("request_fields", "reason", "codes"),
    [
        ({}, "one_officer_only", ["emergency-refused"]),
        ({"officers": [person("one")]}, "one_officer_only", []),
        ({"documents": []}, "no_document", []),
        ({"documents": [document("approval")]}, "no_document", []),
        ({"purpose": pb.ACCESS_PURPOSE_PERSONAL_RIGHTS}, "other", []),
        ({}, "footage_disposed", []),
        ({}, "no_authority", ["emergency-refused"]),
    ],
)
def test_refusing_in_an_emergency(world: World, request_fields: dict[str, Any], reason: str, codes: list[str]) -> None:
    world.request(**request_fields)
    world.refuse(reason=reason)
    assert world.codes() == codes


def test_a_request_that_nobody_answers(world: World) -> None:
    request = world.request()
    world.record(hours=24)
    assert world.codes() == []
    world.record(hours=1)
    finding = world.one("request-unanswered")
    assert finding.indexes == (request,)
    assert finding.en == "request r1 was not answered within 1 d 00:00:00"


def test_answers_without_a_request_are_out_of_order(world: World) -> None:
    world.grant()
    world.refuse()
    assert world.codes() == ["out-of-order", "out-of-order"]
    assert {finding.zh for finding in world.findings()} == {
        "请求 r1：在“无”之后不应出现“同意”",
        "请求 r1：在“无”之后不应出现“拒绝”",
    }


def test_a_refused_request_may_be_granted_later_and_withdrawn(world: World) -> None:
    world.request()
    for answer in (world.refuse, world.grant, world.grant, world.refuse):
        answer()
    assert "out-of-order" not in world.codes()
    world.request()
    assert world.codes().count("out-of-order") == 1


def test_a_corrected_entry_is_not_asked_again(world: World) -> None:
    wrong = world.access(recorded_by=None)
    assert world.codes() == ["register-incomplete"]
    right = world.access()
    world.correct(wrong, right)
    assert world.codes() == ["corrected"]
    assert wrong in world.one("corrected").indexes


def test_a_correction_by_another_kind_heals_nothing(world: World) -> None:
    wrong = world.access(recorded_by=None)
    other = world.request()
    world.correct(wrong, other)
    assert world.codes() == ["corrected", "register-incomplete"]


RECORDER, OTHER = "urn:custody:recorder:nvr-1", "urn:custody:recorder:nvr-2"


@pytest.mark.parametrize("by", [RECORDER, "urn:custody:custodian:north"])
def test_the_party_itself_and_a_custodian_may_correct(world: World, by: str) -> None:
    wrong = world.tell(by=RECORDER, access=world.access_body(recorded_by=None))
    right = world.tell(by=by, access=world.access_body())
    world.correct(wrong, right, by=by)
    assert world.codes() == ["corrected"]


@pytest.mark.parametrize("by", [OTHER, "urn:custody:desk:front", "urn:custody:administrator:a", "urn:custody:king:x"])
def test_nobody_excuses_anothers_entry(world: World, by: str) -> None:
    wrong = world.tell(by=RECORDER, access=world.access_body(recorded_by=None))
    right = world.tell(by=by, access=world.access_body())
    world.correct(wrong, right, by=by)
    assert sorted(world.codes()) == ["correction-unfounded", "register-incomplete"]
    found = world.one("correction-unfounded")
    assert found.en.endswith("the entry is another party's")
    assert wrong in found.indexes


def test_a_correction_that_names_another_leaf_excuses_nothing(world: World) -> None:
    wrong = world.access(recorded_by=None)
    right = world.access()
    other = world.entries[right]
    world.tell(
        correction=world.correction(wrong, leaf_sha256=leaf_hash(other[1].raw), replacement_id=other[2].record_id)
    )
    assert sorted(world.codes()) == ["correction-unfounded", "register-incomplete"]


def test_a_correction_of_what_is_not_there_or_elsewhere_is_found(world: World) -> None:
    elsewhere = world.tell(maintenance_check=pb.MaintenanceCheck(site=SITE, streams=["north/back"]))
    world.tell(correction=world.correction(elsewhere))
    world.tell(correction=pb.Correction(index=10_000, leaf_sha256=b"l" * 32, streams=[STREAM]))
    told = [one.en for one in world.findings() if one.code == "correction-unfounded"]
    assert [one.rpartition(": ")[2] for one in told] == [
        "the entry is about something else",
        "there is no such earlier entry",
    ]


def test_a_saved_state_still_knows_what_was_corrected(world: World) -> None:
    wrong = world.access(recorded_by=None)
    world.state = restore(LIBRARY, save(world.state))
    world.correct(wrong, world.access())
    assert world.codes() == ["corrected"]


def test_a_withdrawn_access_still_counts(world: World) -> None:
    wrong = world.access(documents=[])
    world.correct(wrong)
    assert "no-authorisation" in world.codes()


def test_one_entry_about_two_cameras_is_in_both_registers(world: World) -> None:
    world.open_stream("north/yard")
    world.access(recorded_by=None, spans=[world.span(), world.span("north/yard")])
    found = [finding.subject.name for finding in world.findings() if finding.code == "register-incomplete"]
    assert found == ["north/gate", "north/yard"]


def test_what_a_system_observed_is_told_by_a_person(world: World) -> None:
    seen = {"observed": True, "purpose": 0, "officers": [], "documents": [], "recorded_by": None, "duration_us": 0}
    world.access(**seen)
    assert world.codes() == [
        "no-authorisation",
        "no-certifying-document",
        "register-form-missing",
        "register-incomplete",
        "under-two-officers",
        "work-id-missing",
    ]
    world.access()
    assert world.codes() == []


def test_an_export_without_recipient(world: World) -> None:
    world.tell(package_exported=pb.PackageExported(spans=[world.span()], manifest_sha256=b"m" * 32))
    assert world.one("register-incomplete").en == "the access register lacks the recipient"
