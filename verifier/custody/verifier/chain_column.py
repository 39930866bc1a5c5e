"""The links of one chain within a range of the log, as columns.

Whole columns are compared at once; only where they differ is each link looked at (checks 5 and 8).
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final, NamedTuple

from custody.core.chain import ChainError, Chains, Head
from custody.core.tree import MAX_TREE_SIZE
from custody.verifier.finding import Finding, Findings

CHECK: Final = 5


class ChainEnds(NamedTuple):
    """How a range continues a chain and where it leaves it."""

    first_seq: int
    first_prev: bytes
    first_index: int
    last: Head


class ChainColumn:
    """Links of one chain in the order of the log; mutable, owned by the audit of a range."""

    __slots__ = ("at", "prevs", "seqs")

    def __init__(self) -> None:
        self.seqs: list[int] = []
        self.prevs: list[bytes] = []
        self.at: list[int] = []
        """Positions of the entries within the range."""

    def head(self, leaves: Sequence[bytes]) -> Head:
        """Where the chain stands after the last link."""
        return Head(self.seqs[-1], leaves[self.at[-1]])

    def ends(self, first: int, leaves: Sequence[bytes]) -> ChainEnds:
        """`first` is the leaf index of position 0."""
        return ChainEnds(self.seqs[0], self.prevs[0], first + self.at[0], self.head(leaves))

    def unbroken(self) -> bool:
        """Whether the numbers follow one another and are such as a log can have."""
        begin = self.seqs[0]
        return self.seqs[-1] <= MAX_TREE_SIZE and self.seqs == list(range(begin, begin + len(self.seqs)))

    def check(self, chain: str, first: int, leaves: Sequence[bytes], findings: Findings) -> None:
        """Finds every link that does not continue the one before it in this range."""
        if self.unbroken() and self.prevs[1:] == [leaves[at] for at in self.at[:-1]]:
            return
        before = Head(self.seqs[0], leaves[self.at[0]])
        for seq, prev, at in zip(self.seqs[1:], self.prevs[1:], self.at[1:], strict=True):
            follow(chain, before, (seq, prev), first + at, findings)
            before = Head(seq, leaves[at])


class PendingLinks:
    """Links of all chains as they come, not yet sorted by chain; mutable, owned by the audit of a range.

    Sorting thousands at once costs one step a link; laying each into its chain costs four, and there are millions.
    """

    __slots__ = ("at", "chains", "prevs", "seqs")

    def __init__(self) -> None:
        self.chains: list[str] = []
        self.seqs: list[int] = []
        self.prevs: list[bytes] = []
        self.at: list[int] = []

    def settle(self, columns: defaultdict[str, ChainColumn]) -> None:
        """Moves everything to its chains."""
        places: defaultdict[str, list[int]] = defaultdict(list)
        for place, chain in enumerate(self.chains):
            places[chain].append(place)
        for chain, own in places.items():
            column = columns[chain]
            column.seqs += map(self.seqs.__getitem__, own)
            column.prevs += map(self.prevs.__getitem__, own)
            column.at += map(self.at.__getitem__, own)
        for row in (self.chains, self.seqs, self.prevs, self.at):
            row.clear()


def follow(chain: str, head: Head, link: tuple[int, bytes], index: int, findings: Findings) -> None:
    """Finds a link that does not continue `head`; the check goes on from the link as it stands."""
    try:
        Chains(((chain, head),) if head.seq else ()).follow(chain, link[0], link[1], b"")
    except ChainError as error:
        findings.add(Finding(error.code, CHECK, str(error), index=index, chain=chain))
