"""Arithmetic on half-open time intervals (from_us, to_us), kept sorted and without overlap."""

from bisect import bisect_left
from collections.abc import Iterable

Intervals = list[tuple[int, int]]


def union(intervals: Iterable[tuple[int, int]]) -> Intervals:
    """Sorts and merges; touching intervals become one, empty ones vanish."""
    merged: Intervals = []
    for begin, end in sorted(intervals):
        if begin >= end:
            continue
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((begin, end))
    return merged


def subtract(whole: Intervals, holes: Intervals) -> Intervals:
    """What of `whole` lies in none of `holes`; both as `union` gives them."""
    left: Intervals = []
    place = _before(whole, holes)
    for begin, end in whole:
        here = begin
        while place < len(holes) and holes[place][1] <= here:
            place += 1
        look = place
        while look < len(holes) and holes[look][0] < end:
            if holes[look][0] > here:
                left.append((here, holes[look][0]))
            here = max(here, holes[look][1])
            look += 1
        if here < end:
            left.append((here, end))
    return left


def intersect(one: Intervals, other: Intervals) -> Intervals:
    """What lies in both; both as `union` gives them."""
    both: Intervals = []
    place = _before(one, other)
    for begin, end in one:
        while place < len(other) and other[place][1] <= begin:
            place += 1
        look = place
        while look < len(other) and other[look][0] < end:
            both.append((max(begin, other[look][0]), min(end, other[look][1])))
            look += 1
    return both


def length(intervals: Intervals) -> int:
    """Sum of the lengths, in microseconds."""
    return sum(end - begin for begin, end in intervals)


def _before(whole: Intervals, others: Intervals) -> int:
    """Place of the last of `others` that begins before `whole` does: what lies before it cannot matter."""
    return max(bisect_left(others, whole[0]) - 1, 0) if whole else 0
