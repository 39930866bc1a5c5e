"""What somebody saw in the footage store, told by the caller: runs of segment numbers with one status each.

Whatever no run covers is *not checked*, never fine.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from custody.rules.finding import LogVerdict


class Status(Enum):
    """State of one footage file against its entry."""

    PRESENT = "present"
    ALTERED = "altered"
    MISSING = "missing"
    DERIVED = "derived"
    NOT_CHECKED = "not checked"


class Seen(NamedTuple):
    """Segments `first` to `last` (both included) of a stream have `status`."""

    first: int
    last: int
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """`streams` holds, per stream, runs in ascending order without overlap; `log` what the verifier says of the log.

    ValueError when runs overlap or run backwards.
    """

    streams: Mapping[str, Sequence[Seen]] = field(default_factory=dict)
    log: LogVerdict | None = None

    def __post_init__(self) -> None:
        for stream, runs in self.streams.items():
            before = -1
            for seen in runs:
                if not before < seen.first <= seen.last:
                    raise ValueError(f"{stream}: observed runs are not ascending at segment {seen.first}")
                before = seen.last

    def runs(self, stream: str) -> Sequence[Seen]:
        """Runs of one stream; none when nobody looked."""
        return self.streams.get(stream, ())
