"""The entry: the record and the ledger's stamp; its exact bytes are the Merkle leaf (docs/spec/entry.md).

An entry is `serialize(Entry{record, seal})` followed by `serialize(Stamp)`; both halves are in field order, so the
whole is the one spelling of the Entry. The stamp is written by hand because it is the hot path of the sequencer; a
property test holds it against the protobuf runtime.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from google.protobuf.message import DecodeError

from custody.core import limits
from custody.core.errors import MalformedError
from custody.core.names import check_chain, check_identity
from custody.v1 import entry_pb2


class Link(NamedTuple):
    """Place of an entry in one chain: name, number from 1, leaf hash of the predecessor (empty for the first)."""

    chain: str
    seq: int
    prev: bytes


class ReadEntry(NamedTuple):
    """An entry that was read strictly."""

    raw: bytes
    record: bytes
    seal: entry_pb2.Seal | None
    submitter: str
    sequenced_at_us: int
    links: tuple[Link, ...]


def varint(value: int) -> bytes:
    """Base-128 encoding of a non-negative integer (protobuf wire format)."""
    if value < 0x80:
        return bytes((value,))
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def encode_seal(seal: entry_pb2.Seal | None) -> bytes:
    """The seal as field 2 of the entry; nothing when there is none."""
    if seal is None:
        return b""
    raw = seal.SerializeToString()
    return b"\x12" + varint(len(raw)) + raw


def sealed_record(record: bytes, seal: bytes = b"") -> bytes:
    """First half of the entry: record as field 1, then an encoded seal."""
    return b"\x0a" + varint(len(record)) + record + seal


def stamp_prefix(submitter: str, sequenced_at_us: int) -> bytes:
    """The part of a stamp that all entries of one batch share."""
    name = submitter.encode("ascii")
    return b"\x1a" + varint(len(name)) + name + b"\x20" + varint(sequenced_at_us)


def link_prefix(chain: str) -> bytes:
    """The constant part of a link to `chain`, to be kept by whoever writes many."""
    name = chain.encode("ascii")
    return b"\x0a" + varint(len(name)) + name + b"\x10"


def encode_link(prefix: bytes, seq: int, prev: bytes) -> bytes:
    """A link as field 5 of a stamp; `prefix` from `link_prefix`, `prev` 32 bytes or empty."""
    body = prefix + varint(seq) + (b"\x1a\x20" + prev if prev else b"")
    return b"\x2a" + varint(len(body)) + body


def encode_stamp(submitter: str, sequenced_at_us: int, links: Iterable[Link]) -> bytes:
    """Second half of the entry: submitter, time, links in the order of their chain names."""
    parts = [encode_link(link_prefix(link.chain), link.seq, link.prev) for link in links]
    return stamp_prefix(submitter, sequenced_at_us) + b"".join(parts)


def encode_entry(
    record: bytes, seal: entry_pb2.Seal | None, submitter: str, sequenced_at_us: int, links: Sequence[Link]
) -> bytes:
    """The entry's bytes; the inverse of `decode_entry`.

    Raises MalformedError where `decode_entry` would.
    """
    raw = sealed_record(record, encode_seal(seal)) + encode_stamp(submitter, sequenced_at_us, links)
    decode_entry(raw)
    return raw


def decode_entry(raw: bytes) -> ReadEntry:
    """Reads an entry strictly; the record in it stays bytes (`read_record` reads it).

    Raises MalformedError: 'entry-oversize', 'entry-malformed', 'entry-spelling', 'entry-time', 'entry-links',
    'identity-malformed' or 'name-malformed'.
    """
    if len(raw) > limits.MAX_ENTRY_BYTES:
        raise MalformedError(f"an entry of {len(raw)} bytes; the limit is {limits.MAX_ENTRY_BYTES}", code="entry-oversize")
    try:
        entry = entry_pb2.Entry.FromString(raw)
    except DecodeError:
        raise MalformedError("not a serialized custody.v1.Entry", code="entry-malformed") from None
    entry.DiscardUnknownFields()
    if entry.SerializeToString() != raw:
        raise MalformedError("the entry has unknown fields or is not in its one spelling", code="entry-spelling")
    record = entry.record
    if not record:
        raise MalformedError("the entry has no record", code="entry-malformed")
    check_identity(entry.submitter)
    if not 0 < entry.sequenced_at_us <= limits.MAX_TIME_US:
        raise MalformedError(f"sequenced_at_us is not a time: {entry.sequenced_at_us}", code="entry-time")
    links = tuple([Link(link.chain, link.seq, link.prev) for link in entry.links])
    _check_links(links)
    return ReadEntry(
        raw, record, entry.seal if entry.HasField("seal") else None, entry.submitter, entry.sequenced_at_us, links
    )


def _check_links(links: tuple[Link, ...]) -> None:
    if not links:
        raise MalformedError("the entry belongs to no chain", code="entry-links")
    before = ""
    for chain, seq, prev in links:
        check_chain(chain)
        if chain <= before:
            raise MalformedError("the links are not sorted by chain, or one is twice", code="entry-links")
        if seq < 1 or len(prev) != (32 if seq > 1 else 0):
            raise MalformedError(f"{chain}: a link without number or predecessor", code="entry-links")
        before = chain


def rebuild_entry(record: bytes, seal: bytes, stamp: bytes) -> ReadEntry:
    """The entry that a receipt speaks of, from what the client sent and the stamp that came back.

    The whole is read strictly, so a stamp that tries to bring its own record is refused. Raises MalformedError.
    """
    first = sealed_record(record, seal)
    entry = decode_entry(first + stamp)
    if entry.record != record:
        raise MalformedError("the stamp changes the record", code="entry-spelling")
    return entry
