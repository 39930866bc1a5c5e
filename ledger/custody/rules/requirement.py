"""Required fields as data: which field of which record kind the law asks for, and of whom.

A requirement names a kind and a dotted path in its message. A path through repeated fields yields many values. The
requirement holds when

- `one_of` is given: the value is one of these enum names; else
- `each`: there is at least one value and none is empty; else
- at least `at_least` values are not empty. With `document`, only documents of that kind with a hash count.

`when` limits it to records whose enum field has one of the named values (or whose bool field is 'true' or 'false').
Enum values are written as in the .proto, without the enum's prefix, lower case: `government_department`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from operator import attrgetter
from typing import Any, Final

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from custody.core.errors import MalformedError
from custody.core.kinds import KINDS
from custody.v1 import record_pb2

_UNREAD: Final = frozenset(
    {"segment", "gap", "heartbeat", "clock_check", "key_registered", "key_revoked", "chain_heads"}
)


Path = tuple[tuple[str, bool], ...]
"""Names of fields from the outside in, each with whether it is repeated."""


class Look(Enum):
    """What of the values at a path counts."""

    VALUES = 0
    FILLED = 1
    DOCUMENTS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One row; enum names are already numbers. ``when`` maps a path to the accepted values."""

    kind: str
    field: str
    path: Path
    at_least: int
    each: bool
    document: int
    one_of: frozenset[int]
    when: tuple[tuple[Path, frozenset[int]], ...]

    def looks(self) -> tuple[tuple[Path, Look], ...]:
        """Everything that `applies` and `holds` look at in a record."""
        how = Look.VALUES if self.one_of else Look.DOCUMENTS if self.document else Look.FILLED
        return (*((path, Look.VALUES) for path, _ in self.when), (self.path, how))

    def applies(self, body: Any) -> bool:
        """True when the record is one of which this is required."""
        return all(not accepted.isdisjoint(_values(body, path)) for path, accepted in self.when)

    def holds(self, body: Any) -> bool:
        """True when the record says what is required."""
        values = _values(body, self.path)
        if self.one_of:
            return bool(values) and all(value in self.one_of for value in values)
        if self.document:
            return any(value.kind == self.document and value.document_sha256 for value in values)
        if self.each:
            return len(values) > 0 and all(values)
        if self.at_least == 1:
            return any(values)
        return len([value for value in values if value]) >= self.at_least


def parse_requirement(data: Mapping[str, Any], where: str) -> Requirement:
    """Reads one `[[rule.requires]]` table; raises MalformedError ('profile-malformed') naming `where`."""
    known = {"kind", "field", "at_least", "each", "document", "one_of", "when"}
    if not isinstance(data, dict) or not set(data) <= known:
        raise MalformedError(f"{where}: a requirement takes {sorted(known)}", code="profile-malformed")
    kind, field = data.get("kind"), data.get("field")
    if not isinstance(kind, str) or not isinstance(field, str) or kind not in KINDS:
        raise MalformedError(f"{where}: a requirement without a known kind and a field", code="profile-malformed")
    if kind in _UNREAD:
        raise MalformedError(f"{where}: fields of a {kind} are not looked at", code="profile-malformed")
    message = record_pb2.Record.DESCRIPTOR.fields_by_name[kind].message_type
    assert message is not None
    path, last = _path(message, field, where)
    when = []
    for text, names in _table(data.get("when", {}), where).items():
        condition, condition_field = _path(message, text, where)
        when.append((condition, frozenset(_number(condition_field, name, where) for name in parse_names(names, where))))
    document = data.get("document", "")
    one_of = frozenset(_number(last, name, where) for name in parse_names(data.get("one_of", []), where))
    return Requirement(
        kind=kind,
        field=field,
        path=path,
        at_least=_count(data.get("at_least", 1), where),
        each=data.get("each") is True,
        document=_enum_number(record_pb2.DocumentKind.DESCRIPTOR, document, where) if document else 0,
        one_of=one_of,
        when=tuple(when),
    )


def parse_names(value: Any, where: str) -> list[str]:
    """A list of texts; raises MalformedError ('profile-malformed') for anything else."""
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise MalformedError(f"{where}: not a list of names", code="profile-malformed")
    return value


def looker(looks: Iterable[tuple[Path, Look]]) -> Callable[[Any], tuple[object, ...]]:
    """A function that gives the shape of a record of one kind: equal for two of which every look sees the same."""
    values: list[str] = []
    filled: list[str] = []
    rest: list[tuple[Path, Look]] = []
    for path, how in looks:
        if how is Look.DOCUMENTS or any(repeated for _, repeated in path):
            rest.append((path, how))
        else:
            (values if how is Look.VALUES else filled).append(".".join(name for name, _ in path))
    # One call for all fields that are not repeated. The class, alike in all of a kind, makes them two names at least: of
    # one an attrgetter gives no tuple.
    at_values, at_filled = (attrgetter("__class__", "__class__", *names) for names in (values, filled))

    def shape(body: Any) -> tuple[object, ...]:
        return (at_values(body), tuple(map(bool, at_filled(body))), *[_seen(body, path, how) for path, how in rest])

    return shape


def _seen(body: Any, path: Path, how: Look) -> tuple[object, ...]:
    """What counts of the values at a path: the values, whether each is filled, or each document's kind and whether it is bound."""
    values = _values(body, path)
    if how is Look.VALUES:
        return tuple(values)
    if how is Look.FILLED:
        return tuple(map(bool, values))
    return tuple([(value.kind, bool(value.document_sha256)) for value in values])


def _values(body: Any, path: Path) -> Sequence[Any]:
    name, repeated = path[0]
    values = getattr(body, name)
    if not repeated:
        values = (values,)
    for name, repeated in path[1:]:
        if repeated:
            values = [inner for value in values for inner in getattr(value, name)]
        else:
            values = [getattr(value, name) for value in values]
    return values  # type: ignore[no-any-return]  # of a repeated field as it is: a copy would cost more than the look


def _path(message: Descriptor, text: str, where: str) -> tuple[Path, FieldDescriptor]:
    steps = []
    here: Descriptor | None = message
    field: FieldDescriptor | None = None
    for part in text.split("."):
        field = here.fields_by_name.get(part) if here is not None else None
        if field is None:
            raise MalformedError(f"{where}: no field {text}", code="profile-malformed")
        steps.append((part, field.is_repeated))
        here = field.message_type
    assert field is not None
    if here is not None and not field.is_repeated:
        # The runtime gives an empty message for an absent one: it would always seem to be there.
        raise MalformedError(f"{where}: {text} is a message; name a field in it", code="profile-malformed")
    return tuple(steps), field


def _number(field: FieldDescriptor, name: str, where: str) -> int:
    if field.enum_type is not None:
        return _enum_number(field.enum_type, name, where)
    if name in {"true", "false"} and field.type == FieldDescriptor.TYPE_BOOL:
        return int(name == "true")
    raise MalformedError(f"{where}: {field.name} has no value {name}", code="profile-malformed")


def _enum_number(enum: EnumDescriptor, name: str, where: str) -> int:
    prefix = enum.values[0].name.removesuffix("UNSPECIFIED")
    value = enum.values_by_name.get(prefix + name.upper())
    if value is None or name != name.lower():
        raise MalformedError(f"{where}: {enum.name} has no value {name}", code="profile-malformed")
    return int(value.number)


def _table(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise MalformedError(f"{where}: not a table", code="profile-malformed")
    return value


def _count(value: Any, where: str) -> int:
    if type(value) is not int or value < 1:
        raise MalformedError(f"{where}: at_least is not a positive number", code="profile-malformed")
    return value
