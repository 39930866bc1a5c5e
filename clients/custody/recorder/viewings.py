"""One viewing asks several times: RTSP twice for each connection, HLS for every piece. The register wants it once."""

from collections.abc import Mapping
from typing import Any, Final

SILENCE_US: Final = 60_000_000
"""Who has not asked for so long has stopped looking; when he asks again, that is another access."""
AGAIN_US: Final = 600_000_000
"""Who goes on looking is noted again after so long, so that an entry never stands for hours."""
_AT_MOST: Final = 4_096


class Viewings:
    """Who is looking, as far as their questions tell; mutable, one owner.

    In memory only: after a restart a viewing that goes on is noted once more, which leaves nothing out.
    """

    def __init__(self) -> None:
        self._noted: dict[tuple[str, ...], tuple[int, int]] = {}  # when it was noted, and asked last

    def is_known(self, asked: Mapping[str, Any], now_us: int) -> bool:
        """True when the access that is `asked` for belongs to a viewing that was noted.

        It does when the same party asked for the same within SILENCE_US, through the same connection where the question
        names one. A playback is an access each time: it says what was fetched.
        """
        if asked.get("action") != "read":
            return False
        key = _key(asked)
        noted_us, asked_us = self._noted.get(key, (0, 0))
        # A clock that was set back makes it unknown: noted twice rather than not at all.
        if not noted_us or not 0 <= now_us - asked_us <= SILENCE_US or not 0 <= now_us - noted_us <= AGAIN_US:
            return False
        self._noted[key] = (noted_us, now_us)
        return True

    def note(self, asked: Mapping[str, Any], now_us: int) -> None:
        """The access was noted, durably."""
        if len(self._noted) >= _AT_MOST:
            self._noted = {key: times for key, times in self._noted.items() if now_us - times[1] <= SILENCE_US}
        if len(self._noted) < _AT_MOST:  # else it is noted again with its next question, which is only more
            self._noted[_key(asked)] = (now_us, now_us)


def _key(asked: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(asked.get(name)) for name in ("id", "user", "ip", "path", "protocol"))
