"""The access register: authorisation, requests, corrections, the order of events."""

from __future__ import annotations

from typing import Any

import pytest
from tests.rules.simulator import DAY, HOUR, LIBRARY, MINUTE, SITE, START, STREAM, World, document, person

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


@pytest.mark.parametrize(
    ("act", "more", "why"),
    [
        (pb.ACCESS_ACT_COPY, 0, []),
        (pb.ACCESS_ACT_COPY, 1, [LESS_FOOTAGE]),
        (pb.ACCESS_ACT_CONSULT, 0, [LESS_FOOTAGE]),
    ],
)
def test_files_are_handed_over_whole(world: World, act: int, more: int, why: list[str]) -> None:
    """An hour was asked for; it lies in two files of twelve hours. Who only looks needs no whole files."""
    asked = world.span(begin=START + 11 * HOUR + HOUR // 2, end=START + 12 * HOUR + HOUR // 2)
    world.request(act=act, spans=[asked])
    world.grant()
    given = world.span(begin=START, end=START + 24 * HOUR + more)
    world.access(act=act, spans=[given], documents=PAPERS, request_id="r1", accessor=POLICE)
    assert _why(world) == why


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


@pytest.mark.parametrize(
    ("change", "healed"),
    [
        ({}, True),
        ({"act": pb.ACCESS_ACT_COPY}, True),
        ({"act": pb.ACCESS_ACT_VIEW}, False),
        ({"spans": [pb.Span(stream=STREAM, from_us=START, to_us=START + HOUR)]}, False),
    ],
)
def test_a_replacement_tells_of_the_same_access(world: World, change: dict[str, Any], *, healed: bool) -> None:
    wrong = world.access(recorded_by=None)
    world.correct(wrong, world.access(**change))
    assert ("register-incomplete" not in world.codes()) is healed


@pytest.mark.parametrize(("days", "healed"), [(1, True), (2, False)])
def test_a_replacement_is_of_the_same_day(world: World, days: int, *, healed: bool) -> None:
    spans = [world.span()]
    wrong = world.access(recorded_by=None, spans=spans)
    world.record(days=days, length=DAY)
    world.correct(wrong, world.access(spans=spans))
    assert ("register-incomplete" not in world.codes()) is healed


def test_a_correction_months_later_is_told_of_the_day_itself(world: World) -> None:
    at_us, body = world.now, world.access_body()
    wrong = world.access(recorded_by=None)
    world.record(days=60, length=DAY)
    world.correct(wrong, world.tell(at_us, access=body))
    assert world.codes() == ["corrected"]


def test_one_lawful_access_replaces_one_unlawful_one(world: World) -> None:
    spans = [world.span()]
    wrong = [world.access(recorded_by=None, spans=spans) for _ in range(5)]
    right = world.access(spans=spans)
    for index in wrong:
        world.correct(index, right)
    assert world.codes().count("register-incomplete") == 4
    world.correct(wrong[0], right)
    assert world.codes().count("register-incomplete") == 4


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


def _observe(world: World, act: int, *, begin: int = START, end: int | None = None) -> None:
    seen = pb.Access(act=pb.AccessAct.ValueType(act), spans=[world.span(begin=begin, end=end)], observed=True)
    world.tell(by=RECORDER, access=seen)


@pytest.mark.parametrize(
    ("by", "act", "excused"),
    [
        ("urn:custody:desk:front", pb.ACCESS_ACT_COPY, True),
        ("urn:custody:custodian:north", pb.ACCESS_ACT_RETRIEVE, True),
        ("urn:custody:desk:front", pb.ACCESS_ACT_PUBLISH, True),
        ("urn:custody:desk:front", pb.ACCESS_ACT_VIEW, False),
        (RECORDER, pb.ACCESS_ACT_COPY, False),
    ],
)
def test_who_answers_for_what_was_observed_and_with_what(world: World, by: str, act: int, *, excused: bool) -> None:
    _observe(world, pb.ACCESS_ACT_COPY)
    world.tell(by=by, access=world.access_body(act=act, recipient="Bureau", copies_sha256=[b"c" * 32]))
    assert (world.codes() == []) is excused


@pytest.mark.parametrize(("short", "excused"), [(0, True), (10, True), (11, False)])
def test_an_entry_answers_for_the_footage_that_it_names(world: World, short: int, *, excused: bool) -> None:
    _observe(world, pb.ACCESS_ACT_CONSULT, begin=START, end=START + HOUR)
    world.access(spans=[world.span(begin=START + short * MINUTE, end=START + HOUR - short * MINUTE)])
    assert (world.codes() == []) is excused


def test_a_live_view_is_answered_for_by_the_watch_of_the_day(world: World) -> None:
    begin = world.now
    world.tell(access=world.access_body(act=pb.ACCESS_ACT_VIEW, spans=[world.span(end=begin + DAY)], duration_us=DAY))
    world.record(hours=5, length=HOUR)
    _observe(world, pb.ACCESS_ACT_VIEW, begin=world.now)
    assert world.codes() == []
    world.record(hours=20, length=HOUR)
    _observe(world, pb.ACCESS_ACT_VIEW, begin=world.now)
    assert "no-authorisation" in world.codes()


def test_an_export_without_recipient(world: World) -> None:
    world.tell(package_exported=pb.PackageExported(spans=[world.span()], manifest_sha256=b"m" * 32))
    assert world.one("register-incomplete").en == "the access register lacks the recipient"
