"""The record: what a source submits (docs/spec/record.md).

Reading is strict: known kind, every field in its form, the kind's required fields there, at most 60,000 bytes, and one
spelling: after its unknown fields are discarded the message must serialize to the bytes that were read.
"""

from typing import Any, Final, NamedTuple

from google.protobuf.message import DecodeError

from custody.core import limits
from custody.core.errors import MalformedError
from custody.core.fields import check_fields, check_uuid7
from custody.core.kinds import KINDS, Kind, chains_of, digests_of, period_of
from custody.v1 import record_pb2

_REQUIRED: Final = {name: tuple(tuple(path.split(".")) for path in kind.required) for name, kind in KINDS.items()}


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
    spelling), 'record-kind', 'record-id', 'record-time', 'record-field-missing', or a code of `check_fields`.
    """
    if len(raw) > limits.MAX_RECORD_BYTES:
        raise MalformedError(f"a record of {len(raw)} bytes; the limit is {limits.MAX_RECORD_BYTES}", code="record-oversize")
    try:
        record = record_pb2.Record.FromString(raw)
    except DecodeError:
        raise MalformedError("not a serialized custody.v1.Record", code="record-malformed") from None
    # The runtime keeps unknown fields and would emit them again; only without them is equality a proof of spelling.
    record.DiscardUnknownFields()
    if record.SerializeToString() != raw:
        raise MalformedError("the record has unknown fields or is not in its one spelling", code="record-spelling")
    name = record.WhichOneof("kind")
    if name is None:
        raise MalformedError("the record has no kind", code="record-kind")
    record_id = check_uuid7(record.record_id)
    at_us = record.at_us
    if not 0 < at_us <= limits.MAX_TIME_US:
        raise MalformedError(f"at_us is not a time: {at_us}", code="record-time")
    if record.HasField("clock"):
        check_fields(record.clock)
    kind = KINDS[name]
    body = getattr(record, name)
    check_fields(body)
    _check_required(name, body)
    chains = chains_of(kind, body)
    if len(chains) > limits.MAX_STREAMS_PER_RECORD:
        raise MalformedError("the record names too many streams", code="record-length")
    period_us = period_of(kind, body, at_us)
    if period_us[0] > period_us[1]:
        raise MalformedError("the record tells of a period that ends before it begins", code="record-time")
    return ReadRecord(raw, record_id, at_us, kind, body, chains, period_us, digests_of(kind, body))


def _check_required(name: str, body: Any) -> None:
    for path in _REQUIRED[name]:
        value = body
        for part in path:
            value = getattr(value, part)
        if not value:
            raise MalformedError(f"{name} lacks {'.'.join(path)}", code="record-field-missing")
    # Nested names are checked by form only when they are there; a span or range without its stream names nothing.
    if name in _NESTED_STREAMS:
        for stream in KINDS[name].subject(body):
            if not stream:
                raise MalformedError(f"{name} names an empty stream", code="record-field-missing")
    elif KINDS[name].family == "either" and not body.streams and not body.site:
        raise MalformedError(f"{name} names neither streams nor a site", code="record-field-missing")


_NESTED_STREAMS: Final = frozenset(
    name for name, kind in KINDS.items() if kind.subject.__name__ in ("_spans", "_ranges", "_sources", "_streams")
)
