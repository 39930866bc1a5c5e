"""Stories of sites and of the log itself."""

from __future__ import annotations

from tests.rules.simulator import DAY, HOUR, START
from tests.rules.story import (
    Story,
    inspect,
    keep,
    log,
    tell,
)

from custody.rules import LogVerdict

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
            lambda w: w.guard(w.now),
            keep(30),
            lambda w: w.file(first_use_us=START, accepted_us=START),
        ),
        breaking=tell(
            lambda w: w.open_site("bj185", "cn799"),
            lambda w: w.open_stream(),
            lambda w: w.guard(w.now),
            keep(31),
            lambda w: w.file(first_use_us=START, accepted_us=START),
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
            lambda w: w.guard(w.now),
            keep(31),
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
