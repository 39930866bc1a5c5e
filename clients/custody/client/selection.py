"""What to read, and what the answer must look like: the selectors of ReadEntries, each with its check.

A check sees every entry in the order in which the ledger gives it, after the entry was read strictly. It refuses what
was not asked for, and holes where the selector promises none. Proof is `reading`'s matter. What no check can see is a
ledger that stops early where the selector has no known end; against that stand the heads (`LedgerClient.chain_heads`).
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol

from custody.client.errors import ReadError
from custody.client.receipt import ProvenEntry
from custody.core.chain import Head
from custody.core.entry import Link
from custody.core.names import check_chain, check_identity
from custody.core.record import read_record
from custody.v1 import ledger_pb2


class Check(Protocol):
    """Judges the next entry; `end` is told the tree size of the last page's checkpoint. Both raise ReadError."""

    def entry(self, found: ProvenEntry) -> None:
        """Refuses an entry that is not the next of the selection."""

    def end(self, size: int) -> None:
        """Refuses an end that comes too early."""


class Selection(NamedTuple):
    """A request without its log, and the maker of its check (one check for each time it is read)."""

    request: ledger_pb2.ReadEntriesRequest
    check: Callable[[], Check]
    by_links: bool = False
    """Whether entries may be proven by being named as predecessors; the check must then go by numbers in a chain."""


def by_range(first: int, count: int) -> Selection:
    """Entries [first, first + count) or to the end of the log, without a hole."""
    if first < 0 or count < 1:
        raise ValueError("a range begins at 0 or later and has at least one entry")
    chosen = ledger_pb2.IndexRange(first=first, count=count)
    return Selection(ledger_pb2.ReadEntriesRequest(range=chosen), lambda: _InOrder(first, count))


def by_chain(chain: str, first_seq: int = 1, count: int = 0) -> Selection:
    """Entries of a chain from `first_seq` on, without a hole; count 0: to its end. Raises MalformedError for a bad name."""
    if first_seq < 1 or count < 0:
        raise ValueError("numbers in a chain begin at 1")
    chosen = ledger_pb2.ChainRange(chain=check_chain(chain), first_seq=first_seq, count=count)
    return Selection(ledger_pb2.ReadEntriesRequest(chain=chosen), lambda: _Chain(chain, first_seq, count), True)


def by_time(from_us: int, to_us: int) -> Selection:
    """Entries sequenced in [from_us, to_us), without a hole between the first and the last."""
    chosen = ledger_pb2.TimeRange(from_us=from_us, to_us=to_us)
    return Selection(ledger_pb2.ReadEntriesRequest(time=chosen), lambda: _Time(from_us, to_us))


def by_record_id(record_id: bytes) -> Selection:
    """The entry of one record (16 bytes), or none."""

    def matches(found: ProvenEntry) -> bool:
        return read_record(found.entry.record).record_id == record_id

    return Selection(ledger_pb2.ReadEntriesRequest(record_id=record_id), lambda: _Matching(matches, at_most=1))


def by_file(sha256: bytes) -> Selection:
    """Entries whose records name a file with this SHA-256."""

    def matches(found: ProvenEntry) -> bool:
        return sha256 in read_record(found.entry.record).digests

    return Selection(ledger_pb2.ReadEntriesRequest(file_sha256=sha256), lambda: _Matching(matches))


def by_chain_time(chain: str, from_us: int, to_us: int) -> Selection:
    """Entries of a chain whose records tell of any time in [from_us, to_us)."""
    chosen = ledger_pb2.ChainTimeRange(chain=check_chain(chain), from_us=from_us, to_us=to_us)

    def matches(found: ProvenEntry) -> bool:
        begin, end = read_record(found.entry.record).period_us
        # An instant lies in the half-open time that it names; a period overlaps it.
        return bool(begin < to_us and (end > from_us or begin == end == from_us))

    request = ledger_pb2.ReadEntriesRequest(chain_time=chosen)
    return Selection(request, lambda: _InChain(chain, _Matching(matches)), True)


def by_submitter(submitter: str, from_us: int, to_us: int) -> Selection:
    """Entries that one identity submitted and that were sequenced in [from_us, to_us)."""
    chosen = ledger_pb2.SubmitterTimeRange(submitter=check_identity(submitter), from_us=from_us, to_us=to_us)

    def matches(found: ProvenEntry) -> bool:
        return found.entry.submitter == submitter and from_us <= found.entry.sequenced_at_us < to_us

    return Selection(ledger_pb2.ReadEntriesRequest(submitter_time=chosen), lambda: _Matching(matches))


def _link(found: ProvenEntry, chain: str) -> Link | None:
    return next((link for link in found.entry.links if link.chain == chain), None)


