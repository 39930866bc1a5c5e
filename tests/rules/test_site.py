"""A site's duties: filing, staff, checks, watch, incidents, faults."""

from __future__ import annotations

import pytest
from tests.rules.simulator import DAY, HOUR, SITE, START, STREAM, World, person

from custody.v1 import record_pb2 as pb


def _watch(world: World) -> None:
    world.guard(START)


@pytest.fixture
def world() -> World:
    return World()


def test_filing_in_time_by_one_law_and_late_by_the_other(world: World) -> None:
    world.open_site("bj185", "cn799")
    _watch(world)
    world.open_stream()
    world.record(days=40, length=DAY)
    world.file(first_use_us=START, accepted_us=world.now - DAY)
    assert world.codes() == ["filing-late"]
    assert world.one("filing-late").rules == ("cn799.filing-late",)
    assert world.one("filing-late").en == "filed 10 d 00:00:00 after the time limit"
    assert "10 天" in world.one("filing-late").zh


def test_filing_without_times_counts_from_first_use(world: World) -> None:
    world.open_site("bj185", "cn799")
    _watch(world)
    world.open_stream()
    world.record(days=31, length=DAY)
    world.file(first_use_us=0, accepted_us=0)
    assert world.one("filing-late").rules == ("cn799.filing-late",)


def test_filing_counts_from_the_first_use_that_was_registered_where_it_names_a_later_one(world: World) -> None:
    world.open_site("cn799")
    world.open_stream()
    world.record(days=60, length=DAY)
    world.file(first_use_us=world.now - DAY)
    assert world.one("filing-late").en == "filed 30 d 00:00:00 after the time limit"


@pytest.mark.parametrize(("days_after", "codes"), [(90, []), (91, ["filing-missing"])])
def test_an_installation_older_than_the_law(world: World, days_after: int, codes: list[str]) -> None:
    in_force = 1_743_436_800_000_000  # 2025-04-01T00:00:00+08:00
    world.now = in_force - 100 * DAY
    world.open_site("cn799")
    world.open_stream()
    world.record(days=100 + days_after, length=DAY)
    world.check()
    found = [code for code in world.codes() if code.startswith("filing")]
    assert found == codes


def test_a_filing_that_names_other_cameras(world: World) -> None:
    world.lawful("bj185")
    world.file("changed", streams=["north/attic", "north/cellar"])
    world.record(days=31, length=DAY)
    assert [finding.en for finding in world.findings() if finding.code == "filing-mismatch"] == [
        "what was filed differs from what is: filed but not in use: north/attic, north/cellar",
        "what was filed differs from what is: not filed: north/gate",
    ]


def test_a_long_list_is_shortened(world: World) -> None:
    world.lawful("bj185")
    world.file("changed", streams=[STREAM, *(f"north/c{number}" for number in range(10))])
    assert world.one("filing-mismatch").en.endswith("north/c6, north/c7 (+2)")


def test_a_withdrawn_filing_is_no_filing(world: World) -> None:
    world.lawful("bj185")
    world.file("accepted")
    world.file("changed", streams=["north/attic"])
    assert world.codes() == ["filing-mismatch"]
    world.file("withdrawn")
    assert world.codes() == []
    world.file("accepted")
    assert world.codes() == ["out-of-order"]


def test_storage_as_filed_and_not_configured(world: World) -> None:
    world.lawful("bj185")
    world.file("changed", retention_us=60 * DAY)
    assert world.codes() == []


def test_staff_who_leave_before_they_must_be_trained(world: World) -> None:
    world.lawful("bj185")
    world.staff("guard", on=False)
    world.staff("guard")
    world.staff("guard")
    world.staff("guard", on=False)
    world.staff("guard", on=False)
    world.record(days=2, length=DAY)
    assert world.codes() == []


def test_training_that_comes_late(world: World) -> None:
    world.lawful("bj185")
    begin = world.now
    world.staff("guard")
    world.record(days=2, length=DAY)
    world.train("guard")
    assert world.one("staff-untrained").period_us == (begin, begin + 2 * DAY)


