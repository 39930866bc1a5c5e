"""Queries of the embedded store; each is one read transaction on a read-only connection."""

import sqlite3
from collections.abc import Sequence
from itertools import groupby

from custody.core.bundle import decode_bundle
from custody.core.chain import Head
from custody.core.errors import MalformedError
from custody.core.hashing import HASH_BYTES
from custody.core.limits import MAX_BATCH_RECORDS
from custody.core.tile import TILE_WIDTH
from custody.core.tree import MAX_TREE_SIZE
from custody.server.store.protocol import LogHead, LogState, Placed, StoreDamaged, Submission

_PARAMETERS = 500


def state(run: sqlite3.Connection, log: int) -> LogState:
    """See LogStore.state."""
    row = run.execute(
        "SELECT origin, vkeys, size, root, epoch, sequenced_us, published,"
        " (SELECT note FROM checkpoint WHERE checkpoint.log = log.log AND checkpoint.size = published)"
        " FROM log WHERE log = ?",
        (log,),
    ).fetchone()
    if row is None:
        raise StoreDamaged("the row of the log is gone")
    origin, vkeys, size, root, epoch, sequenced_us, published, note = row
    return LogState(origin, tuple(vkeys.splitlines()), LogHead(size, root, epoch), sequenced_us, published, note or b"")


def checkpoint(run: sqlite3.Connection, log: int, size: int) -> bytes | None:
    """See LogStore.checkpoint."""
    row = run.execute("SELECT note FROM checkpoint WHERE log = ? AND size = ?", (log, size)).fetchone()
    return None if row is None else row[0]


def checkpoints(run: sqlite3.Connection, log: int, from_size: int, count: int) -> list[bytes]:
    """See LogStore.checkpoints."""
    rows = run.execute(
        "SELECT note FROM checkpoint WHERE log = ? AND size >= ? ORDER BY size LIMIT ?", (log, from_size, count)
    )
    return [note for (note,) in rows]


def tiles(run: sqlite3.Connection, log: int, ids: Sequence[tuple[int, int]]) -> dict[tuple[int, int], bytes]:
    """See LogStore.tiles."""
    found: dict[tuple[int, int], bytes] = {}
    for level, index in dict.fromkeys(ids):
        row = run.execute(
            "SELECT hashes FROM tile WHERE log = ? AND level = ? AND tile_index = ?", (log, level, index)
        ).fetchone()
        if row is not None:
            found[level, index] = row[0]
    return found


def entries(run: sqlite3.Connection, log: int, first: int, count: int) -> list[Placed]:
    """See LogStore.entries."""
    end = first + min(count, MAX_BATCH_RECORDS)
    # Runs do not cross a multiple of 256: the run that holds `first` begins at or after that bundle's beginning.
    rows = run.execute(
        "SELECT first_index, count, data FROM entry_run WHERE log = ? AND first_index >= ? AND first_index < ? ORDER BY first_index",
        (log, first - first % TILE_WIDTH, end),
    )
    found: list[Placed] = []
    for run_first, run_count, data in rows:
        if run_first + run_count > first:
            placed = enumerate(_decode(run_first, run_count, data), run_first)
            found.extend([Placed(index, entry) for index, entry in placed if first <= index < end])
    return found


def _decode(first: int, count: int, data: bytes) -> list[bytes]:
    try:
        return decode_bundle(data, count)
    except MalformedError as error:
        raise StoreDamaged(f"the row of the entries from {first} is not {count} entries: {error}") from error


