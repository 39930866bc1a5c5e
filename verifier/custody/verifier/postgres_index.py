"""The derived index of a log in PostgreSQL, read by a stranger (see `postgres_log`).

Links and digests are packed big-endian: the newest in the rows of `tail`, all others in pages. What stands in both is one
item; so what the index says is the union of the two, and items that differ stand beside each other and are found.
"""

import struct
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from custody.verifier.log_reader import (
    ChainTotals,
    DigestSum,
    IndexTotals,
    LogUnreadable,
    StoredChain,
    StoredSubmission,
)
from custody.verifier.postgres_connection import PostgresView

_RUN: Final = struct.Struct(">qqiqq")  # first_seq, first_index, count, from_us, to_us
_TAIL_RUN: Final = struct.Struct(">iqqiqq")  # the same behind the chain's number
_DIGEST: Final = struct.Struct(">8sq")
_BUCKETS_IN_BYTE: Final = 4
"""Digests are filed in 1,024 buckets by 10 bits."""
_MAX_HASHED: Final = (1 << 61) - 2
"""Largest integer that Python's hash does not reduce."""
_KEYED: Final = (
    *("entry_run", "tile", "edge", "checkpoint", "batch", "record", "submission", "chain", "tail", "chain_page"),
    "digest_page",
)

Run = tuple[int, int, int, int, int]


class PostgresIndex:
    """Implements IndexReader on the view of its log."""

    def __init__(self, view: PostgresView, log: int, time_of: Callable[[int], int]) -> None:
        """`time_of` tells when the entry at an index was sequenced."""
        self._view = view
        self._log = log
        self._time_of = time_of
        self._tail_runs: dict[int, set[Run]] | None = None

    def _tail(self) -> dict[int, set[Run]]:
        if self._tail_runs is None:
            found: dict[int, set[Run]] = defaultdict(set)
            for (runs,) in self._view.rows("SELECT runs FROM tail WHERE log = $1", self._log):
                for number, *run in _unpack(_TAIL_RUN, runs):
                    found[number].add(tuple(run))
            self._tail_runs = found
        return self._tail_runs

    def chains(self) -> list[StoredChain]:
        """See IndexReader."""
        rows = self._view.rows("SELECT chain, name, longest_us FROM chain WHERE log = $1", self._log)
        return [StoredChain(*row) for row in rows]

    def chain_runs(self, number: int, first_seq: int, end_seq: int) -> list[Run]:
        """See IndexReader."""
        pages = self._view.rows(
            "SELECT runs FROM chain_page WHERE log = $1 AND chain = $2 AND first_seq < $4"
            " AND first_seq >= coalesce((SELECT max(first_seq) FROM chain_page"
            " WHERE log = $1 AND chain = $2 AND first_seq <= $3), $3) ORDER BY first_seq",
            *(self._log, number, first_seq, end_seq),
        )
        runs = {run for (data,) in pages for run in _unpack(_RUN, data)} | self._tail().get(number, set())
        return sorted(run for run in runs if run[0] < end_seq and run[0] + run[2] > first_seq)

    def chain_totals(self) -> dict[int, ChainTotals]:
        """See IndexReader. Here the longest period is that of a page, by which the search is bounded."""
        found: dict[int, ChainTotals] = {}
        query = (
            "SELECT chain, first_seq, last_seq, first_index, from_us, to_us, runs FROM chain_page"
            " WHERE log = $1 ORDER BY chain, first_seq"
        )
        for rows in self._view.stream(query, self._log):
            for number, *told, data in rows:
                runs = list(_unpack(_RUN, data))
                totals = _add_runs(found.get(number), runs)
                if told != _heading(runs):
                    totals = totals._replace(longest_us=-1)  # can equal nothing that the chain says
                elif totals.longest_us >= 0:
                    totals = totals._replace(longest_us=max(totals.longest_us, told[4] - told[3]))
                found[number] = totals
        for number, tail in self._tail().items():
            paged = found[number].end_seq if number in found else 0
            waiting = sorted(run for run in tail if run[0] >= paged)
            if waiting:
                found[number] = _add_runs(found.get(number), waiting)
        return found

    def submissions(self, submitter: str, first: int, end: int) -> list[StoredSubmission]:
        """See IndexReader."""
        rows = self._view.rows(
            "SELECT first_index, count FROM submission WHERE log = $1 AND submitter = $2"
            " AND first_index < $4 AND first_index >= coalesce((SELECT max(first_index) FROM submission"
            " WHERE log = $1 AND submitter = $2 AND first_index <= $3), $3) ORDER BY first_index",
            *(self._log, submitter, first, end),
        )
        return [StoredSubmission(index, count, self._time_of(index)) for index, count in rows if index + count > first]

    def records_between(self, low: bytes, high: bytes, count: int) -> list[tuple[bytes, int]]:
        """See IndexReader."""
        rows = self._view.rows(
            "SELECT record_id, leaf_index FROM record WHERE log = $1 AND record_id >= $2 AND record_id <= $3 LIMIT $4",
            *(self._log, low, high, count),
        )
        return [(record_id, index) for record_id, index in rows]

    def record_places(self, record_ids: Sequence[bytes]) -> list[tuple[bytes, int]]:
        """See IndexReader."""
        rows = self._view.rows(
            "SELECT record_id, leaf_index FROM record WHERE log = $1 AND record_id = ANY ($2::uuid[])",
            *(self._log, list(record_ids)),
        )
        return [(record_id, index) for record_id, index in rows]

    def has_digest(self, prefix: bytes, index: int) -> bool:
        """See IndexReader."""
        rows = self._view.rows(
            "SELECT digests FROM digest_page WHERE log = $1 AND bucket = $2 AND position($3 IN digests) > 0"
            " UNION ALL SELECT digests FROM tail WHERE log = $1 AND position($3 IN digests) > 0",
            *(self._log, _bucket(prefix), prefix),
        )
        return any(item == (prefix, index) for (data,) in rows for item in _unpack(_DIGEST, data))

    def digest_sum(self, low: bytes, high: bytes | None) -> DigestSum:
        """See IndexReader. Parts are taken of the buckets, not of the prefixes: together they are all digests too."""
        first = low[0] * _BUCKETS_IN_BYTE if low else 0
        end = high[0] * _BUCKETS_IN_BYTE if high is not None else 256 * _BUCKETS_IN_BYTE
        waiting: set[Any] = set()
        for (data,) in self._view.rows("SELECT digests FROM tail WHERE log = $1", self._log):
            waiting |= {item for item in _unpack(_DIGEST, data) if first <= _bucket(item[0]) < end}
        oldest = min((index for _, index in waiting), default=_MAX_HASHED)
        count = total = 0
        query = (
            "SELECT bucket, first_index, last_index, digests FROM digest_page"
            " WHERE log = $1 AND bucket >= $2 AND bucket < $3"
        )
        for rows in self._view.stream(query, self._log, first, end):
            for bucket, first_index, last_index, data in rows:
                items = list(_unpack(_DIGEST, data))
                count += len(items)
                total += sum(map(hash, items))
                if not _well_filed(bucket, first_index, last_index, items):
                    count += 1  # can equal nothing that entries say
                if last_index >= oldest:
                    waiting.difference_update(items)
        return DigestSum(count + len(waiting), total + sum(map(hash, waiting)))

    def totals(self) -> IndexTotals:
        """See IndexReader."""
        ((records,),) = self._view.rows("SELECT count(*) FROM record WHERE log = $1", self._log)
        ((submitted,),) = self._view.rows("SELECT coalesce(sum(count), 0) FROM submission WHERE log = $1", self._log)
        strays = [f"table {table}" for table in _KEYED if self._has_strays(table)]
        named = {chain.number for chain in self.chains()}
        paged = {
            number for (number,) in self._view.rows("SELECT DISTINCT chain FROM chain_page WHERE log = $1", self._log)
        }
        if not (paged | self._tail().keys()) <= named:
            strays.append("runs of a chain without a name")
        ((size,),) = self._view.rows("SELECT size FROM log WHERE log = $1", self._log)
        outside = "SELECT FROM batch WHERE log = $1 AND (first_index < 0 OR first_index >= $2) LIMIT 1"
        if self._view.rows(outside, self._log, size):
            strays.append("times of commits outside the log")
        return IndexTotals(records, int(submitted), tuple(strays))

    def _has_strays(self, table: str) -> bool:
        """Whether a table has rows of a log that is not there; hops from log to log along the key."""
        rows = self._view.rows(
            "WITH RECURSIVE hop (log) AS ("  # noqa: S608  (names of our own)
            f"(SELECT log FROM {table} ORDER BY log LIMIT 1) UNION ALL"
            f" SELECT (SELECT t.log FROM {table} t WHERE t.log > h.log ORDER BY t.log LIMIT 1) FROM hop h"
            " WHERE h.log IS NOT NULL)"
            " SELECT 1 FROM hop WHERE log IS NOT NULL AND NOT EXISTS (SELECT FROM log l WHERE l.log = hop.log) LIMIT 1"
        )
        return bool(rows)


