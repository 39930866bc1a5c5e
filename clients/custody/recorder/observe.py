"""What a recorder is really set to: its retention, read from its own configuration and not declared by a person."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from custody.recorder.config import DAY_US, Recorder
from custody.recorder.scalars import read_days_us, read_duration_us, read_scalars

MAX_CONFIGURATION_BYTES: Final = 4 * 1024 * 1024
MEDIAMTX_DEFAULT_US: Final = DAY_US
"""MediaMTX deletes recordings after one day when `recordDeleteAfter` is not set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """Settings as found."""

    retention_us: int
    """0: the recorder does not delete by age."""
    capacity_bytes: int
    segment_us: int
    configuration_sha256: bytes
    """Empty when no file was read."""


def observe(recorder: Recorder) -> Observed:
    """Reads the recorder's configuration file; what it does not say is as declared to the agent. Raises OSError."""
    raw = b""
    if recorder.configuration is not None:
        with recorder.configuration.open("rb") as file:
            raw = file.read(MAX_CONFIGURATION_BYTES)
    return observe_text(recorder, raw)


def observe_text(recorder: Recorder, raw: bytes) -> Observed:
    """As `observe`, from the file's bytes."""
    values = read_scalars(raw.decode("utf-8", "replace"))
    retention_us: int | None = None
    segment_us = recorder.segment_us
    if raw and recorder.configuration_form == "mediamtx":
        retention_us = _mediamtx(values)
        segment_us = read_duration_us(values.get("pathDefaults.recordSegmentDuration", "")) or segment_us
    elif raw and recorder.configuration_form == "frigate":
        # 0.14 to 0.16: record.retain.days; from 0.17 on record.continuous.days and record.motion.days.
        retention_us = read_days_us(
            values, "record.retain.days", "record.continuous.days", "record.motion.days", "record.alerts.retain.days"
        )
    return Observed(
        retention_us=recorder.retention_us if retention_us is None else retention_us,
        capacity_bytes=recorder.capacity_bytes,
        segment_us=segment_us,
        configuration_sha256=sha256(raw).digest() if raw else b"",
    )


def _mediamtx(values: dict[str, str]) -> int:
    """The shortest time after which MediaMTX deletes anything; 0 when it never does."""
    default = read_duration_us(values.get("pathDefaults.recordDeleteAfter", ""))
    found = [MEDIAMTX_DEFAULT_US if default is None else default]
    for key, value in values.items():
        if key.startswith("paths.") and key.endswith(".recordDeleteAfter"):
            found.append(read_duration_us(value) or 0)
    limited = [value for value in found if value]
    return min(limited) if limited else 0
