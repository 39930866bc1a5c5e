"""What a range tells the rules, in columns that travel cheaply between processes.

Nearly all entries are segments and heartbeats, of which the rules want a few numbers; they travel as arrays, segments
by stream. Every other record travels as its bytes and is read again where the state is replayed. A segment whose times
are strange keeps its bytes too, because then the rules ask for the quality of its clock.
"""

from array import array
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from custody.core.hashing import leaf_hash
from custody.core.kinds import KINDS
from custody.verifier.entry_reading import ReadEntries

_SEGMENT: Final = KINDS["segment"]
_HEARTBEAT: Final = KINDS["heartbeat"]
SEGMENT_WIDTH: Final = 5
"""Numbers of one segment in `Told.segments`."""
WIDTH: Final = 7
"""Numbers of one entry in `Told.rows`."""


class Told(NamedTuple):
    """Entries of one range."""

    end: int
    """One more than the last leaf index; 0: there are none."""
    stamp_us: int
    """Stamp of the last entry."""
    segments: Mapping[str, bytes]
    """By stream, in the order of the log, five numbers a segment: number, begin, end, leaf index, stamp."""
    streams: tuple[str, ...]
    """Streams of the rows."""
    rows: bytes
    """All other entries, seven numbers each: leaf index, stamp, kind, stream, begin, and two of the body (kind 0: none)."""
    raws: tuple[tuple[int, str, bytes, bytes], ...]
    """(leaf index, submitter, record, leaf hash) of what travels as bytes; segments come without submitter and hash."""


class Teller:
    """Gathers what one range tells; mutable, used once."""

    def __init__(self) -> None:
        self._end = 0
        self._stamp_us = 0
        # Lists, not arrays: an array takes its numbers one call each, and there are millions of segments.
        self._segments: defaultdict[str, list[int]] = defaultdict(list)
        self._rows: list[int] = []
        self._streams: dict[str, int] = {}
        self._raws: list[tuple[int, str, bytes, bytes]] = []

    def take(self, begin: int, places: Sequence[int], read: ReadEntries) -> None:
        """Takes the entries of the bundle that begins at leaf index `begin`; `places` are theirs within it."""
        segments, streams, raws, extend = self._segments, self._streams, self._raws, self._rows.extend
        for at, entry, record in zip(places, read.entries, read.records, strict=True):
            index, stamp_us, kind, body = begin + at, entry.sequenced_at_us, record.kind, record.body
            if kind is _SEGMENT:
                stream, begin_us = body.stream, record.at_us
                end_us = begin_us + body.duration_us
                segments[stream] += (body.number, begin_us, end_us, index, stamp_us)
                if stamp_us < end_us:
                    raws.append((index, "", record.raw, b""))
            elif kind is _HEARTBEAT:
                number = streams.setdefault(body.stream, len(streams))
                extend((index, stamp_us, 2, number, record.at_us, body.last_segment, body.interval_us))
            else:
                extend((index, stamp_us, 0, 0, 0, 0, 0))
                raws.append((index, entry.submitter, record.raw, leaf_hash(entry.raw)))
        if len(places):
            self._end, self._stamp_us = begin + places[-1] + 1, read.entries[-1].sequenced_at_us

    def told(self) -> Told:
        """Everything that was taken."""
        segments = {stream: array("q", row).tobytes() for stream, row in self._segments.items()}
        return Told(
            self._end,
            self._stamp_us,
            segments,
            tuple(self._streams),
            array("q", self._rows).tobytes(),
            tuple(self._raws),
        )
