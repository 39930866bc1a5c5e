"""Ways to make a breach look lawful by telling something later, earlier, or about oneself. Each was tried; none may work."""

from __future__ import annotations

import pytest
from tests.rules.simulator import DAY, HOUR, MINUTE, SITE, START, STREAM, World, document, person

from custody.rules import Observation, Status
from custody.rules.observation import Seen
from custody.v1 import record_pb2 as pb


def recorded(*profiles: str, days: float = 3) -> World:
    return World().lawful(*profiles, days=days)


# ---- what binds ----


def test_a_declaration_told_later_frees_nobody_of_what_bound_then() -> None:
    world = recorded("bj185")
    world.access(officers=[person("one")])
    assert "under-two-officers" in world.codes()
    world.wait(DAY)
    world.tell(
        START,
        site_registered=pb.SiteRegistered(
            site=SITE,
            operator="North Hall Ltd",
            supervising_authority="District bureau",
            operator_kind=pb.OPERATOR_KIND_UNIT,
        ),
    )
    assert "under-two-officers" in world.codes()


def test_a_declaration_frees_from_when_it_was_told() -> None:
    world = recorded("bj185")
    world.open_site()
    world.wait(HOUR)
    world.access(officers=[person("one")])
    assert "under-two-officers" not in world.codes()


def test_a_declaration_told_later_may_bind_from_before() -> None:
    world = World().lawful()
    world.access(officers=[person("one")])
    assert "under-two-officers" not in world.codes()
    before = world.now
    world.wait(DAY)
    world.tell(before, site_registered=pb.SiteRegistered(site=SITE, operator="O", profiles=["bj185"]))
    assert "under-two-officers" in world.codes()


# ---- what was deleted ----


def test_a_deletion_in_the_future_has_not_happened() -> None:
    world = recorded("cn799")
    world.dispose(1, 3, deleted_us=world.now + 400 * DAY)
    seen = Observation(streams={STREAM: [Seen(1, 3, Status.MISSING)]})
    assert "missing" in world.codes(seen)
    assert "missing" not in world.codes(seen, at=world.now + 400 * DAY)


def test_a_release_told_later_does_not_open_a_hold_before() -> None:
    world = recorded(days=3)
    world.hold(begin=START, end=world.now)
    world.wait(DAY)
    world.dispose(1, 1)
    assert "disposed-under-hold" in world.codes()
    deleted = world.now
    world.wait(DAY)
    world.tell(deleted - HOUR, hold_released=pb.HoldReleased(hold_id="h1", streams=[STREAM], authority="Court"))
    assert "disposed-under-hold" in world.codes()
    world.dispose(2, 2)
    assert world.codes().count("disposed-under-hold") == 1


# ---- who had access ----


def test_a_grant_that_comes_afterwards_authorises_nothing() -> None:
    world = recorded("bj185")
    world.request()
    accessed = world.now
    world.wait(DAY)
    world.grant()
    world.tell(accessed, access=world.access_body(request_id="r1", documents=[document("certifying")]))
    assert world.one("no-authorisation").en.endswith("it was granted only afterwards")


def test_one_long_entry_in_the_register_does_not_answer_for_all_that_was_observed() -> None:
    world = recorded("bj185")
    world.access(duration_us=4000 * DAY)
    world.wait(10 * DAY)
    world.tell(access=pb.Access(act=pb.ACCESS_ACT_COPY, spans=[world.span()], observed=True))
    assert "no-authorisation" in world.codes()


@pytest.mark.parametrize("order", ["itself", "each other", "an earlier one"])
def test_no_entry_is_excused_by_one_that_was_there_before(order: str) -> None:
    world = recorded("bj185")
    earlier = world.access()
    wrong = world.access(officers=[person("one")])
    other = world.access(officers=[person("two")]) if order == "each other" else wrong
    ids = {index: record.record_id for index, _, record in world.entries}

    def correct(index: int, by: int) -> None:
        world.tell(correction=world.correction(index, replacement_id=ids[by]))

    if order == "itself":
        correct(wrong, wrong)
    elif order == "each other":
        correct(wrong, other)
        correct(other, wrong)
    else:
        correct(wrong, earlier)
    assert "under-two-officers" in world.codes()


