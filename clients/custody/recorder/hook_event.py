"""What an event of a hook must say: read one by one where it is acted on, and as a whole where it is left."""

import os
from collections.abc import Mapping
from typing import Any, Final

from custody.core.errors import MalformedError
from custody.core.limits import MAX_TIME_US
from custody.recorder.words import DISPOSALS, FAULTS, REASONS, STATES

_MAX_TEXT: Final = 4_096

_CAMERA: Final = frozenset(("gap", "fault", "access"))
_PATH: Final = frozenset(("segment-complete", "segment-deleted"))
_WORDS: Final[Mapping[tuple[str, str], Mapping[str, int]]] = {
    ("segment-deleted", "kind"): DISPOSALS,
    ("gap", "reason"): REASONS,
    ("cause-begin", "reason"): REASONS,
    ("cause-end", "reason"): REASONS,
    ("fault", "kind"): FAULTS,
    ("fault", "state"): STATES,
}


def check_event(event: Mapping[str, Any]) -> None:
    """Whether an event says all that it must, before it is left for the agent. Raises MalformedError ('hook-malformed')."""
    name = event["event"]
    if name in _PATH:
        read_path(event)
    if name in _CAMERA:
        read_text(event, "camera")
    for (owner, key), words in _WORDS.items():
        if owner == name:
            read_choice(event, key, words)
    if name == "gap" and read_time(event, "from_us") >= read_time(event, "to_us"):
        raise MalformedError("the gap ends before it begins", code="hook-malformed")
    if name == "access":
        read_time(event, "at_us")
        read_text(event, "action")


def read_path(event: Mapping[str, Any]) -> str:
    """A path as the system has it: bytes of its name that are not UTF-8 stand as lone surrogates (PEP 383).

    Raises MalformedError.
    """
    value = event.get("path")
    try:
        if isinstance(value, str) and 0 < len(os.fsencode(value)) <= _MAX_TEXT and "\0" not in value:
            return value
    except UnicodeEncodeError:
        pass
    raise MalformedError("the event lacks 'path'", code="hook-malformed")


def read_text(event: Mapping[str, Any], key: str) -> str:
    """A text that is there. Raises MalformedError."""
    value = event.get(key)
    if not isinstance(value, str) or not 0 < len(value) <= _MAX_TEXT or "\0" in value or not _is_utf8(value):
        raise MalformedError(f"the event lacks {key!r}", code="hook-malformed")
    return value


def _is_utf8(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:  # JSON can spell half a character
        return False
    return True


def read_time(event: Mapping[str, Any], key: str) -> int:
    """Microseconds UTC. Raises MalformedError."""
    value = event.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= MAX_TIME_US:
        raise MalformedError(f"the event's {key!r} is no time", code="hook-malformed")
    return value


def read_choice(event: Mapping[str, Any], key: str, among: Mapping[str, int]) -> int:
    """The number of a word. Raises MalformedError."""
    value = among.get(read_text(event, key))
    if value is None:
        raise MalformedError(f"the event's {key!r} is none of {', '.join(among)}", code="hook-malformed")
    return value
