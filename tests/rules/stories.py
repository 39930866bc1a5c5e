"""For every rule a lawful story and a story that breaks it, with the exact findings expected.

A story is told to a world that did everything right for two days (`World.lawful`) under the named profiles. It may give
back what was seen in the footage store. `breaks` are the codes of *all* findings of the breaking story, in their order;
`listed` those of the lawful one, for rules that only list.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.rules.simulator import DAY, HOUR, MINUTE, SECOND, START, STREAM, World, document, person

from custody.rules import LogVerdict, Observation, Status
from custody.rules.observation import Seen
from custody.v1 import record_pb2 as pb

Told = Observation | int | World | None
Telling = Callable[[World], Any]


@dataclass(frozen=True, kw_only=True)
class Story:
    rules: str
    """Ids of the rules that it is about, with blanks between."""
    profiles: str = "bj185 cn799"
    lawful: Telling
    breaking: Telling
    breaks: str
    listed: str = ""
    site: dict[str, Any] = field(default_factory=dict)
    bare: bool = False
    """True when the story begins with nothing at all."""


def seen(status: Status, first: int = 1, last: int = 1) -> Observation:
    return Observation(streams={STREAM: [Seen(first, last, status)]})


def log(verdict: LogVerdict) -> Observation:
    return Observation(log=verdict)


def nothing(_: World) -> None:
    return None


def tell(*steps: Callable[[World], Any]) -> Telling:
    """Several steps, the last one's answer."""

    def run(world: World) -> Any:
        answer = None
        for step in steps:
            answer = step(world)
        return answer

    return run


def keep(days: float) -> Telling:
    return lambda w: w.record(days=days, length=12 * HOUR)


def state_access(**more: Any) -> Telling:
    return lambda w: w.access(**more)


def private(**more: Any) -> Telling:
    fields: dict[str, Any] = {
        "accessor": pb.ACCESSOR_KIND_PRIVATE_PERSON,
        "purpose": pb.ACCESS_PURPOSE_PERSONAL_RIGHTS,
        "officers": [person("neighbour", "")],
        "documents": [document("consent")],
        "consent": True,
    }
    return lambda w: w.access(**(fields | more))


def publish(*, protected: bool) -> Telling:
    return lambda w: w.tell(
        publication=pb.Publication(streams=[STREAM], published_sha256=b"p" * 32, protected=protected, medium="web")
    )


def provide(**more: Any) -> Telling:
    fields: dict[str, Any] = {"act": pb.ACCESS_ACT_PROVIDE, "recipient": "Bureau", "copies_sha256": [b"c" * 32]}
    return lambda w: w.access(**(fields | more))


def inspect(**more: Any) -> Telling:
    fields: dict[str, Any] = {"authority": "Bureau", "inspectors": [person("inspector")], "report_sha256": b"r" * 32}
    return lambda w: w.tell(inspection=pb.Inspection(site="north", inspection_id="n1", **(fields | more)))


def open_disclosure(basis: str) -> Telling:
    return lambda w: w.tell(
        disclosure_access=pb.DisclosureAccess(
            streams=[STREAM], opened_commitments=[b"d" * 32], act=pb.DISCLOSURE_ACT_READ, basis=basis
        )
    )


