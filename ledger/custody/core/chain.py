"""Chains: numbered, hash-linked sequences of entries inside the log (docs/spec/chain.md).

Each entry names, for every chain that it belongs to, its number there and the leaf hash of its predecessor. Whoever
holds the last entry of a slice therefore holds a commitment to the whole slice. Numbers begin at 1 and have no hole.
"""

from collections.abc import Iterable
from typing import NamedTuple

from custody.core.errors import VerificationError


class Head(NamedTuple):
    """Where a chain ends: number and leaf hash (32 bytes) of its last entry."""

    seq: int
    leaf: bytes


START = Head(0, b"")
"""Head of a chain that has no entry: the predecessor hash of the first entry is empty."""


class ChainError(VerificationError):
    """A link does not continue its chain: an entry was removed, put in, or reordered."""

    code = "chain-broken"


class Chains:
    """Heads of all chains after a prefix of the log; mutable, owned by one writer or one verifier."""

    __slots__ = ("heads",)

    def __init__(self, heads: Iterable[tuple[str, Head]] = ()) -> None:
        self.heads: dict[str, Head] = dict(heads)

    def follow(self, chain: str, seq: int, prev: bytes, leaf: bytes) -> None:
        """Accepts the next entry of `chain`; raises ChainError when it is not the next."""
        head = self.heads.get(chain, START)
        if seq != head.seq + 1:
            raise ChainError(f"{chain}: entry {seq} follows entry {head.seq}", code="chain-number")
        if prev != head.leaf:
            raise ChainError(f"{chain}: entry {seq} does not name entry {head.seq} as its predecessor")
        self.heads[chain] = Head(seq, leaf)
