"""Admission: a request becomes a batch, or is refused with nothing stored.

Checked here: size of the batch, form of every record and seal, that no id stands twice, that the entry will fit, and
that the kind is a source's to tell at all. A fact is never refused because it is illegal (DESIGN section 7).
"""

from collections.abc import Sequence
from typing import Final

from custody.core.entry import encode_seal, sealed_record
from custody.core.errors import CustodyError, MalformedError
from custody.core.limits import MAX_ENTRY_BYTES
from custody.core.receipt import check_batch_size
from custody.core.record import ReadRecord, read_records
from custody.core.rights import LEDGER_KINDS
from custody.core.wire import list_item
from custody.server.batch import Admitted, Batch
from custody.v1 import entry_pb2, ledger_pb2

_LINK_BYTES: Final = 64
"""A link without its chain name: tags, lengths, a 64-bit number, a hash."""
_STAMP_BYTES: Final = 32
"""A stamp without links and submitter."""
_SURELY_FITS_BYTES: Final = 64_000
"""A sealed record of this size has room for a submitter and one link, whatever their names."""


class ForbiddenError(CustodyError):
    """This is not the submitter's to tell."""

    code = "forbidden"

    def __init__(self, message: str, *, position: int, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.position = position


def admit(request: ledger_pb2.AppendRequest, submitter: str) -> Batch:
    """Reads a request strictly.

    The hot path: most batches have no seals and one chain a record, and are then checked without a call per record.
    Field 1 of a list message and field 1 of an Entry have the same tag, so `list_item` begins both. Raises MalformedError with the guilty `position`, or ForbiddenError.
    """
    raws = list(request.records)
    total_bytes = sum(map(len, raws))
    check_batch_size(len(raws), total_bytes)
    records = read_records(raws)
    seals = _seals(request.seals, len(raws))
    if seals:
        items = [Admitted(record, sealed_record(record.raw, seal)) for record, seal in zip(records, seals, strict=True)]
    else:
        items = [Admitted(record, list_item(len(raw)) + raw) for record, raw in zip(records, raws, strict=True)]
    _check_ids(records)
    _check_kinds(records)
    for position, item in enumerate(items):
        if len(item.sealed) > _SURELY_FITS_BYTES or len(item.record.chains) > 1:
            _check_room(item, submitter, position)
    return Batch(submitter, items, total_bytes, sealed_as_one=len(request.seals) == 1 < len(raws))


def _seals(seals: Sequence[entry_pb2.Seal], count: int) -> Sequence[bytes]:
    """Encoded seals by position; a seal must cover what it came with (docs/spec/seal.md)."""
    if not seals:
        return ()
    if len(seals) == count and all(seal.count == 1 for seal in seals):
        return [encode_seal(seal) for seal in seals]
    if len(seals) == 1 and seals[0].count == count:
        return [b""] * (count - 1) + [encode_seal(seals[0])]
    raise MalformedError("a batch has no seal, one over all its records, or one for each of them", code="seal-count")


def _check_ids(records: Sequence[ReadRecord]) -> None:
    if len({record.record_id for record in records}) != len(records):
        raise MalformedError("a record id stands twice in the batch", code="batch-duplicate-id")


def _check_kinds(records: Sequence[ReadRecord]) -> None:
    if LEDGER_KINDS.isdisjoint([record.kind.name for record in records]):
        return
    position, name = next((at, one.kind.name) for at, one in enumerate(records) if one.kind.name in LEDGER_KINDS)
    raise ForbiddenError(f"{name} is told by the ledger alone", position=position, code="kind-reserved")


def _check_room(item: Admitted, submitter: str, position: int) -> None:
    links = sum(_LINK_BYTES + len(chain) for chain in item.record.chains)
    if len(item.sealed) + len(submitter) + _STAMP_BYTES + links > MAX_ENTRY_BYTES:
        raise MalformedError(
            f"record {position} leaves no room for its {len(item.record.chains)} links", code="entry-oversize"
        )
