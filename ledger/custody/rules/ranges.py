"""Ranges of segment numbers that do not overlap, each with a value: who came first keeps its numbers."""

from bisect import bisect_left
from collections.abc import Iterator
from typing import Generic, TypeVar

_T = TypeVar("_T")


class Claims(Generic[_T]):
    """Sorted ranges (first, last, value), both ends included."""

    def __init__(self) -> None:
        self._firsts: list[int] = []
        self._rows: list[tuple[int, int, _T]] = []

    def __iter__(self) -> Iterator[tuple[int, int, _T]]:
        return iter(self._rows)

    def free(self, first: int, last: int) -> list[tuple[int, int]]:
        """The parts of a range that nobody claimed."""
        found = []
        at = bisect_left(self._firsts, first)
        if at and self._rows[at - 1][1] >= first:
            first = self._rows[at - 1][1] + 1
        while first <= last:
            if at == len(self._rows) or self._rows[at][0] > last:
                found.append((first, last))
                break
            if first < self._rows[at][0]:
                found.append((first, self._rows[at][0] - 1))
            first = self._rows[at][1] + 1
            at += 1
        return found

    def add(self, first: int, last: int, value: _T) -> None:
        """Claims a free range, as `free` gave it."""
        at = bisect_left(self._firsts, first)
        self._firsts.insert(at, first)
        self._rows.insert(at, (first, last, value))

    def at(self, number: int) -> _T | None:
        """The value that a number has, or None."""
        at = bisect_left(self._firsts, number + 1) - 1
        return self._rows[at][2] if at >= 0 and self._rows[at][1] >= number else None
