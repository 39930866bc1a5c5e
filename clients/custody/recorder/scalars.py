"""Plain values out of recorders' configuration files: the block mappings of YAML, and no more of it.

Enough to *observe* a retention setting: nested `key: value` by indentation, comments, quotes. Lists, anchors, flow
collections and multi-line texts are passed over. What is not understood is not guessed.
"""

import re
from collections.abc import Mapping
from typing import Final

_LINE: Final = re.compile(r"^( *)([A-Za-z0-9_~.\"'/-]+) *:(?: +(.*))?$")
_NUMBER: Final = re.compile(r"\d+(?:\.\d+)?", re.ASCII)
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", re.ASCII)
_UNITS_US: Final = {"ms": 1_000, "s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}


def read_scalars(text: str) -> dict[str, str]:
    """Values by their dotted path."""
    found: dict[str, str] = {}
    parents: list[tuple[int, str]] = []
    for raw in text.splitlines():
        matched = _LINE.match(raw.rstrip())
        if matched is None:
            continue
        depth, key = len(matched[1]), matched[2].strip("\"'")
        while parents and parents[-1][0] >= depth:
            parents.pop()
        value = _plain(matched[3] or "")
        if value:
            found[".".join([*(name for _, name in parents), key])] = value
        else:
            parents.append((depth, key))
    return found


def _plain(value: str) -> str:
    if value[:1] in "\"'" and value[:1]:
        return value[1:].partition(value[0])[0]
    return value.partition(" #")[0].strip() if not value.startswith("#") else ""


_MOST_US: Final = 36_525 * 86_400_000_000
"""A hundred years: what is longer is as good as for ever."""


def read_duration_us(text: str) -> int | None:
    """A duration as Go and MediaMTX write it (1d, 1h30m, 0s) in microseconds; None when it is none."""
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return None
    return int(min(sum(float(number) * _UNITS_US[unit] for number, unit in parts), _MOST_US))


def read_days_us(values: Mapping[str, str], *keys: str) -> int | None:
    """The largest number of days among `keys`, in microseconds; None when none of them is set."""
    days = [float(values[key]) for key in keys if _NUMBER.fullmatch(values.get(key, ""))]
    return int(min(max(days) * 86_400_000_000, _MOST_US)) if days else None
