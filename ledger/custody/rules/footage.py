"""What one stream's footage chain told, in columns: the hot path of the replay.

An ordinary segment (next number, begins where the last one ended, told in time, not in the future) costs three appends
and extends a run, which knows the numbers. Everything out of the ordinary is kept aside when it comes, so that an audit looks at exceptions and
runs, not at a million rows. `Limits` are the smallest tolerances of all profiles of the library: they decide what is
kept, the rules decide later what is a finding.
"""

from array import array
from bisect import bisect_right, insort
from collections.abc import Iterator
from itertools import chain
from operator import sub
from typing import Any, Final, NamedTuple

from custody.core.clock import true_time
from custody.core.entry import ReadEntry
from custody.core.limits import MAX_COUNT
from custody.core.record import ReadRecord
from custody.rules.columns import Columns
from custody.rules.profile import Library
from custody.v1 import record_pb2

SECOND_US: Final = 1_000_000
MINUTE_US: Final = 60 * SECOND_US
HOUR_US: Final = 60 * MINUTE_US
DAY_US: Final = 24 * HOUR_US

IN_TIME_US: Final = DAY_US
"""A source that was away for a day may tell of that day with its own times; what it tells later counts from its stamp."""

LONGEST_SILENCE_US: Final = DAY_US
"""Who promises to be heard of more rarely promises nothing that shows him alive."""

LONGEST_SEGMENT_US: Final = DAY_US
"""A file that claims to hold more was begun so long ago that it is late all the same: it would fill any hole at one go."""

FUTURE, CHECK = range(2)
"""Kinds of row in `clocks`: said to end after it was sequenced; a bad clock check."""

_TABLES: Final = {
    "segments": ("begin_us", "end_us", "index"),
    "runs": ("first", "last", "from_us", "to_us", "place"),
    "late": ("number", "delay_us", "index", "end_us"),
    "repeated": ("number", "index", "begin_us"),
    "clocks": ("kind", "index", "at_us", "amount_us"),
    "gaps": ("index", "from_us", "to_us", "reason", "open"),
    "beats": ("from_us", "to_us", "first_index", "last_index"),
    "promised": ("number", "index", "at_us"),
}


class SegmentColumns(NamedTuple):
    """Segments of one stream in the order of the log, a column each (signed 64 bits)."""

    numbers: "array[int]"
    begins_us: "array[int]"
    ends_us: "array[int]"
    indexes: "array[int]"
    stamps_us: "array[int]"


class Limits(NamedTuple):
    """Smallest tolerances of any profile, in microseconds."""

    gap_us: int
    late_us: int
    clock_us: int


def limits_of(library: Library) -> Limits:
    """What has to be kept so that every profile of the library can be evaluated."""

    def least(code: str, name: str) -> int:
        return min(library.parameter(code, name), default=0) * SECOND_US

    return Limits(
        least("gap-unexplained", "tolerance_seconds"),
        least("inserted-late", "late_seconds"),
        least("clock-suspect", "tolerance_seconds"),
    )


