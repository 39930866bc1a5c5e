"""What the events of hooks mean: gaps, causes, faults, announced deletions, accesses, a second try of what was refused.

Each event becomes state and records in one transaction that also remembers the event's name; the file goes afterwards.
Crash before the commit: the event is taken again. Crash between commit and removal: the name is known, and only the
file is removed.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from custody.core.disclosure import SALT_BYTES, Disclosure
from custody.core.errors import MalformedError
from custody.recorder.hook_event import read_choice, read_path, read_text, read_time
from custody.recorder.outbox import OutboxFullError
from custody.recorder.place import Place, Places
from custody.recorder.records import Writer
from custody.recorder.register import Register
from custody.recorder.state import State
from custody.recorder.words import DISPOSALS, FAULTS, REASONS, STATES
from custody.v1 import record_pb2

_ACTS: Final = {"read": record_pb2.ACCESS_ACT_VIEW, "playback": record_pb2.ACCESS_ACT_CONSULT}
_FAULT_OF_REASON: Final = {
    record_pb2.GAP_REASON_CAMERA_OFFLINE: record_pb2.FAULT_KIND_CAMERA,
    record_pb2.GAP_REASON_DISK_FULL: record_pb2.FAULT_KIND_STORAGE,
    record_pb2.GAP_REASON_RECORDER_OVERLOAD: record_pb2.FAULT_KIND_RECORDER,
    record_pb2.GAP_REASON_POWER: record_pb2.FAULT_KIND_POWER,
}


class Hooks:
    """Applies events; every method runs inside a transaction."""

    def __init__(
        self, places: Places, state: State, register: Register, writer: Writer, revive: Callable[[], int]
    ) -> None:
        """`revive` is the outbox's."""
        self._revive = revive
        self._places = places
        self._state = state
        self._register = register
        self._writer = writer
        self._apply: Mapping[str, Callable[[Mapping[str, Any]], Place | None]] = {
            "segment-complete": self._complete,
            "segment-deleted": self._deleted,
            "gap": self._gap,
            "cause-begin": self._cause_begin,
            "cause-end": self._cause_end,
            "fault": self._fault,
            "access": self._access,
            "send-refused": self._send_refused,
        }

    def apply(self, event: Mapping[str, Any]) -> Place | None:
        """Acts on one event; returns the place of a file that the event says is finished or gone.

        Raises MalformedError ('hook-malformed', or a code of the names in it).
        """
        return self._apply[event["event"]](event)

    def _place(self, event: Mapping[str, Any]) -> Place:
        place = self._places.place(read_path(event))
        if place is None or not place.is_beneath():
            raise MalformedError(f"{event['path']} is in no storage of this agent", code="hook-malformed")
        return place

    def _complete(self, event: Mapping[str, Any]) -> Place:
        return self._place(event)

    def _deleted(self, event: Mapping[str, Any]) -> Place:
        place = self._place(event)
        kind = read_choice(event, "kind", DISPOSALS)
        if not place.is_text:
            raise MalformedError("footage whose name is not UTF-8 is not registered", code="hook-malformed")
        self._state.announce(place.storage.name, place.path, kind, self._writer.now_us())
        return place

    def _stream(self, event: Mapping[str, Any]) -> str:
        return self._register.stream_named(read_text(event, "camera"))

    def _gap(self, event: Mapping[str, Any]) -> None:
        from_us, to_us = read_time(event, "from_us"), read_time(event, "to_us")
        reason = read_choice(event, "reason", REASONS)
        stream = self._stream(event)
        self._state.begin_cause(stream, reason, from_us, to_us)
        self._register.gap(stream, from_us, to_us, reason)

    def _cause_begin(self, event: Mapping[str, Any]) -> None:
        reason = read_choice(event, "reason", REASONS)
        stream = self._stream(event) if event.get("camera") else ""
        self._state.begin_cause(stream, reason, self._writer.now_us())
        self._fault_beside(stream, reason, record_pb2.FAULT_STATE_BEGAN)

    def _cause_end(self, event: Mapping[str, Any]) -> None:
        reason = read_choice(event, "reason", REASONS)
        stream = self._stream(event) if event.get("camera") else ""
        self._state.end_cause(stream, reason, self._writer.now_us())
        self._fault_beside(stream, reason, record_pb2.FAULT_STATE_REPAIRED)

    def _fault_beside(self, stream: str, reason: int, state: int) -> None:
        """A camera that goes offline is a fault of the camera, too."""
        kind = _FAULT_OF_REASON.get(record_pb2.GapReason.ValueType(reason))
        if stream and kind is not None:
            self._register.add([self._writer.fault(stream, kind, state)])

    def _fault(self, event: Mapping[str, Any]) -> None:
        kind, state = read_choice(event, "kind", FAULTS), read_choice(event, "state", STATES)
        self._register.add([self._writer.fault(self._stream(event), kind, state)])

    def _send_refused(self, _event: Mapping[str, Any]) -> None:
        """Not of this transaction: a crash before its commit tries them once more, which changes nothing."""
        try:
            self._revive()
        except OutboxFullError as error:
            raise MalformedError(f"no room for what was refused: {error}", code="outbox-full") from error

    def _access(self, event: Mapping[str, Any]) -> None:
        """Somebody was let in by a media server; who it was goes into the leaf as a commitment only."""
        at_us = read_time(event, "at_us")
        act = _ACTS.get(read_text(event, "action"))
        if act is None:
            return  # publishing and administration are no access to footage
        span = record_pb2.Span(
            stream=self._stream(event),
            from_us=read_time(event, "from_us") if "from_us" in event else at_us,
            to_us=read_time(event, "to_us") if "to_us" in event else at_us,
        )
        message = record_pb2.Access(act=act, spans=[span], observed=True)
        if event.get("user"):
            disclosure = Disclosure(
                salt=self._writer.random(SALT_BYTES), name="access.officers.name", value=read_text(event, "user")
            )
            self._state.add_disclosures([(disclosure.commitment(), disclosure.encode())], at_us)
            message.officers.add(name_commitment=disclosure.commitment())
        self._register.add([self._writer.write("access", message, at_us)])
