"""Replays what the ranges told into the custody state.

Bodies of segments and heartbeats come as the few fields that the rules read; the rules never see the difference, and a
test holds the two ways against each other.
"""

from array import array
from typing import Any, Final, NamedTuple

from custody.core.entry import ReadEntry
from custody.core.kinds import KINDS
from custody.core.record import ReadRecord, read_record
from custody.rules import CustodyState
from custody.verifier.retelling import WIDTH, Told

_SEGMENT: Final = KINDS["segment"]
_HEARTBEAT: Final = KINDS["heartbeat"]


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


def replay(told: Told, state: CustodyState, end: int) -> None:
    """Applies the entries from the state's size on, below leaf index `end`, to the state."""
    rows = array("q")
    rows.frombytes(told.rows)
    raws = {index: (submitter, raw) for index, submitter, raw in told.raws}
    streams, apply, begin = told.streams, state.apply, state.size
    entry: ReadEntry
    for at in range(0, len(rows), WIDTH):
        index, stamp_us, kind, stream, at_us, one, two = rows[at : at + WIDTH]
        if not begin <= index < end:
            continue
        submitter, raw = raws.get(index, ("", b""))
        entry = ReadEntry(b"", raw, None, submitter, stamp_us, ())
        if not kind:
            apply(index, entry, read_record(raw))
            continue
        body: Any = (_SegmentBody if kind == 1 else _HeartbeatBody)(streams[stream], one, two)
        apply(index, entry, ReadRecord(raw, b"", at_us, _SEGMENT if kind == 1 else _HEARTBEAT, body, (), (0, 0), ()))
