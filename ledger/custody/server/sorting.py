"""Exactly once: tells the new records of a batch from those that the log has already.

The same id and the same bytes (record and seal) again: the receipt of what is there. The same id and other bytes: the
whole batch is refused (`RecordConflict`, ALREADY_EXISTS) and nothing of it is stored.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from custody.core.errors import CustodyError
from custody.core.limits import MAX_BATCH_RECORDS
from custody.server.batch import Admitted, Batch
from custody.server.store.protocol import LogStore, StoreDamaged

_SUBMITTER_TAG: Final = 0x1A
"""First byte of a stamp. Where the sealed record ends another entry could go on with a seal (0x12)."""


class RecordConflict(CustodyError):
    """The log has a record with this id and other bytes."""

    code = "record-conflict"

    def __init__(self, message: str, *, position: int, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.position = position


class SortedBatch(NamedTuple):
    """A batch, its new records with their positions, and its known ones as (position, leaf index)."""

    batch: Batch
    items: Sequence[Admitted]
    positions: Sequence[int]
    """Empty when all records are new."""
    known: Sequence[tuple[int, int]]


class Sorting(NamedTuple):
    """`later` share an id with a batch of this round: they wait until it is stored, and then it is a known one."""

    rows: list[SortedBatch]
    later: list[Batch]


def all_new(batches: Sequence[Batch]) -> list[SortedBatch] | None:
    """All batches as new, for the store will say if they are not; None when an id stands twice among them."""
    ids = {item.record.record_id for batch in batches for item in batch.items}
    if len(ids) != sum(len(batch.items) for batch in batches):
        return None
    return [SortedBatch(batch, batch.items, (), ()) for batch in batches]


async def sort_out(store: LogStore, batches: Sequence[Batch]) -> Sorting:
    """Looks every record id up. A batch with a conflict is answered here and is in neither list."""
    ids = [item.record.record_id for batch in batches for item in batch.items]
    known = await store.known_records(ids)
    entries = await _entries(store, sorted(set(known.values())))
    rows: list[SortedBatch] = []
    later: list[Batch] = []
    taken: set[bytes] = set()
    for batch in batches:
        if batch.done.done():
            continue
        fresh = {item.record.record_id for item in batch.items} - known.keys()
        if fresh & taken:
            later.append(batch)
            continue
        try:
            rows.append(_sort_one(batch, known, entries))
        except RecordConflict as error:
            batch.done.set_exception(error)
            continue
        taken |= fresh
    return Sorting(rows, later)


def _sort_one(batch: Batch, known: dict[bytes, int], entries: dict[int, bytes]) -> SortedBatch:
    items: list[Admitted] = []
    positions: list[int] = []
    found: list[tuple[int, int]] = []
    for position, item in enumerate(batch.items):
        index = known.get(item.record.record_id)
        if index is None:
            items.append(item)
            positions.append(position)
            continue
        entry = entries[index]
        end = len(item.sealed)
        if not entry.startswith(item.sealed) or entry[end] != _SUBMITTER_TAG:
            raise RecordConflict(
                f"record {position} of the batch has the id of an entry with other bytes (leaf {index})",
                position=position,
            )
        found.append((position, index))
    if batch.sealed_as_one and items and found:
        raise RecordConflict(
            "some records of a sealed batch are in the log already, so the seal would cover no neighbours",
            position=found[0][0],
            code="seal-partly-known",
        )
    return SortedBatch(batch, items, positions if found else (), found)


async def _entries(store: LogStore, indexes: Sequence[int]) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    for at in range(0, len(indexes), MAX_BATCH_RECORDS):
        placed = await store.entries_at(indexes[at : at + MAX_BATCH_RECORDS])
        found.update({one.index: one.entry for one in placed})
    if len(found) != len(indexes):
        raise StoreDamaged("the index of record ids names entries that are not there")
    return found
