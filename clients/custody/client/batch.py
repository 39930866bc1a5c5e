"""A batch on its way to the ledger: what was sent, kept until the receipt was checked against it."""

from collections.abc import Sequence
from typing import cast

from google.protobuf.message import DecodeError

from custody.core.entry import encode_seal
from custody.core.errors import MalformedError
from custody.core.kinds import KINDS, chains_of
from custody.core.receipt import Submitted, check_batch_size
from custody.core.record import encode_record
from custody.core.wire import list_item
from custody.v1 import entry_pb2, record_pb2

Item = record_pb2.Record | bytes | Submitted
"""One record to append: a message, its serialization, or the serialization with seal and chains known already."""


def read_batch(items: Sequence[Item]) -> list[Submitted]:
    """What the receipt of a batch will be checked against. Raises MalformedError ('batch-empty', 'batch-oversize', or a
    record's, with its position).

    A Record is read as strictly as the ledger will. Serialized bytes were read by whoever made them; here they are
    parsed once, only to learn the chains, and the ledger judges the rest.
    """
    raws = [_serialized(item) for item in items]
    check_batch_size(len(raws), sum(map(len, raws)))
    if isinstance(items[0], Submitted) and all(isinstance(item, Submitted) for item in items):
        return cast("list[Submitted]", list(items))
    return [
        item if isinstance(item, Submitted) else Submitted(raw, b"", chains)
        for item, raw, chains in zip(items, raws, chains_in(raws), strict=True)
    ]


def _serialized(item: Item) -> bytes:
    if isinstance(item, bytes):
        return item
    if isinstance(item, Submitted):
        return item.record
    if isinstance(item, record_pb2.Record):
        return encode_record(item)
    raise TypeError(f"a record is a Record, bytes or Submitted, not {type(item).__name__}")


def chains_in(raws: Sequence[bytes]) -> list[tuple[str, ...]]:
    """Names of the chains of each serialized record. Raises MalformedError 'record-malformed', 'record-kind'.

    All are parsed at once, as items of a list message: one call instead of one for each.
    """
    parts: list[bytes] = []
    for raw in raws:
        parts += (list_item(len(raw)), raw)
    try:
        records = record_pb2.RecordList.FromString(b"".join(parts)).records
    except DecodeError:
        raise _guilty(raws) from None
    found = []
    for position, record in enumerate(records):
        name = record.WhichOneof("kind")
        if name is None:
            raise _at(position, MalformedError("the record has no kind", code="record-kind"))
        found.append(chains_of(KINDS[name], getattr(record, name)))
    return found


def _guilty(raws: Sequence[bytes]) -> MalformedError:
    """The error of the first record that cannot be parsed."""
    for position, raw in enumerate(raws):
        try:
            record_pb2.Record.FromString(raw)
        except DecodeError:
            return _at(position, MalformedError("not a serialized custody.v1.Record", code="record-malformed"))
    # Only nesting at the parser's very limit gets here, and no kind of record is nested like that.
    return MalformedError("a record is nested too deeply", code="record-malformed")


def _at(position: int, error: MalformedError) -> MalformedError:
    error.position = position
    return error


def seals_of(batch: Sequence[Submitted]) -> list[entry_pb2.Seal]:
    """The seals as the request carries them: none, one on the last record, or one (perhaps empty) for each.

    Raises ValueError when one is not as `encode_seal` writes it.
    """
    if not any(item.seal for item in batch):
        return []
    if not any(item.seal for item in batch[:-1]):
        return [_decode_seal(batch[-1].seal)]
    return [_decode_seal(item.seal) if item.seal else entry_pb2.Seal() for item in batch]


def _decode_seal(raw: bytes) -> entry_pb2.Seal:
    seal = entry_pb2.Entry.FromString(raw).seal
    if encode_seal(seal) != raw:
        raise ValueError("a seal is given as encode_seal writes it")
    return seal
