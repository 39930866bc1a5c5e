"""The record: what a source submits (docs/spec/record.md).

Reading is strict: known kind, every field in its form, the kind's required fields there, at most 60,000 bytes, and one
spelling: after its unknown fields are discarded the message must serialize to the bytes that were read.
"""

from collections.abc import Iterable, Sequence
from itertools import repeat
from operator import attrgetter, methodcaller
from typing import Any, Final, NamedTuple

from google.protobuf.message import DecodeError

from custody.core import limits
from custody.core.columns import WORTH_COLUMNS, are_times, are_uuid7, compile_batch, compile_columns
from custody.core.errors import MalformedError
from custody.core.fields import check_uuid7, compiled
from custody.core.kinds import KINDS, Kind, chains_of, columns_of, digests_of, period_of
from custody.core.wire import spelled_list
from custody.v1 import record_pb2


class ReadRecord(NamedTuple):
    """A record that was read strictly, and what follows from it alone."""

    raw: bytes
    record_id: bytes
    """16 bytes."""
    at_us: int
    kind: Kind
    body: Any
    """The kind's own message, e.g. record_pb2.Segment."""
    chains: tuple[str, ...]
    """Sorted names of the chains that it belongs to; at least one."""
    period_us: tuple[int, int]
    """What time it tells of, half open."""
    digests: tuple[bytes, ...]
    """SHA-256 of files that it names."""


def encode_record(record: record_pb2.Record) -> bytes:
    """Serializes a record and reads it back; raises MalformedError exactly where a ledger would refuse it."""
    raw = record.SerializeToString()
    read_record(raw)
    return raw


def read_record(raw: bytes) -> ReadRecord:
    """Reads a record strictly; the inverse of `encode_record`.

    Raises MalformedError with code 'record-oversize', 'record-malformed', 'record-spelling' (unknown fields or another
    spelling), 'record-kind', 'record-id', 'record-time', 'record-field-missing', or a code of `fields.check_fields`.
    """
    if len(raw) > limits.MAX_RECORD_BYTES:
        raise MalformedError(
            f"a record of {len(raw)} bytes; the limit is {limits.MAX_RECORD_BYTES}", code="record-oversize"
        )
    try:
        record = record_pb2.Record.FromString(raw)
    except DecodeError:
        raise MalformedError("not a serialized custody.v1.Record", code="record-malformed") from None
    # The runtime keeps unknown fields and would emit them again; only without them is equality a proof of spelling.
    record.DiscardUnknownFields()
    if record.SerializeToString() != raw:
        raise MalformedError("the record has unknown fields or is not in its one spelling", code="record-spelling")
    return _examine(raw, record)


def read_records(raws: Sequence[bytes]) -> list[ReadRecord]:
    """Reads many records strictly: the same results and errors as `read_record` on each, for a third of the time.

    A MalformedError carries the `position` of the first bad record.
    """
    records = _spelled(raws)
    if records is not None and (read := _examine_many(raws, records)) is not None:
        return read
    found = []
    for position, raw in enumerate(raws):
        try:
            found.append(read_record(raw) if records is None else _examine(raw, records[position]))
        except MalformedError as error:
            error.position = position
            raise
    return found


def _spelled(raws: Sequence[bytes]) -> list[Any] | None:
    listed = spelled_list(record_pb2.RecordList, raws, limits.MAX_RECORD_BYTES)
    return list(listed.records) if listed is not None else None


def _examine_many(raws: Sequence[bytes], records: Sequence[Any]) -> list[ReadRecord] | None:
    """What `_examine` gives for each; None where one may be malformed, or where it is not worth it."""
    if len(records) < WORTH_COLUMNS:
        return None
    names = list(map(_name_of, records))
    if len(set(names)) == 1:
        return _examine_kind(names[0], raws, records)
    places: dict[str, list[int]] = {}
    for at, name in enumerate(names):
        places.setdefault(name, []).append(at)
    found: list[Any] = [None] * len(records)
    for name, ats in places.items():
        read = _examine_kind(name, [raws[at] for at in ats], [records[at] for at in ats])
        if read is None:
            return None
        for at, one in zip(ats, read, strict=True):
            found[at] = one
    return found


