"""Coverage of time: recorded, declared as a gap, or unexplained; and what the clocks say (DESIGN section 7, "on time").

Time in use runs from the declared first use to retirement, and as far beyond as footage that was told in time. A declared gap with a reason
explains the time that it names, up to its stamp; `unknown` is no reason, and `motion only` is one where the recorder was known
to be set to it. There, time in which heartbeats show the source alive is explained too.
"""

from collections.abc import Iterator
from functools import cached_property
from typing import Final

from custody.core.limits import MAX_TIME_US
from custody.rules.case import Case, Words, span
from custody.rules.finding import Finding
from custody.rules.footage import DAY_US, FUTURE, IN_TIME_US, SECOND_US
from custody.rules.machines import STREAM, run
from custody.rules.ranges import Claims
from custody.rules.segments import late_runs
from custody.rules.spans import Intervals, intersect, length, subtract, union
from custody.v1 import record_pb2

PAUSE_SHARE: Final = 20
"""A twentieth of a stretch may be pauses between its segments: 0.1 s after each file of 2 s, 3 s after each of a minute."""

_REASON_ZH: Final = {
    record_pb2.GAP_REASON_CAMERA_OFFLINE: "摄像机离线",
    record_pb2.GAP_REASON_RECORDER_OVERLOAD: "录像设备过载",
    record_pb2.GAP_REASON_DISK_FULL: "磁盘已满",
    record_pb2.GAP_REASON_CORRUPT_SEGMENT: "录像段损坏",
    record_pb2.GAP_REASON_MOTION_ONLY: "仅移动时录像",
    record_pb2.GAP_REASON_MAINTENANCE: "维护",
    record_pb2.GAP_REASON_AGENT_DOWN: "登记程序停止",
    record_pb2.GAP_REASON_POWER: "断电",
    record_pb2.GAP_REASON_CLOCK_STEP: "时钟跳变",
    record_pb2.GAP_REASON_UNKNOWN: "原因不明",
}


def reason_of(number: int) -> tuple[str, str]:
    """A gap's reason in English and Chinese."""
    name = record_pb2.GapReason.Name(record_pb2.GapReason.ValueType(number)).removeprefix("GAP_REASON_")
    return name.lower().replace("_", " "), _REASON_ZH.get(record_pb2.GapReason.ValueType(number), name)


