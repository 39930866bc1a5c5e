"""A log in PostgreSQL, read by a stranger: own SQL, read-only, one transaction for everything.

The tables are those of ledger/custody/server/store/schema/postgres/0001_log.sql; no code of the server is used. Values have
the types of their columns, which the database enforces; what they say is not trusted.
"""

from array import array
from bisect import bisect_right
from collections.abc import Iterator
from typing import Final, Self

from custody.verifier.log_reader import LogUnreadable, StoredCheckpoint, StoredHead, StoredRun
from custody.verifier.postgres_connection import PostgresView
from custody.verifier.postgres_index import PostgresIndex

TABLES: Final = (
    *("log", "entry_run", "tile", "edge", "checkpoint", "batch", "record", "submission", "chain", "tail"),
    *("chain_page", "digest_page"),
)
_HASH_BYTES: Final = 32
_TILE_WIDTH: Final = 256
_FEW: Final = 5


def connect(dsn: str) -> PostgresView:
    """Opens a database for reading. Raises LogUnreadable for anything that is no ledger database."""
    view = PostgresView(dsn)
    try:
        missing = view.rows("SELECT t FROM unnest($1::text[]) AS t WHERE to_regclass(t) IS NULL", TABLES)
        if missing:
            names = ", ".join(sorted(name for (name,) in missing))
            raise LogUnreadable(f"this is no ledger database: it lacks {names}")
    except BaseException:
        view.close()
        raise
    return view


def origins(view: PostgresView) -> list[tuple[int, str]]:
    """(number, origin) of every log in the database."""
    return [(number, origin) for number, origin in view.rows("SELECT log, origin FROM log ORDER BY origin")]


class Times:
    """When each commit was sequenced: 16 bytes of memory for every commit."""

    def __init__(self, view: PostgresView, log: int) -> None:
        self._firsts, self._stamps = array("q"), array("q")
        query = "SELECT first_index, sequenced_us FROM batch WHERE log = $1 ORDER BY first_index, sequenced_us"
        for rows in view.stream(query, log):
            self._firsts.extend([first for first, _ in rows])
            self._stamps.extend([stamp for _, stamp in rows])

    def at(self, index: int) -> int | None:
        """Stamp of the commit that wrote the entry at this index; None: no commit is known to have."""
        place = bisect_right(self._firsts, index)
        return self._stamps[place - 1] if place else None


class PostgresLog:
    """One log of the database; implements LogReader and holds its connection."""

    def __init__(self, view: PostgresView, log: int) -> None:
        self._view = view
        self._log = log
        self._times: Times | None = None

    @classmethod
    def open(cls, dsn: str, log: int) -> Self:
        """Connects and reads one log."""
        return cls(connect(dsn), log)

    def _time(self, index: int) -> int:
        if self._times is None:
            self._times = Times(self._view, self._log)
        stamp = self._times.at(index)
        return -1 if stamp is None else stamp  # no entry has such a stamp: the difference is found

    def head(self) -> StoredHead:
        """See LogReader."""
        rows = self._view.rows(
            "SELECT origin, vkeys, size, root, published, sequenced_us, created_us, epoch FROM log WHERE log = $1",
            self._log,
        )
        if len(rows) != 1:
            raise LogUnreadable(f"there is no log {self._log}")
        origin, vkeys, *numbers = rows[0]
        return StoredHead(origin, tuple(vkeys.split("\n")), *numbers)

    def end(self) -> int:
        """See LogReader."""
        rows = self._view.rows(
            "SELECT first_index + count FROM entry_run WHERE log = $1 ORDER BY first_index DESC LIMIT 1", self._log
        )
        # Every entry has its leaf hash stored, which no compression shortens.
        ((room,),) = self._view.rows("SELECT pg_database_size(current_database()) / $1", _HASH_BYTES)
        end = rows[0][0] if rows else 0
        return max(0, min(int(end), int(room)))

    def runs(self, first: int, end: int) -> Iterator[StoredRun]:
        """See LogReader."""
        for index, count, data in self._view.rows(
            "SELECT first_index, count, data FROM entry_run"
            " WHERE log = $1 AND first_index >= $2 AND first_index < $3 ORDER BY first_index",
            *(self._log, first, end),
        ):
            yield StoredRun(index, count, self._time(index), data)

    def runs_outside(self, end: int) -> list[int]:
        """See LogReader."""
        return self._outside("SELECT first_index FROM entry_run WHERE log = $1 AND first_index {} $2 LIMIT $3", end)

    def _outside(self, sql: str, end: int) -> list[int]:
        below, beyond = sql.format("<"), sql.format(">=")
        rows = self._view.rows(below, self._log, 0, _FEW) + self._view.rows(beyond, self._log, end, _FEW)
        return [value for (value,) in rows]

    def checkpoints(self, above: int, to: int) -> Iterator[StoredCheckpoint]:
        """See LogReader."""
        for size, note in self._view.rows(
            "SELECT size, note FROM checkpoint WHERE log = $1 AND size > $2 AND size <= $3 ORDER BY size",
            *(self._log, above, to),
        ):
            yield StoredCheckpoint(size, note)

    def last_checkpoint(self) -> StoredCheckpoint | None:
        """See LogReader."""
        rows = self._view.rows("SELECT size, note FROM checkpoint WHERE log = $1 ORDER BY size DESC LIMIT 1", self._log)
        return StoredCheckpoint(*rows[0]) if rows else None

    def checkpoints_outside(self, to: int) -> list[int]:
        """See LogReader."""
        return self._outside("SELECT size FROM checkpoint WHERE log = $1 AND size {} $2 LIMIT $3", to + 1)

    def tiles(self, level: int, first: int, end: int) -> dict[int, bytes]:
        """See LogReader. A tile at the right edge is put together from its pieces; a piece out of place spoils it."""
        found: dict[int, bytes] = dict(
            self._view.rows(
                "SELECT tile_index, hashes FROM tile"
                " WHERE log = $1 AND level = $2 AND tile_index >= $3 AND tile_index < $4",
                *(self._log, level, first, end),
            )
        )
        for first_hash, hashes in self._view.rows(
            "SELECT first_hash, hashes FROM edge"
            " WHERE log = $1 AND level = $2 AND first_hash >= $3 AND first_hash < $4 ORDER BY first_hash",
            *(self._log, level, first * _TILE_WIDTH, end * _TILE_WIDTH),
        ):
            index, place = divmod(first_hash, _TILE_WIDTH)
            before = found.get(index, b"")
            gap = b"\0" * max(0, place * _HASH_BYTES - len(before))
            found[index] = before + gap + hashes
        return found

    def tile_count(self) -> int:
        """See LogReader. A tile that is there whole and in pieces counts twice, so that it is found."""
        ((count,),) = self._view.rows(
            "SELECT (SELECT count(*) FROM tile WHERE log = $1)"
            " + (SELECT count(DISTINCT (level, first_hash / 256)) FROM edge WHERE log = $1)",
            self._log,
        )
        return int(count)

    def index(self) -> PostgresIndex:
        """See LogReader."""
        return PostgresIndex(self._view, self._log, self._time)

    def close(self) -> None:
        """See LogReader."""
        self._view.close()