def entries_at(run: sqlite3.Connection, log: int, indexes: Sequence[int]) -> list[Placed]:
    """See LogStore.entries_at."""
    found: dict[int, bytes] = {}
    for _, group in groupby(sorted(indexes[:MAX_BATCH_RECORDS]), key=lambda index: index // TILE_WIDTH):
        wanted = list(group)
        found.update(entries(run, log, wanted[0], wanted[-1] - wanted[0] + 1))
    return [Placed(index, found[index]) for index in indexes if index in found]


def heads(run: sqlite3.Connection, log: int, size: int) -> dict[str, Head]:
    """See LogStore.heads. Within a chain the leaf index grows with the number, so the search runs from the end."""
    rows = run.execute("SELECT name, chain FROM chain WHERE log = ?", (log,)).fetchall()
    found = {name: _head(run, log, number, size) for name, number in rows}
    return {name: head for name, head in found.items() if head is not None}


def chain_head(run: sqlite3.Connection, log: int, chain: str) -> Head | None:
    """See LogStore.chain_head."""
    row = run.execute("SELECT chain FROM chain WHERE log = ? AND name = ?", (log, chain)).fetchone()
    return None if row is None else _head(run, log, row[0], MAX_TREE_SIZE)


def _head(run: sqlite3.Connection, log: int, number: int, size: int) -> Head | None:
    row = run.execute(
        "SELECT first_seq, first_index, count FROM chain_run WHERE log = ? AND chain = ? AND first_index < ?"
        " ORDER BY first_seq DESC LIMIT 1",
        (log, number, size),
    ).fetchone()
    if row is None:
        return None
    first_seq, first_index, count = row
    index = min(first_index + count, size) - 1
    hashes = tiles(run, log, [(0, index // TILE_WIDTH)]).get((0, index // TILE_WIDTH), b"")
    at = index % TILE_WIDTH * HASH_BYTES
    leaf = hashes[at : at + HASH_BYTES]
    if len(leaf) != HASH_BYTES:
        raise StoreDamaged(f"the tile of entry {index} is missing or too short")
    return Head(first_seq + index - first_index, leaf)


def known_records(run: sqlite3.Connection, log: int, record_ids: Sequence[bytes]) -> dict[bytes, int]:
    """See LogStore.known_records."""
    found: dict[bytes, int] = {}
    for at in range(0, len(record_ids), _PARAMETERS):
        part = record_ids[at : at + _PARAMETERS]
        marks = ",".join("?" * len(part))
        found.update(
            run.execute(
                f"SELECT record_id, leaf_index FROM record WHERE log = ? AND record_id IN ({marks})",
                (log, *part),
            )
        )
    return found


def chain_indexes(run: sqlite3.Connection, log: int, chain: str, first_seq: int, count: int) -> list[int]:
    """See LogStore.chain_indexes."""
    end = first_seq + min(count, MAX_BATCH_RECORDS)
    rows = run.execute(
        "SELECT r.first_seq, r.first_index, r.count FROM chain JOIN chain_run r USING (log, chain)"
        " WHERE log = ?1 AND name = ?2 AND r.first_seq < ?4 AND r.first_seq >= coalesce(("
        "  SELECT max(s.first_seq) FROM chain_run s WHERE s.log = ?1 AND s.chain = chain.chain AND s.first_seq <= ?3), ?3)"
        " ORDER BY r.first_seq",
        (log, chain, first_seq, end),
    )
    found: list[int] = []
    for run_seq, run_index, run_count in rows:
        low, high = max(first_seq, run_seq), min(end, run_seq + run_count)
        found.extend(range(run_index + low - run_seq, run_index + high - run_seq))
    return found


def chain_period(
    run: sqlite3.Connection, log: int, chain: str, from_us: int, to_us: int, after_seq: int, count: int
) -> list[tuple[int, int]]:
    """See LogStore.chain_period. The longest run bounds how early a run that touches the period can begin."""
    rows = run.execute(
        "SELECT r.first_seq, r.first_index, r.count FROM chain JOIN chain_run r USING (log, chain)"
        " WHERE log = ?1 AND name = ?2 AND r.from_us < ?4 AND r.from_us >= ?3 - chain.longest_us"
        " AND (r.to_us > ?3 OR r.from_us = ?3) AND r.first_seq + r.count - 1 > ?5 ORDER BY r.first_seq LIMIT ?6",
        (log, chain, from_us, to_us, after_seq, min(count, MAX_BATCH_RECORDS)),
    )
    found: list[tuple[int, int]] = []
    for first_seq, first_index, run_count in rows:
        skip = max(0, after_seq + 1 - first_seq)
        found.extend((first_seq + at, first_index + at) for at in range(skip, run_count))
    return found[: min(count, MAX_BATCH_RECORDS)]


def time_range(run: sqlite3.Connection, log: int, from_us: int, to_us: int) -> tuple[int, int]:
    """See LogStore.time_range. Stamps never decrease, so a period is one run of indexes."""

    def first_at(moment_us: int) -> int:
        row = run.execute(
            "SELECT first_index FROM entry_run WHERE log = ? AND sequenced_us >= ? ORDER BY sequenced_us, first_index LIMIT 1",
            (log, moment_us),
        ).fetchone()
        if row is not None:
            return int(row[0])
        return int(run.execute("SELECT size FROM log WHERE log = ?", (log,)).fetchone()[0])

    first = first_at(from_us)
    return first, max(first, first_at(to_us))


def digest_indexes(run: sqlite3.Connection, log: int, prefix: bytes, count: int) -> list[int]:
    """See LogStore.digest_indexes."""
    rows = run.execute(
        "SELECT leaf_index FROM digest WHERE log = ? AND prefix = ? ORDER BY leaf_index LIMIT ?",
        (log, prefix, min(count, MAX_BATCH_RECORDS)),
    )
    return [index for (index,) in rows]


def submitter_runs(
    run: sqlite3.Connection, log: int, submitter: str, from_us: int, to_us: int, after_index: int, count: int
) -> list[Submission]:
    """See LogStore.submitter_runs. Times never decrease along the index, so the period is a range of indexes."""
    first, end = time_range(run, log, from_us, to_us)
    rows = run.execute(
        "SELECT submitter, first_index, count FROM submission WHERE log = ? AND submitter = ? AND first_index >= ?"
        " AND first_index < ? ORDER BY first_index LIMIT ?",
        (log, submitter, max(first, after_index + 1), end, min(count, MAX_BATCH_RECORDS)),
    )
    return [Submission(*row) for row in rows]
