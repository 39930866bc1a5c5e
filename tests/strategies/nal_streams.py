"""Clips made by hand: NAL units as somebody hostile or careless would write them, in mp4 samples or a transport stream."""

import struct
from collections.abc import Sequence

from hypothesis import strategies as st

PID, PMT_PID = 0x100, 0x1000
H264, H265 = 0x1B, 0x24

_HEADERS = {
    H264: (b"\x65", b"\x41", b"\x67", b"\x06", b"\x09"),
    H265: (b"\x26\x01", b"\x02\x01", b"\x40\x01", b"\x4e\x01"),
}


def bodies(at_most: int = 400) -> st.SearchStrategy[bytes]:
    """What follows a header: anything without a start code in it, often with zeros, also at the end."""
    some = st.lists(st.sampled_from([b"\x00", b"\x80", b"\x01", b"\x03", b"\xff", b"\x00\x00\x03"]), max_size=8)
    long = st.tuples(st.integers(0, at_most), st.integers(0, 255)).map(lambda pair: bytes((pair[1] | 2,)) * pair[0])
    return st.tuples(some, long, some).map(
        lambda parts: b"".join((*parts[0], parts[1], *parts[2])).replace(b"\0\0\1", b"\0\0\3")
    )


def units(kind: int, at_most: int = 400) -> st.SearchStrategy[list[bytes]]:
    """NAL units of one stream, the first of them with content; sometimes empty ones, or such as no encoder writes."""
    good = st.tuples(st.sampled_from(_HEADERS[kind]), bodies(at_most)).map(b"".join)
    odd = st.sampled_from([b"", b"\x00", b"\x00\x00", b"\xe5\x80", b"\x65", b"\x26\x01", b"\x26"])
    return st.lists(st.one_of(good, good, good, good, good, good, good, odd), min_size=1, max_size=30)


def pictures(kind: int) -> st.SearchStrategy[list[list[bytes]]]:
    """Units picture by picture, each with a slice at its end, as encoders write them."""
    other, slices = _HEADERS[kind][2:], _HEADERS[kind][:2]

    def unit(headers: Sequence[bytes]) -> st.SearchStrategy[bytes]:
        return st.tuples(st.sampled_from(headers), bodies(2_000)).map(lambda pair: b"".join((*pair, b"\x80")))

    picture = st.tuples(st.lists(unit(other), max_size=2), st.lists(unit(slices), min_size=1, max_size=2))
    return st.lists(picture.map(lambda parts: [*parts[0], *parts[1]]), min_size=1, max_size=8)


def annex_b(stream: Sequence[bytes], codes: Sequence[int]) -> bytes:
    """The units behind start codes of three bytes, or with as many zeros more as `codes` says, taken in turn."""
    return b"".join(b"\x00" * codes[at % len(codes)] + b"\x00\x00\x01" + unit for at, unit in enumerate(stream))


def lengths(stream: Sequence[bytes], length_bytes: int) -> bytes:
    """The units of one mp4 sample."""
    return b"".join(len(unit).to_bytes(length_bytes, "big") + unit for unit in stream)


def pes(payload: bytes, time: int, *, sized: bool = True) -> bytes:
    """A PES packet with a presentation time at 90 kHz."""
    stamp = bytes(
        (
            0x21 | time >> 29 & 0x0E,
            time >> 22 & 0xFF,
            0x01 | time >> 14 & 0xFE,
            time >> 7 & 0xFF,
            0x01 | time << 1 & 0xFE,
        )
    )
    rest = b"\x80\x80\x05" + stamp + payload
    length = len(rest) if sized and len(rest) < 1 << 16 else 0
    return b"\x00\x00\x01\xe0" + length.to_bytes(2, "big") + rest


def tables(kind: int) -> bytes:
    """The two table packets of a stream with one video."""
    pat = b"\x00\x00\xb0\x0d\x00\x01\xc1\x00\x00\x00\x01" + (0xE000 | PMT_PID).to_bytes(2, "big") + bytes(4)
    inner = b"\x00\x01\xc1\x00\x00" + (0xE000 | PID).to_bytes(2, "big") + b"\xf0\x00"
    inner += bytes((kind,)) + (0xE000 | PID).to_bytes(2, "big") + b"\xf0\x00" + bytes(4)
    pmt = b"\x00\x02" + (0xB000 | len(inner)).to_bytes(2, "big") + inner
    return _packet(0, pat.ljust(184, b"\xff"), 0, begins=True) + _packet(
        PMT_PID, pmt.ljust(184, b"\xff"), 0, begins=True
    )


def transport(packets: Sequence[bytes], kind: int, *, first: int = 184) -> bytes:
    """PES packets as a transport stream; `first` bytes of each are in its first packet, the rest fills packets."""
    out, counter = [tables(kind)], 0
    for packet in packets:
        at, begins, room = 0, True, first
        while begins or at < len(packet):
            payload = packet[at : at + room]
            out.append(_packet(PID, payload, counter, begins=begins))
            counter, at, begins, room = (counter + 1) & 15, at + len(payload), False, 184
    return b"".join(out)


def _packet(pid: int, payload: bytes, counter: int, *, begins: bool) -> bytes:
    head = b"G" + struct.pack(">H", pid | (0x4000 if begins else 0))
    stuffing = 184 - len(payload)
    if not stuffing:
        return head + bytes((0x10 | counter,)) + payload
    field = bytes(1) if stuffing == 1 else bytes((stuffing - 1, 0)) + b"\xff" * (stuffing - 2)
    return head + bytes((0x30 | counter,)) + field + payload
