"""Pages of entries: read strictly, proven under their checkpoint, held against what was asked.

Steps: 1 the checkpoint is signed (and placed, by the driver); 2 each entry is read strictly and hashed; 3 the page's
proof leads to the checkpoint's root; 4 entries that it does not cover need a range proof of their own (`unproven`), or,
in reads of a chain, are proven by being named as predecessors; 5 the selection's check. Nothing is handed out before
all five.
"""

from collections.abc import Sequence
from typing import NamedTuple

from custody.client.receipt import ProvenEntry
from custody.client.session import decode, range_proof
from custody.core import limits
from custody.core.checkpoint import Checkpoint
from custody.core.entry import decode_entries
from custody.core.errors import MalformedError
from custody.core.hashing import leaf_hash
from custody.core.proof import verify_inclusion
from custody.core.range_proof import verify_range
from custody.v1 import ledger_pb2


class Page(NamedTuple):
    """A page as it came, entries read; `unproven` are runs of neighbours that still need a range proof."""

    note: bytes
    entries: list[ProvenEntry]
    message: ledger_pb2.EntryPage


def read_page(raw: bytes) -> Page:
    """Steps 1 (the form) and 2. Raises MalformedError."""
    message = decode(ledger_pb2.EntryPage, raw)
    if len(message.entries) > limits.MAX_BATCH_RECORDS:
        raise MalformedError("a page has too many entries", code="response-malformed")
    read = decode_entries([logged.entry for logged in message.entries])
    entries = [
        ProvenEntry(logged.index, leaf_hash(entry.raw), entry)
        for logged, entry in zip(message.entries, read, strict=True)
    ]
    return Page(message.checkpoint, entries, message)


def prove_page(page: Page, checkpoint: Checkpoint, *, by_links: bool) -> list[list[ProvenEntry]]:
    """Steps 3 and 4 under a checkpoint that was opened: returns runs of neighbours that are still unproven.

    `by_links`: to be named as predecessor is proof enough. That proves an entry and not its index, so it is allowed only
    where the selection's check goes by numbers in a chain; elsewhere a ledger could show one entry in another's place.
    Raises InclusionError.
    """
    entries = page.entries
    kind = page.message.WhichOneof("proof")
    if not entries:
        return []
    if kind == "range":
        first = entries[0].index
        if [one.index for one in entries] != list(range(first, first + len(entries))):
            raise MalformedError("a range proof stands on entries that are no neighbours", code="response-malformed")
        proof = range_proof(page.message.range)
        verify_range([one.leaf for one in entries], first, checkpoint.size, proof, checkpoint.root)
        return []
    proven: set[bytes] = set()
    if kind == "last":
        last = entries[-1]
        verify_inclusion(last.leaf, last.index, checkpoint.size, page.message.last.hashes, checkpoint.root)
        proven.add(last.leaf)
    return _neighbours(_unproven(entries, proven, by_links=by_links))


def prove_run(run: Sequence[ProvenEntry], response: bytes, checkpoint: Checkpoint) -> None:
    """Step 4 for one run of `prove_page`, with a GetProofResponse that has its range. Raises InclusionError."""
    proof = range_proof(decode(ledger_pb2.GetProofResponse, response).range)
    verify_range([one.leaf for one in run], run[0].index, checkpoint.size, proof, checkpoint.root)


def _unproven(entries: Sequence[ProvenEntry], proven: set[bytes], *, by_links: bool) -> list[ProvenEntry]:
    """Entries that neither are proven nor, with `by_links`, are named as predecessor by one that is; in order."""
    if not by_links:
        return [*entries[:-1]] if proven else [*entries]
    left = []
    for one in reversed(entries):
        if one.leaf in proven:
            proven.update(link.prev for link in one.entry.links)
        else:
            left.append(one)
    left.reverse()
    return left


def _neighbours(entries: Sequence[ProvenEntry]) -> list[list[ProvenEntry]]:
    runs: list[list[ProvenEntry]] = []
    for one in entries:
        if runs and runs[-1][-1].index + 1 == one.index:
            runs[-1].append(one)
        else:
            runs.append([one])
    return runs