def _examine_kind(name: str | None, raws: Sequence[bytes], records: Sequence[Any]) -> list[ReadRecord] | None:
    """What `_examine` gives for records of one kind; None where one may be malformed."""
    read_columns = _KIND_COLUMNS.get(name or "")
    if read_columns is None or len(records) < WORTH_COLUMNS:
        try:
            return [_examine(raw, record) for raw, record in zip(raws, records, strict=True)]
        except MalformedError:
            return None
    kind = KINDS[name or ""]
    ids, times = zip(*map(_id_and_time, records), strict=True)
    clocks = [record.clock for record in filter(_has_clock, records)]
    if not are_uuid7(ids) or not are_times(times) or not _are_clocks(clocks):
        return None
    bodies = list(map(attrgetter(kind.name), records))
    columns = read_columns(bodies)
    if columns is None:
        return None
    chains, ends, digests = columns_of(kind, columns, times)
    if max(ends) > limits.MAX_TIME_US:
        return None
    rows: Iterable[Any] = zip(
        raws, ids, times, repeat(kind), bodies, chains, zip(times, ends, strict=True), digests, strict=False
    )
    return list(map(_new, repeat(ReadRecord), rows))


_new: Final = tuple.__new__  # what ReadRecord._make does, without its checks: every row has its eight


def _examine(raw: bytes, record: Any) -> ReadRecord:
    """Checks what a record says, once its spelling is proven."""
    name = record.WhichOneof("kind")
    if name is None:
        raise MalformedError("the record has no kind", code="record-kind")
    record_id = check_uuid7(record.record_id)
    at_us = record.at_us
    if not 0 < at_us <= limits.MAX_TIME_US:
        raise MalformedError(f"at_us is not a time: {at_us}", code="record-time")
    if record.HasField("clock"):
        _check_clock(record.clock)
    kind = KINDS[name]
    body = getattr(record, name)
    _BODY_CHECKS[name](body)
    if kind.family == "either" and not body.streams and not body.site:
        raise MalformedError(f"{name} names neither streams nor a site", code="record-field-missing")
    chains = chains_of(kind, body)
    if len(chains) > 1:
        _check_room(raw, chains)
    period_us = period_of(kind, body, at_us)
    if not period_us[0] <= period_us[1] <= limits.MAX_TIME_US:
        raise MalformedError("the record tells of a period that ends before it begins, or never", code="record-time")
    return ReadRecord(raw, record_id, at_us, kind, body, chains, period_us, digests_of(kind, body))


def _check_room(raw: bytes, chains: tuple[str, ...]) -> None:
    """Refuses a record that could not become an entry, however its source seals it: the ledger must never find out later."""
    if len(chains) > limits.MAX_STREAMS_PER_RECORD:
        raise MalformedError("the record names too many streams", code="record-length")
    links_bytes = sum(map(len, chains)) + limits.LINK_BYTES * len(chains)
    if len(raw) + links_bytes + limits.STAMP_BYTES > limits.MAX_ENTRY_BYTES:
        raise MalformedError(
            f"a record of {len(raw)} bytes about {len(chains)} streams does not fit into an entry",
            code="record-oversize",
        )


_BODY_CHECKS: Final = {
    name: compiled(record_pb2.Record.DESCRIPTOR.fields_by_name[name].message_type, kind.required)
    for name, kind in KINDS.items()
}
_check_clock: Final = compiled(record_pb2.ClockQuality.DESCRIPTOR)

_KIND_COLUMNS: Final = {
    name: compile_columns(record_pb2.Record.DESCRIPTOR.fields_by_name[name].message_type, kind.required)
    for name, kind in KINDS.items()
    if kind.has_columns
}
_are_clocks: Final = compile_batch(record_pb2.ClockQuality.DESCRIPTOR)
_name_of: Final = methodcaller("WhichOneof", "kind")
_has_clock: Final = methodcaller("HasField", "clock")
_id_and_time: Final = attrgetter("record_id", "at_us")
