"""The form: what a person or a program tells the desk, as JSON, and the record that it becomes.

Reading is strict: unknown and repeated keys, wrong types and other spellings are refused by the path to them. No error
repeats a value, for any value may be personal data that somebody put into the wrong place.
"""

import json
import re
from collections.abc import Callable, Mapping
from hashlib import file_digest
from pathlib import Path
from typing import Any, Final, NoReturn

from google.protobuf.descriptor import Descriptor

from custody.core import limits
from custody.core.disclosure import MAX_DISCLOSURE_BYTES
from custody.desk.disclosures import Draft
from custody.desk.errors import FormError
from custody.desk.field import FormField, Shape, choices_of, fields_of
from custody.desk.scalar import read_digest, read_id, read_length, read_moment, read_site, read_stream
from custody.v1 import record_pb2

MAX_FORM_BYTES: Final = 1_000_000
"""A record has at most 60,000 bytes; reasons stay outside it but are bounded too."""

_MAX_PERSONAL_BYTES: Final = MAX_DISCLOSURE_BYTES - 128
"""Salt, name and framing of a disclosure take less than 128 bytes."""

_SHOWABLE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}", re.ASCII)

Form = dict[str, Any]


def read_form(raw: bytes) -> Form:
    """Parses the JSON text of a form. Raises FormError."""
    if len(raw) > MAX_FORM_BYTES:
        raise FormError(f"the form has more than {MAX_FORM_BYTES} bytes")
    try:
        form = json.loads(raw.decode("utf-8"), object_pairs_hook=_no_repetition, parse_constant=_no_constant)
    except UnicodeDecodeError:
        raise FormError("the form is not UTF-8 text") from None
    except json.JSONDecodeError as error:
        # The parser's error carries the whole text; only the place is told.
        place = f"line {error.lineno}, column {error.colno}"
        raise FormError(f"the form is not JSON: {place}") from None
    except (RecursionError, ValueError):
        raise FormError("the form is not JSON that can be read") from None
    if not isinstance(form, dict):
        raise FormError("the form is not a JSON object")
    return form


def _no_repetition(pairs: list[tuple[str, Any]]) -> Form:
    found: Form = {}
    for key, value in pairs:
        if key in found:
            raise FormError(f"{_shown(key)} stands twice in one object", code="form-key-repeated")
        found[key] = value
    return found


def _no_constant(_: str) -> NoReturn:
    raise FormError("the form has a number that JSON does not know")


def _shown(key: str) -> str:
    """A key as an error may repeat it: names of fields only, for a key can be a misplaced value."""
    return f"{key!r}" if _SHOWABLE.fullmatch(key) else "a key that is no field name"


def fill(message: Any, form: Mapping[str, Any], draft: Draft, where: str) -> None:
    """Writes a form into a message; what is personal goes into the draft. Raises FormError."""
    descriptor: Descriptor = message.DESCRIPTOR
    fields = fields_of(descriptor)
    known = {field.key for field in fields} | {field.file_key for field in fields if field.file_key}
    for key in form:
        if key not in known:
            raise FormError(f"{where}: unknown key {_shown(key)}", code="form-key-unknown")
    if descriptor.name == "Person":
        _fill_person(message, form, draft, where)
        return
    for field in fields:
        _fill_field(message, field, form, draft, where)


def _fill_field(message: Any, field: FormField, form: Mapping[str, Any], draft: Draft, where: str) -> None:
    path = f"{where}.{field.key}"
    if field.file_key is not None and field.file_key in form:
        if field.key in form:
            raise FormError(f"{where}: give {field.key} or {field.file_key}, not both")
        path = f"{where}.{field.file_key}"
        values = [_hashed(text, place) for text, place in _texts(form[field.file_key], field, path)]
        _set(message, field, values)
        return
    if field.key not in form:
        return
    value = form[field.key]
    items = _items(value, path) if field.repeated else [(value, path)]
    if field.shape is Shape.GROUP:
        for item, place in items:
            target = getattr(message, field.name)
            inner = target.add() if field.repeated else target
            if not isinstance(item, dict) or not item:
                raise FormError(f"{place}: not a JSON object with something in it")
            fill(inner, item, draft, place)
            if not field.repeated:
                target.SetInParent()
        return
    _set(message, field, [_value(field, item, draft, place) for item, place in items])


