"""The entry: the record and the ledger's stamp; its exact bytes are the Merkle leaf (docs/spec/entry.md).

An entry is `serialize(Entry{record, seal})` followed by `serialize(Stamp)`; both halves are in field order, so the
whole is the one spelling of the Entry. The stamp is written by hand because it is the hot path of the sequencer; a
property test holds it against the protobuf runtime.
"""

from collections.abc import Iterable, Sequence
from itertools import repeat
from operator import attrgetter, itemgetter, methodcaller
from typing import Any, Final, NamedTuple

from google.protobuf.message import DecodeError

from custody.core import limits
from custody.core.columns import WORTH_COLUMNS, are_times
from custody.core.errors import MalformedError
from custody.core.names import check_chain, check_identity, check_key_id
from custody.core.wire import spelled_list
from custody.core.wire import varint as varint  # noqa: PLC0414  the client imports it from here
from custody.v1 import entry_pb2

STAMP_TAG: Final = b"\x1a"
"""Field 3, length-delimited: the submitter."""


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


def encode_seal(seal: entry_pb2.Seal | None) -> bytes:
    """The seal as field 2 of the entry; nothing when there is none.

    Strict, because a seal comes to the ledger as a message and not as bytes: what is no seal, or hides unknown fields,
    would make an entry that nobody can read. Raises MalformedError ('seal-malformed', 'key-id-malformed').
    """
    if seal is None:
        return b""
    check_seal(seal)
    raw = seal.SerializeToString()
    if raw != entry_pb2.Seal(key_id=seal.key_id, signature=seal.signature, count=seal.count).SerializeToString():
        raise MalformedError("the seal has unknown fields", code="seal-malformed")
    return b"\x12" + varint(len(raw)) + raw


def sealed_record(record: bytes, seal: bytes = b"") -> bytes:
    """First half of the entry: record as field 1, then an encoded seal."""
    return b"\x0a" + varint(len(record)) + record + seal