class Footage:
    """Columns of one stream; mutable, owned by one state."""

    __slots__ = (
        "_expected", "_limits", "_next", "_order",
        "beats", "clocks", "gaps", "late", "promised", "repeated", "runs", "segments",
    )  # fmt: skip

    segments: Columns
    runs: Columns
    late: Columns
    repeated: Columns
    clocks: Columns
    gaps: Columns
    beats: Columns
    promised: Columns

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._next = 0  # one more than the largest number
        self._expected = -1  # the number that continues the last run, when nothing larger is known
        self._order: list[tuple[int, int]] = []  # (first number, row) of every run, by number
        for name, columns in _TABLES.items():
            setattr(self, name, Columns(*columns))

    def tables(self) -> Iterator[tuple[str, Columns]]:
        """Name and content of every table, in one order."""
        return ((name, getattr(self, name)) for name in _TABLES)

    def copy(self) -> "Footage":
        """An independent copy."""
        twin = Footage(self._limits)
        for name, table in self.tables():
            setattr(twin, name, table.copy())
        twin.resume()
        return twin

    def resume(self) -> None:
        """Takes up the thread after the tables were loaded."""
        firsts, lasts = self.runs.columns[:2]
        if len(lasts):
            self._order = sorted(zip(firsts, range(len(firsts)), strict=True))
            self._next = max(lasts) + 1
            self._expected = self._next if lasts[-1] + 1 == self._next else -1

    def segment(self, index: int, entry: ReadEntry, record: ReadRecord, body: Any) -> None:
        """Takes a segment."""
        number: int = body.number
        begin_us = record.at_us
        end_us = begin_us + body.duration_us
        runs = self.runs.columns
        if number == self._expected and self._goes_on(begin_us, end_us):
            runs[1][-1] = number
            runs[3][-1] = end_us
            self._next = self._expected = number + 1
        elif not self._strange(index, number, begin_us, end_us):
            return
        begins, ends, indexes = self.segments.columns
        begins.append(begin_us)
        ends.append(end_us)
        indexes.append(index)
        stamp_us = entry.sequenced_at_us
        if (
            not -self._limits.clock_us <= stamp_us - end_us <= self._limits.late_us
            or end_us - begin_us > LONGEST_SEGMENT_US
        ):
            self._untimely(index, number, record, end_us, stamp_us)

    def take_segments(self, columns: SegmentColumns) -> bool:
        """Takes ordinary segments that follow one another, to the same effect as `segment` on each.

        False, and nothing is taken, when one of them is out of the ordinary: then each has to be looked at.
        """
        numbers, begins, ends, indexes, stamps = columns
        if not numbers or numbers[0] != self._expected:
            return False
        limits, runs = self._limits, self.runs.columns
        if numbers != array("q", range(numbers[0], numbers[0] + len(numbers))):
            return False
        pauses = list(map(sub, begins, chain((runs[3][-1],), ends)))
        delays = list(map(sub, stamps, ends))
        if min(pauses) < -limits.gap_us or max(pauses) > limits.gap_us:
            return False
        if min(delays) < -limits.clock_us or max(delays) > limits.late_us:
            return False
        if max(map(sub, ends, begins)) > LONGEST_SEGMENT_US:
            return False
        if min(map(sub, begins, chain((self.segments.columns[0][-1],), begins))) < 0:
            return False
        if min(map(sub, ends, chain((runs[3][-1],), ends))) < 0:
            return False
        runs[1][-1] = numbers[-1]
        runs[3][-1] = ends[-1]
        self._next = self._expected = numbers[-1] + 1
        for column, values in zip(self.segments.columns, (begins, ends, indexes), strict=True):
            column.extend(values)
        return True

    def _goes_on(self, begin_us: int, end_us: int) -> bool:
        """Whether a segment continues the last run: beside its end, within the tolerance, and never backwards in time.

        Many short steps back would each be within the tolerance, and together tell an hour twice.
        """
        end_before_us = self.runs.columns[3][-1]
        near = abs(begin_us - end_before_us) <= self._limits.gap_us
        return near and end_us >= end_before_us and begin_us >= self.segments.columns[0][-1]

    def _strange(self, index: int, number: int, begin_us: int, end_us: int) -> bool:
        if number < self._next and self.place(number) is not None:
            self.repeated.append(number, index, begin_us)
            return False
        _, lasts, _, ends, _ = self.runs.columns
        if len(lasts) > 0 and number == lasts[-1] + 1 and self._goes_on(begin_us, end_us):
            lasts[-1] = number
            ends[-1] = end_us
        else:
            insort(self._order, (number, len(self.runs)))
            self.runs.append(number, number, begin_us, end_us, len(self.segments))
        self._next = max(self._next, number + 1)
        self._expected = self._next if number + 1 == self._next else -1
        return True

    def _untimely(self, index: int, number: int, record: ReadRecord, end_us: int, stamp_us: int) -> None:
        delay_us = stamp_us - min(end_us, record.at_us + LONGEST_SEGMENT_US)
        if delay_us > self._limits.late_us:
            self.late.append(number, delay_us, index, end_us)
        if self._ahead(record, end_us, stamp_us) > 0:
            self.clocks.append(FUTURE, index, record.at_us, end_us - stamp_us)

    def _ahead(self, record: ReadRecord, moment_us: int, stamp_us: int) -> int:
        """By how much a moment that a record tells of lies after its stamp for certain; nothing when it may not."""
        if moment_us - stamp_us <= self._limits.clock_us:
            return 0
        # Only here the clock's quality matters, so only here the record is parsed for it.
        quality = record_pb2.Record.FromString(record.raw).clock
        return max(true_time(moment_us, quality, self._limits.clock_us).earliest_us - stamp_us, 0)

    def gap(self, index: int, entry: ReadEntry, record: ReadRecord, body: Any) -> None:
        """Takes a declared gap, as far as it had come when it was told: nobody knows what he will not record."""
        from_us, to_us = body.span.from_us, body.span.to_us
        known_us = to_us - self._ahead(record, to_us, entry.sequenced_at_us)
        self.gaps.append(index, from_us, max(from_us, known_us), body.reason, int(body.open))

    def heartbeat(self, index: int, entry: ReadEntry, record: ReadRecord, body: Any) -> None:
        """Takes a heartbeat: the source is alive from now for the interval that it promises, a day at most.

        One that was told later than in time, or of a time to come, shows no more than that the source told it.
        """
        stamp_us = entry.sequenced_at_us
        from_us = record.at_us if 0 <= stamp_us - record.at_us <= IN_TIME_US else stamp_us
        until_us = from_us + min(body.interval_us, LONGEST_SILENCE_US)
        beats = self.beats.columns
        if len(self.beats) and beats[0][-1] <= from_us <= beats[1][-1]:
            beats[1][-1] = max(beats[1][-1], until_us)
            beats[3][-1] = index
        else:
            self.beats.append(from_us, until_us, index, index)
        promised = self.promised.columns
        if not len(self.promised):
            self.promised.append(body.last_segment, index, record.at_us)
        elif body.last_segment > promised[0][0]:
            promised[0][0], promised[1][0], promised[2][0] = body.last_segment, index, record.at_us

    def clock_check(self, index: int, entry: ReadEntry, record: ReadRecord, body: Any) -> None:
        """Takes a clock check; a good one needs no memory."""
        offset_us = body.device_us - body.reference_us
        if abs(offset_us) > self._limits.clock_us:
            self.clocks.append(CHECK, index, record.at_us, offset_us)

    def place(self, number: int) -> int | None:
        """Row of a segment number in `segments`, or None when it never came. Logarithmic in the number of runs."""
        at = bisect_right(self._order, (number, MAX_COUNT)) - 1
        if at < 0:
            return None
        first, row = self._order[at]
        _, lasts, _, _, places = self.runs.columns
        return places[row] + number - first if number <= lasts[row] else None

    def pieces(self, first: int, last: int) -> list[tuple[int, int]]:
        """The recorded parts of a range of numbers, as (first, last), ascending."""
        found = []
        lasts = self.runs.columns[1]
        at = max(bisect_right(self._order, (first, MAX_COUNT)) - 1, 0)
        while at < len(self._order) and self._order[at][0] <= last:
            low, row = self._order[at]
            if lasts[row] >= first:
                found.append((max(low, first), min(lasts[row], last)))
            at += 1
        return found

    def ordered_runs(self) -> list[tuple[int, ...]]:
        """Rows of `runs` by number."""
        rows = list(self.runs.rows())
        return [rows[row] for _, row in self._order]

    def overlaps(self) -> Iterator[tuple[int, int, int]]:
        """(leaf index, begin, by how much) of segments that begin before one of a lower number ended.

        By number and not by the order of telling, or a second recording of an hour would only have to be told first.
        Within a run nothing overlaps by more than the tolerance.
        """
        reached_us = 0
        for row in self.ordered_runs():
            if row[2] < reached_us:
                yield self.index_of(row[0]), row[2], reached_us - row[2]
            reached_us = max(reached_us, row[3])

    def index_of(self, number: int) -> int:
        """Leaf index of a segment that is known to have come."""
        place = self.place(number)
        assert place is not None
        return self.segments.columns[2][place]

    def split(self, first: int, last: int, moment_us: int) -> int:
        """First number of a piece of one run whose segment ends after `moment_us`; last + 1 when none does."""
        place = self.place(first)
        assert place is not None
        ends = self.segments.columns[1]
        return first + bisect_right(ends, moment_us, place, place + last - first + 1) - place

    def split_begin(self, first: int, last: int, moment_us: int) -> int:
        """First number of a piece of one run whose segment begins at or after `moment_us`; last + 1 when none does."""
        place = self.place(first)
        assert place is not None
        begins = self.segments.columns[0]
        return first + bisect_right(begins, moment_us - 1, place, place + last - first + 1) - place

    def pauses(self, first: int, last: int, from_us: int, to_us: int) -> int:
        """Sum of the pauses between the segments of a piece of one run that touch a period."""
        low, high = self.split(first, last, from_us), self.split_begin(first, last, to_us) - 1
        place = self.place(low)
        if place is None or high <= low:
            return 0
        begins, ends, _ = self.segments.columns
        count = high - low
        pauses = map(sub, begins[place + 1 : place + count + 1], ends[place : place + count])
        return sum(pause for pause in pauses if pause > 0)

    def times(self, first: int, last: int) -> tuple[int, int]:
        """Begin of the first and end of the last segment of a piece of one run."""
        one, other = self.place(first), self.place(last)
        assert one is not None
        assert other is not None
        return self.segments.columns[0][one], self.segments.columns[1][other]

    def begins(self, first: int, last: int) -> tuple[int, int]:
        """Begins of the first and of the last segment of a piece of one run."""
        one, other = self.place(first), self.place(last)
        assert one is not None
        assert other is not None
        return self.segments.columns[0][one], self.segments.columns[0][other]
