"""Columns: a batch passes exactly when each of its records does, whatever stands in any one field."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from hypothesis import given, settings
from hypothesis import strategies as st
from record_strategies import records

from custody.core.columns import compile_columns
from custody.core.errors import MalformedError
from custody.core.kinds import KINDS
from custody.core.record import ReadRecord, encode_record, read_record, read_records
from custody.v1 import record_pb2

BATCH = 12
COLUMNAR = sorted(name for name, kind in KINDS.items() if kind.has_columns)

EDGES: dict[int, tuple[Any, ...]] = {
    FieldDescriptor.TYPE_STRING: (
        "",
        "a/b",
        "A/b",
        "a/b/c",
        "x" * 300,
        "e\u0301",
        "é",
        "中文",
        "a\x00",
        "\u202e",
        "a b",
    ),
    FieldDescriptor.TYPE_BYTES: (b"", bytes(16), bytes(31), bytes(32), bytes(33), bytes(5_000)),
    FieldDescriptor.TYPE_UINT64: (0, 1, 2**63 - 1, 2**63, 2**64 - 1),
    FieldDescriptor.TYPE_UINT32: (0, 1, 2**32 - 1),
    FieldDescriptor.TYPE_INT64: (-1, 0, 1, 253402300799999999, 253402300800000000, -(2**63)),
    FieldDescriptor.TYPE_SINT64: (-253402300800000000, -1, 0, 1, 253402300800000000),
    FieldDescriptor.TYPE_ENUM: (0, 1, 9_999, -1),
    FieldDescriptor.TYPE_BOOL: (False, True),
}


def told(raw: bytes) -> ReadRecord | str:
    """The record, or the code of the refusal."""
    try:
        return read_record(raw)
    except MalformedError as error:
        return error.code


def variants(record: Any, message: Any) -> list[bytes]:
    """The record with every field of one of its messages set to every edge value, absent, or present and empty."""
    found = []
    for field in message.DESCRIPTOR.fields:
        if field.containing_oneof is not None or (field.name in ("at_us", "record_id") and message is not record):
            continue
        before = type(message)()
        before.CopyFrom(message)
        if field.is_repeated:
            values: tuple[Any, ...] = ("clear", "add") if field.message_type is not None else ("clear",)
        elif field.message_type is not None:
            values = ("clear", "empty")
        else:
            values = EDGES[field.type]
        for value in values:
            if value == "clear":
                message.ClearField(field.name)
            elif value == "add":
                getattr(message, field.name).add()
            elif value == "empty":
                message.ClearField(field.name)
                getattr(message, field.name).SetInParent()
            else:
                setattr(message, field.name, value)
            found.append(record.SerializeToString())
            message.CopyFrom(before)
    return found


@pytest.mark.parametrize("kind", COLUMNAR)
@settings(max_examples=4, deadline=None)
@given(data=st.data())
def test_any_value_of_any_field_is_judged_in_a_batch_as_alone(kind: str, data: st.DataObject) -> None:
    record = data.draw(records(kind))
    good = encode_record(record)
    odd = variants(record, record) + variants(record, getattr(record, kind))
    holders: tuple[Any, ...] = (record, getattr(record, kind))
    for holder, name in zip(holders, ("clock", "media"), strict=True):
        if name in holder.DESCRIPTOR.fields_by_name and holder.HasField(name):
            odd += variants(record, getattr(holder, name))
    for raw in odd:
        alone = told(raw)
        batch = [good] * (BATCH - 1) + [raw]
        if isinstance(alone, ReadRecord):
            assert read_records(batch) == [read_record(good)] * (BATCH - 1) + [alone]
            assert read_records([raw] * BATCH) == [alone] * BATCH
            continue
        with pytest.raises(MalformedError) as caught:
            read_records(batch)
        assert (caught.value.code, caught.value.position) == (alone, BATCH - 1)


def test_the_kinds_that_come_by_the_million_are_read_by_columns() -> None:
    fields = record_pb2.Record.DESCRIPTOR.fields_by_name
    for name in ("segment", "heartbeat", "clock_check", "fault"):
        assert name in COLUMNAR
        assert compile_columns(fields[name].message_type, KINDS[name].required) is not None


@settings(max_examples=60, deadline=None)
@given(drawn=st.lists(records(), min_size=BATCH, max_size=4 * BATCH))
def test_a_batch_of_many_kinds_keeps_its_order(drawn: list[record_pb2.Record]) -> None:
    raws = [encode_record(record) for record in drawn] + [encode_record(drawn[0])] * BATCH
    assert read_records(raws) == [read_record(raw) for raw in raws]
