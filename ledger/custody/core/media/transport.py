"""An MPEG transport stream as a clip (ISO/IEC 13818-1 section 2.4.3).

Packets come in blocks. The headers of a block are cut out at once, and runs of packets that only continue the video are
found in them by one regular expression, so that no code runs per packet; what is left (starts, adaptation fields,
tables, other streams) goes one by one.
"""

import re
from dataclasses import dataclass
from typing import Final

from custody.core.errors import MalformedError
from custody.core.media.clip import Clip
from custody.core.media.elementary import Elementary
from custody.core.media.limits import MAX_PICTURE_BYTES
from custody.core.media.reading import Source
from custody.core.media.tables import ENCRYPTED_TYPES, PAT_PID, read_pat, read_pmt
from custody.core.media.units import Found, Units
from custody.v1 import record_pb2

PACKET_BYTES: Final = 188
_BLOCK_BYTES: Final = PACKET_BYTES * 5_577  # one MiB
_FRONT_BYTES: Final = PACKET_BYTES * 64
"""Where a recorder's tables stand: a segment that did not begin with them could not be played alone."""
_PLAIN_COUNTERS: Final = bytes(range(0x10, 0x20)) * (5_577 // 16 + 3)
"""Last header byte of packets with payload only, as the continuity counter runs."""
_NAL_CODECS: Final = (record_pb2.CODEC_H264, record_pb2.CODEC_H265)


def read_transport(source: Source) -> Clip:
    """Reads a transport stream; see `read_clip`."""
    if source.size_bytes % PACKET_BYTES:
        raise MalformedError("the file does not end with a whole packet", code="media-truncated")
    stream = _Stream()
    for at in range(0, source.size_bytes, _BLOCK_BYTES):
        stream.take(bytes(source.take(at, min(_BLOCK_BYTES, source.size_bytes - at))))
    return stream.finish()


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What the tables at the front of a stream say of its video."""

    pid: int
    codec: int
    pmt_pid: int
    pat: bytes
    pmt: bytes
    """Content of the packets of both tables, 184 bytes each."""
    packets: int
    """Packets to the end of the second table; the video's packets count from there."""


def find_program(source: Source) -> Program | None:
    """The tables at the front of a stream, or None when they are not there or name no video with NAL units.

    Raises MalformedError where `read_transport` does.
    """
    stream = _Stream()
    return stream.find_program(bytes(source.take(0, min(_FRONT_BYTES, source.size_bytes))))


class _Stream:
    """State of the demultiplexer: which packets are the video's, and the PES packet under way."""

    def __init__(self) -> None:
        self._tables: dict[int, bytes] = {}
        self._pmt_pid: int | None = None
        self._video: tuple[int, int, int] | None = None
        self._runs: re.Pattern[bytes] | None = None
        self._elementary: Elementary | None = None
        self._units: Units | None = None
        self._scrambled = False
        self._counter: int | None = None
        self._parts: list[bytes] | None = None  # None until the first PES packet of the file begins
        self._part_bytes = 0

    def take(self, block: bytes) -> None:
        count = len(block) // PACKET_BYTES
        if block[::PACKET_BYTES] != b"G" * count:
            raise MalformedError("a packet does not begin with its sync byte", code="media-ts-sync")
        headers = bytearray(3 * count)
        for byte in (1, 2, 3):
            headers[byte - 1 :: 3] = block[byte::PACKET_BYTES]
        # Payloads alone, 184 bytes a packet: four deletions in C, where a slice for each packet costs three times as much.
        payloads = bytearray(block)
        for width in range(PACKET_BYTES, PACKET_BYTES - 4, -1):
            del payloads[::width]
        packet = 0
        while packet < count:
            if self._runs is None:  # the tables have not come yet
                self._take_packet(block[packet * PACKET_BYTES : (packet + 1) * PACKET_BYTES])
                packet += 1
                continue
            for found in self._runs.finditer(headers, 3 * packet):
                first, end = found.start() // 3, found.end() // 3
                if found.lastindex:
                    self._take_run(payloads, headers, first, end)
                else:
                    self._take_packet(block[first * PACKET_BYTES : end * PACKET_BYTES])
            return

    def find_program(self, block: bytes) -> Program | None:
        """As the function of that name."""
        for packet in range(len(block) // PACKET_BYTES):
            self._take_packet(block[packet * PACKET_BYTES : (packet + 1) * PACKET_BYTES])
            if self._video is not None and self._pmt_pid is not None:
                if self._units is None or self._video[0] in (PAT_PID, self._pmt_pid):
                    return None
                return Program(
                    pid=self._video[0],
                    codec=self._video[1],
                    pmt_pid=self._pmt_pid,
                    pat=self._tables[PAT_PID],
                    pmt=self._tables[self._pmt_pid],
                    packets=packet + 1,
                )
        return None

    def _take_run(self, payloads: bytearray, headers: bytearray, first: int, end: int) -> None:
        """Packets that continue the video and have nothing but payload."""
        counters = bytes(headers[3 * first + 2 : 3 * end : 3])
        self._follow(counters[0] & 15)
        shift = counters[0] & 15
        if counters != _PLAIN_COUNTERS[shift : shift + len(counters)]:
            raise MalformedError("packets of the video are missing", code="media-ts-continuity")
        self._counter = counters[-1] & 15
        if self._parts is None:
            return
        self._grow(184 * (end - first))
        self._parts.append(bytes(payloads[184 * first : 184 * end]))

    def _take_packet(self, packet: bytes) -> None:
        if packet[1] & 0x80:
            raise MalformedError("a packet is marked as damaged in transmission", code="media-ts-error")
        pid = int.from_bytes(packet[1:3], "big") & 0x1FFF
        if pid in (PAT_PID, self._pmt_pid):
            # Tables repeat ten times a second; an equal one says nothing new.
            if packet[1] & 0x40 and self._tables.get(pid) != packet[4:]:
                self._tables[pid] = packet[4:]
                self._take_table(pid, _payload(packet))
        elif self._video is not None and pid == self._video[0]:
            self._take_video(packet)

    def _take_table(self, pid: int, payload: bytes) -> None:
        if pid == PAT_PID:
            self._pmt_pid = read_pat(payload)
            return
        video = read_pmt(payload)
        if self._video is None and video is not None:
            self._begin(video)
        elif video != self._video:
            raise MalformedError("the program changes its video inside the file", code="media-ts-table")

    def _begin(self, video: tuple[int, int, int]) -> None:
        self._video = video
        pid, codec, kind = video
        high, low = pid >> 8, pid & 0xFF
        # Transport priority (bit 0x20) left alone: such packets go one by one.
        run = b"((?:" + re.escape(bytes((high, low))) + b"[\\x10-\\x1f])+)"
        self._runs = re.compile(b"(?s:" + run + b"|...)")
        if codec in _NAL_CODECS and kind not in ENCRYPTED_TYPES:
            self._units = Units(codec)
        self._elementary = Elementary(self._units)

    def _take_video(self, packet: bytes) -> None:
        if packet[3] & 0xC0:
            self._scrambled = True
            return
        begins = bool(packet[1] & 0x40)
        if not packet[3] & 0x10:  # no payload: the counter stands still
            return
        counter = packet[3] & 15
        if begins:
            # Files joined end to end: the counter jumps where a PES packet begins, and nothing is lost.
            self._flush()
            self._parts, self._part_bytes = [], 0
        else:
            self._follow(counter)
        self._counter = counter
        if self._parts is not None:
            payload = _payload(packet)
            self._grow(len(payload))
            self._parts.append(payload)

    def _follow(self, counter: int) -> None:
        if self._parts is not None and self._counter is not None and counter != (self._counter + 1) & 15:
            raise MalformedError("packets of the video are missing", code="media-ts-continuity")

    def _grow(self, length: int) -> None:
        self._part_bytes += length
        if self._part_bytes > MAX_PICTURE_BYTES:
            raise MalformedError(f"a PES packet of more than {MAX_PICTURE_BYTES} bytes", code="media-oversize")

    def _flush(self) -> None:
        if self._parts and self._elementary is not None:
            self._elementary.take(b"".join(self._parts))

    def finish(self) -> Clip:
        """The clip, when the file is at its end."""
        if self._scrambled or (self._video is not None and self._video[2] in ENCRYPTED_TYPES):
            return self._clip(record_pb2.MEDIA_ABSENCE_ENCRYPTED, 0)
        if self._elementary is None:
            return self._clip(record_pb2.MEDIA_ABSENCE_CODEC, 0)
        self._flush()
        length_us = self._elementary.finish()
        if self._units is None or not self._units.digests:
            return self._clip(record_pb2.MEDIA_ABSENCE_CODEC, length_us)
        return transport_clip(self._video[1] if self._video else 0, self._units, length_us)

    def _clip(self, absence: int, length_us: int) -> Clip:
        return Clip(
            container=record_pb2.CONTAINER_MPEG_TS,
            codec=self._video[1] if self._video else record_pb2.CODEC_UNSPECIFIED,
            absence=absence,
            duration_us=length_us,
        )


def transport_clip(codec: int, units: Found, length_us: int) -> Clip:
    """The clip of a transport stream with `units` of `codec`, `length_us` microseconds long."""
    return Clip(
        container=record_pb2.CONTAINER_MPEG_TS,
        codec=codec,
        unit_digests=units.digests,
        keys=units.keys,
        pictures=units.pictures,
        duration_us=length_us,
    )


def _payload(packet: bytes) -> bytes:
    start = 4
    if packet[3] & 0x20:
        start = 5 + packet[4]
    if not packet[3] & 0x10:
        return b""
    if start > PACKET_BYTES:
        raise MalformedError("an adaptation field is longer than its packet", code="media-ts-adaptation")
    return packet[start:]
