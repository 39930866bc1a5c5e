"""UUIDv7 for the records that the ledger itself submits (RFC 9562 section 5.7)."""

from collections.abc import Callable


def uuid7(at_us: int, random_bytes: Callable[[int], bytes]) -> bytes:
    """16 bytes: 48 bits of milliseconds, version, variant, 74 random bits."""
    value = at_us // 1000 << 80 | int.from_bytes(random_bytes(10), "big")
    value = value & ~(0xF << 76) | 7 << 76
    value = value & ~(0x3 << 62) | 2 << 62
    return value.to_bytes(16, "big")
