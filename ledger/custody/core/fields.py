"""Form of the fields of a record, checked by name.

Field names carry their form (proto/custody/v1/record.proto): `*_us` a time, `*_sha256`, `*_root` and `*_commitment`
32 bytes, `stream` and `site` names, texts of printable NFC characters. One walk checks any record, so a new kind is
checked without new code. The checks of a message are compiled once from its descriptor.
"""

import unicodedata
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from custody.core import limits
from custody.core.errors import MalformedError
from custody.core.names import check_site, check_stream

_Check = Callable[[Any], object]

_DIGEST_BYTES: Final = {1: 32, 2: 48, 3: 64, 4: 32, 5: 64}
_STREAM_FIELDS: Final = frozenset({"stream", "streams", "faulty"})
_MANY: Final = limits.MAX_STREAMS_PER_RECORD


def check_fields(message: Any) -> None:
    """Checks the form of every field of `message` and of the messages in it.

    Raises MalformedError with code 'record-time', 'record-digest', 'record-text', 'record-enum', 'record-length' or
    'name-malformed'. Empty fields pass: what is required is the matter of the kind.
    """
    for name, check in _checks(message.DESCRIPTOR):
        value = getattr(message, name)
        if value:  # an absent message is truthy but empty: its walk passes
            check(value)


@lru_cache(maxsize=256)
def _checks(descriptor: Descriptor) -> tuple[tuple[str, _Check], ...]:
    found = []
    for field in descriptor.fields:
        check = _single_check(field)
        if field.is_repeated:
            found.append((field.name, _repeated_check(field.name, check)))
        elif check is not None:
            found.append((field.name, check))
    return tuple(found)


def _single_check(field: FieldDescriptor) -> _Check | None:
    name = field.name
    if field.message_type is not None:
        return _check_digest if field.message_type.name == "Digest" else check_fields
    if field.enum_type is not None:
        numbers = frozenset(field.enum_type.values_by_number)
        return lambda value: _check_enum(name, numbers, value)
    if field.type == FieldDescriptor.TYPE_STRING:
        if name in _STREAM_FIELDS:
            return check_stream
        if name == "site":
            return check_site
        return lambda value: _check_text(name, value)
    if field.type == FieldDescriptor.TYPE_BYTES:
        return _bytes_check(name)
    if name.endswith("_us") and field.type == FieldDescriptor.TYPE_INT64:
        return lambda value: _check_time(name, value)
    return None


def _bytes_check(name: str) -> _Check | None:
    if name.endswith(("_sha256", "_root", "_commitment", "_commitments")):
        return lambda value: _check_length(name, 32, value)
    if name in ("record_id", "replacement_id"):
        return lambda value: check_uuid7(value)
    if name == "public_key":
        return lambda value: _check_at_most(name, 4_096, value)
    raise TypeError(f"no form is known for the bytes field {name}")


def _repeated_check(name: str, check: _Check | None) -> _Check:
    cap = _MANY if name in ("streams", "spans", "ranges", "sources", "faulty") else limits.MAX_REPEATED

    def run(values: Any) -> None:
        if len(values) > cap:
            raise MalformedError(f"{name} has more than {cap} items", code="record-length")
        if check is not None:
            for value in values:
                check(value)

    return run


def _check_enum(name: str, numbers: frozenset[int], value: int) -> None:
    if value not in numbers:
        raise MalformedError(f"{name} has the unknown value {value}", code="record-enum")


def _check_time(name: str, value: int) -> None:
    if not 0 <= value <= limits.MAX_TIME_US:
        raise MalformedError(f"{name} is not a time or length in microseconds: {value}", code="record-time")


def _check_length(name: str, length: int, value: bytes) -> None:
    if len(value) != length:
        raise MalformedError(f"{name} has {len(value)} bytes, not {length}", code="record-digest")


def _check_at_most(name: str, cap: int, value: bytes) -> None:
    if len(value) > cap:
        raise MalformedError(f"{name} has more than {cap} bytes", code="record-length")


def _check_text(name: str, value: str) -> None:
    if len(value) > limits.MAX_TEXT_CHARS:
        raise MalformedError(f"{name} has more than {limits.MAX_TEXT_CHARS} characters", code="record-text")
    # isprintable refuses control, bidirectional-override and line-separator characters: a report must read as it was.
    if not value.isprintable() or not (value.isascii() or unicodedata.is_normalized("NFC", value)):
        raise MalformedError(f"{name} is not printable text in NFC", code="record-text")


def _check_digest(digest: Any) -> None:
    length = _DIGEST_BYTES.get(digest.algorithm)
    if length is None or len(digest.value) != length:
        raise MalformedError("a digest has an unknown algorithm or the wrong length", code="record-digest")


def check_uuid7(value: bytes) -> bytes:
    """Returns `value` if it is a UUIDv7 of 16 bytes (RFC 9562 section 5.7); raises MalformedError ('record-id')."""
    if len(value) != 16 or value[6] >> 4 != 7 or value[8] >> 6 != 2:
        raise MalformedError("record_id is not a UUIDv7 of 16 bytes", code="record-id")
    return value
