"""Record ids: UUIDv7 (RFC 9562 section 5.7). Time and randomness are the caller's."""

from typing import Final

RANDOM_BYTES: Final = 10


def make_record_id(at_us: int, random: bytes) -> bytes:
    """16 bytes out of a time (microseconds UTC; 48 bits of milliseconds are kept) and 10 random bytes, 74 bits used.

    Raises ValueError for another number of random bytes or a time that does not fit.
    """
    if len(random) != RANDOM_BYTES or not 0 <= at_us // 1000 < 1 << 48:
        raise ValueError("a record id is made of a time since 1970 and 10 random bytes")
    value = at_us // 1000 << 80 | int.from_bytes(random, "big")
    value = value & ~(0xF << 76) | 7 << 76
    value = value & ~(0x3 << 62) | 2 << 62
    return value.to_bytes(16, "big")
