"""Which fields a form has: derived from the descriptors of the records, under the names that people write.

| in the record | in a form |
|---|---|
| `name_commitment`, `reason_commitment`, ... | `name`, `reason`: personal data in clear, which becomes a commitment |
| `at_us`, `from_us`, `due_us`, ... | `at`, `from`, `due`: ISO 8601 with offset |
| `duration_us`, `minimum_us`, ... (lengths) | `duration`, `minimum`: `"30 d"`, `"8 h"`, `"15 min"`, `"45 s"` |
| `report_sha256`, ... | `report_sha256` in hex, or `report_file`: a path, which is hashed |
| an enum | its value without the prefix, lower case: `"criminal_case"` |
"""

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Final

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor


class Shape(Enum):
    """How the value of a field is written in a form."""

    TEXT = "text"
    PERSONAL = "personal"
    MOMENT = "moment"
    LENGTH = "length"
    NUMBER = "number"
    FLAG = "flag"
    CHOICE = "choice"
    DIGEST = "digest"
    ID = "id"
    STREAM = "stream"
    SITE = "site"
    GROUP = "group"


LENGTHS: Final = frozenset({"duration_us", "minimum_us", "maximum_us", "retention_us", "interval_us", "segment_us"})
"""Fields in microseconds that are lengths of time; all others are moments."""

_NAMES: Final = {
    "stream": Shape.STREAM,
    "streams": Shape.STREAM,
    "faulty": Shape.STREAM,
    "site": Shape.SITE,
    "replacement_id": Shape.ID,
}
_DIGESTS: Final = ("_sha256", "_root", "_commitments")


@dataclass(frozen=True, slots=True, kw_only=True)
class FormField:
    """One field: `key` is its name in a form, `name` its name in the record."""

    key: str
    name: str
    shape: Shape
    repeated: bool
    owner: str
    """Name of the message that it stands in."""
    message: Descriptor | None = None
    choices: EnumDescriptor | None = None

    @property
    def file_key(self) -> str | None:
        """The key under which a file may be named instead of its SHA-256; None where that makes no sense."""
        if self.shape is Shape.DIGEST and self.name.endswith("_sha256") and self.name != "leaf_sha256":
            return self.name.removesuffix("_sha256") + ("_files" if self.repeated else "_file")
        return None


@lru_cache(maxsize=256)
def fields_of(message: Descriptor) -> tuple[FormField, ...]:
    """The fields of a message in the order of its definition. Raises TypeError for one that has no place in a form."""
    return tuple(_field(message, field) for field in message.fields)


def _field(message: Descriptor, field: FieldDescriptor) -> FormField:
    shape = _shape(field)
    key = field.name
    if shape is Shape.PERSONAL:
        key = key.removesuffix("_commitment")
        if key in message.fields_by_name:  # a refusal has a reason from a list and one in free words
            key += "_text"
    elif shape in {Shape.MOMENT, Shape.LENGTH}:
        key = key.removesuffix("_us")
    return FormField(
        key=key,
        name=field.name,
        shape=shape,
        repeated=field.is_repeated,
        owner=message.name,
        message=field.message_type,
        choices=field.enum_type,
    )


def _shape(field: FieldDescriptor) -> Shape:
    name = field.name
    if field.message_type is not None:
        return Shape.GROUP
    if field.enum_type is not None:
        return Shape.CHOICE
    if name in _NAMES:
        return _NAMES[name]
    if name.endswith("_commitment"):
        return Shape.PERSONAL
    if name.endswith(_DIGESTS):
        return Shape.DIGEST
    if name.endswith("_us"):
        return Shape.LENGTH if name in LENGTHS else Shape.MOMENT
    by_type = {
        FieldDescriptor.TYPE_STRING: Shape.TEXT,
        FieldDescriptor.TYPE_BOOL: Shape.FLAG,
        FieldDescriptor.TYPE_UINT64: Shape.NUMBER,
        FieldDescriptor.TYPE_UINT32: Shape.NUMBER,
    }
    if field.type not in by_type:
        raise TypeError(f"no form is known for the field {field.full_name}")
    return by_type[field.type]


def choices_of(choices: EnumDescriptor) -> dict[str, int]:
    """The values of an enum as forms write them, without the unspecified one."""
    prefix = choices.values[0].name.removesuffix("UNSPECIFIED")
    return {value.name.removeprefix(prefix).lower(): int(value.number) for value in choices.values if value.number}