FOOTAGE = [
    Story(
        rules="default.altered bj185.altered cn799.modified",
        lawful=lambda _: seen(Status.PRESENT),
        breaking=lambda _: seen(Status.ALTERED),
        breaks="altered",
    ),
    Story(
        rules="default.missing bj185.missing cn799.deleted",
        lawful=tell(keep(40), lambda w: w.dispose(1, 1), lambda _: seen(Status.MISSING)),
        breaking=lambda _: seen(Status.MISSING),
        breaks="missing",
    ),
    Story(
        rules="default.derived",
        lawful=lambda _: seen(Status.PRESENT),
        breaking=lambda _: seen(Status.DERIVED),
        breaks="derived",
    ),
    Story(
        rules="default.disposed-present cn799.hidden",
        lawful=tell(keep(40), lambda w: w.dispose(1, 1), lambda _: seen(Status.MISSING)),
        breaking=tell(keep(40), lambda w: w.dispose(1, 1), lambda _: seen(Status.PRESENT)),
        breaks="disposed-present",
    ),
    Story(
        rules="default.disposed-early bj185.disposed-early cn799.disposed-early",
        lawful=tell(keep(29), lambda w: w.dispose(1, 2)),
        breaking=tell(keep(27), lambda w: w.dispose(1, 4)),
        breaks="disposed-early",
    ),
    Story(
        rules="ctl32.disposed-early",
        profiles="cn799",
        site={"priority_target": True},
        lawful=tell(keep(80), lambda w: w.check(), keep(10.5), lambda w: w.dispose(1, 2)),
        breaking=tell(keep(80), lambda w: w.check(), keep(8), lambda w: w.dispose(1, 1)),
        breaks="disposed-early",
    ),
    Story(
        rules="default.disposed-under-hold",
        lawful=tell(keep(29), lambda w: w.hold(), keep(0.5), lambda w: w.release(), lambda w: w.dispose(1, 1)),
        breaking=tell(keep(29), lambda w: w.hold(), lambda w: w.dispose(1, 1)),
        breaks="disposed-under-hold",
    ),
    Story(
        rules="default.disposal-unannounced bj185.disposal-unannounced cn799.deleted-unannounced",
        lawful=tell(keep(29), lambda w: w.dispose(1, 1), lambda w: w.dispose(1, 1, how="observed")),
        breaking=tell(keep(29), lambda w: w.dispose(1, 1, how="observed")),
        breaks="disposal-unannounced",
    ),
    Story(
        rules="default.disposal-unfounded",
        lawful=tell(keep(29), lambda w: w.dispose(1, 1)),
        breaking=lambda w: w.dispose(7, 9),
        breaks="disposal-unfounded",
    ),
    Story(
        rules="default.disposal-without-order",
        lawful=lambda w: w.dispose(1, 1, kind="ordered", authority="Court", order=document("court_order")),
        breaking=lambda w: w.dispose(1, 1, kind="ordered"),
        breaks="disposed-early disposal-without-order",
    ),
    Story(
        rules="default.over-retained cn799.over-retained",
        lawful=tell(lambda w: w.policy(30, 35, since=START), keep(35)),
        breaking=tell(lambda w: w.policy(30, 35, since=START), keep(38)),
        breaks="over-retained",
    ),
    Story(
        rules="default.retention-short cn799.retention-short",
        lawful=lambda w: w.configure(retention_us=30 * DAY),
        breaking=lambda w: w.configure(retention_us=29 * DAY),
        breaks="retention-short",
    ),
    Story(
        rules="ctl32.retention-short",
        profiles="ctl32",
        lawful=lambda w: w.policy(90),
        breaking=lambda w: w.policy(30),
        breaks="retention-short",
    ),
]

