"""Commitments to personal data in a record, and the list of those that a package does not open."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from custody.core.errors import MalformedError
from custody.core.record import ReadRecord
from custody.verifier.package.layout import decode_json, encode_json

WITHHELD_SCHEMA = "custody.package-withheld/1"


def commitments_of(record: ReadRecord) -> Iterator[tuple[str, bytes]]:
    """(dotted field, commitment) in the order of the fields; `DisclosureAccess.opened_commitments` are mentions only."""
    if record.kind.name != "disclosure_access":
        yield from _walk(record.body, record.kind.name)
    else:
        yield from _walk(record.body.by, f"{record.kind.name}.by")


def _walk(message: Any, path: str) -> Iterator[tuple[str, bytes]]:
    for field, value in message.ListFields():
        below = f"{path}.{field.name}"
        many = value if field.is_repeated else (value,)
        if field.name.endswith("_commitment"):
            yield from ((below.removesuffix("_commitment"), one) for one in many)
        elif field.message_type is not None:
            for one in many:
                yield from _walk(one, below)


@dataclass(frozen=True, slots=True, kw_only=True)
class Withheld:
    """A commitment that nothing in the package opens."""

    commitment: str
    field: str
    index: int
    reason: str


def encode_withheld(rows: Sequence[Withheld]) -> bytes:
    """withheld.json."""
    listed = [
        {"commitment": row.commitment, "field": row.field, "index": row.index, "reason": row.reason} for row in rows
    ]
    return encode_json({"schema": WITHHELD_SCHEMA, "withheld": listed})


def parse_withheld(data: bytes) -> list[Withheld]:
    """Reads withheld.json. Raises MalformedError ('package-withheld')."""
    value = decode_json(data, "package-withheld")
    try:
        rows = [Withheld(**row) for row in value["withheld"]]
        if any(type(row.index) is not int or not row.reason for row in rows) or encode_withheld(rows) != data:
            raise TypeError
    except (TypeError, KeyError) as error:
        raise MalformedError("withheld.json has another form", code="package-withheld") from error
    return rows
