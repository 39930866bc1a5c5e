"""Intervals, ranges and columns against their naive models."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custody.core.errors import MalformedError
from custody.rules import Observation, Status
from custody.rules.columns import Columns
from custody.rules.observation import Seen
from custody.rules.ranges import Claims
from custody.rules.spans import Intervals, intersect, length, subtract, union

_intervals = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=8)


def _points(intervals: Intervals) -> set[int]:
    return {point for begin, end in intervals for point in range(begin, end)}


@given(_intervals, _intervals)
def test_intervals_are_sets_of_moments(one: Intervals, other: Intervals) -> None:
    left, right = union(one), union(other)
    assert _points(left) == _points(one)
    assert _points(subtract(left, right)) == _points(one) - _points(other)
    assert _points(intersect(left, right)) == _points(one) & _points(other)
    assert length(left) == len(_points(one))
    assert all(left[place][1] < left[place + 1][0] for place in range(len(left) - 1))


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=8))
def test_who_claims_first_keeps(ranges: list[tuple[int, int]]) -> None:
    claims: Claims[int] = Claims()
    model: dict[int, int] = {}
    for value, (first, last) in enumerate(ranges):
        for free in claims.free(first, last):
            claims.add(*free, value)
        for number in range(first, last + 1):
            model.setdefault(number, value)
    assert {number: claims.at(number) for number in range(31)} == {number: model.get(number) for number in range(31)}
    assert sorted(claims) == list(claims)


def test_columns_save_and_load() -> None:
    table = Columns("a", "b")
    table.append(1, -2)
    table.append(3, 4)
    twin = Columns("a", "b")
    twin.load(table.dump(), 2)
    assert list(twin.rows()) == [(1, -2), (3, 4)]
    copied = twin.copy()
    copied.append(5, 6)
    assert (len(copied), len(twin)) == (3, 2)
    with pytest.raises(MalformedError) as caught:
        twin.load(table.dump(), 3)
    assert caught.value.code == "state-malformed"


@pytest.mark.parametrize("runs", [[(2, 1)], [(1, 3), (3, 4)], [(5, 6), (1, 2)]])
def test_observed_runs_ascend(runs: list[tuple[int, int]]) -> None:
    with pytest.raises(ValueError, match="not ascending"):
        Observation(streams={"a/b": [Seen(first, last, Status.PRESENT) for first, last in runs]})
