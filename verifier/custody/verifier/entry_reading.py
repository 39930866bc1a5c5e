"""Many entries read strictly at once; whatever is malformed is told one by one."""

from collections.abc import Sequence
from typing import NamedTuple

from custody.core.entry import ReadEntry, decode_entries, decode_entry
from custody.core.errors import MalformedError
from custody.core.record import ReadRecord, read_record, read_records


class Faulty(NamedTuple):
    """An entry that is not in its one spelling, and why."""

    at: int
    """Position among the bytes that were given."""
    error: MalformedError


class ReadEntries(NamedTuple):
    """What could be read, in order; `at` are the positions, `faulty` the rest."""

    at: Sequence[int]
    entries: Sequence[ReadEntry]
    records: Sequence[ReadRecord]
    faulty: Sequence[Faulty]


def read_entries(raws: Sequence[bytes]) -> ReadEntries:
    """Reads entries and the records in them. Never raises: bytes that are no entry come back in `faulty`."""
    try:
        entries = decode_entries(raws)
        records = read_records([entry.record for entry in entries])
    except MalformedError:
        return _one_by_one(raws)
    return ReadEntries(range(len(raws)), entries, records, ())


def _one_by_one(raws: Sequence[bytes]) -> ReadEntries:
    read: list[tuple[int, ReadEntry, ReadRecord]] = []
    faulty: list[Faulty] = []
    for at, raw in enumerate(raws):
        try:
            entry = decode_entry(raw)
            read.append((at, entry, read_record(entry.record)))
        except MalformedError as error:
            faulty.append(Faulty(at, error))
    return ReadEntries([one[0] for one in read], [one[1] for one in read], [one[2] for one in read], faulty)
