"""One batch into the database: one statement, one round trip, one transaction.

All rows travel as arrays beside the compare-and-swap of the head; `unnest` spreads them on the server. Measured against
COPY of the same rows in a transaction (bench/postgres_raw.py): about as fast in large batches, faster in small ones,
because COPY needs a round trip for each table; and it works on every engine that speaks this SQL.

Entries are cut into rows of at most 16. A row then stays below a page after compression, so that one entry is read with
one page instead of a whole bundle, while the overhead of a row is shared by 16.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from custody.core.hashing import HASH_BYTES
from custody.core.tile import TILE_WIDTH, tile_width
from custody.server.store.postgres.pages import DIGEST_TAIL, OpenPages
from custody.server.store.protocol import Commit, EntryRun

RUN_ENTRIES: Final = 16
"""Entries in a row of entry_run; no row crosses a multiple of it."""

COMMIT: Final = """
WITH moved AS (
    UPDATE log SET size = $5, root = $6, sequenced_us = $7
    WHERE log = $1 AND size = $2 AND root = $3 AND epoch = $4 RETURNING log
), written_entries AS (
    INSERT INTO entry_run (first_index, log, count, data)
    SELECT r.first_index, m.log, r.count, r.data
    FROM moved m, unnest($8::bigint[], $9::smallint[], $10::bytea[]) AS r (first_index, count, data)
), written_records AS (
    INSERT INTO record (leaf_index, record_id, log)
    SELECT $2 + r.n - 1, r.record_id, m.log FROM moved m, unnest($11::text::uuid[]) WITH ORDINALITY AS r (record_id, n)
), written_tiles AS (
    INSERT INTO tile (tile_index, log, level, hashes)
    SELECT t.tile_index, m.log, t.level, t.hashes
    FROM moved m, unnest($12::smallint[], $13::bigint[], $14::bytea[]) AS t (level, tile_index, hashes)
), removed_pieces AS (
    DELETE FROM edge e USING moved m, unnest($15::smallint[], $16::bigint[]) AS f (level, first_hash)
    WHERE e.log = m.log AND e.level = f.level AND e.first_hash BETWEEN f.first_hash AND f.first_hash + 255
), written_pieces AS (
    INSERT INTO edge (first_hash, log, level, hashes)
    SELECT p.first_hash, m.log, p.level, p.hashes
    FROM moved m, unnest($17::smallint[], $18::bigint[], $19::bytea[]) AS p (level, first_hash, hashes)
), written_batch AS (
    INSERT INTO batch (sequenced_us, first_index, log) SELECT $7, $2, m.log FROM moved m
), written_submissions AS (
    INSERT INTO submission (first_index, log, count, submitter)
    SELECT s.first_index, m.log, s.count, s.submitter
    FROM moved m, unnest($20::text[], $21::bigint[], $22::integer[]) AS s (submitter, first_index, count)
), written_tail AS (
    INSERT INTO tail (first_index, log, runs, digests) SELECT $2, m.log, $23, $24 FROM moved m
), shortened_tail AS (
    DELETE FROM tail t USING moved m WHERE t.log = m.log AND t.first_index < $25
), written_chains AS (
    INSERT INTO chain (longest_us, log, chain, name)
    SELECT c.longest_us, m.log, c.chain, c.name
    FROM moved m, unnest($26::integer[], $27::bigint[], $28::text[]) AS c (chain, longest_us, name)
    ON CONFLICT (log, chain) DO UPDATE SET longest_us = excluded.longest_us
), written_runs AS (
    INSERT INTO chain_page (first_seq, last_seq, first_index, from_us, to_us, log, chain, runs)
    SELECT r.first_seq, r.last_seq, r.first_index, r.from_us, r.to_us, m.log, r.chain, r.runs
    FROM moved m, unnest($29::integer[], $30::bigint[], $31::bigint[], $32::bigint[], $33::bigint[], $34::bigint[], $35::bytea[])
        AS r (chain, first_seq, last_seq, first_index, from_us, to_us, runs)
), written_digests AS (
    INSERT INTO digest_page (first_index, last_index, log, bucket, digests)
    SELECT d.first_index, d.last_index, m.log, d.bucket, d.digests
    FROM moved m, unnest($36::smallint[], $37::bigint[], $38::bigint[], $39::bytea[])
        AS d (bucket, first_index, last_index, digests)
)
SELECT log FROM moved
"""
"""Returns one row, or none when the head was another: then nothing was written. 255 is a TILE_WIDTH less one."""


def arguments(log: int, commit: Commit, pages: OpenPages) -> list[Any]:
    """The values of `COMMIT`; what goes to the index is added to `pages`.

    Raises ValueError for a commit that does not fit together.
    """
    old, size = commit.old, commit.size
    if size <= old.size or len(commit.record_ids) != size - old.size:
        raise ValueError(f"{len(commit.record_ids)} record ids do not grow a log from {old.size} to {size} entries")
    if sum(run.count for run in commit.entries) != size - old.size:
        raise ValueError(f"the entries do not grow a log from {old.size} to {size}")
    entries = [row for run in commit.entries for row in cut(run)]
    full, grown, pieces = _tiles(old.size, commit.tiles)
    runs, chains, chain_pages = pages.add_runs(old.size, commit.chain_runs)
    # One record may name two files with the same first bytes.
    digests, digest_pages = pages.add_digests(old.size, dict.fromkeys(commit.digests))
    return [
        *(log, old.size, old.root, old.epoch, size, commit.root, commit.sequenced_us),
        *_columns(entries, 3),
        uuids(commit.record_ids),
        *_columns(full, 3),
        *_columns(grown, 2),
        *_columns(pieces, 3),
        *_columns(commit.submissions, 3),
        *(runs, digests, old.size - DIGEST_TAIL),
        *_columns(chains, 3),
        *_columns(chain_pages, 7),
        *_columns(digest_pages, 4),
    ]


def uuids(record_ids: Sequence[bytes]) -> str:
    """An array of uuid as PostgreSQL reads it: one value to send instead of thousands."""
    digits = b"".join(record_ids).hex()
    return "{" + ",".join([digits[at : at + 32] for at in range(0, len(digits), 32)]) + "}"


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


def _columns(rows: Sequence[Sequence[Any]], width: int) -> Sequence[Sequence[Any]]:
    return list(zip(*rows, strict=True)) if rows else [()] * width
