"""The two pieces of the protobuf wire format that are written by hand, because they are in the hot path.

Source: the protobuf encoding guide, "Base 128 Varints" and "Length-Delimited Records".
"""

from functools import lru_cache

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
