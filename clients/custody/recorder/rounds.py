"""What the agent does by the clock: heartbeats, overdue footage, disposals, observed settings, faults of storage.

Every method runs inside a transaction of the agent; times are microseconds UTC.
"""

import shutil
from collections.abc import Container, Mapping
from pathlib import Path
from typing import Final

from custody.core.record import ReadRecord
from custody.recorder.config import Config, Recorder
from custody.recorder.forecast import Forecast, forecast
from custody.recorder.observe import Observed, observe
from custody.recorder.records import Writer
from custody.recorder.register import Register
from custody.recorder.state import Segment, State
from custody.recorder.troubles import Troubles
from custody.v1 import record_pb2

FULL_SHARE: Final = 0.02
"""A disk with less of it free counts as full: recorders delete or stop there."""
_MANY: Final = 256


class Rounds:
    """Timed duties; mutable, one owner."""

    def __init__(self, config: Config, state: State, register: Register, writer: Writer, troubles: Troubles) -> None:
        self._troubles = troubles
        self._config = config
        self._state = state
        self._register = register
        self._writer = writer
        self._recorders: Mapping[str, Recorder] = {recorder.name: recorder for recorder in config.recorders}
        self._receipted = 0
        self.observed: dict[str, Observed] = {}
        """Settings last read, by recorder."""

    def woke(self, now_us: int) -> None:
        """First thing at a start: the time since the last sign of life is the agent's own absence."""
        alive = self._state.note("alive_us")
        if alive is not None and now_us - int(alive) > self._config.heartbeat_us // 2:
            self._state.begin_cause("", record_pb2.GAP_REASON_AGENT_DOWN, int(alive), now_us)
        self.alive(now_us)

    def alive(self, now_us: int) -> None:
        """Notes that the agent lives."""
        self._state.set_note("alive_us", str(now_us))

    def ledger(self, now_us: int, receipted: int, problem: str) -> None:
        """Notes when the ledger last gave a receipt, and why it gives none now. `receipted`: how many since the start."""
        last_us = (self._state.note("ledger") or "0").partition(" ")[0]
        if receipted > self._receipted:
            self._receipted, last_us = receipted, str(now_us)
        self._state.set_note("ledger", f"{last_us} {problem}")

    def heartbeats(self, now_us: int, backlog: int) -> int:
        """A heartbeat of every stream that is due; returns how many."""
        due = [
            stream
            for stream in self._state.streams()
            # A clock that was set back must not silence anybody until it has caught up.
            if not 0 <= now_us - stream.heartbeat_us < self._config.heartbeat_us and stream.recorder in self._recorders
        ]
        self._register.add(
            self._writer.heartbeat(stream.name, stream.last_number, 2 * self._config.heartbeat_us, backlog)
            for stream in due
        )
        self._state.set_heartbeats((stream.id for stream in due), now_us)
        return len(due)

    def overdue(self, now_us: int, arriving: Container[str] = ()) -> int:
        """Declares an open gap for every stream whose next segment should have come; returns how many.

        `arriving` are streams that have a segment under way.
        """
        declared = 0
        for stream in self._state.streams():
            recorder = self._recorders.get(stream.recorder)
            if (
                recorder is None
                or stream.name in arriving
                or recorder.motion_only
                or stream.open_gap_us is not None
                or stream.end_us is None
            ):
                continue
            if now_us <= stream.end_us + self._patience(recorder):
                continue
            reason = self._register.reason(stream, stream.end_us, now_us, motion_only=False)
            if reason == record_pb2.GAP_REASON_UNKNOWN and self._is_full(recorder):
                reason = record_pb2.GAP_REASON_DISK_FULL
            self._register.silent(stream, stream.end_us, now_us, reason)
            declared += 1
        return declared

    def _patience(self, recorder: Recorder) -> int:
        """The segment that is being written, as much again, and the tolerance; a minute when no length is known."""
        observed = self.observed.get(recorder.name)
        length = recorder.segment_us or (observed.segment_us if observed else 0) or 30_000_000
        return 2 * length + recorder.gap_tolerance_us + 2_000_000

    def _is_full(self, recorder: Recorder) -> bool:
        return any(_free_share(storage.path) < FULL_SHARE for storage in recorder.storages)

    def disposals(self, now_us: int, looked_us: int) -> int:
        """Records what has been gone for longer than a move takes; returns how many segments.

        `looked_us` is as in `Looking`: what went later may lie elsewhere by now.
        """
        return self._register.dispose_vanished(min(now_us - self._config.move_grace_us, looked_us))

    def disposal_kind(self, segment: Segment, recorder_name: str) -> int:
        """Why a segment that vanished probably went: its time was over, the disk was full, or nobody knows."""
        recorder = self._recorders.get(recorder_name)
        observed = self.observed.get(recorder_name)
        if recorder is None or observed is None:
            return record_pb2.DISPOSAL_KIND_LOST
        age_us = (segment.gone_us or 0) - segment.to_us
        # Cleaners run by the minute or hour; the footage's end is up to a segment after the name that they go by.
        if observed.retention_us and age_us >= observed.retention_us - max(2 * observed.segment_us, 60_000_000):
            return record_pb2.DISPOSAL_KIND_PLANNED
        if observed.capacity_bytes or self._is_full(recorder):
            return record_pb2.DISPOSAL_KIND_CAPACITY
        return record_pb2.DISPOSAL_KIND_LOST

    def configurations(self) -> int:
        """Records every recorder's settings that are new or changed; returns how many recorders."""
        streams = self._state.streams()
        changed = 0
        for recorder in self._config.recorders:
            try:
                found = observe(recorder)
            except OSError as error:  # what was observed before stands
                self._troubles.meet("configuration-unreadable", str(recorder.configuration), error)
                continue
            self._troubles.gone("configuration-unreadable", str(recorder.configuration))
            self.observed[recorder.name] = found
            names = [stream.name for stream in streams if stream.recorder == recorder.name]
            key = f"configuration:{recorder.name}"
            told = f"{found.configuration_sha256.hex()} {found.retention_us} {found.capacity_bytes} {found.segment_us} {len(names)}"
            if not names or self._state.note(key) == told:
                continue
            for at in range(0, len(names), _MANY):
                self._register.add([self._configuration(recorder, found, names[at : at + _MANY])])
            self._state.set_note(key, told)
            changed += 1
        return changed

    def _configuration(self, recorder: Recorder, found: Observed, streams: list[str]) -> ReadRecord:
        message = record_pb2.RecorderConfiguration(
            streams=streams,
            product=recorder.product,
            retention_us=found.retention_us,
            capacity_bytes=found.capacity_bytes,
            configuration_sha256=found.configuration_sha256,
            segment_us=found.segment_us,
            motion_only=recorder.motion_only,
        )
        return self._writer.write("recorder_configuration", message)

    def storage_fault(self, recorder: Recorder, storage: str, *, away: bool) -> None:
        """A storage went away or came back: a fault of each of the recorder's streams, told once."""
        key = f"away:{storage}"
        if (self._state.note(key) == "1") == away:
            return
        self._state.set_note(key, "1" if away else "0")
        state = record_pb2.FAULT_STATE_BEGAN if away else record_pb2.FAULT_STATE_REPAIRED
        self._register.add(
            self._writer.fault(stream.name, record_pb2.FAULT_KIND_STORAGE, state)
            for stream in self._state.streams()
            if stream.recorder == recorder.name
        )


def forecast_of(config: Config, recorder: Recorder, observed: Observed | None, stored: tuple[int, float]) -> Forecast:
    """How long a recorder's footage can stay; `stored` are bytes present and bytes written per day."""
    stored_bytes, per_day = stored
    devices: dict[int, int] = {}
    for storage in recorder.storages:
        try:
            devices[storage.path.stat().st_dev] = shutil.disk_usage(storage.path).free
        except OSError:
            continue
    free = sum(devices.values())
    if recorder.capacity_bytes:
        free = min(free, max(0, recorder.capacity_bytes - stored_bytes))
    return forecast(
        stored_bytes=stored_bytes,
        bytes_per_day=per_day,
        free_bytes=free,
        retention_us=observed.retention_us if observed else recorder.retention_us,
        required_us=config.required_retention_us,
    )


def _free_share(path: Path) -> float:
    try:
        usage = shutil.disk_usage(path)
    except OSError:
        return 1.0
    return usage.free / usage.total if usage.total else 1.0
