"""Histories of a log that share a beginning and then part, for whoever must not be fooled by the second one."""

from __future__ import annotations

from functools import cache
from hashlib import sha256


class History:
    """The leaves that a log would have; `branch` differs from the main history from leaf `parts_at` on."""

    def __init__(self, branch: str = "main", parts_at: int = 0) -> None:
        self._branch = branch
        self._parts_at = parts_at
        self.root_of = cache(self._root_of)

    def root(self, size: int) -> bytes:
        """Root of the first `size` leaves (RFC 6962 section 2.1)."""
        return sha256(b"").digest() if size == 0 else self.root_of(0, size)

    def proof(self, old: int, new: int) -> list[bytes]:
        """Consistency proof between two sizes (RFC 6962 section 2.1.2); empty from the empty tree."""
        return [] if old == 0 else self._proof(old, 0, new, whole=True)

    def _leaf(self, index: int) -> bytes:
        branch = "main" if index < self._parts_at else self._branch
        return sha256(b"\x00" + f"{branch} {index}".encode()).digest()

    def _root_of(self, low: int, high: int) -> bytes:
        if high - low == 1:
            return self._leaf(low)
        middle = low + _split(high - low)
        return sha256(b"\x01" + self.root_of(low, middle) + self.root_of(middle, high)).digest()

    def _proof(self, old: int, low: int, high: int, *, whole: bool) -> list[bytes]:
        if old == high:
            return [] if whole else [self.root_of(low, high)]
        middle = low + _split(high - low)
        if old <= middle:
            return [*self._proof(old, low, middle, whole=whole), self.root_of(middle, high)]
        return [*self._proof(old, middle, high, whole=False), self.root_of(low, middle)]


def _split(count: int) -> int:
    power = 1
    while power * 2 < count:
        power *= 2
    return power