TIME = [
    Story(
        rules="default.number-missing",
        lawful=keep(1),
        breaking=tell(lambda w: w.wait(HOUR).segment(number=7, length=HOUR), nothing),
        breaks="number-missing",
    ),
    Story(
        rules="default.number-repeated cn799.added",
        lawful=keep(1),
        breaking=lambda w: w.segment(number=4),
        breaks="number-repeated",
    ),
    Story(
        rules="default.inserted-late cn799.added-late",
        lawful=tell(
            lambda w: w.wait(DAY).segment(begin=w.now - DAY, length=HOUR),
            lambda w: w.segment(begin=w.now - DAY + HOUR, length=23 * HOUR),
        ),
        breaking=tell(
            lambda w: w.wait(2 * DAY).segment(begin=w.now - 2 * DAY, length=HOUR),
            lambda w: w.segment(begin=w.now - 2 * DAY + HOUR, length=47 * HOUR),
        ),
        breaks="inserted-late",
    ),
    Story(
        rules="default.gap-explained",
        lawful=keep(1),
        breaking=lambda w: w.wait(HOUR).gap(w.now - HOUR, w.now),
        breaks="gap-explained",
    ),
    Story(
        rules="default.gap-unexplained bj185.gap-unexplained cn799.gap-unexplained",
        lawful=lambda w: w.wait(HOUR).gap(w.now - HOUR, w.now),
        listed="gap-explained",
        breaking=lambda w: w.wait(HOUR),
        breaks="gap-unexplained",
    ),
    Story(
        rules="default.gap-open",
        lawful=tell(lambda w: w.gap(w.now - SECOND, w.now, still=True), keep(1)),
        listed="gap-explained",
        breaking=lambda w: w.wait(HOUR).gap(w.now - HOUR, w.now, still=True),
        breaks="gap-explained gap-open",
    ),
    Story(
        rules="default.source-silent",
        lawful=tell(lambda w: w.beat(), lambda w: w.wait(5 * MINUTE)),
        breaking=tell(lambda w: w.beat(), lambda w: w.wait(7 * MINUTE)),
        breaks="source-silent",
    ),
    Story(
        rules="default.clock-suspect",
        lawful=lambda w: w.tell(
            clock_check=pb.ClockCheck(stream=STREAM, device_us=w.now, reference_us=w.now - 30 * SECOND)
        ),
        breaking=lambda w: w.tell(
            clock_check=pb.ClockCheck(stream=STREAM, device_us=w.now, reference_us=w.now - 31 * SECOND)
        ),
        breaks="clock-suspect",
    ),
    Story(
        rules="bj185.availability-low ctl32.availability-low",
        profiles="bj185 ctl32",
        lawful=lambda w: w.wait(2 * HOUR).gap(w.now - 2 * HOUR, w.now, "power"),
        listed="gap-explained",
        breaking=lambda w: w.wait(10 * HOUR).gap(w.now - 10 * HOUR, w.now, "power"),
        breaks="availability-low gap-explained",
    ),
    Story(
        rules="bj185.fault-unreported bj185.fault-unrepaired",
        lawful=tell(
            lambda w: w.fault("began"), keep(1), lambda w: w.fault("reported"), keep(2), lambda w: w.fault("repaired")
        ),
        breaking=tell(lambda w: w.fault("began"), keep(4)),
        breaks="fault-unrepaired fault-unreported",
    ),
]

