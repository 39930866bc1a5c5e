"""The entry: hand-written stamps are what the protobuf runtime writes, and one spelling of each entry is accepted."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from record_strategies import mutated, names, streams

from custody.core import limits
from custody.core.entry import (
    Link,
    decode_entries,
    decode_entry,
    encode_entry,
    encode_seal,
    encode_stamp,
    rebuild_entries,
    rebuild_entry,
    sealed_record,
)
from custody.core.errors import MalformedError
from custody.v1 import entry_pb2

SUBMITTER = "urn:custody:recorder:nvr-3"
AT_US = 1_763_900_000_123_456

chains = (
    st.builds("footage/{}".format, streams)
    | st.builds("custody/{}".format, streams)
    | st.builds("site/{}".format, names)
)
hashes = st.binary(min_size=32, max_size=32)
seqs = st.integers(1, limits.MAX_COUNT)
seals = st.none() | st.builds(
    lambda signature, count: entry_pb2.Seal(key_id="nvr-3/2026", signature=signature, count=count),
    st.binary(min_size=1, max_size=200),
    st.integers(1, limits.MAX_BATCH_RECORDS),
)


@st.composite
def links(draw: st.DrawFn) -> tuple[Link, ...]:
    found = sorted(draw(st.sets(chains, min_size=1, max_size=4)))
    numbers = [draw(seqs) for _ in found]
    return tuple(Link(chain, seq, draw(hashes) if seq > 1 else b"") for chain, seq in zip(found, numbers, strict=True))


times_us = st.integers(1, limits.MAX_TIME_US)
submitters = st.sampled_from([SUBMITTER, "urn:custody:desk:a.b@c/d", "urn:custody:ledger:" + "x" * 200])
entries = st.builds(encode_entry, st.binary(min_size=1, max_size=300), seals, submitters, times_us, links())


@settings(max_examples=300, deadline=None)
@given(
    submitter=submitters,
    at_us=st.integers(1, (1 << 63) - 1),
    found=st.lists(st.builds(Link, chains, st.integers(1, (1 << 64) - 1), st.just(b"") | hashes), max_size=6),
)
def test_a_stamp_written_by_hand_is_what_the_runtime_writes(submitter: str, at_us: int, found: list[Link]) -> None:
    written = entry_pb2.Stamp(
        submitter=submitter,
        sequenced_at_us=at_us,
        links=[entry_pb2.Link(chain=link.chain, seq=link.seq, prev=link.prev) for link in found],
    )
    assert encode_stamp(submitter, at_us, found) == written.SerializeToString()


@settings(max_examples=200, deadline=None)
@given(record=st.binary(min_size=1, max_size=20_000), seal=seals, submitter=submitters, at_us=times_us, found=links())
def test_encode_and_decode_are_inverse(
    record: bytes, seal: entry_pb2.Seal | None, submitter: str, at_us: int, found: tuple[Link, ...]
) -> None:
    raw = encode_entry(record, seal, submitter, at_us, found)
    assert decode_entry(raw) == (raw, record, seal, submitter, at_us, found)
    whole = entry_pb2.Entry(
        record=record,
        seal=seal,
        submitter=submitter,
        sequenced_at_us=at_us,
        links=[entry_pb2.Link(chain=link.chain, seq=link.seq, prev=link.prev) for link in found],
    )
    assert whole.SerializeToString() == raw
    stamp = encode_stamp(submitter, at_us, found)
    assert rebuild_entry(record, encode_seal(seal), stamp) == decode_entry(raw)
    assert rebuild_entries([(record, encode_seal(seal), stamp)] * 2) == decode_entries([raw, raw])
    assert decode_entries([raw] * 9) == [decode_entry(raw)] * 9


@settings(max_examples=600, deadline=None)
@given(raw=st.binary(max_size=300) | mutated(entries))
def test_fuzz_whatever_is_read_has_its_one_spelling_and_nothing_else_is_raised(raw: bytes) -> None:
    code = code_of(raw)
    if code is not None:
        with pytest.raises(MalformedError) as caught:
            decode_entries([GOOD, raw])
        assert (caught.value.code, caught.value.position) == (code, 1)
        with pytest.raises(MalformedError) as caught:
            decode_entries([GOOD] * 11 + [raw])
        assert (caught.value.code, caught.value.position) == (code, 11)
        return
    read = decode_entry(raw)
    assert encode_entry(read.record, read.seal, read.submitter, read.sequenced_at_us, read.links) == raw
    assert decode_entries([raw]) == [read]
    assert decode_entries([raw] * 9 + [GOOD]) == [read] * 9 + [decode_entry(GOOD)]


def code_of(raw: bytes) -> str | None:
    """Why `decode_entry` refuses, or None."""
    try:
        decode_entry(raw)
    except MalformedError as error:
        return error.code
    return None


LINK = Link("footage/a/b", 2, bytes(32))
GOOD = encode_entry(b"record", None, SUBMITTER, AT_US, [LINK])
SEAL = entry_pb2.Seal(key_id="k", signature=bytes(64), count=3)


def entry(**changes: object) -> bytes:
    fields: dict[str, object] = {
        "record": b"record",
        "submitter": SUBMITTER,
        "sequenced_at_us": AT_US,
        "links": [entry_pb2.Link(chain="footage/a/b", seq=2, prev=bytes(32))],
    }
    return entry_pb2.Entry(**(fields | changes)).SerializeToString()  # type: ignore[arg-type]


def linked(*found: tuple[str, int, bytes]) -> bytes:
    return entry(links=[entry_pb2.Link(chain=chain, seq=seq, prev=prev) for chain, seq, prev in found])


WRONG = {
    "entry-malformed": [entry(record=b""), GOOD[:-1], b"", b"\xff"],
    "entry-spelling": [
        GOOD + b"\x30\x01",
        GOOD + b"\x28\x01",
        GOOD[8:] + GOOD[:8],
        GOOD + GOOD,
        GOOD[:1] + b"\x86\x00" + GOOD[2:],
    ],
    "entry-oversize": [entry(record=bytes(limits.MAX_ENTRY_BYTES))],
    "record-oversize": [entry(record=bytes(limits.MAX_RECORD_BYTES + 1))],
    "entry-time": [entry(sequenced_at_us=0), entry(sequenced_at_us=-1), entry(sequenced_at_us=limits.MAX_TIME_US + 1)],
    "entry-links": [
        linked(),
        linked(("footage/a/b", 0, b"")),
        linked(("footage/a/b", 1, bytes(32))),
        linked(("footage/a/b", 2, b"")),
        linked(("footage/a/b", 2, bytes(31))),
        linked(("footage/a/b", 1 << 63, bytes(32))),
        linked(("footage/a/b", 1, b""), ("footage/a/b", 2, bytes(32))),
        linked(("footage/a/b", 1, b""), ("custody/a/b", 1, b"")),
        linked(*[(f"custody/a/{number:03}", 1, b"") for number in range(257)]),
    ],
    "name-malformed": [linked((chain, 1, b"")) for chain in ("a/b", "footage/a", "log/other", "site/A")],
    "identity-malformed": [entry(submitter=name) for name in ("", "nvr-3", "urn:custody:Recorder:x", "urn:custody:r:")],
    "seal-malformed": [
        entry(seal=entry_pb2.Seal(key_id="k", signature=b"", count=1)),
        entry(seal=entry_pb2.Seal(key_id="k", signature=bytes(64))),
        entry(seal=entry_pb2.Seal(key_id="k", signature=bytes(64), count=1_025)),
        entry(seal=entry_pb2.Seal(key_id="k", signature=bytes(2_421), count=1)),
    ],
    "key-id-malformed": [
        entry(seal=entry_pb2.Seal()),
        entry(seal=entry_pb2.Seal(key_id="a b", signature=b"s", count=1)),
    ],
}


@pytest.mark.parametrize(("code", "raw"), [(code, raw) for code, raws in WRONG.items() for raw in raws])
def test_what_an_entry_may_not_be(code: str, raw: bytes) -> None:
    with pytest.raises(MalformedError) as caught:
        decode_entry(raw)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "seal",
    [
        entry_pb2.Seal(),
        entry_pb2.Seal(key_id="k", signature=bytes(64)),
        entry_pb2.Seal.FromString(SEAL.SerializeToString() + b"\x20\x01"),
    ],
    ids=["empty", "no-count", "unknown-field"],
)
def test_a_message_that_is_no_seal_is_not_written_into_an_entry(seal: entry_pb2.Seal) -> None:
    with pytest.raises(MalformedError):
        encode_seal(seal)


STAMP = encode_stamp(SUBMITTER, AT_US, [LINK])


@pytest.mark.parametrize(
    ("seal", "stamp"),
    [
        (b"", encode_seal(SEAL) + STAMP),
        (b"", sealed_record(b"other") + STAMP),
        (encode_seal(SEAL), encode_seal(SEAL) + STAMP),
        (b"", STAMP + sealed_record(b"other")),
        (b"", b""),
    ],
    ids=["brings-a-seal", "brings-a-record", "another-seal", "record-behind", "empty"],
)
def test_a_stamp_brings_no_record_and_no_seal(seal: bytes, stamp: bytes) -> None:
    with pytest.raises(MalformedError) as caught:
        rebuild_entry(b"record", seal, stamp)
    assert caught.value.code == "entry-spelling"
    with pytest.raises(MalformedError) as caught:
        rebuild_entries([(b"record", b"", STAMP), (b"record", seal, stamp)])
    assert (caught.value.code, caught.value.position) == ("entry-spelling", 1)


def test_the_largest_stamp_and_seal_fit_beside_the_largest_record() -> None:
    seal = entry_pb2.Seal(
        key_id="k" * limits.MAX_KEY_ID_CHARS, signature=bytes(limits.MAX_SIGNATURE_BYTES), count=1_024
    )
    submitter = "urn:custody:" + "r" * 32 + ":" + "n" * 200
    longest = f"custody/{'s' * 64}/{'c' * 64}"
    link = Link(longest, limits.MAX_COUNT, bytes(32))
    alone = len(encode_entry(b"r", seal, submitter, limits.MAX_TIME_US, [link])) - 1
    assert len(longest) <= limits.MAX_CHAIN_CHARS
    assert alone + 2 <= limits.STAMP_BYTES + len(longest) + limits.LINK_BYTES
    two = len(encode_entry(b"r", seal, submitter, limits.MAX_TIME_US, [link, Link("site/a", 1, b"")])) - 1
    assert two - alone < len("site/a") + limits.LINK_BYTES
    encode_entry(bytes(limits.MAX_RECORD_BYTES), seal, submitter, limits.MAX_TIME_US, [link])
