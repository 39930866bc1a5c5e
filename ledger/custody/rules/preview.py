"""What one more record would cause: the access desk shows it before a person submits, and never blocks.

The record is applied to a copy of the sites that it is about, and the findings before and after are compared. It counts
as sequenced at `at_us`, with the next index.
"""

from typing import NamedTuple

from custody.core.entry import ReadEntry
from custody.core.names import site_of
from custody.core.record import ReadRecord
from custody.rules.audit import Scope, findings
from custody.rules.finding import Finding
from custody.rules.state import CustodyState


class Preview(NamedTuple):
    """Findings that would come with the record, and those that it would end."""

    causes: tuple[Finding, ...]
    cures: tuple[Finding, ...]


def preview(
    state: CustodyState, record: ReadRecord, at_us: int, *, submitter: str = "urn:custody:desk:preview"
) -> Preview:
    """Compares the findings at `at_us` without and with the record; the state itself is not changed. `submitter` would tell it."""
    sites = frozenset(
        site_of(subject)
        for family, _, subject in (chain.partition("/") for chain in record.chains)
        if family != "log"
    )  # fmt: skip
    scope = Scope(sites=sites)
    ahead = state.fork(sites)
    before = findings(ahead, at_us, scope=scope)
    stamp = ReadEntry(record.raw, record.raw, None, submitter, at_us, ())
    ahead.apply(ahead.size, stamp, record)
    after = findings(ahead, at_us, scope=scope)
    old, new = frozenset(before), frozenset(after)
    return Preview(
        tuple(finding for finding in after if finding not in old),
        tuple(finding for finding in before if finding not in new),
    )
