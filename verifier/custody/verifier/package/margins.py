"""Whether a slice of a footage chain can have been cut beside its period (docs/spec/package.md, "The log part").

A source dates its entries itself, and tells some of them before the segment in which they lie is finished. So only a segment
bounds a period, and only where the ledger's own stamp agrees: before the left one nothing of the period was told yet; behind
the right one the chain had gone on beyond the period by both clocks. What is dated far behind its own stamp has a wrong clock
and bounds nothing.
"""

from dataclasses import dataclass
from typing import Final

from custody.core.record import ReadRecord

WRONG_CLOCK_US: Final = 86_400_000_000
"""A day: clocks that nobody sets are minutes or hours fast, a clock that jumped is years."""


def touches(period_us: tuple[int, int], from_us: int, to_us: int) -> bool:
    """True when a record's period has any time in [from_us, to_us)."""
    begin, end = period_us
    return begin < to_us and (end > from_us or begin == end == from_us)


@dataclass(slots=True, kw_only=True)
class Margins:
    """Fed with the entries of a slice in their order; mutable, one owner."""

    from_us: int
    to_us: int
    left: bool = False
    """A segment that bounds the period stands before all that touches it."""
    right: bool = False
    """One stands behind all that touches it."""
    _touched: bool = False

    def take(self, record: ReadRecord, stamped_us: int) -> bool:
        """The next entry of the slice; True when it touches the period."""
        if touches(record.period_us, self.from_us, self.to_us):
            self._touched, self.right = True, False
            return True
        if record.kind.name == "segment":
            begin, end = record.period_us
            self.left |= not self._touched and max(end, stamped_us) <= self.from_us
            self.right |= min(begin, stamped_us) >= self.to_us and begin <= stamped_us + WRONG_CLOCK_US
        return False