# ---- what the law of another day would not mind ----


def _used_unlawfully(at_us: int | None) -> set[str]:
    world = recorded("bj185", "cn799")
    copy = world.access_body(
        act=pb.ACCESS_ACT_COPY,
        purpose=pb.ACCESS_PURPOSE_OTHER,
        accessor=pb.ACCESSOR_KIND_PRIVATE_PERSON,
        officers=[person("one")],
        recorded_by=None,
        documents=[],
    )
    world.tell(at_us, access=copy)
    public = pb.Publication(streams=[STREAM], published_sha256=b"p" * 32, protected=False, medium="web")
    world.tell(at_us, publication=public)
    return set(world.codes())


@pytest.mark.parametrize("at_us", [1, 1_000_000, START - 20 * 365 * DAY])
def test_a_use_dated_before_the_law_is_judged_by_the_law_of_its_footage(at_us: int) -> None:
    honest = _used_unlawfully(None)
    assert honest >= {"no-authorisation", "private-beyond-consultation", "publication-unprotected"}
    assert _used_unlawfully(at_us) == honest | {"told-late"}


def test_a_use_dated_before_its_footage_is_said_to_be() -> None:
    world = recorded(days=9)
    world.tell(START + DAY, access=world.access_body(spans=[world.span(begin=START + 2 * DAY)]))
    finding = world.one("told-late")
    assert finding.en == "the use was entered 8 d 00:00:00 after it happened, dated before the footage that it names"
    assert finding.zh == "使用行为发生 8 天后才登记，且所载时间早于所涉录像"


def test_a_span_before_all_footage_makes_no_use_older() -> None:
    world = recorded("bj185")
    world.tell(1, access=world.access_body(officers=[person("one")], spans=[world.span(begin=1)]))
    assert "under-two-officers" in world.codes()


def test_an_old_register_taken_over_with_true_times_keeps_the_law_of_its_times() -> None:
    in_force = 1_743_436_800_000_000  # 2025-04-01T00:00:00+08:00
    world = World()
    world.now = in_force - 9 * DAY
    world.lawful("cn799")
    world.wait(60 * DAY)
    spans = [world.span(begin=in_force - 9 * DAY)]
    world.tell(in_force - 8 * DAY, access=world.access_body(documents=[], spans=spans))
    assert "no-authorisation" not in world.codes()
    assert "told-late" in world.codes()
    world.access(documents=[], spans=spans)
    assert "no-authorisation" in world.codes()


@pytest.mark.parametrize("at_us", [None, 1_000_000])
def test_registrations_dated_before_the_law_are_bound_by_it(at_us: int | None) -> None:
    world = World()
    site = pb.SiteRegistered(site=SITE, operator="O", profiles=["bj185"])
    world.tell(at_us, site_registered=site)
    world.tell(
        at_us,
        stream_registered=pb.StreamRegistered(description=world.describe(sign_posted=False), in_use_from_us=START),
    )
    world.tell(
        at_us, staff_change=pb.StaffChange(site=SITE, person=person("g"), duty=pb.STAFF_DUTY_REGISTER, on_duty=True)
    )
    world.file()
    world.record(days=100, length=DAY)
    expected = {"operator-missing", "sign-missing", "staff-untrained", "watch-gap", "check-overdue"}
    assert expected <= set(world.codes())


# ---- what was changed ----


@pytest.mark.parametrize("aspect", ["position", "angle", "purpose"])
def test_a_camera_moved_under_the_name_of_a_new_title_was_moved(aspect: str) -> None:
    world = recorded("bj185")
    world.change("title", approved=False, title="Gate, new")
    assert world.codes() == []
    world.change("title", approved=False, title="Gate, new", **{aspect: "another"})
    assert world.codes() == ["change-unapproved"]
    world.change("title", approved=False, **{aspect: "another"})
    assert world.codes() == ["change-unapproved"]


