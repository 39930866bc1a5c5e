"""Form of the fields of a record, checked by name.

Field names carry their form (proto/custody/v1/record.proto): `*_us` a time, `*_sha256`, `*_root` and `*_commitment`
32 bytes, `stream` and `site` names, texts of printable NFC characters. One walk checks any record, so a new kind is
checked without new code. The form of a message is compiled once from its descriptor.

Rules here: an unset field passes (what is required is the matter of the kind); a message that is present but says
nothing, and an empty item of a list, are refused, for both would spell "nothing" a second time.
"""

import unicodedata
from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise
from operator import attrgetter
from typing import Any, Final, NoReturn

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from custody.core import limits
from custody.core.errors import MalformedError
from custody.core.names import check_key_id, check_site, check_stream

_Check = Callable[[Any], object]

_DIGEST_BYTES: Final = {1: 32, 2: 48, 3: 64, 4: 32, 5: 64}
"""Length by DigestAlgorithm."""

_NAME_CHECKS: Final[dict[str, _Check]] = {
    "stream": check_stream,
    "streams": check_stream,
    "faulty": check_stream,
    "site": check_site,
    "key_id": check_key_id,
}
_WHOLE_STREAMS: Final = frozenset({"streams", "spans", "ranges", "sources", "faulty"})
"""Lists that name streams and so cost a link each."""

_HASHES: Final = ("_sha256", "_root", "_commitment", "_commitments")
UNSIGNED: Final = frozenset({FieldDescriptor.TYPE_UINT64, FieldDescriptor.TYPE_UINT32})
SIGNED: Final = frozenset({FieldDescriptor.TYPE_INT64, FieldDescriptor.TYPE_SINT64})


def check_fields(message: Any) -> None:
    """Checks the form of every field of `message` and of the messages in it.

    Raises MalformedError: 'record-time', 'record-number', 'record-digest', 'record-text', 'record-enum',
    'record-length', 'record-range', 'record-id', 'record-spelling', 'record-field-missing', 'key-id-malformed' or
    'name-malformed'.
    """
    compiled(message.DESCRIPTOR)(message)


@lru_cache(maxsize=256)
def compiled(descriptor: Descriptor, required: tuple[str, ...] = ()) -> _Check:
    """The checks of a message type as one function: what `check_fields` calls.

    `required` are names of fields, dotted where nested, that must not be empty ('record-field-missing'). The function
    is compiled from text, as dataclasses and named tuples are: a walk over a table costs four times as much, and every
    record passes here. The text is made of names from the descriptor, never of data.

    Raises TypeError for a field for which no form is known: a mistake in the proto.
    """
    scope: dict[str, Any] = {"bad": _refuse, "empty": _refuse_empty, "missing": _refuse_missing, "text": _check_text}
    lines = ["def check(message):"]
    single = [field.name for field in descriptor.fields if not field.is_repeated and field.message_type is None]
    if single:
        # One call reads them all; `attrgetter` gives a tuple for two names or more, so the last one is read twice.
        scope["read"] = attrgetter(*single, single[-1])
        lines.append(f"    {', '.join(f'v_{name}' for name in [*single, single[-1]])} = read(message)")
    for field in descriptor.fields:
        lines += ["    " + line for line in _lines(field, scope)]
    if descriptor.name in _WHOLE_CHECKS:
        scope["whole"] = _WHOLE_CHECKS[descriptor.name]
        lines.append("    whole(message)")
    if required:
        present = " and ".join(f"message.{path}" if "." in path else f"v_{path}" for path in required)
        scope["required"] = required
        lines.append(f"    if not ({present}): missing(message, required)")
    else:
        anything = " or ".join(f"v_{field.name}" for field in descriptor.fields if field.message_type is None)
        lines.append(f"    if not ({anything or 'None'}) and not message.ListFields(): empty(message)")
    exec("\n".join(lines), scope)  # noqa: S102  see above
    check: _Check = scope["check"]
    return check


def _lines(field: FieldDescriptor, scope: dict[str, Any]) -> list[str]:
    """The statements that check one field; its value stands in a variable with `v_` before its name."""
    name = field.name
    value = f"v_{name}"
    if field.is_repeated:
        scope[f"check_{name}"] = list_check(field)
        return [f"{value} = message.{name}", f"if {value}: check_{name}({value})"]
    if field.message_type is not None:
        scope[f"check_{name}"] = compiled(field.message_type)
        return [f"if message.HasField({name!r}): check_{name}(message.{name})"]
    return _scalar_lines(field, scope)


