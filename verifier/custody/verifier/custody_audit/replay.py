"""Replays what the ranges told into the custody state.

Bodies of segments and heartbeats come as the few fields that the rules read, and ordinary segments of a known stream are
taken as whole columns; the rules never see the difference, and a test holds the ways against each other.
"""

from array import array
from collections.abc import Iterator
from operator import itemgetter
from typing import Any, Final, NamedTuple

from custody.core.entry import ReadEntry
from custody.core.kinds import KINDS
from custody.core.record import ReadRecord, read_record
from custody.rules import CustodyState, SegmentColumns
from custody.verifier.retelling import SEGMENT_WIDTH, WIDTH, Told

_SEGMENT: Final = KINDS["segment"]
_HEARTBEAT: Final = KINDS["heartbeat"]
_NOTHING: Final = ("", b"", b"")


class _SegmentBody(NamedTuple):
    """The fields of a Segment that the rules read."""

    stream: str
    number: int
    duration_us: int


class _HeartbeatBody(NamedTuple):
    """The fields of a Heartbeat that the rules read."""

    stream: str
    last_segment: int
    interval_us: int


_Row = tuple[int, int, int, str, int, int, int]
"""Leaf index, stamp, kind, stream, begin, and two of the body."""


def replay(told: Told, state: CustodyState, end: int) -> None:
    """Applies the entries from the state's size on, below leaf index `end`, to the state."""
    begin = state.size
    raws = {index: (submitter, raw, leaf) for index, submitter, raw, leaf in told.raws}
    rows = sorted([*_segments(told, state, end), *_others(told)], key=itemgetter(0))
    entry: ReadEntry
    for index, stamp_us, kind, stream, at_us, one, two in rows:
        if not begin <= index < end:
            continue
        submitter, raw, leaf = raws.get(index, _NOTHING)
        entry = ReadEntry(b"", raw, None, submitter, stamp_us, ())
        if not kind:
            state.apply(index, entry, read_record(raw), leaf)
            continue
        body: Any = (_SegmentBody if kind == 1 else _HeartbeatBody)(stream, one, two)
        of_kind = _SEGMENT if kind == 1 else _HEARTBEAT
        state.apply(index, entry, ReadRecord(raw, b"", at_us, of_kind, body, (), (0, 0), ()))
    if begin < told.end <= end:  # what was taken at once did not move the state's size
        state.reach(told.end, told.stamp_us)


def _segments(told: Told, state: CustodyState, end: int) -> Iterator[_Row]:
    """Takes what can be taken at once; gives the rest."""
    for stream, data in told.segments.items():
        row = array("q")
        row.frombytes(data)
        columns = SegmentColumns(*(row[place::SEGMENT_WIDTH] for place in range(SEGMENT_WIDTH)))
        if told.end <= end and state.take_segments(stream, columns):
            continue
        for number, begin_us, end_us, index, stamp_us in zip(*columns, strict=True):
            yield index, stamp_us, 1, stream, begin_us, number, end_us - begin_us


def _others(told: Told) -> Iterator[_Row]:
    rows = array("q")
    rows.frombytes(told.rows)
    for at in range(0, len(rows), WIDTH):
        index, stamp_us, kind, stream, at_us, one, two = rows[at : at + WIDTH]
        yield index, stamp_us, kind, told.streams[stream] if kind else "", at_us, one, two