ACCESS = [
    Story(
        rules="default.register-incomplete bj185.register-incomplete cn799.register-incomplete",
        lawful=state_access(),
        breaking=state_access(purpose=0, officers=[pb.Person(work_id_commitment=b"1" * 32)] * 2, recorded_by=None),
        breaks="register-incomplete state-access-unfounded",
    ),
    Story(
        rules="bj185.under-two-officers",
        lawful=state_access(accessor=pb.ACCESSOR_KIND_PUBLIC_SECURITY, officers=[person("one")]),
        breaking=state_access(officers=[person("one")]),
        breaks="under-two-officers",
    ),
    Story(
        rules="bj185.work-id-missing",
        lawful=state_access(),
        breaking=state_access(officers=[person("one"), pb.Person(name_commitment=b"2" * 32, unit="Unit")]),
        breaks="work-id-missing",
    ),
    Story(
        rules="bj185.no-certifying-document",
        lawful=state_access(),
        breaking=state_access(documents=[document("register_form"), document("approval")]),
        breaks="no-certifying-document",
    ),
    Story(
        rules="bj185.register-form-missing",
        lawful=state_access(),
        breaking=state_access(documents=[document("certifying"), document("approval")]),
        breaks="register-form-missing",
    ),
    Story(
        rules="bj185.provision-unrecorded cn799.provision-unrecorded",
        lawful=provide(),
        breaking=provide(recipient="", copies_sha256=[]),
        breaks="provision-unrecorded",
    ),
    Story(
        rules="cn799.provision-private-place",
        profiles="cn799:33",
        lawful=provide(),
        breaking=provide(recipient=""),
        breaks="provision-unrecorded",
    ),
    Story(
        rules="bj185.no-authorisation cn799.no-authorisation",
        lawful=tell(
            lambda w: w.request(),
            lambda w: w.grant(valid_until_us=w.now + DAY),
            state_access(request_id="r1", documents=[document("certifying"), document("register_form")]),
        ),
        breaking=state_access(documents=[document("certifying"), document("register_form")]),
        breaks="no-authorisation",
    ),
    Story(
        rules="cn799.state-access-unfounded",
        profiles="cn799",
        lawful=state_access(),
        breaking=state_access(purpose=pb.ACCESS_PURPOSE_MAINTENANCE),
        breaks="state-access-unfounded",
    ),
    Story(
        rules="cn799.private-without-consent",
        lawful=private(),
        breaking=private(consent=False, documents=[document("approval")]),
        breaks="private-without-consent",
    ),
    Story(
        rules="cn799.private-beyond-consultation",
        lawful=private(),
        breaking=private(act=pb.ACCESS_ACT_COPY),
        breaks="private-beyond-consultation",
    ),
    Story(
        rules="cn799.publication-unprotected",
        lawful=publish(protected=True),
        breaking=publish(protected=False),
        breaks="publication-unprotected",
    ),
    Story(
        rules="cn799.publication-private-place",
        profiles="cn799:33",
        lawful=publish(protected=True),
        breaking=publish(protected=False),
        breaks="publication-unprotected",
    ),
    Story(
        rules="default.access-during-hold",
        lawful=tell(
            lambda w: w.hold(end=START + HOUR),
            state_access(spans=[pb.Span(stream=STREAM, from_us=START + HOUR, to_us=START + DAY)]),
        ),
        breaking=tell(lambda w: w.hold(), state_access()),
        breaks="access-during-hold",
    ),
    Story(
        rules="default.disclosure-unfounded",
        lawful=open_disclosure("Court order C-1"),
        breaking=open_disclosure(""),
        breaks="disclosure-unfounded",
    ),
    Story(
        rules="default.hold-without-order",
        lawful=lambda w: w.hold(),
        breaking=lambda w: w.hold(case_number="", authority=""),
        breaks="hold-without-order",
    ),
    Story(
        rules="bj185.request-unanswered",
        lawful=tell(lambda w: w.request(), keep(1), lambda w: w.grant()),
        breaking=tell(lambda w: w.request(), keep(1.5), lambda w: w.grant()),
        breaks="request-unanswered",
    ),
    Story(
        rules="bj185.refusal-without-reason",
        lawful=tell(lambda w: w.request(documents=[]), lambda w: w.refuse(reason="no_document")),
        breaking=tell(lambda w: w.request(documents=[]), lambda w: w.refuse(reason="unspecified")),
        breaks="refusal-without-reason",
    ),
    Story(
        rules="bj185.emergency-refused",
        lawful=tell(lambda w: w.request(), lambda w: w.refuse(reason="footage_never_recorded")),
        breaking=tell(lambda w: w.request(), lambda w: w.refuse(reason="other")),
        breaks="emergency-refused",
    ),
]