class _InOrder:
    """Neighbouring indexes from `first`, at most `count`."""

    def __init__(self, first: int, count: int) -> None:
        self._next = first
        self._left = count

    def entry(self, found: ProvenEntry) -> None:
        if found.index != self._next or not self._left:
            raise ReadError(f"entry {found.index} came where entry {self._next} was due")
        self._next += 1
        self._left -= 1

    def end(self, size: int) -> None:
        if self._left and self._next < size:
            raise ReadError(f"the ledger stopped before entry {self._next} of {size}", code="read-incomplete")


class _Chain:
    """Consecutive numbers of one chain, each naming its predecessor."""

    def __init__(self, chain: str, first_seq: int, count: int) -> None:
        self._chain = chain
        self._first = first_seq
        self._next = first_seq
        self._count = count
        self._prev = b""
        self._before = -1

    def entry(self, found: ProvenEntry) -> None:
        link = _link(found, self._chain)
        if link is None or link.seq != self._next or (self._count and link.seq >= self._first + self._count):
            raise ReadError(f"entry {found.index} is not number {self._next} of {self._chain}")
        if found.index <= self._before or (self._prev and link.prev != self._prev):
            raise ReadError(f"number {self._next} of {self._chain} does not follow the entry before it")
        self._next += 1
        self._prev = found.leaf
        self._before = found.index

    def end(self, size: int) -> None:
        """The tree does not say where a chain ends; the heads do."""


class _Time:
    """Neighbouring indexes, all sequenced within a time."""

    def __init__(self, from_us: int, to_us: int) -> None:
        self._from_us, self._to_us = from_us, to_us
        self._next = -1

    def entry(self, found: ProvenEntry) -> None:
        if not self._from_us <= found.entry.sequenced_at_us < self._to_us:
            raise ReadError(f"entry {found.index} was not sequenced in the time asked for")
        if self._next not in {-1, found.index}:
            raise ReadError(f"entry {found.index} came where entry {self._next} was due")
        self._next = found.index + 1

    def end(self, size: int) -> None:
        """Entries beyond either end are not shown, so a ledger that leaves some out there is not caught here."""


class _Matching:
    """Any entries, in the order of the log, each of which matches."""

    def __init__(self, matches: Callable[[ProvenEntry], bool], at_most: int = 0) -> None:
        self._matches = matches
        self._at_most = at_most
        self._before = -1
        self._count = 0

    def entry(self, found: ProvenEntry) -> None:
        self._count += 1
        if found.index <= self._before or not self._matches(found) or (self._at_most and self._count > self._at_most):
            raise ReadError(f"entry {found.index} is not what was asked for")
        self._before = found.index

    def end(self, size: int) -> None:
        """What else would match is not proven."""


class _InChain:
    """Entries of one chain in its order, perhaps with others between, each of which another check likes."""

    def __init__(self, chain: str, check: Check) -> None:
        self._chain = chain
        self._check = check
        self._seq = 0

    def entry(self, found: ProvenEntry) -> None:
        # The index of an entry that is proven by its chain is the ledger's word; its number in the chain is not.
        link = _link(found, self._chain)
        if link is None or link.seq <= self._seq:
            raise ReadError(f"entry {found.index} is not of {self._chain}, or came again")
        self._seq = link.seq
        self._check.entry(found)

    def end(self, size: int) -> None:
        self._check.end(size)


class Following:
    """The check of `Follow`: everything from an index on, or the entries of some chains.

    Of each followed chain, every entry from the first that was shown: numbers without a hole, each naming the one before.
    """

    def __init__(self, from_index: int, chains: frozenset[str]) -> None:
        self._next = from_index
        self._chains = chains
        self._heads: dict[str, Head] = {}

    def entry(self, found: ProvenEntry) -> None:
        """Refuses an entry that leaves a hole, or of a chain that is not followed."""
        if self._chains:
            if found.index < self._next or not any(link.chain in self._chains for link in found.entry.links):
                raise ReadError(f"entry {found.index} does not belong to the chains that are followed")
            self._follow(found)
        elif found.index != self._next:
            raise ReadError(f"entry {found.index} came where entry {self._next} was due")
        self._next = found.index + 1

    def _follow(self, found: ProvenEntry) -> None:
        for chain, seq, prev in found.entry.links:
            if chain not in self._chains:
                continue
            head = self._heads.get(chain)
            if head is not None and (seq, prev) != (head.seq + 1, head.leaf):
                raise ReadError(f"number {seq} of {chain} came where number {head.seq + 1} was due")
            self._heads[chain] = Head(seq, found.leaf)

    def end(self, size: int) -> None:
        """Following has no end."""
