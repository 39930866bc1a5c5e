"""The video stream out of its PES packets: NAL units and times (ISO/IEC 13818-1 section 2.4.3.6)."""

from typing import Final

from custody.core.errors import MalformedError
from custody.core.media.units import Units, split_annex_b

_CLOCK_HZ: Final = 90_000
_WRAP: Final = 1 << 33
_MAX_STEP: Final = 10 * _CLOCK_HZ
"""A larger step between two pictures is a cut (files joined end to end), not time that passed."""


class Elementary:
    """Takes whole PES packets in order; mutable, one owner."""

    def __init__(self, units: Units | None) -> None:
        self._units = units
        self._pending: bytes | memoryview = b""
        """The last NAL unit so far: complete when the next packet begins with a start code, else continued there."""
        self._last: int | None = None
        self._ticks = 0
        self._steps = 0

    def take(self, packet: bytes) -> None:
        """Takes one PES packet. Raises MalformedError ('media-pes', or a code of `Units`)."""
        if len(packet) < 9 or packet[:3] != b"\x00\x00\x01" or packet[6] >> 6 != 2:
            raise MalformedError("a PES packet without its header", code="media-pes")
        body = 9 + packet[8]
        if body > len(packet):
            raise MalformedError("a PES packet is shorter than its header", code="media-pes")
        declared = int.from_bytes(packet[4:6], "big")
        if declared and declared + 6 != len(packet):
            raise MalformedError("a PES packet is not as long as it says", code="media-pes")
        if packet[7] & 0x80:
            self._time(packet, 14 if packet[7] & 0x40 else 9, body)
        if self._units is not None and body < len(packet):
            self._split(packet, body, self._units)

    def _time(self, packet: bytes, at: int, body: int) -> None:
        if at + 5 > body:
            raise MalformedError("a PES header is too short for its times", code="media-pes")
        b = packet[at : at + 5]
        time = (b[0] >> 1 & 7) << 30 | b[1] << 22 | (b[2] >> 1) << 15 | b[3] << 7 | b[4] >> 1
        if self._last is not None:
            step = (time - self._last) % _WRAP
            if 0 < step <= _MAX_STEP:
                self._ticks += step
                self._steps += 1
        self._last = time

    def _split(self, stream: bytes, at: int, units: Units) -> None:
        if self._pending:
            if stream.startswith((b"\x00\x00\x01", b"\x00\x00\x00\x01"), at):
                units.add(self._pending)
            else:
                stream, at = b"".join((b"\x00\x00\x01", self._pending, stream[at:])), 0
        pending: memoryview | None = None
        for unit in split_annex_b(stream, at):
            if pending is not None:
                units.add(pending)
            pending = unit
        self._pending = pending if pending is not None else b""

    def finish(self) -> int:
        """Takes the last unit; returns the length of the stream in microseconds, the last picture's included."""
        if self._units is not None and self._pending:
            self._units.add(self._pending)
        self._pending = b""
        return duration_us(self._ticks, self._steps)


def duration_us(ticks: int, steps: int) -> int:
    """Length of a stream in microseconds, of its `steps` from picture to picture that took `ticks` at 90 kHz in all.

    The last picture is as long as the others on average; 0 when there is no step to know that from.
    """
    return (ticks + ticks // steps) * 1_000_000 // _CLOCK_HZ if steps else 0