CAMERAS = [
    Story(
        rules="default.stream-not-registered default.site-not-registered",
        bare=True,
        lawful=tell(lambda w: w.open_site(), lambda w: w.open_stream(), keep(1)),
        breaking=tell(lambda w: w.open_stream("north/yard"), keep(0.5)),
        breaks="site-not-registered stream-not-registered gap-unexplained",
    ),
    Story(
        rules="bj185.classification-missing",
        bare=True,
        lawful=tell(lambda w: w.lawful("bj185")),
        breaking=tell(lambda w: w.lawful("bj185"), lambda w: w.retire(), lambda w: w.open_stream(classification="")),
        breaks="classification-missing",
    ),
    Story(
        rules="bj185.sign-missing cn799.sign-missing",
        lawful=tell(lambda w: w.retire(), lambda w: w.open_stream(public_area=False, sign_posted=False)),
        breaking=tell(lambda w: w.retire(), lambda w: w.open_stream(sign_posted=False)),
        breaks="sign-missing",
    ),
    Story(
        rules="bj185.change-unapproved cn799.change-unapproved",
        lawful=lambda w: w.change("position"),
        breaking=lambda w: w.change("position", approved=False),
        breaks="change-unapproved",
    ),
    Story(
        rules="cn799.removal-unapproved",
        lawful=tell(lambda w: w.file("changed", streams=[]), lambda w: w.retire()),
        breaking=tell(lambda w: w.file("changed", streams=[]), lambda w: w.retire(approved=False)),
        breaks="removal-unapproved",
    ),
    Story(
        rules="default.out-of-order",
        lawful=tell(lambda w: w.hold(), lambda w: w.release()),
        breaking=lambda w: w.release(),
        breaks="out-of-order",
    ),
    Story(
        rules="default.corrected",
        lawful=state_access(),
        breaking=lambda w: w.tell(correction=pb.Correction(index=w.access(), leaf_sha256=b"l" * 32, streams=[STREAM])),
        breaks="corrected",
    ),
    Story(
        rules="default.profile-unknown",
        lawful=lambda w: w.change("profiles", profiles=["ctl32"]),
        breaking=lambda w: w.change("profiles", profiles=["mars-1", "cn799:8"]),
        breaks="profile-unknown profile-unknown",
    ),
]

