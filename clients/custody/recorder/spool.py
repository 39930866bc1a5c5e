"""What recorders' hooks leave for the agent: one small JSON file each, written beside and renamed into place.

A hook must end quickly and must not depend on the agent being up; a file does both. The agent takes the files in the
order of their names, which begin with the time.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from custody.core.errors import MalformedError

MAX_EVENT_BYTES: Final = 64 * 1024
"""One hook call; MediaMTX's authorisation request has some hundreds of bytes."""

EVENTS: Final = (
    "segment-complete",
    "segment-deleted",
    "gap",
    "cause-begin",
    "cause-end",
    "fault",
    "access",
    "send-refused",
)


def leave(folder: Path, event: Mapping[str, Any], now_us: int, tag: str) -> Path:
    """Puts one event into the spool; durable on return. `tag` makes the name unique. Raises OSError, ValueError."""
    if event.get("event") not in EVENTS:
        raise ValueError(f"unknown event {event.get('event')!r}")
    raw = json.dumps(event, ensure_ascii=True, separators=(",", ":")).encode()
    if len(raw) > MAX_EVENT_BYTES:
        raise ValueError("the event is too long")
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{now_us:020d}-{tag}.json"
    draft = target.with_suffix(".part")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
    try:
        os.fchmod(descriptor, 0o640)  # whatever the caller's mask: the agent is another user of the same group
        os.write(descriptor, raw)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    draft.rename(target)
    _sync_folder(folder)
    return target


def waiting(folder: Path) -> list[Path]:
    """Events in the order in which they came. `leave` gives ASCII names; a file of another name is none."""
    try:
        with os.scandir(folder) as listing:
            names = sorted(entry.name for entry in listing if entry.name.endswith(".json") and entry.name.isascii())
    except FileNotFoundError:
        return []
    return [folder / name for name in names]


def read_event(path: Path) -> dict[str, Any]:
    """One event. Raises MalformedError ('hook-malformed'), OSError."""
    with path.open("rb") as file:
        raw = file.read(MAX_EVENT_BYTES + 1)
    try:
        event = json.loads(raw) if len(raw) <= MAX_EVENT_BYTES else None
    except (ValueError, RecursionError):
        event = None
    if not isinstance(event, dict) or event.get("event") not in EVENTS:
        raise MalformedError(f"{path.name} is no event of a hook", code="hook-malformed")
    return event


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
