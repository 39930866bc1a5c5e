"""What a range tells the rules, in columns that travel cheaply between processes.

Nearly all entries are segments and heartbeats, of which the rules want a few numbers; they travel as arrays. Every other
record travels as its bytes and is read again where the state is replayed. A segment whose times are strange keeps its
bytes too, because then the rules ask for the quality of its clock.
"""

from array import array
from collections.abc import Sequence
from typing import Final, NamedTuple

from custody.core.kinds import KINDS
from custody.verifier.entry_reading import ReadEntries

_SEGMENT: Final = KINDS["segment"]
_HEARTBEAT: Final = KINDS["heartbeat"]
WIDTH: Final = 7
"""Numbers of one entry in `Told.rows`."""


class Told(NamedTuple):
    """Entries of one range, in the order of the log."""

    streams: tuple[str, ...]
    rows: bytes
    """Seven numbers an entry: leaf index, stamp, kind, stream, begin, and two of the body (kind 0: none)."""
    raws: tuple[tuple[int, str, bytes], ...]
    """(leaf index, submitter, record) of what travels as bytes."""

    def __len__(self) -> int:
        return len(self.rows) // (8 * WIDTH)


class Teller:
    """Gathers what one range tells; mutable, used once."""

    def __init__(self) -> None:
        self._rows = array("q")
        self._streams: dict[str, int] = {}
        self._raws: list[tuple[int, str, bytes]] = []

    def take(self, begin: int, places: Sequence[int], read: ReadEntries) -> None:
        """Takes the entries of the bundle that begins at leaf index `begin`; `places` are theirs within it."""
        streams, raws, extend = self._streams, self._raws, self._rows.extend
        for at, entry, record in zip(places, read.entries, read.records, strict=True):
            index, stamp_us, kind, body = begin + at, entry.sequenced_at_us, record.kind, record.body
            if kind is _SEGMENT:
                duration_us = body.duration_us
                stream = streams.setdefault(body.stream, len(streams))
                extend((index, stamp_us, 1, stream, record.at_us, body.number, duration_us))
                if stamp_us < record.at_us + duration_us:
                    raws.append((index, "", record.raw))
            elif kind is _HEARTBEAT:
                stream = streams.setdefault(body.stream, len(streams))
                extend((index, stamp_us, 2, stream, record.at_us, body.last_segment, body.interval_us))
            else:
                extend((index, stamp_us, 0, 0, 0, 0, 0))
                raws.append((index, entry.submitter, record.raw))

    def told(self) -> Told:
        """Everything that was taken."""
        return Told(tuple(self._streams), self._rows.tobytes(), tuple(self._raws))
