"""The table of messages that the web verifier's engine reads records with, from the compiled proto files.

    python tests/programs/engine_schema.py > verifier/custody/verifier/web/engine/schema.ts

`tests/web/test_engine_vectors.py` holds the file against this.
"""

from __future__ import annotations

import json
import sys

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from custody.v1 import entry_pb2, record_pb2

TYPES = {
    FieldDescriptor.TYPE_BYTES: "bytes",
    FieldDescriptor.TYPE_STRING: "string",
    FieldDescriptor.TYPE_UINT64: "uint64",
    FieldDescriptor.TYPE_INT64: "int64",
    FieldDescriptor.TYPE_SINT64: "sint64",
    FieldDescriptor.TYPE_UINT32: "uint32",
    FieldDescriptor.TYPE_BOOL: "bool",
    FieldDescriptor.TYPE_ENUM: "enum",
    FieldDescriptor.TYPE_MESSAGE: "message",
}
ROOTS = (
    record_pb2.Record.DESCRIPTOR,
    record_pb2.Disclosure.DESCRIPTOR,
    entry_pb2.Entry.DESCRIPTOR,
    entry_pb2.ChainHead.DESCRIPTOR,
)
HEAD = """\
/* Made by tests/programs/engine_schema.py from proto/custody/v1; a test compares. Do not edit. */

/** Number, name, type with `*` when repeated, and the message or enumeration. */
export type Row = readonly [number, string, string, string?];

"""


def schema() -> str:
    messages: dict[str, Descriptor] = {}
    for root in ROOTS:
        _gather(root, messages)
    enums = {
        field.enum_type.name: field.enum_type
        for one in messages.values()
        for field in one.fields
        if field.enum_type is not None
    }
    lines = [HEAD, "export const MESSAGES: Readonly<Record<string, readonly Row[]>> = {\n"]
    for name in sorted(messages):
        lines.append(f"  {name}: [\n")
        lines += [f"    {json.dumps(_row(field))},\n" for field in messages[name].fields]
        lines.append("  ],\n")
    lines.append("};\n\nexport const ENUMS: Readonly<Record<string, Readonly<Record<number, string>>>> = {\n")
    for name in sorted(enums):
        values = ", ".join(f"{one.number}: {json.dumps(_plain(enums[name], one.name))}" for one in enums[name].values)
        lines.append(f"  {name}: {{ {values} }},\n")
    lines.append("};\n")
    return "".join(lines)


def _gather(message: Descriptor, found: dict[str, Descriptor]) -> None:
    if message.name not in found:
        found[message.name] = message
        for field in message.fields:
            if field.message_type is not None:
                _gather(field.message_type, found)


def _row(field: FieldDescriptor) -> list[object]:
    kind = TYPES[field.type] + ("*" if field.is_repeated else "")
    other = field.message_type or field.enum_type
    return [field.number, field.name, kind, *([other.name] if other is not None else [])]


def _plain(enum: EnumDescriptor, name: str) -> str:
    """The value's name without the enumeration's, lower case."""
    first = enum.values[0].name
    return name.removeprefix(first.removesuffix("UNSPECIFIED")).lower()


if __name__ == "__main__":
    sys.stdout.write(schema())