def _unpack(form: struct.Struct, data: bytes) -> Iterator[tuple[Any, ...]]:
    try:
        return form.iter_unpack(data)
    except struct.error as error:
        raise LogUnreadable(f"a page of the index is {len(data)} bytes long, no multiple of {form.size}") from error


def _bucket(prefix: bytes) -> int:
    return prefix[7] | (prefix[6] & 3) << 8


def _heading(runs: Sequence[Any]) -> list[int]:
    """What a page must say of its runs: first and last number, first index, smallest period that holds them."""
    if not runs:
        return []
    first, last = runs[0], runs[-1]
    return [first[0], last[0] + last[2] - 1, first[1], min(run[3] for run in runs), max(run[4] for run in runs)]


def _add_runs(before: ChainTotals | None, runs: Sequence[Any]) -> ChainTotals:
    entries = sum(run[2] for run in runs)
    first, end = min(run[0] for run in runs), max(run[0] + run[2] for run in runs)
    if before is None:
        return ChainTotals(entries, first, end, 0)
    return ChainTotals(
        before.entries + entries, min(first, before.first_seq), max(end, before.end_seq), before.longest_us
    )


def _well_filed(bucket: int, first_index: int, last_index: int, items: Sequence[Any]) -> bool:
    return (
        bool(items)
        and (first_index, last_index) == (items[0][1], items[-1][1])
        and all(_bucket(prefix) == bucket and 0 <= index <= _MAX_HASHED for prefix, index in items)
    )
