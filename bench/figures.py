"""The form of a result, and percentiles."""

from collections.abc import Sequence
from typing import TypedDict


class Figure(TypedDict):
    """`aim` is what the issue asks for, `limit` this machine's raw speed for the same work in the same run."""

    figure: str
    value: float
    unit: str
    aim: float | None
    limit: float | None
    ratio: float | None


def figure(name: str, value: float, unit: str, *, aim: float | None = None, limit: float | None = None) -> Figure:
    """`ratio` is value / limit, where there is a limit."""
    ratio = value / limit if limit else None
    return Figure(figure=name, value=value, unit=unit, aim=aim, limit=limit, ratio=ratio)


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of the values lie (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