SITE = [
    Story(
        rules="bj185.operator-missing",
        bare=True,
        lawful=lambda w: w.lawful("bj185"),
        breaking=lambda w: w.lawful("bj185", supervising_authority="", operator_kind=0),
        breaks="operator-missing",
    ),
    Story(
        rules="bj185.site-class-missing",
        bare=True,
        lawful=lambda w: w.lawful("bj185"),
        breaking=lambda w: w.lawful("bj185", site_class=0),
        breaks="site-class-missing",
    ),
    Story(
        rules="bj185.coverage-missing",
        bare=True,
        lawful=lambda w: w.lawful("bj185", required_coverage=["Gate"]),
        breaking=lambda w: w.lawful("bj185", required_coverage=["Gate", "Yard"]),
        breaks="coverage-missing",
    ),
    Story(
        rules="bj185.filing-late cn799.filing-late",
        bare=True,
        lawful=tell(
            lambda w: w.open_site("bj185", "cn799"),
            lambda w: w.open_stream(),
            keep(30),
            lambda w: w.file(first_use_us=START, accepted_us=START),
            lambda w: w.tell(
                START, watch_shift=pb.WatchShift(site="north", people=[person("g")], duration_us=90 * DAY)
            ),
        ),
        breaking=tell(
            lambda w: w.open_site("bj185", "cn799"),
            lambda w: w.open_stream(),
            keep(31),
            lambda w: w.file(first_use_us=START, accepted_us=START),
            lambda w: w.tell(
                START, watch_shift=pb.WatchShift(site="north", people=[person("g")], duration_us=90 * DAY)
            ),
        ),
        breaks="filing-late",
    ),
    Story(
        rules="bj185.filing-missing cn799.filing-missing",
        bare=True,
        lawful=tell(lambda w: w.lawful("bj185", "cn799"), keep(40)),
        breaking=tell(
            lambda w: w.open_site("bj185", "cn799"),
            lambda w: w.open_stream(),
            keep(31),
            lambda w: w.tell(
                START, watch_shift=pb.WatchShift(site="north", people=[person("g")], duration_us=90 * DAY)
            ),
        ),
        breaks="filing-missing",
    ),
    Story(
        rules="bj185.filing-mismatch cn799.filing-mismatch",
        lawful=tell(lambda w: w.file("changed", retention_us=30 * DAY), lambda w: w.configure(retention_us=30 * DAY)),
        breaking=tell(lambda w: w.file("changed", retention_us=60 * DAY), lambda w: w.configure(retention_us=30 * DAY)),
        breaks="filing-mismatch",
    ),
    Story(
        rules="bj185.staff-untrained cn799.staff-untrained",
        lawful=tell(lambda w: w.train("guard"), lambda w: w.staff("guard"), keep(1)),
        breaking=tell(lambda w: w.staff("guard"), keep(1)),
        breaks="staff-untrained",
    ),
    Story(
        rules="bj185.training-expired",
        lawful=tell(lambda w: w.train("guard", until=w.now + 9 * DAY), lambda w: w.staff("guard"), keep(1)),
        breaking=tell(lambda w: w.train("guard", until=w.now + DAY), lambda w: w.staff("guard"), keep(2)),
        breaks="training-expired",
    ),
    Story(
        rules="bj185.check-overdue cn799.check-overdue ctl32.check-overdue",
        profiles="bj185 cn799 ctl32",
        lawful=tell(keep(80), lambda w: w.check(), keep(80)),
        breaking=keep(90),
        breaks="check-overdue",
    ),
    Story(
        rules="bj185.delegation-without-contract cn799.delegation-without-contract",
        lawful=tell(lambda w: w.delegate(), lambda w: w.delegate(contract=False, ended=True)),
        breaking=lambda w: w.delegate(contract=False),
        breaks="delegation-without-contract",
    ),
    Story(
        rules="bj185.delegation-expired cn799.delegation-expired",
        lawful=tell(lambda w: w.delegate(until=w.now + DAY), keep(1), lambda w: w.delegate(ended=True), keep(1)),
        breaking=tell(lambda w: w.delegate(until=w.now + DAY), keep(2)),
        breaks="delegation-expired",
    ),
    Story(
        rules="bj185.watch-gap ctl32.watch-gap",
        bare=True,
        lawful=lambda w: w.lawful("bj185", "ctl32"),
        breaking=tell(lambda w: w.open_site("bj185", "ctl32"), lambda w: w.open_stream(), keep(1)),
        breaks="watch-gap",
    ),
    Story(
        rules="bj185.incident-unreported",
        lawful=tell(lambda w: w.incident(seen=w.now), lambda w: w.incident(seen=w.now, reported=w.now + HOUR), keep(2)),
        breaking=tell(lambda w: w.incident(seen=w.now), keep(2)),
        breaks="incident-unreported",
    ),
    Story(
        rules="bj185.inspection-incomplete",
        lawful=inspect(),
        breaking=inspect(inspectors=[], report_sha256=b""),
        breaks="inspection-incomplete",
    ),
    Story(
        rules="default.rectification-overdue bj185.rectification-overdue cn799.rectification-overdue",
        lawful=tell(lambda w: w.order(w.now + DAY), lambda w: w.done(), keep(2), lambda w: w.done()),
        breaking=tell(lambda w: w.order(w.now + DAY), keep(2)),
        breaks="rectification-overdue",
    ),
    Story(
        rules="default.rectification-late bj185.rectification-late",
        lawful=tell(lambda w: w.order(w.now + DAY), keep(1), lambda w: w.done()),
        breaking=tell(lambda w: w.order(w.now + DAY), keep(2), lambda w: w.done()),
        breaks="rectification-late",
    ),
]

LOG = [
    Story(
        rules=f"default.log-{verdict.name.lower().replace('_', '-')}",
        lawful=lambda _: log(LogVerdict.CONSISTENT),
        breaking=lambda _, verdict=verdict: log(verdict),  # type: ignore[misc]
        breaks=f"log-{verdict.name.lower().replace('_', '-')}",
    )
    for verdict in (LogVerdict.TRUNCATED, LogVerdict.FORKED, LogVerdict.UNWITNESSED, LogVerdict.NOT_CHECKED)
]

STORIES = [*FOOTAGE, *TIME, *ACCESS, *CAMERAS, *SITE, *LOG]
