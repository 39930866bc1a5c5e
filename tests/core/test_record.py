"""The record: any valid one survives the journey, and every other spelling of it is refused."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from record_strategies import mutated, records

from custody.core.errors import MalformedError
from custody.core.kinds import KINDS
from custody.core.limits import MAX_RECORD_BYTES, MAX_TIME_US
from custody.core.record import encode_record, read_record, read_records
from custody.core.wire import varint
from custody.v1 import record_pb2


def code_of(raw: bytes) -> str | None:
    """Why `read_record` refuses, or None."""
    try:
        read_record(raw)
    except MalformedError as error:
        return error.code
    return None


RECORD_ID = bytes.fromhex("019ab0c0ffee7000800000000000a001")


def segment(**changes: object) -> record_pb2.Record:
    fields: dict[str, object] = {
        "stream": "site-12/cam-007",
        "number": 8_640,
        "duration_us": 10_000_000,
        "size_bytes": 2_345_678,
        "file_sha256": bytes(range(32)),
        "media": record_pb2.Media(media_root=b"\x11" * 32, units=250),
        "path": "2026/11/23/10-00-00.mp4",
        "container": record_pb2.CONTAINER_FRAGMENTED_MP4,
        "codec": record_pb2.CODEC_H264,
    }
    body = record_pb2.Segment(**(fields | changes))  # type: ignore[arg-type]
    return record_pb2.Record(record_id=RECORD_ID, at_us=1_763_900_000_000_000, segment=body)


def tlv(number: int, payload: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def refusal(raw: bytes) -> str:
    with pytest.raises(MalformedError) as caught:
        read_record(raw)
    with pytest.raises(MalformedError) as in_batch:
        read_records([encode_record(segment()), raw])
    assert (in_batch.value.code, in_batch.value.position) == (caught.value.code, 1)
    return caught.value.code


@pytest.mark.parametrize("kind", sorted(KINDS))
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_any_record_of_any_kind_is_read_as_it_was_written(kind: str, data: st.DataObject) -> None:
    record = data.draw(records(kind))
    raw = encode_record(record)
    read = read_record(raw)
    assert (read.raw, read.kind.name, read.record_id, read.at_us) == (raw, kind, record.record_id, record.at_us)
    assert read.body == getattr(record, kind)
    assert read.chains == tuple(sorted(set(read.chains)))
    assert read.chains
    assert read.period_us[0] <= read.period_us[1]
    assert read_records([raw, raw]) == [read, read]


def test_the_table_of_kinds_and_the_proto_name_the_same_kinds() -> None:
    assert set(KINDS) == {field.name for field in record_pb2.Record.DESCRIPTOR.oneofs_by_name["kind"].fields}


@settings(max_examples=600, deadline=None)
@given(raw=st.binary(max_size=300) | mutated(records().map(record_pb2.Record.SerializeToString)))
def test_fuzz_whatever_is_read_has_its_one_spelling_and_nothing_else_is_raised(raw: bytes) -> None:
    code = code_of(raw)
    if code is not None:
        assert refusal(raw) == code
        return
    again = record_pb2.Record.FromString(raw)
    again.DiscardUnknownFields()
    assert raw == again.SerializeToString()
    assert read_records([raw]) == [read_record(raw)]


@settings(max_examples=100, deadline=None)
@given(raws=st.lists(records().map(record_pb2.Record.SerializeToString) | st.binary(max_size=40), max_size=5))
def test_a_batch_is_read_like_its_records_one_by_one(raws: list[bytes]) -> None:
    refusals = [(code, position) for position, raw in enumerate(raws) if (code := code_of(raw)) is not None]
    if not refusals:
        assert read_records(raws) == [read_record(raw) for raw in raws]
        return
    with pytest.raises(MalformedError) as caught:
        read_records(raws)
    assert (caught.value.code, caught.value.position) == refusals[0]


BODY = segment().segment.SerializeToString()
HEAD = tlv(1, RECORD_ID) + b"\x10" + varint(1_763_900_000_000_000)

SPELLINGS = {
    "fields-out-of-order": b"\x10" + varint(1_763_900_000_000_000) + tlv(1, RECORD_ID) + tlv(10, BODY),
    "single-field-twice": HEAD + HEAD + tlv(10, BODY),
    "body-in-two-pieces": HEAD + tlv(10, BODY[:17]) + tlv(10, BODY[17:]),
    "two-kinds": HEAD + tlv(11, tlv(1, tlv(1, b"a/b"))) + tlv(10, BODY),
    "default-on-the-wire": HEAD + tlv(10, BODY + b"\x40\x00"),
    "unknown-field": HEAD + tlv(10, BODY) + b"\xf8\x07\x01",
    "unknown-field-inside": HEAD + tlv(10, BODY + b"\xf8\x07\x01"),
    "unknown-group": HEAD + tlv(10, BODY) + b"\xfb\x07\xfc\x07",
    "long-varint": tlv(1, RECORD_ID) + b"\x10" + b"\xff\x80\x80\x00" + tlv(10, BODY),
    "long-tag": b"\x8a\x00\x10" + RECORD_ID + HEAD[18:] + tlv(10, BODY),
    "long-length": b"\x0a\x90\x00" + RECORD_ID + HEAD[18:] + tlv(10, BODY),
    "empty-clock": HEAD + b"\x1a\x00" + tlv(10, BODY),
    "empty-media": HEAD + tlv(10, tlv(1, b"a/b") + b"\x10\x01\x18\x01\x20\x01" + tlv(5, bytes(32)) + b"\x3a\x00"),
    "empty-person-among-officers": HEAD
    + tlv(27, b"\x08\x01" + tlv(2, tlv(1, b"a/b") + b"\x10\x01\x18\x02") + b"\x2a\x00"),
    "unpacked-list-of-numbers": HEAD + tlv(17, tlv(1, tlv(1, b"a/b")) + b"\x10\x01\x10\x02"),
    "wrong-wire-type": HEAD + tlv(10, BODY + b"\x45\x01\x00\x00\x00"),
}


@pytest.mark.parametrize("raw", SPELLINGS.values(), ids=SPELLINGS)
def test_other_spellings_are_refused(raw: bytes) -> None:
    assert refusal(raw) == "record-spelling"


GARBAGE = {
    "cut": HEAD + tlv(10, BODY)[:-1],
    "deep-groups": b"\xfb\x07" * 20_000,
    "field-zero": b"\x00\x00",
    "reserved-wire-type": b"\x0f",
    "varint-without-end": b"\x10" + b"\xff" * 11,
    "no-utf8": HEAD + tlv(10, tlv(1, b"a/\xff")),
    "surrogate": HEAD + tlv(10, tlv(10, b"\xed\xa0\x80")),
}


@pytest.mark.parametrize("raw", GARBAGE.values(), ids=GARBAGE)
def test_garbage_is_malformed(raw: bytes) -> None:
    assert refusal(raw) == "record-malformed"


WRONG = {
    "record-id": [record_pb2.Record(at_us=1, segment=segment().segment)],
    "record-kind": [record_pb2.Record(record_id=RECORD_ID, at_us=1)],
    "record-time": [
        segment(duration_us=-1),
        segment(duration_us=MAX_TIME_US),
        record_pb2.Record(record_id=RECORD_ID, segment=segment().segment),
        record_pb2.Record(record_id=RECORD_ID, at_us=-5, segment=segment().segment),
        record_pb2.Record(record_id=RECORD_ID, at_us=MAX_TIME_US + 1, segment=segment().segment),
    ],
    "record-number": [segment(number=1 << 63)],
    "record-digest": [
        segment(file_sha256=bytes(31)),
        segment(digests=[record_pb2.Digest(algorithm=record_pb2.DIGEST_ALGORITHM_SM3, value=bytes(33))]),
        segment(digests=[record_pb2.Digest(value=bytes(32))]),
        segment(digests=[record_pb2.Digest(algorithm=record_pb2.DIGEST_ALGORITHM_SM3, value=bytes(32))] * 2),
    ],
    "record-enum": [segment(codec=77)],
    "record-text": [segment(path=text) for text in ("a\nb", "\u202egp4", "e\u0301", "x" * 513, "\u00a0")],
    "name-malformed": [segment(stream=name) for name in ("A/b", "a", "a/b/c", "/b", "../b", "a/" + "b" * 65)],
    "record-field-missing": [segment(stream=""), segment(number=0), segment(file_sha256=b"")],
    "record-range": [
        record_pb2.Record(record_id=RECORD_ID, at_us=1, move=record_pb2.Move(to_storage="x", ranges=[run]))
        for run in (
            record_pb2.SegmentRange(stream="a/b", first=2, last=1),
            record_pb2.SegmentRange(stream="a/b", last=1),
            record_pb2.SegmentRange(stream="a/b", from_us=2, to_us=1),
        )
    ],
    "key-id-malformed": [
        record_pb2.Record(record_id=RECORD_ID, at_us=1, key_revoked=record_pb2.KeyRevoked(key_id="a b", from_us=1))
    ],
    "record-length": [
        record_pb2.Record(record_id=RECORD_ID, at_us=1, correction=record_pb2.Correction(streams=["a/b"] * 257))
    ],
}


@pytest.mark.parametrize(
    ("code", "record"), [(code, record) for code, records_ in WRONG.items() for record in records_]
)
def test_what_a_record_may_not_say(code: str, record: record_pb2.Record) -> None:
    assert refusal(record.SerializeToString()) == code


def test_a_record_that_could_not_become_an_entry_is_refused_at_once() -> None:
    streams = [f"{'s' * 64}/{'c' * 60}-{number:03}" for number in range(256)]
    record = record_pb2.Record(
        record_id=RECORD_ID, at_us=1, correction=record_pb2.Correction(leaf_sha256=bytes(32), streams=streams)
    )
    assert len(record.SerializeToString()) < MAX_RECORD_BYTES
    assert refusal(record.SerializeToString()) == "record-oversize"


def test_an_oversize_record_is_refused_unread() -> None:
    assert refusal(bytes(MAX_RECORD_BYTES + 1)) == "record-oversize"


def test_texts_in_chinese_pass() -> None:
    title = record_pb2.StreamDescription(stream="a/b", title="东门外侧", purpose="治安防范")
    record = record_pb2.Record(
        record_id=RECORD_ID, at_us=1, stream_registered=record_pb2.StreamRegistered(description=title)
    )
    assert read_record(encode_record(record)).chains == ("custody/a/b",)


def test_one_record_about_several_cameras_belongs_to_each_chain_once() -> None:
    spans = [record_pb2.Span(stream=stream, from_us=1, to_us=2) for stream in ("s/b", "s/a", "s/b")]
    access = record_pb2.Access(act=record_pb2.ACCESS_ACT_COPY, spans=spans, copies_sha256=[bytes(32), b"\x01" * 32])
    read = read_record(encode_record(record_pb2.Record(record_id=RECORD_ID, at_us=5, access=access)))
    assert read.chains == ("custody/s/a", "custody/s/b")
    assert read.digests == (bytes(32), b"\x01" * 32)
    assert read.period_us == (5, 5)