class Coverage:
    """The time of the case's stream."""

    def __init__(self, case: Case) -> None:
        assert case.stream is not None
        self.case = case
        self.footage = case.stream.footage

    @cached_property
    def in_use(self) -> Intervals:
        """Time in which footage is expected, up to now."""
        declared = union(self._declared_use())
        return intersect(union([*declared, *self._shown_use(declared)]), [(0, self.case.at_us)])

    def _declared_use(self) -> Iterator[tuple[int, int]]:
        since: int | None = None
        for step in run(STREAM, self.case.notes):
            if step.after == "in use" and step.before != "in use":
                since = step.note.body.in_use_from_us or step.note.at_us
            elif step.after == "retired" and since is not None:
                # Told afterwards it ends nothing before it was told: else it would excuse what was not recorded meanwhile.
                until_us = step.note.frees_us
                yield min(since, until_us - 1), until_us  # never empty: a use that never began was ended, too
                since = None
        if since is not None:
            yield since, MAX_TIME_US

    def _shown_use(self, declared: Intervals) -> Iterator[tuple[int, int]]:
        """Time of no declared use that footage told in time shows to be one: who records uses the camera."""
        for begin, end in subtract([(0, MAX_TIME_US)], declared):
            shown = intersect(self._in_time, [(begin, end)])
            if shown and begin == 0:
                yield shown[0][0], end  # in use already, whatever first use was declared
            elif shown:
                yield begin, shown[-1][1]  # still in use after it was retired

    @cached_property
    def late(self) -> list[tuple[int, int, int]]:
        """As `late_runs` says."""
        return late_runs(self.case)

    @cached_property
    def _in_time(self) -> Intervals:
        """Recorded time that was not told late: of what lay there before a ledger was, nobody has to answer."""
        late: Claims[None] = Claims()
        for first, last, _ in self.late:
            late.add(first, last, None)
        return union(
            self.footage.times(low, high)
            for first, last, _, _, _ in self.footage.runs.rows()
            for low, high in late.free(first, last)
        )

    @cached_property
    def recorded(self) -> Intervals:
        """Time of registered segments, whatever became of the files."""
        return union((row[2], row[3]) for row in self.footage.runs.rows())

    @cached_property
    def alive(self) -> Intervals:
        """Time in which the source promised to be heard again."""
        return union((row[0], row[1]) for row in self.footage.beats.rows())

    @cached_property
    def declared(self) -> list[tuple[int, int, int, int, int]]:
        """Declared gaps (from, to, reason, open, index): of several with one begin the last told."""
        last = {row[1]: row for row in self.footage.gaps.rows()}
        return sorted((row[1], row[2], row[3], row[4], row[0]) for row in last.values())

    @cached_property
    def motion_only(self) -> Intervals:
        """Time in which the recorder was known to be set to record motion only."""
        periods: Intervals = []
        since: int | None = None
        configured = [note for note in self.case.notes if note.kind == "recorder_configuration"]
        for note in configured:
            if not note.body.motion_only and since is not None:
                periods.append((since, note.binds_us))
                since = None
            elif note.body.motion_only and since is None:
                # An agent learns the setting after it saw the first footage, so the first one counts for the day before too.
                since = note.frees_us - (IN_TIME_US if note is configured[0] else 0)
        if since is not None:
            periods.append((since, self.case.at_us))
        return union(periods)

    @cached_property
    def planned(self) -> Intervals:
        """Time without footage in which nothing moved, as far as the recorder's setting bears that out."""
        told = union(row[:2] for row in self.declared if row[2] == record_pb2.GAP_REASON_MOTION_ONLY)
        return intersect(self.motion_only, union([*told, *self.alive]))

    @cached_property
    def reasoned(self) -> list[tuple[int, int, int, int, int]]:
        """Declared gaps whose reason is one; 'motion only' is none where the recorder was never set to it."""
        planned = self.motion_only
        return [
            row
            for row in self.declared
            if row[2] != record_pb2.GAP_REASON_UNKNOWN
            and (row[2] != record_pb2.GAP_REASON_MOTION_ONLY or row[0] == row[1] or intersect(planned, [row[:2]]))
        ]

    @cached_property
    def explained(self) -> Intervals:
        """Time without footage for which a reason was given."""
        told = [row[:2] for row in self.reasoned if row[2] != record_pb2.GAP_REASON_MOTION_ONLY]
        return union([*told, *self.planned])

    @cached_property
    def going_on(self) -> Intervals:
        """What a gap with a reason that was declared open covers after it was told: as long as the source goes on being heard of.

        A source that is there and does not end the gap says with each sign of life that it lasts.
        """
        last_us = self.recorded[-1][1] if self.recorded else 0
        if not self.reasoned or not self.reasoned[-1][3] or self.reasoned[-1] != self.declared[-1]:
            return []
        begin, told_us = self.reasoned[-1][:2]
        if last_us > begin:
            return []
        return [(told_us, end) for start, end in self.alive if start <= told_us < end]

    @cached_property
    def pending(self) -> Intervals:
        """The end, where a file of the usual length is being written: nobody can have told of it while it is not finished."""
        if not self.recorded:
            return []
        last_us, at_us = self.recorded[-1][1], self.case.at_us
        heard = any(begin <= at_us <= end for begin, end in self.alive)  # silence before that is a finding of its own
        return [(last_us, at_us)] if heard and at_us - last_us <= 2 * self._usual_us else []

    @property
    def _usual_us(self) -> int:
        """Length of a file: as the recorder is set, else of the last one; a day at most."""
        set_us = [note.body.segment_us for note in self.case.notes if note.kind == "recorder_configuration"]
        begins, ends, _ = self.footage.segments.columns
        return min((set_us[-1] if set_us else 0) or ends[-1] - begins[-1], DAY_US)

    @cached_property
    def missing(self) -> Intervals:
        """Time in use that is neither recorded nor explained, nor may still be told of."""
        return subtract(subtract(self.in_use, self.recorded), union([*self.explained, *self.going_on, *self.pending]))

    def paused(self, times: Intervals) -> int:
        """How much of these times lies in pauses between segments of one run, beyond the share that is nobody's loss.

        A pause within the tolerance is no gap, and every recorder makes some where it changes the file. But a second
        of footage every three seconds is not a whole recording: pauses above their share of a stretch count as lost.
        """
        lost_us = 0
        for first, last, from_us, to_us, _ in self.footage.runs.rows():
            for begin, end in intersect([(from_us, to_us)], times):
                lost_us += max(self.footage.pauses(first, last, begin, end) - (end - begin) // PAUSE_SHARE, 0)
        return lost_us

    @cached_property
    def neighbours(self) -> dict[int, list[int]]:
        """Leaf indexes of the segments beside missing time, by the moment at which they touch it."""
        found: dict[int, list[int]] = {at_us: [] for period in self.missing for at_us in period}
        for first, last, from_us, to_us, _ in self.footage.runs.rows() if found else ():
            if from_us in found:
                found[from_us].append(self.footage.index_of(first))
            if to_us in found:
                found[to_us].append(self.footage.index_of(last))
        return found


def check_time(case: Case, coverage: Coverage) -> Iterator[Finding]:
    """Gaps, silence and availability."""
    yield from _gaps_declared(case, coverage)
    reasoned = set(coverage.reasoned)
    without = [row for row in coverage.declared if row not in reasoned]
    for begin, end in coverage.missing:
        tail = end == case.at_us
        rules = [
            rule
            for rule in case.rules("gap-unexplained", begin)
            if end - begin > _tolerated(rule.parameters, tail=tail)
        ]
        indexes = [row[4] for row in without if row[0] < end and begin < row[1]]
        indexes += coverage.neighbours[begin] + coverage.neighbours[end]
        yield from case.find(
            "gap-unexplained", rules, (begin, end), indexes=indexes, words={"length": span(end - begin)}
        )
    yield from _silence(case, coverage)
    yield from _availability(case, coverage)


def _tolerated(parameters: object, *, tail: bool) -> int:
    assert isinstance(parameters, dict)
    return int(parameters["grace_seconds" if tail else "tolerance_seconds"]) * SECOND_US


def _gaps_declared(case: Case, coverage: Coverage) -> Iterator[Finding]:
    reasoned = set(coverage.reasoned)
    last_us = coverage.recorded[-1][1] if coverage.recorded else 0
    newest_us = max((row[0] for row in coverage.declared), default=0)
    for begin, end, reason, still, index in coverage.declared:
        english, chinese = reason_of(reason)
        if (begin, end, reason, still, index) in reasoned:
            rules = case.rules("gap-explained", begin)
            words: Words = {"length": span(end - begin), "reason": english}
            yield from case.find(
                "gap-explained", rules, (begin, end), indexes=[index], zh={"reason": chinese}, words=words
            )
        lasts = coverage.going_on and coverage.going_on[-1][1] >= case.at_us
        if still and last_us <= begin == newest_us and not lasts:
            yield from case.find("gap-open", case.rules("gap-open", begin), (begin, end), indexes=[index])


def _silence(case: Case, coverage: Coverage) -> Iterator[Finding]:
    rows = list(coverage.footage.beats.rows())
    told = union([*coverage.recorded, *coverage.explained])
    for place, (_, until_us, _, index) in enumerate(rows):
        last = place + 1 == len(rows)
        next_us = case.at_us if last else rows[place + 1][0]
        for begin, end in subtract(intersect([(until_us, max(next_us, until_us))], coverage.in_use), told):
            rules = [
                rule
                for rule in case.rules("source-silent", begin)
                if end - begin > rule.parameters["grace_seconds"] * SECOND_US
            ]
            indexes = [index] if last else [index, rows[place + 1][2]]
            yield from case.find(
                "source-silent", rules, (begin, end), indexes=indexes, words={"length": span(end - begin)}
            )


def _availability(case: Case, coverage: Coverage) -> Iterator[Finding]:
    for rule in case.rules("availability-low", case.at_us):
        window = [(case.at_us - rule.parameters["window_days"] * DAY_US, case.at_us)]
        expected = subtract(intersect(coverage.in_use, window), coverage.pending)
        covered = union([*coverage.recorded, *coverage.planned])
        whole = length(expected)
        paused_us = coverage.paused(subtract(expected, coverage.planned))
        percent = max(length(intersect(expected, covered)) - paused_us, 0) * 100 // whole if whole else 100
        if percent < rule.parameters["minimum_percent"]:
            period = (expected[0][0], case.at_us)
            yield from case.find("availability-low", [rule], period, words={"percent": percent})


def check_numbers(case: Case, coverage: Coverage) -> Iterator[Finding]:
    """Numbers that never came, or came twice, or came late."""
    footage = coverage.footage
    runs = footage.ordered_runs()
    before = (0, 0, 0, runs[0][2] if runs else 0, 0)
    for row in runs:
        if row[0] > before[1] + 1:
            hole = [(before[3], row[2])] if before[3] < row[2] else []
            if not hole or subtract(hole, coverage.explained):
                period = (min(before[3], row[2]), max(before[3], row[2]))
                rules = case.rules("number-missing", period[0])
                indexes = [footage.index_of(number) for number in (before[1], row[0]) if number]
                numbers = (before[1] + 1, row[0] - 1)
                yield from case.find("number-missing", rules, period, indexes=indexes, numbers=numbers)
        before = (row[0], row[1], row[2], row[3], row[4])
    for number, index, at_us in footage.promised.rows():
        if number > before[1]:
            rules = case.rules("number-missing", at_us)
            numbers = (before[1] + 1, number)
            yield from case.find("number-missing", rules, (at_us, at_us), indexes=[index], numbers=numbers)
    for number, index, at_us in footage.repeated.rows():
        rules = case.rules("number-repeated", at_us)
        indexes = [index, footage.index_of(number)]
        yield from case.find("number-repeated", rules, (at_us, at_us), indexes=indexes, numbers=(number, number))
    for first, last, delay_us in coverage.late:
        for low, high in footage.pieces(first, last):
            period = footage.times(low, high)
            rules = case.rules("inserted-late", period[1])
            indexes = [footage.index_of(low), footage.index_of(high)]
            yield from case.find(
                "inserted-late", rules, period, indexes=indexes, numbers=(low, high), words={"late": span(delay_us)}
            )


def check_clocks(case: Case) -> Iterator[Finding]:
    """Recorder time against ledger time, against its own segments and against a reference."""
    assert case.stream is not None
    footage = case.stream.footage
    for kind, index, at_us, amount_us in footage.clocks.rows():
        amount = span(abs(amount_us))
        if kind == FUTURE:
            what = (f"footage ends {amount.en} after it was sequenced", f"录像结束时间晚于入账时间 {amount.zh}")
        elif amount_us > 0:
            what = (f"{amount.en} ahead of the reference", f"比基准时间快 {amount.zh}")
        else:
            what = (f"{amount.en} behind the reference", f"比基准时间慢 {amount.zh}")
        yield from _suspect(case, index, at_us, amount_us, what)
    for index, at_us, amount_us in footage.overlaps():
        amount = span(amount_us)
        english = f"a segment begins {amount.en} before its predecessor ends"
        yield from _suspect(case, index, at_us, amount_us, (english, f"录像段起始早于前一段结束 {amount.zh}"))


def _suspect(case: Case, index: int, at_us: int, amount_us: int, what: tuple[str, str]) -> Iterator[Finding]:
    rules = [
        rule
        for rule in case.rules("clock-suspect", at_us)
        if abs(amount_us) > rule.parameters["tolerance_seconds"] * SECOND_US
    ]
    yield from case.find(
        "clock-suspect", rules, (at_us, at_us), indexes=[index], zh={"what": what[1]}, words={"what": what[0]}
    )
