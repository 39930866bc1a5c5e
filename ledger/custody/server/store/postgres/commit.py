"""One batch into the database: one statement, one round trip, one transaction.

All rows travel as arrays beside the compare-and-swap of the head; `unnest` spreads them on the server. Measured against
COPY of the same rows in a transaction (bench/postgres_raw.py): about as fast in large batches, faster in small ones,
because COPY needs a round trip for each table; and it works on every engine that speaks this SQL.

Entries are cut into rows of at most 16. A row then stays below a page after compression, so that one entry is read with
one page instead of a whole bundle, while the overhead of a row is shared by 16.
"""

import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from custody.core.hashing import HASH_BYTES
from custody.core.tile import TILE_WIDTH, tile_width
from custody.server.store.protocol import Commit, EntryRun

RUN_ENTRIES: Final = 16
"""Entries in a row of entry_run; no row crosses a multiple of it."""

PART_BITS: Final = 20
"""Random digests are indexed in parts of 2^20 entries: about 40 MB, which any server keeps in memory."""

COMMIT: Final = """
WITH moved AS (
    UPDATE log SET size = $5, root = $6, sequenced_us = $7
    WHERE log = $1 AND size = $2 AND root = $3 AND epoch = $4 RETURNING log
), written_entries AS (
    INSERT INTO entry_run (first_index, log, count, data)
    SELECT r.first_index, m.log, r.count, r.data
    FROM moved m, unnest($8::bigint[], $9::smallint[], $10::bytea[]) AS r (first_index, count, data)
), written_records AS (
    INSERT INTO record (leaf_index, digest, record_id, log, part)
    SELECT $2 + r.n - 1, r.digest, r.record_id, m.log, ($2 + r.n - 1) >> 20
    FROM moved m, unnest($11::uuid[], $12::bigint[]) WITH ORDINALITY AS r (record_id, digest, n)
), written_digests AS (
    INSERT INTO digest (prefix, leaf_index, log, part)
    SELECT d.prefix, d.leaf_index, m.log, d.leaf_index >> 20
    FROM moved m, unnest($13::bigint[], $14::bigint[]) AS d (prefix, leaf_index)
), written_tiles AS (
    INSERT INTO tile (tile_index, log, level, hashes)
    SELECT t.tile_index, m.log, t.level, t.hashes
    FROM moved m, unnest($15::smallint[], $16::bigint[], $17::bytea[]) AS t (level, tile_index, hashes)
), removed_pieces AS (
    DELETE FROM edge e USING moved m, unnest($18::smallint[], $19::bigint[]) AS f (level, first_hash)
    WHERE e.log = m.log AND e.level = f.level AND e.first_hash BETWEEN f.first_hash AND f.first_hash + 255
), written_pieces AS (
    INSERT INTO edge (first_hash, log, level, hashes)
    SELECT p.first_hash, m.log, p.level, p.hashes
    FROM moved m, unnest($20::smallint[], $21::bigint[], $22::bytea[]) AS p (level, first_hash, hashes)
), written_batch AS (
    INSERT INTO batch (sequenced_us, first_index, log) SELECT $7, $2, m.log FROM moved m
), written_chains AS (
    INSERT INTO chain (longest_us, log, chain, name)
    SELECT c.longest_us, m.log, c.chain, c.name
    FROM moved m, unnest($23::integer[], $24::bigint[], $25::text[]) AS c (chain, longest_us, name)
    ON CONFLICT (log, chain) DO UPDATE SET longest_us = excluded.longest_us
), written_runs AS (
    INSERT INTO chain_run (first_seq, first_index, from_us, to_us, log, chain, count)
    SELECT r.first_seq, r.first_index, r.from_us, r.to_us, m.log, r.chain, r.count
    FROM moved m, unnest($26::integer[], $27::bigint[], $28::bigint[], $29::integer[], $30::bigint[], $31::bigint[])
        AS r (chain, first_seq, first_index, count, from_us, to_us)
), written_submissions AS (
    INSERT INTO submission (first_index, log, count, submitter)
    SELECT s.first_index, m.log, s.count, s.submitter
    FROM moved m, unnest($32::text[], $33::bigint[], $34::integer[]) AS s (submitter, first_index, count)
)
SELECT log FROM moved
"""
"""Returns one row, or none when the head was another: then nothing was written. 20 is PART_BITS, 255 a TILE_WIDTH less one."""

