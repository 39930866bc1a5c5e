"""A batch on its way to the ledger: what was sent, kept until the receipt was checked against it."""

from collections.abc import Sequence

from google.protobuf.message import DecodeError

from custody.core.entry import encode_seal
from custody.core.errors import MalformedError
from custody.core.kinds import KINDS, chains_of
from custody.core.receipt import Submitted, check_batch_size
from custody.core.record import encode_record
from custody.v1 import entry_pb2, record_pb2

Item = record_pb2.Record | bytes | Submitted
"""One record to append: a message, its serialization, or the serialization with seal and chains known already."""


def submitted(item: Item) -> Submitted:
    """What the receipt will be checked against. Raises MalformedError.

    A Record is read as strictly as the ledger will. Serialized bytes were read by whoever made them; here they are
    parsed once, only to learn the chains, and the ledger judges the rest.
    """
    if isinstance(item, Submitted):
        return item
    if isinstance(item, bytes):
        return Submitted(item, b"", chains_in(item))
    if isinstance(item, record_pb2.Record):
        raw = encode_record(item)
        return Submitted(raw, b"", chains_in(raw))
    raise TypeError(f"a record is a Record, bytes or Submitted, not {type(item).__name__}")


def chains_in(raw: bytes) -> tuple[str, ...]:
    """Names of the chains that a serialized record belongs to. Raises MalformedError 'record-malformed', 'record-kind'."""
    try:
        record = record_pb2.Record.FromString(raw)
    except DecodeError:
        raise MalformedError("not a serialized custody.v1.Record", code="record-malformed") from None
    name = record.WhichOneof("kind")
    if name is None:
        raise MalformedError("the record has no kind", code="record-kind")
    return chains_of(KINDS[name], getattr(record, name))


def read_batch(items: Sequence[Item]) -> list[Submitted]:
    """All of a batch, checked for its size. Raises MalformedError ('batch-empty', 'batch-oversize', or a record's)."""
    batch = [submitted(item) for item in items]
    check_batch_size(len(batch), sum([len(item.record) for item in batch]))
    return batch


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