def _set(message: Any, field: FormField, values: list[Any]) -> None:
    if field.repeated:
        getattr(message, field.name).extend(values)
    else:
        setattr(message, field.name, values[0])


def _fill_person(message: Any, form: Mapping[str, Any], draft: Draft, where: str) -> None:
    values = {}
    for field in fields_of(message.DESCRIPTOR):
        if field.key in form and field.shape is Shape.PERSONAL:
            values[field.key] = _personal(form[field.key], f"{where}.{field.key}")
    if not values:
        raise FormError(f"{where}: a person has a name, a work_id or a document")
    for key, commitment in draft.person(values).items():
        setattr(message, f"{key}_commitment", commitment)
    if "unit" in form:
        message.unit = _text(form["unit"], f"{where}.unit")


def _items(value: Any, path: str) -> list[tuple[Any, str]]:
    if not isinstance(value, list):
        raise FormError(f"{path}: not a list")
    return [(item, f"{path}[{number}]") for number, item in enumerate(value)]


def _texts(value: Any, field: FormField, path: str) -> list[tuple[str, str]]:
    items = _items(value, path) if field.repeated else [(value, path)]
    return [(_text(item, place), place) for item, place in items]


def _text(value: Any, path: str) -> str:
    if not isinstance(value, str) or not value:
        raise FormError(f"{path}: not a text")
    return value


def _personal(value: Any, path: str) -> str:
    text = _text(value, path)
    if text != text.strip() or len(text.encode("utf-8", "replace")) > _MAX_PERSONAL_BYTES or "\x00" in text:
        raise FormError(f"{path}: begins or ends with blanks, or is longer than {_MAX_PERSONAL_BYTES} bytes")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise FormError(f"{path}: is not valid Unicode") from None
    return text


def _value(field: FormField, value: Any, draft: Draft, path: str) -> Any:
    match field.shape:
        case Shape.FLAG:
            if not isinstance(value, bool):
                raise FormError(f"{path}: neither true nor false")
            return value
        case Shape.NUMBER:
            if type(value) is not int or not 0 <= value <= (
                limits.MAX_COUNT if field.name != "streams_watched" else 2**32 - 1
            ):
                raise FormError(f"{path}: not a whole number")
            return value
        case Shape.PERSONAL:
            return draft.text(f"{_snake(field.owner)}.{field.key}", _personal(value, path))
        case Shape.CHOICE:
            assert field.choices is not None
            number = choices_of(field.choices).get(_text(value, path))
            if number is None:
                raise FormError(f"{path}: none of {', '.join(choices_of(field.choices))}")
            return number
        case shape:
            return _READERS[shape](_text(value, path), path)


def _plain(text: str, path: str) -> str:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise FormError(f"{path}: is not valid Unicode") from None
    return text


def _hashed(text: str, path: str) -> bytes:
    try:
        with Path(text).open("rb") as file:
            return file_digest(file, "sha256").digest()
    except (OSError, ValueError):
        # The path is not repeated: names of files are often names of people.
        raise FormError(f"{path}: the file cannot be read", code="form-file") from None


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


_READERS: Final[Mapping[Shape, Callable[[str, str], Any]]] = {
    Shape.TEXT: _plain,
    Shape.MOMENT: read_moment,
    Shape.LENGTH: read_length,
    Shape.DIGEST: read_digest,
    Shape.ID: read_id,
    Shape.STREAM: read_stream,
    Shape.SITE: read_site,
}


def body_type(kind: str) -> Descriptor:
    """The message of a kind of record."""
    message = record_pb2.Record.DESCRIPTOR.fields_by_name[kind].message_type
    assert message is not None
    return message
