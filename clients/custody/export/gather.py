"""Reads from the ledger what a package needs; every entry comes proven from the client.

Custody, site and key chains are read from their first entry to where a heads snapshot says that they end; footage chains
from one entry before the period to one behind it.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from custody.client import LedgerClient, ProvenEntry
from custody.core.chain import Head
from custody.core.entry import Link
from custody.core.names import CHAIN_KEYS, site_of
from custody.export.errors import ExportError
from custody.export.request import ExportRequest

Told = Callable[[str], None]
"""Is told of each stage, for the progress line."""

MARGIN_US: Final = 600_000_000
"""Ten minutes before and after the period: what clock, gaps and health were around it."""


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
    """The slice of a footage chain for the period and its margins, with the neighbours of that.

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
    whole = [found[seq] for seq in range(first, last + 1) if seq in found]
    # Read in parts: that one follows the other must hold across them too.
    linked = all(link_in(after, chain).prev == one.leaf for one, after in pairwise(whole))
    if len(whole) != last - first + 1 or not linked:
        raise ExportError(f"the ledger does not show {chain} without a hole", code="export-incomplete")
    return whole


def _holes(known: Collection[int], first: int, last: int) -> Iterator[tuple[int, int]]:
    """What is missing of the numbers from `first` to `last`, as (first missing, how many)."""
    at = first
    for seq in (*sorted(known), last + 1):
        if seq > at:
            yield at, seq - at
        at = seq + 1


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
