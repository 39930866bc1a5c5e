"""Findings: the named results of a check (docs/spec/verification.md).

A finding carries a stable code, the number of the check that made it, and what it touches. A check goes on after its
first finding; so the list of each code is bounded, and what did not fit is counted.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, NamedTuple

MAX_OF_ONE_CODE: Final = 20
"""Findings of one code that are kept; a wholly damaged log would otherwise fill the memory with its report."""


class Severity(Enum):
    """How much a finding weighs: `info` names a fact and blames nobody."""

    FINDING = "finding"
    INFO = "info"


class Finding(NamedTuple):
    """One named result."""

    code: str
    check: int
    """Number of the check in docs/spec/verification.md."""
    message: str
    severity: Severity = Severity.FINDING
    index: int | None = None  # type: ignore[assignment]  # hides tuple.index, which nobody calls
    """Leaf index of the entry concerned."""
    chain: str | None = None
    size: int | None = None
    """Size of the checkpoint concerned."""
    path: str | None = None
    """File concerned, below the footage folder."""


@dataclass(slots=True)
class Findings:
    """A bounded list; mutable, one owner."""

    limit: int = MAX_OF_ONE_CODE
    kept: list[Finding] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    """How many there were of each code, kept or not."""
    checks: set[int] = field(default_factory=set)
    """Numbers of the checks that have a finding that blames."""

    def add(self, finding: Finding) -> None:
        """Counts a finding and keeps it while there is room."""
        seen = self.counts.get(finding.code, 0)
        self.counts[finding.code] = seen + 1
        if finding.severity is Severity.FINDING:
            self.checks.add(finding.check)
        if seen < self.limit:
            self.kept.append(finding)

    def merge(self, other: "Findings") -> None:
        """Takes over what another list kept and counted."""
        for finding in other.kept:
            self.add(finding)
        kept: dict[str, int] = {}
        for finding in other.kept:
            kept[finding.code] = kept.get(finding.code, 0) + 1
        for code, count in other.counts.items():
            self.counts[code] += count - kept.get(code, 0)
        self.checks |= other.checks

    def omitted(self) -> dict[str, int]:
        """How many of each code were counted and not kept."""
        kept: dict[str, int] = {}
        for finding in self.kept:
            kept[finding.code] = kept.get(finding.code, 0) + 1
        return {code: count - kept[code] for code, count in self.counts.items() if count > kept[code]}

    def blaming(self) -> Iterable[Finding]:
        """The kept findings that are no mere information."""
        return (finding for finding in self.kept if finding.severity is Severity.FINDING)