def _scalar_lines(field: FieldDescriptor, scope: dict[str, Any]) -> list[str]:
    name = field.name
    value = f"v_{name}"
    if field.type == FieldDescriptor.TYPE_BOOL:
        return []
    if field.enum_type is not None:
        scope[f"numbers_{name}"] = frozenset(field.enum_type.values_by_number)
        return [f"if {value} not in numbers_{name}: bad({name!r}, 'has an unknown value', 'record-enum')"]
    if field.type in UNSIGNED:
        return [f"if {value} > {limits.MAX_COUNT}: bad({name!r}, 'is too large a number', 'record-number')"]
    if field.type in SIGNED and name.endswith("_us"):
        least = 0 if field.type == FieldDescriptor.TYPE_INT64 else -limits.MAX_TIME_US
        return [f"if not {least} <= {value} <= {limits.MAX_TIME_US}: bad({name!r}, 'is no time in us', 'record-time')"]
    if field.type == FieldDescriptor.TYPE_STRING and name not in _NAME_CHECKS:
        short = f"{value}.isascii() and {value}.isprintable() and len({value}) <= {limits.MAX_TEXT_CHARS}"
        return [f"if {value} and not ({short}): text({name!r}, {value})"]
    if is_hash(name):
        return [f"if {value} and len({value}) != 32: bad({name!r}, 'does not have 32 bytes', 'record-digest')"]
    scope[f"check_{name}"] = item_check(field)
    return [f"if {value}: check_{name}({value})"]


def list_check(field: FieldDescriptor) -> _Check:
    """The check of a repeated field that is not empty, as a function. Raises TypeError where no form is known."""
    name = field.name
    cap = limits.MAX_STREAMS_PER_RECORD if name in _WHOLE_STREAMS else limits.MAX_REPEATED
    check = item_check(field) if field.message_type is None else compiled(field.message_type)

    def run(items: Any) -> None:
        if len(items) > cap:
            raise MalformedError(f"{name} has more than {cap} items", code="record-length")
        for item in items:
            if not item:
                raise MalformedError(f"{name} has an empty item", code="record-spelling")
            check(item)
        if name == "digests":
            _check_ascending(items)

    return run


def item_check(field: FieldDescriptor) -> _Check:
    """The check of one value that is not empty, as a function. Raises TypeError where no form is known."""
    name = field.name
    if name in _NAME_CHECKS:
        return _NAME_CHECKS[name]
    if name == "replacement_id":
        return check_uuid7
    if field.full_name == "custody.v1.Digest.value":
        return bool  # its length depends on the algorithm: _check_digest
    if field.type == FieldDescriptor.TYPE_STRING:
        return lambda value: _check_text(name, value)
    if field.enum_type is not None:
        numbers = frozenset(field.enum_type.values_by_number)
        return lambda value: value in numbers or _refuse(name, "has an unknown value", "record-enum")
    if is_hash(name):
        return lambda value: len(value) == 32 or _refuse(name, "does not have 32 bytes", "record-digest")
    if name == "public_key":
        return lambda value: len(value) <= limits.MAX_PUBLIC_KEY_BYTES or _refuse(name, "is too long", "record-length")
    raise TypeError(f"no form is known for the field {field.full_name}")


def is_name(name: str) -> bool:
    """Whether a field of this name holds a name (custody.core.names)."""
    return name in _NAME_CHECKS


def is_hash(name: str) -> bool:
    """Whether a field of this name holds 32 bytes."""
    return name.endswith(_HASHES)


def has_whole_check(descriptor: Descriptor) -> bool:
    """Whether something about messages of this type can be said by no single field."""
    return descriptor.name in _WHOLE_CHECKS


def _refuse(name: str, what: str, code: str) -> NoReturn:
    raise MalformedError(f"{name} {what}", code=code)


def _refuse_empty(message: Any) -> NoReturn:
    raise MalformedError(f"a {message.DESCRIPTOR.name} is there but says nothing", code="record-spelling")


def _refuse_missing(message: Any, required: tuple[str, ...]) -> NoReturn:
    path = next(path for path in required if not attrgetter(path)(message))
    raise MalformedError(f"a {message.DESCRIPTOR.name} lacks {path}", code="record-field-missing")


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


def _check_ascending(digests: Any) -> None:
    algorithms = [digest.algorithm for digest in digests]
    if any(later <= earlier for earlier, later in pairwise(algorithms)):
        raise MalformedError("digests are not sorted by algorithm, or one is twice", code="record-digest")


def _check_span(span: Any) -> None:
    if not span.stream:
        raise MalformedError("a span names no stream", code="record-field-missing")
    if span.from_us > span.to_us:
        raise MalformedError("a span ends before it begins", code="record-range")


def _check_segment_range(run: Any) -> None:
    _check_span(run)
    # Both numbers are 0 where only the time is known; segments are numbered from 1.
    if run.first > run.last or (run.last and not run.first):
        raise MalformedError(f"no segments have the numbers {run.first} to {run.last}", code="record-range")


_WHOLE_CHECKS: Final[dict[str, _Check]] = {
    "Digest": _check_digest,
    "Span": _check_span,
    "SegmentRange": _check_segment_range,
}
"""What no single field can say, by message type."""


def check_uuid7(value: bytes) -> bytes:
    """Returns `value` if it is a UUIDv7 of 16 bytes (RFC 9562 section 5.7); raises MalformedError ('record-id')."""
    if len(value) != 16 or value[6] >> 4 != 7 or value[8] >> 6 != 2:
        raise MalformedError("the id is not a UUIDv7 of 16 bytes", code="record-id")
    return value
