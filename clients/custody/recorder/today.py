"""The gaps of a day: how many, how long together, and why, from what the agent remembers of those that it told of.

A gap may be told twice, by a hook and by the segment behind it: what overlaps or touches counts as one, and its time once.
"""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Final

from custody.recorder.words import REASONS

_NAMES: Final[Mapping[int, str]] = {number: name for name, number in REASONS.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class GapsToday:
    """What is missing of one stream since midnight; a gap from before counts with its part since then."""

    count: int = 0
    length_us: int = 0
    reasons: tuple[str, ...] = ()
    """As hooks call them, in order of their names."""


NO_GAPS: Final = GapsToday()

# `reached` is how far the gaps before it go: what lies behind that is new.
_QUERY: Final = """
WITH missing AS (
    SELECT stream, max(from_us, :since) AS begins, min(to_us, :now) AS ends, reason FROM gap WHERE to_us > :since
    UNION ALL
    SELECT name, max(open_gap_us, :since), :now, open_gap_reason FROM stream WHERE open_gap_us IS NOT NULL
), ordered AS (
    SELECT *, max(ends) OVER (
        PARTITION BY stream ORDER BY begins, ends ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS reached FROM missing WHERE begins < ends
)
SELECT stream, sum(begins > coalesce(reached, 0)), sum(max(0, ends - max(begins, coalesce(reached, 0)))),
       group_concat(DISTINCT reason)
FROM ordered GROUP BY stream
"""


def gaps_today(db: sqlite3.Connection, now_us: int, zone: tzinfo) -> Mapping[str, GapsToday]:
    """The gaps of every stream between midnight in `zone` and now, by the stream's name; none for a stream without."""
    rows = db.execute(_QUERY, {"since": midnight_us(now_us, zone), "now": now_us})
    return {
        stream: GapsToday(count=count, length_us=length_us, reasons=_reasons(reasons))
        for stream, count, length_us, reasons in rows
    }


def midnight_us(now_us: int, zone: tzinfo) -> int:
    """When the day of `now_us` began in `zone`, microseconds UTC."""
    day = datetime.fromtimestamp(now_us // 1_000_000, zone).replace(hour=0, minute=0, second=0)
    return int(day.timestamp()) * 1_000_000


def _reasons(numbers: str) -> tuple[str, ...]:
    return tuple(sorted(_NAMES.get(int(number), "unknown") for number in numbers.split(",")))
