"""Program tables of an MPEG transport stream: which packets carry the video (ISO/IEC 13818-1 section 2.4.4).

A section must fit into one packet, as every recorder writes it. The CRC is not checked: a wrong table leads to packets
that do not parse, and the file's own SHA-256 says whether a bit was flipped.
"""

from typing import Final

from custody.core.errors import MalformedError
from custody.v1 import record_pb2

PAT_PID: Final = 0
_PAT_TABLE, _PMT_TABLE = 0x00, 0x02

_VIDEO: Final = {
    0x01: record_pb2.CODEC_OTHER,
    0x02: record_pb2.CODEC_OTHER,
    0x10: record_pb2.CODEC_MPEG4,
    0x1B: record_pb2.CODEC_H264,
    0x24: record_pb2.CODEC_H265,
    0x80: record_pb2.CODEC_SVAC,
    0xDB: record_pb2.CODEC_H264,
}
"""Stream types that are video. 0x80 is SVAC in GB/T 28181; 0xDB is H.264 under sample encryption."""

ENCRYPTED_TYPES: Final = frozenset({0xDB})


def _section(payload: bytes, table: int) -> bytes:
    if not payload:
        raise MalformedError("an empty table packet", code="media-ts-table")
    start = 1 + payload[0]
    if len(payload) < start + 8 or payload[start] != table:
        raise MalformedError("not the program table that was expected", code="media-ts-table")
    length = int.from_bytes(payload[start + 1 : start + 3], "big") & 0x0FFF
    end = start + 3 + length
    if length < 9 or end > len(payload):
        raise MalformedError("a program table does not fit into its packet", code="media-ts-table")
    return payload[start:end]


def read_pat(payload: bytes) -> int:
    """PID of the table of the first program (section 2.4.4.3)."""
    section = _section(payload, _PAT_TABLE)
    for at in range(8, len(section) - 4 - 3, 4):
        if section[at] or section[at + 1]:  # program 0 is the network table
            return int.from_bytes(section[at + 2 : at + 4], "big") & 0x1FFF
    raise MalformedError("the stream has no program", code="media-ts-table")


def read_pmt(payload: bytes) -> tuple[int, int, int] | None:
    """PID, codec and stream type of the first video stream (section 2.4.4.8), or None when the program has none."""
    section = _section(payload, _PMT_TABLE)
    end = len(section) - 4
    at = 12 + (int.from_bytes(section[10:12], "big") & 0x0FFF)
    while at + 5 <= end:
        kind = section[at]
        if kind in _VIDEO:
            return int.from_bytes(section[at + 1 : at + 3], "big") & 0x1FFF, _VIDEO[kind], kind
        at += 5 + (int.from_bytes(section[at + 3 : at + 5], "big") & 0x0FFF)
    return None
