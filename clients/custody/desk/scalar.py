"""Values as people write them, each with one accepted spelling. Errors say what form is expected, never what was there."""

import re
from datetime import UTC, datetime
from typing import Final

from custody.core.errors import MalformedError
from custody.core.names import check_site, check_stream
from custody.desk.errors import FormError

_MOMENT: Final = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)", re.ASCII
)  # fmt: skip
_LENGTH: Final = re.compile(r"(0|[1-9]\d{0,8}) (d|h|min|s)", re.ASCII)
_HEX32: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_UUID: Final = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}", re.ASCII)
_UNIT_US: Final = {"d": 86_400_000_000, "h": 3_600_000_000, "min": 60_000_000, "s": 1_000_000}

MOMENT_FORM: Final = "2026-11-23T08:00:00+08:00"
LENGTH_FORM: Final = "30 d, 8 h, 15 min, 45 s"


def read_moment(text: str, where: str) -> int:
    """Microseconds UTC of an ISO 8601 time with offset. Raises FormError."""
    bad = FormError(f"{where}: not a time with offset, such as {MOMENT_FORM}")
    if not _MOMENT.fullmatch(text):
        raise bad
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise bad from None
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def show_moment(us: int) -> str:
    """An ISO 8601 time in this machine's zone, whole seconds; the offset is always shown."""
    return datetime.fromtimestamp(us / 1_000_000, UTC).astimezone().isoformat(timespec="seconds")


def read_length(text: str, where: str) -> int:
    """Microseconds of a length such as `30 d`. Raises FormError."""
    found = _LENGTH.fullmatch(text)
    if not found:
        raise FormError(f"{where}: not a length of time, such as {LENGTH_FORM}")
    return int(found[1]) * _UNIT_US[found[2]]


def read_digest(text: str, where: str) -> bytes:
    """32 bytes out of 64 lower-case hex digits. Raises FormError."""
    if not _HEX32.fullmatch(text):
        raise FormError(f"{where}: not a SHA-256 of 64 lower-case hex digits")
    return bytes.fromhex(text)


def read_id(text: str, where: str) -> bytes:
    """16 bytes of a record id, with or without hyphens. Raises FormError."""
    if not _UUID.fullmatch(text):
        raise FormError(f"{where}: not a record id (UUID in lower case)")
    return bytes.fromhex(text.replace("-", ""))


def read_stream(text: str, where: str) -> str:
    """A stream's name. Raises FormError; unlike the parser's own error it does not repeat the text."""
    try:
        return check_stream(text)
    except MalformedError:
        raise FormError(f"{where}: not a stream name (site/camera)") from None


def read_site(text: str, where: str) -> str:
    """A site's name. Raises FormError, as `read_stream`."""
    try:
        return check_site(text)
    except MalformedError:
        raise FormError(f"{where}: not a site name") from None
