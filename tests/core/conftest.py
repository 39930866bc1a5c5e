"""A second, naive Merkle tree for the tests of the pure floor."""

from __future__ import annotations

from hashlib import sha256

import pytest


class NaiveTree:
    """RFC 6962 section 2.1 as it is written there: recursive, over lists, sharing no code with the product.

    Runs of leaves are half-open, [low, high). Results are remembered, so that a whole test may ask again and again.
    """

    def __init__(self, count: int) -> None:
        self.leaves = [sha256(b"\x00" + b"entry %d" % number).digest() for number in range(count)]
        self._roots: dict[tuple[int, int], bytes] = {}

    def root(self, low: int, high: int) -> bytes:
        """MTH(D[low:high])."""
        if low == high:
            return sha256(b"").digest()
        if high - low == 1:
            return self.leaves[low]
        if (low, high) not in self._roots:
            middle = low + self._split(high - low)
            children = self.root(low, middle) + self.root(middle, high)
            self._roots[low, high] = sha256(b"\x01" + children).digest()
        return self._roots[low, high]

    def path(self, index: int, low: int, high: int) -> list[bytes]:
        """PATH(index - low, D[low:high])."""
        if high - low == 1:
            return []
        middle = low + self._split(high - low)
        if index < middle:
            return [*self.path(index, low, middle), self.root(middle, high)]
        return [*self.path(index, middle, high), self.root(low, middle)]

    def proof(self, old: int, low: int, high: int, *, whole: bool = True) -> list[bytes]:
        """SUBPROOF(old - low, D[low:high], whole)."""
        if old == high:
            return [] if whole else [self.root(low, high)]
        middle = low + self._split(high - low)
        if old <= middle:
            return [*self.proof(old, low, middle, whole=whole), self.root(middle, high)]
        return [*self.proof(old, middle, high, whole=False), self.root(low, middle)]

    @staticmethod
    def _split(count: int) -> int:
        """The largest power of two smaller than `count`."""
        power = 1
        while power * 2 < count:
            power *= 2
        return power


@pytest.fixture(scope="session")
def naive() -> NaiveTree:
    """Leaves and roots of up to 700 entries."""
    return NaiveTree(700)
