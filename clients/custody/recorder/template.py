"""Path templates: what the path of a footage file says about its stream and its time.

A template is a path below the storage folder with `strftime` fields and names in braces:

    %Y %m %d %H %M %S    year, month, day, hour, minute, second (local to the recorder's `zone`)
    %y                   year of two digits, of this century (ZoneMinder's scheme Deep)
    %f                   fraction of a second, one to six digits
    %s                   seconds since 1970, alone in place of the others
    {camera}             the camera, one part of the path or a piece of one
    {path}               the camera, possibly several parts (MediaMTX's `%path`)
    {site}               the site, when one agent serves several
    {number} {any}       digits, anything within one part; both ignored
    {ext}                mp4, m4s, ts, mkv, avi, mov, mpg or ps

A field that comes twice must say the same twice.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

_FIELDS: Final = {
    "%Y": ("year", r"\d{4}"),
    "%y": ("short_year", r"\d{2}"),
    "%m": ("month", r"\d{2}"),
    "%d": ("day", r"\d{2}"),
    "%H": ("hour", r"\d{2}"),
    "%M": ("minute", r"\d{2}"),
    "%S": ("second", r"\d{2}"),
    "%f": ("fraction", r"\d{1,6}"),
    "%s": ("epoch", r"\d{9,10}"),
    "{camera}": ("camera", r"[^/]+?"),
    "{path}": ("camera", r".+?"),
    "{site}": ("site", r"[^/]+?"),
    "{number}": (None, r"\d+"),
    "{any}": (None, r"[^/]*?"),
    "{ext}": (None, r"(?:mp4|m4s|ts|mkv|avi|mov|mpg|ps)"),
}
_TOKEN: Final = re.compile(r"%[YymdHMSfs]|\{[a-z]+\}|%%|[^%{]+|.")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TIMES: Final = ("month", "day", "hour", "minute", "second")
_YEARS: Final = frozenset(("year", "short_year"))
_MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What a path said; None where it said nothing."""

    camera: str | None
    site: str | None
    start_us: int | None
    """Microseconds UTC."""


class PathTemplate:
    """One compiled template."""

    def __init__(self, text: str, zone: tzinfo = UTC) -> None:
        """`zone`: in which the fields are. ValueError for an unknown field."""
        self.text = text
        self._zone = zone
        seen: set[str] = set()
        pattern = "".join(_part(piece, seen) for piece in _TOKEN.findall(text))
        self._pattern = re.compile(pattern, re.ASCII)
        self._dated = "epoch" in seen or (set(_TIMES) <= seen and bool(seen & _YEARS))

    def match(self, path: str, mtime_us: int) -> Named | None:
        """What `path` (below the storage folder, '/' between parts) says, or None when it is not of this form.

        `mtime_us` decides between the two meanings of an hour that comes twice in autumn.
        """
        found = self._pattern.fullmatch(path)
        if found is None:
            return None
        fields = found.groupdict()
        start_us: int | None = None
        if self._dated:
            try:
                start_us = self._time(fields, mtime_us)
            except (ValueError, OverflowError):  # 2026-13-45 looks like a time and is none
                return None
        return Named(camera=fields.get("camera"), site=fields.get("site"), start_us=start_us)

    def _time(self, fields: dict[str, str], mtime_us: int) -> int:
        fraction = int(fields["fraction"].ljust(6, "0")) if fields.get("fraction") else 0
        if fields.get("epoch"):
            return int(fields["epoch"]) * 1_000_000 + fraction
        year = fields.get("year") or "20" + fields["short_year"]
        parts = [int(year), *(int(fields[name]) for name in _TIMES)]
        local = datetime(*parts, fraction, tzinfo=self._zone)  # type: ignore[misc,arg-type]  # six numbers and a fraction
        first, second = (_utc_us(local.replace(fold=fold)) for fold in (0, 1))
        # Footage was begun before its file was last written to.
        return second if first != second and second <= mtime_us else first


def _utc_us(moment: datetime) -> int:
    return (moment.astimezone(UTC) - _EPOCH) // _MICROSECOND


def _part(piece: str, seen: set[str]) -> str:
    if piece == "%%":
        return "%"
    if piece not in _FIELDS:
        if piece[0] in "%{":
            raise ValueError(f"unknown field {piece!r} in a path template")
        return re.escape(piece)
    name, form = _FIELDS[piece]
    if name is None:
        return form
    if name in seen:
        return f"(?P={name})"
    seen.add(name)
    return f"(?P<{name}>{form})"