def test_a_position_told_again_after_an_empty_one_is_held_against_the_last_told() -> None:
    world = recorded("bj185")
    world.change("title", approved=False, position="")
    world.change("title", approved=False)
    assert world.codes() == []
    world.change("title", approved=False, position="")
    world.change("title", approved=False, position="Z-9")
    assert world.codes() == ["change-unapproved"]


def test_what_is_described_for_the_first_time_was_not_changed() -> None:
    world = recorded("bj185", "cn799")
    world.change("device", device="Model X, 1")
    world.change("title", approved=False, device="Model X, 1")
    assert world.codes() == []
    world.change("title", approved=False, device="Model Y, 2")
    assert world.one("change-unapproved").rules == ("cn799.change-unapproved",)


def test_a_camera_registered_anew_is_held_against_its_new_registration() -> None:
    world = recorded("bj185")
    world.retire()
    world.open_stream(position="Z-9")
    world.change("title", approved=False, position="Z-9")
    assert world.codes() == []


# ---- what was not done ----


def test_a_retirement_told_later_does_not_excuse_what_was_not_recorded() -> None:
    world = recorded()
    stopped = world.now
    world.wait(5 * DAY)
    assert "gap-unexplained" in world.codes()
    told = world.now
    approval = document("approval")
    world.tell(stopped, stream_retired=pb.StreamRetired(stream=STREAM, reason_code="removed", approval=approval))
    world.wait(DAY)
    assert world.one("gap-unexplained").period_us == (stopped, told)


def test_a_retirement_ends_the_time_in_use_when_it_is_told() -> None:
    world = recorded()
    world.retire()
    world.wait(5 * DAY)
    assert "gap-unexplained" not in world.codes()


def test_one_endless_shift_is_no_watch() -> None:
    world = World()
    world.open_site("bj185")
    world.tell(watch_shift=pb.WatchShift(site=SITE, people=[person("guard")], duration_us=4000 * DAY))
    world.wait(3 * DAY)
    assert world.one("watch-gap").period_us == (START + DAY, world.now)


def _done_late(world: World) -> None:
    """What a site does late, each told now."""
    world.tell(START + DAY, filing=pb.Filing(site=SITE, act=pb.FILING_ACT_FILED, first_use_us=START, streams=[STREAM]))
    world.tell(START + DAY, rectification_done=pb.RectificationDone(site=SITE, order_id="o1", accepted=True))
    for state in (pb.FAULT_STATE_REPORTED, pb.FAULT_STATE_REPAIRED):
        world.tell(START + MINUTE, fault=pb.Fault(stream=STREAM, kind=pb.FAULT_KIND_CAMERA, state=state))
    world.tell(
        incident_report=pb.IncidentReport(site=SITE, incident_id="i1", seen_us=START, reported_us=START + MINUTE)
    )
    world.tell(START + MINUTE, access_granted=pb.AccessGranted(request_id="r1", streams=[STREAM]))
    world.tell(START, training=pb.Training(site=SITE, people=[person("guard")], subject="all"))
    for day in range(20, 160, 20):
        world.tell(START + day * DAY, maintenance_check=pb.MaintenanceCheck(site=SITE, streams=[STREAM]))
    for day in range(160):
        shift = pb.WatchShift(site=SITE, people=[person("guard")], duration_us=DAY)
        world.tell(START + day * DAY, watch_shift=shift)


LATE = {
    "filing-late", "rectification-late", "fault-unreported", "fault-unrepaired", "incident-unreported", "request-unanswered",
    "staff-untrained", "check-overdue", "watch-gap",
}  # fmt: skip


