"""Stories of files and of time."""

from __future__ import annotations

from tests.rules.simulator import DAY, HOUR, MINUTE, SECOND, START, STREAM, document
from tests.rules.story import (
    Story,
    keep,
    nothing,
    seen,
    tell,
)

from custody.rules import Status
from custody.v1 import record_pb2 as pb

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
