"""Form of the fields of many records of one kind at once, column by column.

`fields` checks a message at a time and says what is wrong with it; this only tells whether a whole batch passes there.
One call of the runtime over a column costs a third of a Python statement for each field of each message. Where a batch
does not pass as a whole, its messages are checked one by one, so these columns decide nothing alone: they must never
pass what `fields` refuses (tests/core/test_columns.py).
"""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from operator import attrgetter, methodcaller
from typing import Any, Final

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from custody.core import limits
from custody.core.errors import MalformedError
from custody.core.fields import SIGNED, UNSIGNED, compiled, has_whole_check, is_hash, is_name, item_check, list_check

Columns = dict[str, tuple[Any, ...]]
"""Values of every field that is neither a message nor repeated, by its name, in the order of the messages."""

ReadColumns = Callable[[Sequence[Any]], Columns | None]
"""Reads messages of one type; None when one of them may be malformed."""

WORTH_COLUMNS: Final = 8
"""Messages of one type below which columns cost more than they save."""

_Fits = Callable[[tuple[Any, ...]], bool]

_UUID7_VERSIONS: Final = bytes(range(0x70, 0x80))
_UUID_VARIANTS: Final = bytes(range(0x80, 0xC0))


@lru_cache(maxsize=256)
def compile_columns(descriptor: Descriptor, required: tuple[str, ...] = ()) -> ReadColumns | None:
    """`fields.compiled` for batches of a message type; None for a type that is checked message by message.

    Raises TypeError for a field for which no form is known, as `compiled` does.
    """
    scalars = [field for field in descriptor.fields if not field.is_repeated and field.message_type is None]
    names = tuple(field.name for field in scalars)
    # One name alone is read without a tuple around it.
    if has_whole_check(descriptor) or len(names) < 2 or not set(required) <= set(names):
        return None
    read, checks = attrgetter(*names), tuple(map(_fits, scalars))
    parts = [_part(field) for field in descriptor.fields if field.message_type is not None or field.is_repeated]

    def columns(messages: Sequence[Any]) -> Columns | None:
        rows = list(map(read, messages))
        found: Columns = dict(zip(names, zip(*rows, strict=True), strict=True))
        fit = all(fits(column) for fits, column in zip(checks, found.values(), strict=True))
        if not fit or not all(part(messages) for part in parts):
            return None
        # A message that says nothing is refused; what lacks a required field as well.
        said = all(all(found[name]) for name in required) if required else all(map(any, rows))
        return found if said else None

    return columns


@lru_cache(maxsize=256)
def compile_batch(descriptor: Descriptor) -> Callable[[Sequence[Any]], bool]:
    """Tells whether messages of a type, which may be none, surely pass `fields.compiled`."""
    columns = compile_columns(descriptor)
    if columns is None:
        single = compiled(descriptor)
        return lambda messages: _pass(single, messages)
    return lambda messages: not messages or columns(messages) is not None


def are_times(column: Sequence[int]) -> bool:
    """Whether all are times after 1970 (`Record.at_us`, `Entry.sequenced_at_us`)."""
    return min(column) > 0 and max(column) <= limits.MAX_TIME_US


def are_uuid7(column: Sequence[bytes]) -> bool:
    """Whether all are UUIDv7 of 16 bytes."""
    if set(map(len, column)) != {16}:
        return False
    joined = b"".join(column)
    return not joined[6::16].translate(None, _UUID7_VERSIONS) and not joined[8::16].translate(None, _UUID_VARIANTS)


# ---- one field ---------------------------------------------------------------------------------------------------


def _fits(field: FieldDescriptor) -> _Fits:
    """Whether a column of a field passes; what is unset passes, as in `fields`."""
    if field.type == FieldDescriptor.TYPE_BOOL:
        return lambda _: True
    if field.enum_type is not None:
        numbers = frozenset(field.enum_type.values_by_number)
        return numbers.issuperset
    if field.type in UNSIGNED:
        return lambda column: max(column) <= limits.MAX_COUNT
    if field.type in SIGNED and field.name.endswith("_us"):
        least = 0 if field.type == FieldDescriptor.TYPE_INT64 else -limits.MAX_TIME_US
        return lambda column: min(column) >= least and max(column) <= limits.MAX_TIME_US
    if field.type == FieldDescriptor.TYPE_STRING and not is_name(field.name):
        return _are_ascii_texts
    if is_hash(field.name):
        return lambda column: {0, 32}.issuperset(map(len, column))
    check = item_check(field)
    # The same few names come again in every batch.
    return lambda column: _pass(check, {value for value in column if value})


def _are_ascii_texts(column: tuple[str, ...]) -> bool:
    joined = "".join(column)
    return joined.isascii() and joined.isprintable() and max(map(len, column)) <= limits.MAX_TEXT_CHARS


def _pass(check: Callable[[Any], object], values: Iterable[Any]) -> bool:
    try:
        for value in values:
            check(value)
    except MalformedError:
        return False
    return True


def _part(field: FieldDescriptor) -> Callable[[Sequence[Any]], bool]:
    """Whether a field passes that is a message or repeated."""
    get = attrgetter(field.name)
    if field.is_repeated:
        check = list_check(field)
        return lambda messages: _pass(check, [items for items in map(get, messages) if items])
    is_there = methodcaller("HasField", field.name)
    check_all = compile_batch(field.message_type)
    return lambda messages: check_all([get(message) for message in filter(is_there, messages)])
