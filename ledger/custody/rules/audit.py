"""Findings: the state judged at a moment, against what was seen in the footage store.

The order of findings is fixed: log, sites, streams by name; then time, code, entries. The same entries, observation and
moment give the same findings, however the replay was cut.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from custody.rules.cameras import check_faults, check_profiles, check_registration
from custody.rules.case import Case
from custody.rules.coverage import Coverage, check_clocks, check_numbers, check_time
from custody.rules.disposal import Disposals, check_disposals
from custody.rules.duties import check_maintenance, check_rectification, check_site, check_staff, check_watch
from custody.rules.filings import check_filing
from custody.rules.finding import Finding, LogVerdict, Subject
from custody.rules.holds import check_access, check_releases
from custody.rules.observation import Observation
from custody.rules.register import (
    check_authorisation,
    check_corrections,
    check_order,
    check_requests,
    check_required,
    check_told,
)
from custody.rules.retention import check_settings
from custody.rules.segments import check_seen
from custody.rules.state import CustodyState, Site, Stream

_OF_SITE: Final = (
    check_required, check_corrections, check_order, check_profiles, check_site, check_filing, check_staff, check_maintenance,
    check_watch, check_rectification,
)  # fmt: skip
_OF_STREAM: Final = (
    check_required, check_corrections, check_order, check_profiles, check_registration, check_faults, check_settings,
    check_authorisation, check_told, check_requests, check_releases, check_access, check_clocks,
)  # fmt: skip
_OF_LOG: Final = {
    LogVerdict.TRUNCATED: "log-truncated",
    LogVerdict.FORKED: "log-forked",
    LogVerdict.UNWITNESSED: "log-unwitnessed",
    LogVerdict.NOT_CHECKED: "log-not-checked",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What to judge: named sites, named streams (both empty: all), and findings that touch a period (half open)."""

    sites: frozenset[str] = frozenset()
    streams: frozenset[str] = frozenset()
    from_us: int = 0
    to_us: int | None = None

    def site(self, site: Site) -> bool:
        """True when the site's own duties are to be judged."""
        return site.name in self.sites or not (self.sites or self.streams)

    def stream(self, stream: Stream) -> bool:
        """True when the stream is to be judged."""
        return stream.name in self.streams or stream.site in self.sites or not (self.sites or self.streams)

    def holds(self, period_us: tuple[int, int]) -> bool:
        """True when a finding's period touches the scope's."""
        return period_us[1] >= self.from_us and (self.to_us is None or period_us[0] < self.to_us)


def findings(
    state: CustodyState, at_us: int, observation: Observation | None = None, scope: Scope | None = None
) -> tuple[Finding, ...]:
    """Every finding on the state as of `at_us` (microseconds UTC), in their order; one that several rules mind comes once and cites them all."""
    seen, scope = observation or Observation(), scope or Scope()
    found: dict[tuple[object, ...], Finding] = {}
    for finding in _all(state, at_us, seen, scope):
        if scope.holds(finding.period_us):
            key = (finding.record_ids, *finding.order())
            found[key] = finding if key not in found else found[key].joined(finding)
    return tuple(sorted(found.values(), key=Finding.order))


def _all(state: CustodyState, at_us: int, seen: Observation, scope: Scope) -> Iterator[Finding]:
    yield from _log(state, at_us, seen)
    for site in state.sites.values():
        if scope.site(site):
            yield from _site(Case(state, site, None, at_us, seen))
    for stream in state.streams.values():
        if scope.stream(stream):
            yield from _stream(Case(state, state.sites[stream.site], stream, at_us, seen))


def _log(state: CustodyState, at_us: int, seen: Observation) -> Iterator[Finding]:
    code = _OF_LOG.get(seen.log) if seen.log else None
    if code is not None:
        case = Case(state, Site(""), None, at_us, seen)
        case.subject = Subject(kind="log", name="")
        yield from case.find(code, case.rules(code, at_us), (at_us, at_us))


def _site(case: Case) -> Iterator[Finding]:
    for check in _OF_SITE:
        yield from check(case)


def _stream(case: Case) -> Iterator[Finding]:
    for check in _OF_STREAM:
        yield from check(case)
    disposals, coverage = Disposals(case), Coverage(case)
    yield from check_disposals(case, disposals)
    yield from check_seen(case, disposals)
    yield from check_time(case, coverage)
    yield from check_numbers(case, coverage)
