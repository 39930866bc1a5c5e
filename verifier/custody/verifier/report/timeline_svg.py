"""The coverage timeline of one camera as paths of an inline SVG: one path a kind, at most a column a pixel.

A column shows a kind when any of its time has it, and gaps are drawn last: a gap of a minute in a month is one column wide
and never vanishes. Kinds differ by pattern and height as well as by colour.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from custody.rules import Stretch, StretchKind
from custody.verifier.custody_audit.zone import Zone

WIDTH: Final = 960
"""Columns of the chart."""
_MAX_TICKS: Final = 8
_DAY_US: Final = 86_400_000_000
_STEPS_US: Final = tuple(
    minutes * 60_000_000
    for minutes in (1, 5, 15, 30, 60, 180, 360, 720, 1440, 2880, 7200, 14400, 43200, 86400, 172800, 525600)
)
KINDS: Final = (
    StretchKind.RECORDED,
    StretchKind.DISPOSED,
    StretchKind.DECLARED_GAP,
    StretchKind.UNEXPLAINED_GAP,
    StretchKind.HELD,
)
"""In the order of drawing."""


class Tick(NamedTuple):
    """A mark on the axis."""

    x: int
    label: str


class Drawn(NamedTuple):
    """One kind of one camera: its class, its path, and how much time it takes."""

    name: str
    path: str
    share: str
    """Of the period drawn, in per cent."""


class Axis(NamedTuple):
    """The period that is drawn; half open."""

    from_us: int
    to_us: int

    def column(self, at_us: int) -> int:
        """The column in which a moment lies, within the chart."""
        return max(0, min(WIDTH, (at_us - self.from_us) * WIDTH // (self.to_us - self.from_us)))

    def ticks(self, zone: Zone) -> list[Tick]:
        """Marks at round local times."""
        step = next((one for one in _STEPS_US if (self.to_us - self.from_us) // one < _MAX_TICKS), _STEPS_US[-1])
        offset = zone.local(self.from_us).utcoffset()
        assert offset is not None
        shift = offset.days * _DAY_US + offset.seconds * 1_000_000
        first = -(-(self.from_us + shift) // step) * step - shift
        shape = "%m-%d" if step >= _DAY_US else "%m-%d %H:%M"
        return [Tick(self.column(at), zone.local(at).strftime(shape)) for at in range(first, self.to_us, step)]


def axis_of(rows: Iterable[Sequence[Stretch]], at_us: int, from_us: int, to_us: int | None) -> Axis | None:
    """The period from the first stretch to the moment of judgement, within the scope; None when there is nothing to draw."""
    begins = [stretch.from_us for row in rows for stretch in row]
    ends = [stretch.to_us for row in rows for stretch in row]
    begin = max(min(begins, default=at_us), from_us)
    end = min(max([*ends, at_us]) if begins else at_us, to_us or at_us, at_us)
    return Axis(begin, end) if begin < end else None


def draw(row: Sequence[Stretch], axis: Axis) -> list[Drawn]:
    """The paths of one camera, in the order of drawing; kinds without time are left out."""
    found = []
    for kind in KINDS:
        parts = [
            (max(one.from_us, axis.from_us), min(one.to_us, axis.to_us))
            for one in row
            if one.kind is kind and one.from_us < axis.to_us and one.to_us > axis.from_us
        ]
        if parts:
            share = sum(end - begin for begin, end in parts) * 10_000 // (axis.to_us - axis.from_us)
            found.append(Drawn(kind.value.replace(" ", "-"), _path(parts, axis, kind), f"{share / 100:.2f}"))
    return found


def _path(parts: Sequence[tuple[int, int]], axis: Axis, kind: StretchKind) -> str:
    columns: list[tuple[int, int]] = []
    for begin, end in sorted(parts):
        left = min(axis.column(begin), WIDTH - 1)
        right = max(left + 1, axis.column(end))
        if columns and left <= columns[-1][1]:
            columns[-1] = (columns[-1][0], max(right, columns[-1][1]))
        else:
            columns.append((left, right))
    # A hold lies over the others: a line along the top.
    top, height = (0, 3) if kind is StretchKind.HELD else (4, 14)
    return "".join(f"M{left} {top}h{right - left}v{height}h{left - right}z" for left, right in columns)