@pytest.mark.parametrize(("days", "codes"), [(0.9, set()), (160, LATE)])
def test_what_was_done_late_is_not_done_in_time_by_its_date(days: float, codes: set[str]) -> None:
    world = World()
    world.open_site("bj185", "cn799")
    world.open_stream()
    world.order(START + 2 * DAY)
    world.fault("began")
    world.incident(seen=START)
    world.request(spans=[world.span(end=START + DAY)])
    world.staff("guard")
    world.record(days=days, length=12 * HOUR)
    _done_late(world)
    assert set(world.codes()) & LATE == codes


def test_an_order_told_a_day_late_was_carried_out_in_time() -> None:
    world = recorded(days=3)
    world.order(world.now)
    done_us = world.now
    world.wait(DAY)
    world.tell(done_us, rectification_done=pb.RectificationDone(site=SITE, order_id="o1", accepted=True))
    assert "rectification-late" not in world.codes()


def test_an_old_site_taken_into_the_log_was_filed_and_trained_then() -> None:
    world = World()
    long_ago = START - 5 * 365 * DAY
    world.open_site("bj185", "cn799")
    world.guard(START)
    world.open_stream()
    world.tell(
        long_ago, staff_change=pb.StaffChange(site=SITE, person=person("g"), duty=pb.STAFF_DUTY_REGISTER, on_duty=True)
    )
    world.tell(long_ago - DAY, training=pb.Training(site=SITE, people=[person("g")], subject="all"))
    world.record(days=9, length=12 * HOUR)
    world.tell(
        long_ago,
        filing=pb.Filing(
            site=SITE, act=pb.FILING_ACT_FILED, accepted_us=long_ago, first_use_us=long_ago, streams=[STREAM]
        ),
    )
    assert world.codes() == []


def test_a_recorder_that_was_cut_off_tells_of_a_fault_and_its_repair() -> None:
    world = recorded("bj185")
    began = world.now
    world.wait(4 * DAY)
    for hours, state in enumerate((pb.FAULT_STATE_BEGAN, pb.FAULT_STATE_REPORTED, pb.FAULT_STATE_REPAIRED)):
        world.tell(began + hours * HOUR, fault=pb.Fault(stream=STREAM, kind=pb.FAULT_KIND_CAMERA, state=state))
    assert not {"fault-unreported", "fault-unrepaired"} & set(world.codes())


def test_an_incident_reported_at_once_and_entered_after_the_weekend() -> None:
    world = recorded("bj185")
    seen = world.now
    world.wait(3 * DAY)
    world.incident(seen=seen, reported=seen + HOUR)
    assert "incident-unreported" not in world.codes()


@pytest.mark.parametrize("ahead", [0, 4000 * DAY])
def test_a_time_limit_does_not_wait_for_a_date_to_come(ahead: int) -> None:
    world = World()
    site = pb.SiteRegistered(site=SITE, operator="O", profiles=["bj185"])
    world.tell(START + ahead, site_registered=site)
    world.open_stream()
    at_us = world.now + ahead
    world.tell(at_us, fault=pb.Fault(stream=STREAM, kind=pb.FAULT_KIND_CAMERA, state=pb.FAULT_STATE_BEGAN))
    world.tell(at_us, access_request=pb.AccessRequest(request_id="r1", spans=[world.span(end=START + 1)]))
    duty = pb.StaffChange(site=SITE, person=person("g"), duty=pb.STAFF_DUTY_REGISTER, on_duty=True)
    world.tell(at_us, staff_change=duty)
    world.tell(incident_report=pb.IncidentReport(site=SITE, incident_id="i1", seen_us=at_us))
    world.record(days=9, length=DAY)
    expected = {"watch-gap", "fault-unrepaired", "request-unanswered", "staff-untrained", "incident-unreported"}
    assert expected <= set(world.codes())


@pytest.mark.parametrize("told", ["in order", "out of order"])
def test_of_two_deletions_the_first_counts(told: str) -> None:
    world = recorded("cn799")
    early, late = world.now, world.now + 40 * DAY
    world.wait(41 * DAY)
    for deleted in (early, late) if told == "in order" else (late, early):
        world.dispose(1, 1, deleted_us=deleted)
    assert "disposed-early" in world.codes()
