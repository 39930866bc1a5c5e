"""Hypothesis strategies for records of every kind, built from the descriptors, and for bytes that are nearly right."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message_factory import GetMessageClass
from hypothesis import strategies as st

from custody.core.kinds import KINDS
from custody.core.limits import MAX_TIME_US
from custody.v1 import record_pb2

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor
    from hypothesis.strategies import DrawFn, SearchStrategy

_LATEST_US = MAX_TIME_US // 2  # a begin and a length must end in time

names = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,11}", fullmatch=True)
streams = st.builds("{}/{}".format, names, names)
times_us = st.integers(1, _LATEST_US)
hashes = st.binary(min_size=32, max_size=32)
texts = (
    st.text(st.characters(exclude_categories=["C", "Z"], include_characters=" "), min_size=1, max_size=12)
    .map(lambda text: unicodedata.normalize("NFC", text))
    .filter(lambda text: bool(text) and text.isprintable())
)


@st.composite
def uuid7s(draw: DrawFn) -> bytes:
    value = bytearray(draw(st.binary(min_size=16, max_size=16)))
    value[6] = 0x70 | value[6] & 0x0F
    value[8] = 0x80 | value[8] & 0x3F
    return bytes(value)


@st.composite
def clock_qualities(draw: DrawFn) -> record_pb2.ClockQuality:
    clock: record_pb2.ClockQuality = draw(_messages(record_pb2.ClockQuality.DESCRIPTOR, frozenset({"source"})))
    return clock


@st.composite
def records(draw: DrawFn, kind: str | None = None) -> record_pb2.Record:
    """Any record that a ledger takes, of one kind or of any."""
    name = kind or draw(st.sampled_from(sorted(KINDS)))
    descriptor = record_pb2.Record.DESCRIPTOR.fields_by_name[name].message_type
    assert descriptor is not None
    required = frozenset(path.partition(".")[0] for path in KINDS[name].required)
    body = draw(_messages(descriptor, required))
    if KINDS[name].family == "either" and not body.streams and not body.site:
        body.site = draw(names)
    for path in KINDS[name].required:  # nested ones
        outer, dot, inner = path.partition(".")
        if dot and not getattr(getattr(body, outer), inner):
            setattr(getattr(body, outer), inner, draw(times_us if inner.endswith("_us") else streams))
    if name == "gap" and body.span.from_us > body.span.to_us:
        body.span.to_us = body.span.from_us
    record = record_pb2.Record(record_id=draw(uuid7s()), at_us=draw(times_us))
    if draw(st.booleans()):
        record.clock.CopyFrom(draw(clock_qualities()))
    getattr(record, name).CopyFrom(body)
    return record


@st.composite
def mutated(draw: DrawFn, originals: SearchStrategy[bytes]) -> bytes:
    """Bytes that were right before something happened to them: a flip, a cut, an insertion, a doubled piece."""
    raw = bytearray(draw(originals))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(raw)))
        match draw(st.integers(0, 4)):
            case 0 if at < len(raw):
                raw[at] ^= 1 << draw(st.integers(0, 7))
            case 1:
                del raw[at:]
            case 2:
                raw[at:at] = draw(st.binary(min_size=1, max_size=6))
            case 3:
                piece = raw[at : at + draw(st.integers(1, 40))]
                raw[at:at] = piece
            case _:
                del raw[at : at + draw(st.integers(1, 4))]
    return bytes(raw)


@st.composite
def _messages(draw: DrawFn, descriptor: Descriptor, required: frozenset[str] = frozenset()) -> Any:
    message = GetMessageClass(descriptor)()
    names_of_fields = [field.name for field in descriptor.fields]
    chosen = draw(st.sets(st.sampled_from(names_of_fields))) | required or {names_of_fields[0]}
    for field in descriptor.fields:
        if field.name in chosen:
            _fill(draw, message, field)
    _mend(draw, message)
    return message


def _fill(draw: DrawFn, message: Any, field: FieldDescriptor) -> None:
    if field.message_type is not None:
        inner = _messages(field.message_type)
        if field.is_repeated:
            getattr(message, field.name).extend(draw(st.lists(inner, min_size=1, max_size=2)))
        else:
            getattr(message, field.name).CopyFrom(draw(inner))
    elif field.is_repeated:
        getattr(message, field.name).extend(draw(st.lists(_scalars(field), min_size=1, max_size=3)))
    else:
        setattr(message, field.name, draw(_scalars(field)))


def _mend(draw: DrawFn, message: Any) -> None:
    """What a message must say as a whole: it names its stream, ends after it begins, has digests in order."""
    kind = message.DESCRIPTOR.name
    if kind in {"Span", "SegmentRange"}:
        message.stream = message.stream or draw(streams)
        message.from_us, message.to_us = sorted((message.from_us, message.to_us))
    if kind == "SegmentRange":
        first, last = sorted((message.first, message.last))
        message.first, message.last = (first or last, last)
    if kind == "Digest":
        message.algorithm, length = draw(st.sampled_from([(1, 32), (2, 48), (3, 64), (4, 32), (5, 64)]))
        message.value = draw(st.binary(min_size=length, max_size=length))
    if kind == "Segment":
        by_algorithm = {digest.algorithm: digest for digest in message.digests}
        digests = [by_algorithm[algorithm] for algorithm in sorted(by_algorithm)]
        del message.digests[:]
        message.digests.extend(digests)


def _scalars(field: FieldDescriptor) -> SearchStrategy[Any]:  # noqa: PLR0911  one return per case
    name = field.name
    if field.enum_type is not None:
        return st.sampled_from(sorted(set(field.enum_type.values_by_number) - {0}))
    match field.type:
        case FieldDescriptor.TYPE_STRING:
            named = {"stream": streams, "streams": streams, "faulty": streams, "site": names, "key_id": names}
            return named.get(name, texts)
        case FieldDescriptor.TYPE_BYTES:
            if name == "replacement_id":
                return uuid7s()
            return st.binary(min_size=1, max_size=100) if name == "public_key" else hashes
        case FieldDescriptor.TYPE_INT64:
            return times_us
        case FieldDescriptor.TYPE_SINT64:
            return st.integers(-_LATEST_US, _LATEST_US)
        case FieldDescriptor.TYPE_UINT64:
            return st.integers(1, (1 << 63) - 1)
        case FieldDescriptor.TYPE_UINT32:
            return st.integers(1, (1 << 32) - 1)
        case FieldDescriptor.TYPE_BOOL:
            return st.just(True)
    raise NotImplementedError(f"no strategy for {field.full_name}")
