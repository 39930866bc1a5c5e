"""Times for people: one fixed offset from UTC for a whole report, named beside every table of it."""

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_OFFSET: Final = re.compile(r"([+-])(\d\d):(\d\d)")
BEIJING: Final = "+08:00"


class Zone:
    """An offset such as `+08:00`. ValueError for anything else."""

    def __init__(self, text: str = BEIJING) -> None:
        match = _OFFSET.fullmatch(text)
        if match is None or int(match[2]) > 14 or int(match[3]) > 59:
            raise ValueError(f"{text} is no offset like +08:00")
        minutes = int(match[2]) * 60 + int(match[3])
        self.name = f"UTC{text}"
        self._zone = timezone(timedelta(minutes=-minutes if match[1] == "-" else minutes))

    def local(self, at_us: int) -> datetime:
        """The moment in this zone."""
        return (_EPOCH + timedelta(microseconds=at_us)).astimezone(self._zone)

    def show(self, at_us: int) -> str:
        """`2026-03-01 08:00:00`, rounded down; a dash for a moment that nobody can mean (year 9999 and later)."""
        try:
            return self.local(at_us).strftime("%Y-%m-%d %H:%M:%S")
        except OverflowError:
            return "—"

    def read(self, text: str) -> int:
        """Microseconds of an ISO 8601 date or time; without an offset it is of this zone. ValueError for anything else."""
        at = datetime.fromisoformat(text)
        if at.tzinfo is None:
            at = at.replace(tzinfo=self._zone)
        return (at - _EPOCH) // timedelta(microseconds=1)