def stamp_prefix(submitter: str, sequenced_at_us: int) -> bytes:
    """The part of a stamp that all entries of one batch share."""
    name = submitter.encode("ascii")
    return STAMP_TAG + varint(len(name)) + name + b"\x20" + varint(sequenced_at_us)


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
    'record-oversize', 'seal-malformed', 'key-id-malformed', 'identity-malformed' or 'name-malformed'.
    """
    if len(raw) > limits.MAX_ENTRY_BYTES:
        raise MalformedError(
            f"an entry of {len(raw)} bytes; the limit is {limits.MAX_ENTRY_BYTES}", code="entry-oversize"
        )
    try:
        entry = entry_pb2.Entry.FromString(raw)
    except DecodeError:
        raise MalformedError("not a serialized custody.v1.Entry", code="entry-malformed") from None
    # The runtime keeps unknown fields and would emit them again; only without them is equality a proof of spelling.
    entry.DiscardUnknownFields()
    if entry.SerializeToString() != raw:
        raise MalformedError("the entry has unknown fields or is not in its one spelling", code="entry-spelling")
    return _examine(raw, entry)


def decode_entries(raws: Sequence[bytes]) -> list[ReadEntry]:
    """Reads many entries strictly: the same results and errors as `decode_entry` on each, in less time.

    A MalformedError carries the `position` of the first bad entry.
    """
    entries = _spelled(raws)
    if entries is not None and (read := _examine_many(raws, entries)) is not None:
        return read
    found = []
    for position, raw in enumerate(raws):
        try:
            found.append(decode_entry(raw) if entries is None else _examine(raw, entries[position]))
        except MalformedError as error:
            error.position = position
            raise
    return found


def _spelled(raws: Sequence[bytes]) -> list[Any] | None:
    listed = spelled_list(entry_pb2.EntryList, raws, limits.MAX_ENTRY_BYTES)
    return list(listed.entries) if listed is not None else None


def _examine_many(raws: Sequence[bytes], entries: Sequence[Any]) -> list[ReadEntry] | None:
    """What `_examine` gives for each, column by column; None where one may be malformed, or where it is not worth it."""
    if len(entries) < WORTH_COLUMNS:
        return None
    records, submitters, times, links = zip(*map(_entry_fields, entries), strict=True)
    sizes = list(map(len, records))
    if min(sizes) == 0 or max(sizes) > limits.MAX_RECORD_BYTES:
        return None
    if not are_times(times) or set(map(len, links)) != {1}:
        return None  # an entry of several chains is not what comes by the hundred
    chains, seqs, prevs = zip(*map(_link_fields, map(itemgetter(0), links)), strict=True)
    if min(seqs) <= 0 or max(seqs) > limits.MAX_COUNT:
        return None
    if list(map(len, prevs)) != [32 if seq > 1 else 0 for seq in seqs]:
        return None
    try:
        for chain in set(chains):
            check_chain(chain)
        for submitter in set(submitters):
            check_identity(submitter)
        seals = [
            check_seal(one.seal) if sealed else None
            for one, sealed in zip(entries, map(_has_seal, entries), strict=True)
        ]
    except MalformedError:
        return None
    made = zip(map(_new, repeat(Link), zip(chains, seqs, prevs, strict=True)), strict=True)
    rows = zip(raws, records, seals, submitters, times, made, strict=True)
    return list(map(_new, repeat(ReadEntry), rows))


def _examine(raw: bytes, entry: Any) -> ReadEntry:
    """Checks what an entry says, once its spelling is proven."""
    record = entry.record
    if not record:
        raise MalformedError("the entry has no record", code="entry-malformed")
    if len(record) > limits.MAX_RECORD_BYTES:
        raise MalformedError(f"the entry's record has {len(record)} bytes", code="record-oversize")
    submitter, sequenced_at_us = check_identity(entry.submitter), entry.sequenced_at_us
    if not 0 < sequenced_at_us <= limits.MAX_TIME_US:
        raise MalformedError(f"sequenced_at_us is not a time: {sequenced_at_us}", code="entry-time")
    links = tuple([_new(Link, _link_fields(link)) for link in entry.links])
    _check_links(links)
    seal = None
    if entry.HasField("seal"):
        seal = check_seal(entry.seal)
    return ReadEntry(raw, record, seal, submitter, sequenced_at_us, links)


_link_fields: Final = attrgetter("chain", "seq", "prev")
_entry_fields: Final = attrgetter("record", "submitter", "sequenced_at_us", "links")
_has_seal: Final = methodcaller("HasField", "seal")
_new: Final = tuple.__new__  # what `_make` of a named tuple does, without its checks: the getters give as many


def _check_links(links: tuple[Link, ...]) -> None:
    if not 0 < len(links) <= limits.MAX_STREAMS_PER_RECORD:
        raise MalformedError("the entry belongs to no chain, or to too many", code="entry-links")
    before = ""
    for chain, seq, prev in links:
        check_chain(chain)
        if chain <= before:
            raise MalformedError("the links are not sorted by chain, or one is twice", code="entry-links")
        if not 0 < seq <= limits.MAX_COUNT or len(prev) != (32 if seq > 1 else 0):
            raise MalformedError(f"{chain}: a link without number or predecessor", code="entry-links")
        before = chain


def check_seal(seal: entry_pb2.Seal) -> entry_pb2.Seal:
    """Returns `seal` if it has the form of one; `core.seal` verifies it.

    Raises MalformedError ('seal-malformed', 'key-id-malformed').
    """
    check_key_id(seal.key_id)
    if not 0 < len(seal.signature) <= limits.MAX_SIGNATURE_BYTES or not 0 < seal.count <= limits.MAX_BATCH_RECORDS:
        raise MalformedError("the seal has no signature or covers no possible batch", code="seal-malformed")
    return seal


def rebuild_entry(record: bytes, seal: bytes, stamp: bytes) -> ReadEntry:
    """The entry that a receipt speaks of, from what the client sent and the stamp that came back.

    The whole is read strictly, so a stamp that tries to bring its own record or seal is refused: in the one spelling
    nothing of them can stand behind the submitter, with which a stamp begins. Raises MalformedError.
    """
    if stamp[:1] != STAMP_TAG:
        raise MalformedError("a stamp begins with the submitter", code="entry-spelling")
    return decode_entry(sealed_record(record, seal) + stamp)


def rebuild_entries(parts: Sequence[tuple[bytes, bytes, bytes]]) -> list[ReadEntry]:
    """The entries of many (record, seal, stamp), as `rebuild_entry` reads each, in less time.

    A MalformedError carries the `position` of the first bad one.
    """
    for position, (_, _, stamp) in enumerate(parts):
        if stamp[:1] != STAMP_TAG:
            error = MalformedError("a stamp begins with the submitter", code="entry-spelling")
            error.position = position
            raise error
    return decode_entries([sealed_record(record, seal) + stamp for record, seal, stamp in parts])