Chains = dict[str, tuple[int, int]]
"""Number and longest run (microseconds) of every chain by name."""


def arguments(log: int, commit: Commit, chains: Chains) -> list[Any]:
    """The values of `COMMIT`. Adds new chains to `chains`. Raises ValueError for a batch that does not fit together."""
    old, size = commit.old, commit.size
    if size <= old.size or len(commit.record_ids) != size - old.size:
        raise ValueError(f"{len(commit.record_ids)} record ids do not grow a log from {old.size} to {size} entries")
    if sum(run.count for run in commit.entries) != size - old.size:
        raise ValueError(f"the entries do not grow a log from {old.size} to {size}")
    first_digests, further = _digests(commit)
    full, grown, pieces = _tiles(old.size, commit.tiles)
    changed, runs = _chains(commit, chains)
    return [
        *(log, old.size, old.root, old.epoch, size, commit.root, commit.sequenced_us),
        *_columns([row for run in commit.entries for row in cut(run)], 3),
        *(list(commit.record_ids), first_digests),
        *_columns(further, 2),
        *_columns(full, 3),
        *_columns(grown, 2),
        *_columns(pieces, 3),
        *_columns(changed, 3),
        *_columns(runs, 6),
        *_columns(commit.submissions, 3),
    ]


def cut(run: EntryRun) -> Iterator[tuple[int, int, bytes]]:
    """The rows of a run. Raises ValueError when its framing does not hold as many entries as it says."""
    index, end, at, data = run.first_index, run.first_index + run.count, 0, run.data
    while index < end:
        start, first, index = at, index, min(end, index - index % RUN_ENTRIES + RUN_ENTRIES)
        for _ in range(index - first):
            at += 2 + int.from_bytes(data[at : at + 2], "big")
        yield first, index - first, data[start:at]
    if at != len(data):
        raise ValueError(f"a run of {run.count} entries from {run.first_index} has {len(data)} bytes, not {at}")


def prefix_number(prefix: bytes) -> int:
    """First 8 bytes of a digest as the signed integer that is stored. Raises ValueError for another length."""
    if len(prefix) != 8:
        raise ValueError(f"a digest is found by its first 8 bytes, not by {len(prefix)}")
    return int.from_bytes(prefix, "big", signed=True)


def _digests(commit: Commit) -> tuple[list[int | None], list[tuple[int, int]]]:
    first: list[int | None] = [None] * len(commit.record_ids)
    further: dict[tuple[int, int], None] = {}
    numbers = struct.unpack(f">{len(commit.digests)}q", b"".join([prefix for prefix, _ in commit.digests]))
    for number, (_, index) in zip(numbers, commit.digests, strict=True):
        at = index - commit.old.size
        if first[at] is None:
            first[at] = number
        elif first[at] != number:  # one record may name two files with the same first bytes
            further[number, index] = None
    return first, list(further)


def _tiles(old_size: int, tiles: Mapping[tuple[int, int], bytes]) -> tuple[list[Any], list[Any], list[Any]]:
    """Full tiles; partial tiles of the old tree that they complete; and what is new in partial ones."""
    full, grown, pieces = [], [], []
    for (level, index), hashes in tiles.items():
        old_width = tile_width(level, index, old_size)
        if len(hashes) == TILE_WIDTH * HASH_BYTES:
            full.append((level, index, hashes))
            if old_width:
                grown.append((level, index * TILE_WIDTH))
        else:
            pieces.append((level, index * TILE_WIDTH + old_width, hashes[old_width * HASH_BYTES :]))
    return full, grown, pieces


def _chains(commit: Commit, chains: Chains) -> tuple[list[Any], list[Any]]:
    changed: dict[str, tuple[int, int]] = {}
    runs = []
    for name, first_seq, first_index, count, from_us, to_us in commit.chain_runs:
        number, longest = chains.get(name) or (len(chains) + 1, -1)
        if to_us - from_us > longest:
            chains[name] = changed[name] = (number, to_us - from_us)
        runs.append((number, first_seq, first_index, count, from_us, to_us))
    return [(number, longest, name) for name, (number, longest) in changed.items()], runs


def _columns(rows: Sequence[Sequence[Any]], width: int) -> Sequence[Sequence[Any]]:
    return list(zip(*rows, strict=True)) if rows else [()] * width
