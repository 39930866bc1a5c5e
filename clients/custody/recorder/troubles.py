"""What stands in the agent's way, by code and place, until it is gone: once in the log, and in `record check`.

It is only in memory, for whatever still stands in the way is met again. The agent writes what it has into its state.
"""

import json
import logging
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

_LOG: Final = logging.getLogger("custody.recorder")
_AT_MOST: Final = 1_000
"""Places of one code: of more, nobody needs the names."""

TEXTS: Final = {
    "storage-away": "storages that are not there: {count}, e.g. {where}: {why}",
    "folder-unreadable": "folders that cannot be read: {count}, e.g. {where}: {why}",
    "footage-refused": "files that cannot be registered: {count}, e.g. {where}: {why}",
    "footage-unreadable": "stored files that cannot be read: {count}, e.g. {where}: {why}",
    "hook-refused": "events of hooks that were refused: {count}, e.g. {where}: {why}",
    "hook-unreadable": "events of hooks that cannot be read: {count}, e.g. {where}: {why}",
    "configuration-unreadable": "recorders' configurations that cannot be read: {count}, e.g. {where}: {why}",
    "database-unreadable": "recorders' databases that cannot be read: {count}, e.g. {where}: {why}",
}
"""What a person is told of each code (docs/ops/recorder.md)."""


class Trouble(NamedTuple):
    """All places of one code."""

    code: str
    places: int
    where: str
    why: str

    @property
    def text(self) -> str:
        """In words."""
        return TEXTS[self.code].format(count=self.places, where=self.where, why=self.why)


class Troubles:
    """Mutable; used by the agent's thread alone."""

    def __init__(self) -> None:
        self._found: dict[str, dict[str, str]] = {code: {} for code in TEXTS}

    def meet(self, code: str, where: str, why: object) -> bool:
        """Notes a trouble; True when it is new. KeyError for a code without words."""
        places = self._found[code]
        known = where in places
        if known or len(places) < _AT_MOST:
            places[where] = _reason(why)
            if not known:
                _LOG.error("%s: %s [%s]", shown(where), places[where], code)
        return not known

    def gone(self, code: str, where: str) -> None:
        """It does not stand in the way any more."""
        self._found[code].pop(where, None)

    def settle(self, code: str, found: Mapping[str, object]) -> None:
        """After a whole look: these, and no others."""
        for where in self._found[code].keys() - found.keys():
            self.gone(code, where)
        for where, why in found.items():
            self.meet(code, where, why)

    def encode(self) -> str:
        """As the state keeps it; the inverse of `read_troubles`."""
        return json.dumps(list(self._told()))

    def _told(self) -> Iterator[Trouble]:
        for code, places in self._found.items():
            for where, why in list(places.items())[:1]:
                yield Trouble(code, len(places), shown(where), why)


def read_troubles(text: str) -> list[Trouble]:
    """What `Troubles.encode` wrote; a code of another version is passed over."""
    return [Trouble(*row) for row in json.loads(text or "[]") if row[0] in TEXTS]


def shown(text: str) -> str:
    """Text that may stand on a screen and in a log: what cannot be printed is U+FFFD."""
    return text if text.isprintable() else "".join(char if char.isprintable() else "�" for char in text)


def _reason(why: object) -> str:
    if isinstance(why, OSError):
        return why.strerror or str(why)
    code = getattr(why, "code", "")
    return shown(f"{why} [{code}]" if code else str(why))
