"""The result of checking a log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from custody.verifier.finding import Findings
from custody.verifier.footage_fact import DisposalFact, SegmentFact

SIGNATURES, ENTRIES, TREE, TILES, CHAINS, HEADS, TIMES, INDEX, TAIL, REMEMBERED, SEALS, RIGHTS = range(1, 13)
"""Numbers of the checks of `verify log` (docs/spec/verification.md)."""

OPTIONAL: Final = frozenset({REMEMBERED, SEALS, RIGHTS})
"""Checks that need something which not everybody, or not every log, has: left out, they are named, and the rest can
still be fine."""


class Status(Enum):
    """Result of one check, and of all. The value is also what JSON says."""

    FINE = "fine"
    FINDINGS = "findings"
    NOT_CHECKED = "not-checked"

    @property
    def exit_status(self) -> int:
        """Exit status of the command."""
        return {Status.FINE: 0, Status.FINDINGS: 1, Status.NOT_CHECKED: 2}[self]


def overall(statuses: Mapping[int, Status], optional: frozenset[int] = frozenset()) -> Status:
    """One status for many checks: a finding outweighs all, and what was not checked is never fine."""
    if Status.FINDINGS in statuses.values():
        return Status.FINDINGS
    if any(status is Status.NOT_CHECKED and number not in optional for number, status in statuses.items()):
        return Status.NOT_CHECKED
    return Status.FINE


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One numbered check; `reason` says why it was not made, where it was not."""

    number: int
    status: Status
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogReport:
    """What was found about one log."""

    origin: str
    keys: tuple[str, ...]
    """vkeys that were given and so are trusted."""
    claimed_keys: tuple[str, ...]
    """vkeys that the log names; never trusted."""
    size: int
    """Sequenced entries, as the log says."""
    published: int
    """Size of the last published checkpoint, as the log says."""
    verified: int
    """Largest size at which a checkpoint is signed by a given key and has the root of the entries; 0: none."""
    verified_note: bytes
    """That checkpoint; empty when there is none."""
    checkpoints: int
    chains: int
    snapshots: int
    checks: tuple[Check, ...]
    findings: Findings
    segments: Sequence[SegmentFact] = ()
    disposals: Sequence[DisposalFact] = ()
    optional: frozenset[int] = OPTIONAL
    """Checks without which the log can still be fine: for this medium, or for everybody."""

    @property
    def status(self) -> Status:
        """The status of the whole."""
        return overall({check.number: check.status for check in self.checks}, self.optional)
