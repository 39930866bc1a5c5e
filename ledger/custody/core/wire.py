"""Pieces of the protobuf wire format that are written by hand, because they are in the hot path; lists read at once.

Source: the protobuf encoding guide, "Base 128 Varints" and "Length-Delimited Records".
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from google.protobuf.message import DecodeError

LIST_TAG = b"\x0a"
"""Field 1, length-delimited: an item of `RecordList` and of `EntryList`."""


def varint(value: int) -> bytes:
    """Base-128 encoding of a non-negative integer; the shortest, which is the one that the runtime writes."""
    if value < 0x80:
        return bytes((value,))
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


# Records and entries of one batch have few different lengths; the cache is bounded by the largest entry anyway.
@lru_cache(maxsize=4_096)
def list_item(length: int) -> bytes:
    """What stands in front of an item of `length` bytes in a list message."""
    return LIST_TAG + varint(length)


def spelled_list(kind: Any, raws: Sequence[bytes], max_bytes: int) -> Any:
    """The parsed list message (`RecordList`, `EntryList`) of a batch whose spelling is proven as a whole.

    None when its items, at most `max_bytes` each, must be read one by one. Equal bytes of the whole list mean equal bytes
    of each item: tag and length in front of each delimit them.
    """
    if max(map(len, raws), default=0) > max_bytes:
        return None
    joined = b"".join([list_item(len(raw)) + raw for raw in raws])
    try:
        listed = kind.FromString(joined)
    except DecodeError:
        return None
    listed.DiscardUnknownFields()
    return listed if listed.SerializeToString() == joined else None
