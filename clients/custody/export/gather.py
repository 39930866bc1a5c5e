"""Reads from the ledger what a package needs; every entry comes proven from the client.

Custody, site and key chains are read from their first entry to where a heads snapshot says that they end; footage chains
from a segment that bounds the period on the left to one that bounds it on the right (`margins`).
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from custody.client import LedgerClient, ProvenEntry
from custody.core.chain import Head
from custody.core.entry import Link
from custody.core.names import CHAIN_KEYS, site_of
from custody.core.record import read_record
from custody.export.errors import ExportError
from custody.export.request import ExportRequest
from custody.verifier.package.commitments import commitments_of
from custody.verifier.package.margins import Margins, touches

Told = Callable[[str], None]
"""Is told of each stage, for the progress line."""

MARGIN_US: Final = 600_000_000
"""Ten minutes before and after the period: what clock, gaps and health were around it."""
_PIECE: Final = 64
"""Entries that are first read in search of a segment that bounds the period; twice as many each time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Where every chain ended just before the entry `index`, sequenced at `at_us`."""

    index: int
    at_us: int
    heads: Mapping[str, Head]


async def take_snapshot(client: LedgerClient) -> tuple[Snapshot, ProvenEntry]:
    """A fresh heads snapshot, with its entry."""
    ends = await client.chain_heads(fresh=True)
    entry = ends.snapshot
    return Snapshot(index=entry.index, at_us=entry.entry.sequenced_at_us, heads=ends.heads), entry


def whole_chains(streams: Sequence[str], heads: Mapping[str, Head]) -> list[str]:
    """Chains that a package holds from the first entry to the last, sorted."""
    wanted = {f"custody/{stream}" for stream in streams} | {f"site/{site_of(stream)}" for stream in streams}
    return sorted((wanted | {CHAIN_KEYS}) & heads.keys())


async def read_whole(client: LedgerClient, chain: str, head: Head) -> list[ProvenEntry]:
    """A chain from 1 to `head`. Raises ExportError ('export-incomplete') when the ledger shows less."""
    found = [entry async for entry in client.read_chain(chain, 1, head.seq)]
    if len(found) != head.seq or found[-1].leaf != head.leaf:
        raise ExportError(f"the ledger does not show {chain} up to its end", code="export-incomplete")
    return found


async def read_footage(
    client: LedgerClient, stream: str, request: ExportRequest, snapshot: Snapshot
) -> list[ProvenEntry]:
    """The slice of a footage chain for the period and its margins, with the neighbours of that, and on to what bounds it.

    The whole chain when nothing touches it.
    """
    chain = f"footage/{stream}"
    head = snapshot.heads.get(chain)
    if head is None:
        raise ExportError(f"the log has no footage of {stream}", code="export-no-footage")
    found = {
        seq_in(entry, chain): entry
        async for entry in client.read_chain_time(chain, request.from_us - MARGIN_US, request.to_us + MARGIN_US)
        if entry.index < snapshot.index
    }
    first = max(1, min(found) - 1) if found else 1
    last = min(head.seq, max(found) + 1) if found else head.seq
    for begin, count in _holes(found.keys(), first, last):
        found |= {seq_in(entry, chain): entry async for entry in client.read_chain(chain, begin, count)}
    middle = [found[seq] for seq in range(first, last + 1) if seq in found]
    if len(middle) != last - first + 1:
        raise _hole(chain)
    left = await _read_left(client, chain, middle, request)
    return await read_right(client, chain, [*left, *middle], request, head)


async def _read_left(
    client: LedgerClient, chain: str, rows: Sequence[ProvenEntry], request: ExportRequest
) -> list[ProvenEntry]:
    """What stands before `rows`, back to the segment that bounds the period, or to the beginning of the chain."""
    found: list[ProvenEntry] = []
    first, piece = seq_in(rows[0], chain), _PIECE
    bounded = _left_of(rows, request)
    while first > 1 and not bounded:
        begin = max(1, first - piece)
        before = [entry async for entry in client.read_chain(chain, begin, first - begin)]
        if len(before) != first - begin:
            raise _hole(chain)
        first, piece = begin, piece * 2
        while before and not bounded:
            found.append(before.pop())
            bounded = _left_of(found[-1:], request)
    return found[::-1]


async def read_right(
    client: LedgerClient, chain: str, rows: Sequence[ProvenEntry], request: ExportRequest, head: Head
) -> list[ProvenEntry]:
    """`rows` and what stands behind them, up to the segment that bounds the period, or to `head`, where the chain ends."""
    found = list(rows)
    bounded, piece = _right_of(rows, request), _PIECE
    while (last := seq_in(found[-1], chain)) < head.seq and not bounded:
        count = min(piece, head.seq - last)
        behind = [entry async for entry in client.read_chain(chain, last + 1, count)]
        if len(behind) != count:
            raise _hole(chain)
        piece *= 2
        for entry in behind:
            found.append(entry)
            bounded = _right_of([entry], request)
            if bounded:
                break
    # Read in parts: that one follows the other must hold across them too.
    if not all(link_in(after, chain).prev == one.leaf for one, after in pairwise(found)):
        raise _hole(chain)
    return found


def _left_of(rows: Iterable[ProvenEntry], request: ExportRequest) -> bool:
    """Whether a segment bounds the period on the left, before anything touches it."""
    margins = Margins(from_us=request.from_us, to_us=request.to_us)
    for one in rows:
        if _take(margins, one) or margins.left:
            break
    return margins.left


def _right_of(rows: Sequence[ProvenEntry], request: ExportRequest) -> bool:
    """Whether a segment bounds the period on the right, behind all that touches it."""
    margins = Margins(from_us=request.from_us, to_us=request.to_us)
    for one in reversed(rows):
        if _take(margins, one) or margins.right:
            break
    return margins.right


def _take(margins: Margins, one: ProvenEntry) -> bool:
    return margins.take(read_record(one.entry.record), one.entry.sequenced_at_us)


def _hole(chain: str) -> ExportError:
    return ExportError(f"the ledger does not show {chain} without a hole", code="export-incomplete")


def _holes(known: Collection[int], first: int, last: int) -> Iterator[tuple[int, int]]:
    """What is missing of the numbers from `first` to `last`, as (first missing, how many)."""
    at = first
    for seq in (*sorted(known), last + 1):
        if seq > at:
            yield at, seq - at
        at = seq + 1


async def close_slices(
    client: LedgerClient,
    request: ExportRequest,
    slices: dict[str, list[ProvenEntry]],
    snapshots: tuple[Snapshot, Snapshot],
    recorded: int,
) -> bool:
    """Carries the slices on from the first snapshot to the closing one.

    False when something came before the export's own record, at `recorded`, that its content had to tell: a segment of the
    period, or a commitment. Then the content is made anew on the closing snapshot.
    """
    prepared, closing = snapshots
    told = True
    for chain in (f"footage/{stream}" for stream in request.streams):
        known = len(slices[chain])
        if seq_in(slices[chain][-1], chain) == prepared.heads[chain].seq:
            slices[chain] = await read_right(client, chain, slices[chain], request, closing.heads[chain])
        for one in slices[chain][known:]:
            record = read_record(one.entry.record)
            told &= record.kind.name != "segment" or not touches(record.period_us, request.from_us, request.to_us)
    for chain in whole_chains(request.streams, closing.heads):
        slices[chain] = await read_whole(client, chain, closing.heads[chain])
        between = (one for one in slices[chain] if prepared.index < one.index < recorded)
        told &= not any(any(commitments_of(read_record(one.entry.record))) for one in between)
    return told


async def gather(
    client: LedgerClient, request: ExportRequest, snapshot: Snapshot, told: Told
) -> dict[str, list[ProvenEntry]]:
    """Every slice by chain."""
    slices: dict[str, list[ProvenEntry]] = {}
    for stream in request.streams:
        told(f"footage/{stream}")
        slices[f"footage/{stream}"] = await read_footage(client, stream, request, snapshot)
    for chain in whole_chains(request.streams, snapshot.heads):
        told(chain)
        slices[chain] = await read_whole(client, chain, snapshot.heads[chain])
    return slices


def seq_in(entry: ProvenEntry, chain: str) -> int:
    """The entry's number in a chain that it belongs to."""
    return link_in(entry, chain).seq


def link_in(entry: ProvenEntry, chain: str) -> Link:
    """The entry's place in a chain that it belongs to."""
    return next(link for link in entry.entry.links if link.chain == chain)
