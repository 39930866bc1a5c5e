"""What a recorder is really set to: its retention, read from its own configuration and not declared by a person."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from custody.recorder.config import DAY_US, Recorder
from custody.recorder.scalars import read_days_us, read_duration_us, read_scalars

MAX_CONFIGURATION_BYTES: Final = 4 * 1024 * 1024
MEDIAMTX_DEFAULT_US: Final = DAY_US
"""MediaMTX deletes recordings after one day when `recordDeleteAfter` is not set."""
MEDIAMTX_SEGMENT_US: Final = 3_600_000_000
"""Its segments are an hour long when `recordSegmentDuration` is not set."""


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
    if recorder.configuration_form == "mediamtx":
        segment_us = segment_us or MEDIAMTX_SEGMENT_US
    if raw and recorder.configuration_form == "mediamtx":
        retention_us = _mediamtx(values)
        segment_us = read_duration_us(values.get("pathDefaults.recordSegmentDuration", "")) or segment_us
    elif raw and recorder.configuration_form == "frigate":
        retention_us = _frigate(values)
    return Observed(
        retention_us=recorder.retention_us if retention_us is None else retention_us,
        capacity_bytes=recorder.capacity_bytes,
        segment_us=segment_us,
        configuration_sha256=sha256(raw).digest() if raw else b"",
    )


def _frigate(values: dict[str, str]) -> int | None:
    """How long Frigate keeps everything, not only what it thinks interesting; None when nothing is said.

    0.14 to 0.16: record.retain.days; from 0.17 on record.continuous.days, after which only footage with motion stays for
    record.motion.days, and then only alerts. Without continuous recording what is recorded is what it found, and that
    stays for the longest of the others.
    """
    everything = read_days_us(values, "record.retain.days", "record.continuous.days")
    return (
        everything
        or read_days_us(values, "record.motion.days", "record.alerts.retain.days", "record.detections.retain.days")
        or everything
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
