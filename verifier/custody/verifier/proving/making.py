"""Finds an entry in a log and proves that it is there: inclusion under the log's last signed checkpoint."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from custody.core.bundle import decode_bundle
from custody.core.checkpoint import open_checkpoint
from custody.core.entry import decode_entry
from custody.core.errors import CustodyError, InclusionError, MalformedError
from custody.core.hashing import leaf_hash
from custody.core.note import VerifierKey
from custody.core.proof import inclusion_plan, verify_inclusion
from custody.core.record import read_record
from custody.core.tile import TILE_WIDTH, read_node
from custody.core.tlog_proof import TlogProof
from custody.core.tree import Node
from custody.verifier.log_reader import LogReader, LogUnreadable


class NoSuchEntry(CustodyError):
    """The log has no such entry under its last signed checkpoint."""

    code = "entry-unknown"


class Proven(NamedTuple):
    """An entry with its proof."""

    proof: TlogProof
    entry: bytes


Wanted = Callable[[bytes], bool]
"""Whether an entry (its exact bytes) is the one that is looked for."""


def prove(log: LogReader, index: int, keys: Sequence[VerifierKey]) -> Proven:
    """Proves the entry at a leaf index. Raises NoSuchEntry, LogUnreadable, SignatureError, InclusionError."""
    stored = log.last_checkpoint()
    if stored is None:
        raise NoSuchEntry("the log has no signed checkpoint yet")
    checkpoint = open_checkpoint(stored.note, keys, origin=log.head().origin)
    if not 0 <= index < checkpoint.size:
        raise NoSuchEntry(f"the last checkpoint covers {checkpoint.size} entries; there is no entry {index} under it")
    entry = read_entry(log, index)
    try:
        hashes = inclusion_plan(index, checkpoint.size).assemble(lambda node: _node(log, node))
        verify_inclusion(leaf_hash(entry), index, checkpoint.size, hashes, checkpoint.root)
    except InclusionError as error:
        raise InclusionError(f"the log's own tiles do not prove its entry {index}: {error}") from error
    return Proven(TlogProof(index=index, hashes=hashes, checkpoint=stored.note), entry)


def _node(log: LogReader, node: Node) -> bytes:
    try:
        return read_node(node, lambda level, index: log.tiles(level, index, index + 1).get(index, b""))
    except MalformedError as error:
        raise LogUnreadable(f"the tiles lack a hash that the tree has: {error}", code=error.code) from error


def read_entry(log: LogReader, index: int) -> bytes:
    """One entry's bytes. Raises LogUnreadable when it is not stored where it must be."""
    first = index - index % TILE_WIDTH
    for run in log.runs(first, first + TILE_WIDTH):
        if run.first_index <= index < run.first_index + run.count:
            return decode_bundle(run.data, run.count)[index - run.first_index]
    raise LogUnreadable(f"entry {index} is not there")


def find_record(log: LogReader, record_id: bytes) -> int:
    """Leaf index of the record with this id: by the index where there is one, else by reading. Raises NoSuchEntry."""
    index = log.index()
    if index is not None:
        places = index.record_places([record_id])
        if places:
            return places[0][1]
        raise NoSuchEntry(f"the log has no record {record_id.hex()}")
    return _scan(log, record_id, lambda entry: _record_id(entry) == record_id)


def find_file(log: LogReader, sha256: bytes) -> int:
    """Leaf index of the segment whose file has this SHA-256, the first if there are several. Raises NoSuchEntry."""
    return _scan(log, sha256, lambda entry: _file_sha256(entry) == sha256)


def _scan(log: LogReader, needle: bytes, wanted: Wanted) -> int:
    for run in log.runs(0, log.end()):
        if needle not in run.data:  # whole bundles are passed over without being parsed
            continue
        for place, entry in enumerate(decode_bundle(run.data, run.count)):
            if needle in entry and wanted(entry):
                return run.first_index + place
    raise NoSuchEntry(f"the log has no entry with {needle.hex()}")


def _record_id(entry: bytes) -> bytes:
    return read_record(decode_entry(entry).record).record_id


def _file_sha256(entry: bytes) -> bytes:
    record = read_record(decode_entry(entry).record)
    return bytes(record.body.file_sha256) if record.kind.name == "segment" else b""