def test_a_person_without_work_id_is_known_by_name(world: World) -> None:
    world.lawful("bj185")
    nameless = pb.Person(name_commitment=b"n" * 32)
    world.tell(training=pb.Training(site=SITE, people=[nameless]))
    world.tell(staff_change=pb.StaffChange(site=SITE, person=nameless, duty=pb.STAFF_DUTY_REGISTER, on_duty=True))
    world.record(days=1, length=DAY)
    assert world.codes() == []


def test_a_check_too_late_is_named_even_when_another_followed(world: World) -> None:
    world.lawful("bj185")
    world.record(days=100, length=DAY)
    late = world.check()
    world.record(days=1, length=DAY)
    finding = world.one("check-overdue")
    assert finding.indexes == (late,)
    assert finding.period_us == (START + 90 * DAY, START + 102 * DAY)


def test_a_delegation_may_be_renewed(world: World) -> None:
    world.lawful("bj185")
    world.delegate(until=world.now + DAY)
    world.delegate(until=world.now + 9 * DAY)
    world.record(days=3, length=DAY)
    assert world.codes() == []
    world.delegate(ended=True)
    world.delegate(ended=True)
    assert world.codes() == ["out-of-order"]


def test_watch_begins_with_the_registration(world: World) -> None:
    world.open_site("bj185")
    assert world.codes() == []
    world.tell(watch_shift=pb.WatchShift(site=SITE, people=[person("guard")], duration_us=HOUR))
    world.wait(HOUR + 30 * 60_000_000)
    assert world.codes() == []
    world.wait(1)
    assert world.one("watch-gap").period_us == (START + HOUR, world.now)


def test_an_incident_reported_late(world: World) -> None:
    world.lawful("bj185")
    world.incident(seen=START, reported=START + 2 * DAY)
    assert world.one("incident-unreported").en == "incident i1 was not reported within 1 d 00:00:00"


def test_faults_reported_and_repaired(world: World) -> None:
    world.lawful("bj185")
    world.fault("began")
    world.fault("began")
    world.record(days=2, length=DAY)
    world.fault("reported")
    world.record(days=2, length=DAY)
    world.fault("repaired")
    world.fault("began", "clock")
    world.fault("repaired", "clock")
    assert world.codes() == ["out-of-order", "fault-unreported", "fault-unrepaired"]
    world.fault("began", "power")
    world.record(days=1, length=DAY)
    world.fault("reported", "power")
    world.record(days=1, length=DAY)
    assert world.codes() == ["out-of-order", "fault-unreported", "fault-unrepaired"]


def test_an_order_without_a_number_known(world: World) -> None:
    world.lawful("bj185")
    world.done()
    world.order(world.now + DAY)
    world.order(world.now + 9 * DAY)
    world.record(days=1, length=DAY)
    assert world.codes() == ["out-of-order", "out-of-order"]


def test_the_regime_of_article_9_asks_for_less(world: World) -> None:
    world.open_site("cn799:9")
    world.open_stream(sign_posted=False)
    world.record(days=60, length=DAY)
    world.access(officers=[], documents=[])
    world.dispose(50, 50)
    assert world.codes() == ["sign-missing", "state-access-unfounded"]


def test_the_regime_of_article_33_asks_for_little(world: World) -> None:
    world.open_site("cn799:33")
    world.open_stream(sign_posted=False)
    world.record(days=60, length=DAY)
    world.access(officers=[], documents=[], act=pb.ACCESS_ACT_PROVIDE)
    assert world.codes() == ["provision-unrecorded"]


def test_required_places_are_those_of_the_last_registration(world: World) -> None:
    world.lawful("bj185")
    world.open_site("bj185", required_coverage=["Yard"])
    world.change("title", title="Yard, north side")
    assert world.codes() == []


def test_records_of_the_log_itself_concern_nobody(world: World) -> None:
    world.tell(key_revoked=pb.KeyRevoked(key_id="k1", from_us=START))
    assert (world.state.sites, world.state.streams, world.codes()) == ({}, {}, [])


def test_a_correction_of_a_site_record(world: World) -> None:
    world.lawful("bj185")
    world.tell(correction=world.correction(0, site=SITE))
    assert world.codes() == ["corrected"]
