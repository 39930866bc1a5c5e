"""The agent's durable state: one SQLite file, one writing connection, one thread.

Every decision is one transaction: the rows that remember it and the record that tells of it are written together, so a
crash before the commit means that nothing was decided, and a crash after it that the record goes out at the next start,
with the same bytes.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Final, NamedTuple

from custody.core.errors import CustodyError
from custody.core.record import ReadRecord
from custody.recorder.ranges import Numbered

SCHEMA: Final = ("0001_agent", "0002_forgetting", "0003_check")
"""Files of `schema/`, in order. `user_version` of a state is how many of them it has."""


class StateError(CustodyError):
    """The state file is not one that this version can use."""

    code = "recorder-state"


class Stream(NamedTuple):
    """A row of `stream`."""

    id: int
    name: str
    recorder: str
    last_number: int
    end_us: int | None
    seen_us: int
    open_gap_us: int | None
    heartbeat_us: int


class Segment(NamedTuple):
    """A row of `segment` with the name of its stream."""

    id: int
    stream: str
    number: int
    sha256: bytes
    size_bytes: int
    from_us: int
    to_us: int
    altered: int
    gone_us: int | None
    gone_from: str
    disposed: int

    @property
    def numbered(self) -> Numbered:
        """As ranges want it."""
        return Numbered(self.stream, self.number, self.from_us, self.to_us)


class File(NamedTuple):
    """A row of `file`."""

    segment: int | None
    size_bytes: int
    mtime_ns: int


_STREAM = "SELECT id, name, recorder, last_number, end_us, seen_us, open_gap_us, heartbeat_us FROM stream"
_SEGMENT = """SELECT s.id, t.name, s.number, s.sha256, s.size_bytes, s.from_us, s.to_us, s.altered, s.gone_us, s.gone_from, s.disposed
    FROM segment s JOIN stream t ON t.id = s.stream"""


class State:
    """The writing end. Use from one thread only."""

    def __init__(self, path: Path) -> None:
        """Opens or creates the file. Raises StateError, or sqlite3.Error when it is damaged."""
        self._db = sqlite3.connect(path, isolation_level=None, timeout=5)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.execute("PRAGMA foreign_keys=ON")
        self._db.execute("PRAGMA cache_size=-16000")
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version > len(SCHEMA):
            raise StateError(f"{path} has version {version}; this agent knows {len(SCHEMA)}")
        if version < len(SCHEMA):
            # One transaction: a crash leaves the version that was there.
            lacking = "\n".join(_read_schema(name) for name in SCHEMA[version:])
            self._db.executescript(f"BEGIN IMMEDIATE; {lacking} PRAGMA user_version={len(SCHEMA)}; COMMIT")
        self._folders: dict[tuple[str, str], int] = {}

    def close(self) -> None:
        """Closes the file."""
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; durable when it ends without an exception."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            self._folders.clear()  # ids that were given in this transaction are not there any more
            raise
        self._db.execute("COMMIT")

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """A part of a transaction that may fail alone."""
        self._db.execute("SAVEPOINT part")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK TO part")
            self._db.execute("RELEASE part")
            self._folders.clear()
            raise
        self._db.execute("RELEASE part")

    # ---- streams

    def stream(self, name: str, recorder: str, now_us: int) -> Stream:
        """The stream, made when it is new."""
        known = self.find_stream(name)
        if known is not None:
            return known
        self._db.execute(
            "INSERT INTO stream (name, recorder, seen_us) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            (name, recorder, now_us),
        )
        return Stream(*self._db.execute(f"{_STREAM} WHERE name = ?", (name,)).fetchone())

    def find_stream(self, name: str) -> Stream | None:
        """The stream, or None when it is not known."""
        row = self._db.execute(f"{_STREAM} WHERE name = ?", (name,)).fetchone()
        return Stream(*row) if row else None

    def streams(self) -> list[Stream]:
        """Every stream by name."""
        return [Stream(*row) for row in self._db.execute(f"{_STREAM} ORDER BY name")]

    def open_gap(self, stream: int, from_us: int, reason: int) -> None:
        """Remembers that a gap was declared open."""
        self._db.execute(
            "UPDATE stream SET open_gap_us = ?, open_gap_reason = ? WHERE id = ?", (from_us, reason, stream)
        )

    def close_gap(self, stream: int) -> None:
        """Remembers that the open gap is over."""
        self._db.execute("UPDATE stream SET open_gap_us = NULL, open_gap_reason = NULL WHERE id = ?", (stream,))

    def add_gap(self, stream: str, from_us: int, to_us: int, reason: int) -> None:
        """Remembers a gap that is over; one that turned out to be none is not remembered."""
        if from_us < to_us:
            self._db.execute(
                "INSERT INTO gap VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", (stream, from_us, to_us, reason)
            )

    def forget_gaps(self, before_us: int) -> None:
        """Forgets gaps that were over before then."""
        self._db.execute("DELETE FROM gap WHERE to_us < ?", (before_us,))

    def set_heartbeats(self, streams: Iterable[int], now_us: int) -> None:
        """Remembers when heartbeats were written."""
        self._db.executemany(
            "UPDATE stream SET heartbeat_us = ? WHERE id = ?", [(now_us, stream) for stream in streams]
        )

    # ---- segments and files

    def add_segment(
        self, stream: Stream, number: int, sha256: bytes, size_bytes: int, span: tuple[int, int], now_us: int
    ) -> int:
        """Remembers a new segment of `stream` and moves the stream's end."""
        from_us, to_us = span
        row = self._db.execute(
            "INSERT INTO segment (stream, number, sha256, size_bytes, from_us, to_us, registered_us, verified_us)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
            (stream.id, number, sha256, size_bytes, from_us, to_us, now_us, now_us),
        ).fetchone()
        self._db.execute(
            "UPDATE stream SET last_number = ?, end_us = max(coalesce(end_us, 0), ?), seen_us = ? WHERE id = ?",
            (number, to_us, now_us, stream.id),
        )
        return int(row[0])

    def segment(self, segment: int) -> Segment:
        """One segment by id."""
        return Segment(*self._db.execute(f"{_SEGMENT} WHERE s.id = ?", (segment,)).fetchone())

    def segments_with(self, sha256: bytes, stream: int, from_us: int | None) -> list[Segment]:
        """Segments of a stream whose file had this digest; those that begin at `from_us`, when it is given."""
        query = f"{_SEGMENT} WHERE s.sha256 = ? AND s.stream = ? AND s.from_us = coalesce(?, s.from_us)"
        return [Segment(*row) for row in self._db.execute(query, (sha256, stream, from_us))]

    def gone_before(self, moment_us: int, limit: int) -> list[Segment]:
        """Segments without a file since before `moment_us` that were not disposed of yet."""
        query = f"{_SEGMENT} WHERE s.gone_us < ? AND s.disposed = 0 ORDER BY s.stream, s.number LIMIT ?"
        return [Segment(*row) for row in self._db.execute(query, (moment_us, limit))]

    def least_verified(self, before_us: int, limit: int) -> list[Segment]:
        """Present segments that were not hashed since `before_us`, the longest unseen first."""
        query = f"{_SEGMENT} WHERE s.gone_us IS NULL AND s.disposed = 0 AND s.verified_us < ? ORDER BY s.verified_us, s.id LIMIT ?"
        return [Segment(*row) for row in self._db.execute(query, (before_us, limit))]

    def set_gone(self, segment: int, gone_us: int | None, storage: str = "") -> None:
        """The segment has no file since `gone_us`, when it left `storage`; None: it has one again."""
        self._db.execute(
            "UPDATE segment SET gone_us = ?, gone_from = ?, disposed = 0 WHERE id = ?", (gone_us, storage, segment)
        )

    def set_disposed(self, segments: Iterable[int]) -> None:
        """The disposal of these segments is recorded."""
        self._db.executemany("UPDATE segment SET disposed = 1 WHERE id = ?", [(segment,) for segment in segments])

    def mark_forgotten(self, before_us: int, limit: int) -> None:
        """Marks disposed segments whose last file went before `before_us`: 2 in place of 1."""
        self._db.execute(
            "UPDATE segment SET disposed = 2 WHERE id IN (SELECT id FROM segment INDEXED BY segment_disposed"
            " WHERE disposed > 0 AND gone_us < ? AND disposed = 1 LIMIT ?)",
            (before_us, limit),
        )

    def drop_forgotten(self, limit: int) -> int:
        """Drops marked segments; returns how many. One that came back meanwhile is not marked any more."""
        return self._db.execute(
            "DELETE FROM segment WHERE id IN (SELECT id FROM segment INDEXED BY segment_disposed"
            " WHERE disposed > 0 AND disposed = 2 LIMIT ?)",
            (limit,),
        ).rowcount

    def set_verified(self, segment: int, now_us: int, *, altered: bool) -> None:
        """The segment's file was hashed again."""
        self._db.execute(
            "UPDATE segment SET verified_us = ?, altered = ? WHERE id = ?", (now_us, int(altered), segment)
        )

    def set_verified_at(self, segment: int, moment_us: int) -> None:
        """The segment counts as hashed at that moment, when it comes to whose turn is next."""
        self._db.execute("UPDATE segment SET verified_us = ? WHERE id = ?", (moment_us, segment))

    def folder(self, storage: str, path: str) -> int:
        """Id of a folder, made when it is new."""
        key = (storage, path)
        known = self._folders.get(key)
        if known is None:
            if len(self._folders) > 20_000:
                self._folders.clear()
            self._db.execute("INSERT INTO folder (storage, path) VALUES (?, ?) ON CONFLICT DO NOTHING", key)
            known = int(self._db.execute("SELECT id FROM folder WHERE storage = ? AND path = ?", key).fetchone()[0])
            self._folders[key] = known
        return known

    def folders(self, storage: str) -> dict[str, tuple[int, int]]:
        """Every known folder of a storage: path to id and the mtime at which it was last listed."""
        query = "SELECT path, id, mtime_ns FROM folder WHERE storage = ?"
        return {path: (folder, mtime_ns) for path, folder, mtime_ns in self._db.execute(query, (storage,))}

    def set_listed(self, folder: int, mtime_ns: int) -> None:
        """The folder was listed when it had this mtime; it need not be listed again before it changes."""
        self._db.execute("UPDATE folder SET mtime_ns = ? WHERE id = ?", (mtime_ns, folder))

    def drop_folder(self, folder: int) -> None:
        """Forgets a folder that has no files any more and is gone."""
        self._db.execute("DELETE FROM folder WHERE id = ?", (folder,))
        self._folders.clear()

    def file(self, folder: int, name: str) -> File | None:
        """What is known of a path."""
        query = "SELECT segment, size_bytes, mtime_ns FROM file WHERE folder = ? AND name = ?"
        row = self._db.execute(query, (folder, name)).fetchone()
        return File(*row) if row else None

    def known(self, storage: str, folder: str, name: str) -> File | None:
        """As `file`, by names and without making the folder."""
        row = self._db.execute(
            "SELECT f.segment, f.size_bytes, f.mtime_ns FROM folder d JOIN file f ON f.folder = d.id AND f.name = ?"
            " WHERE d.storage = ? AND d.path = ?",
            (name, storage, folder),
        ).fetchone()
        return File(*row) if row else None

    def files_in(self, folder: int) -> dict[str, File]:
        """Every known path of a folder."""
        query = "SELECT name, segment, size_bytes, mtime_ns FROM file WHERE folder = ?"
        return {name: File(*row) for name, *row in self._db.execute(query, (folder,))}

    def set_file(self, folder: int, name: str, file: File) -> None:
        """Remembers a path."""
        self._db.execute(
            "INSERT INTO file (folder, name, segment, size_bytes, mtime_ns) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET segment = excluded.segment, size_bytes = excluded.size_bytes,"
            " mtime_ns = excluded.mtime_ns",
            (folder, name, *file),
        )

    def drop_file(self, folder: int, name: str) -> None:
        """Forgets a path that is gone."""
        self._db.execute("DELETE FROM file WHERE folder = ? AND name = ?", (folder, name))

    def places(self, segment: int) -> list[tuple[str, str, str]]:
        """Storage, folder and name of every file of a segment."""
        query = (
            "SELECT d.storage, d.path, f.name FROM file f JOIN folder d ON d.id = f.folder WHERE f.segment = ?"
            " ORDER BY d.storage, d.path, f.name"
        )
        return list(self._db.execute(query, (segment,)))

    # ---- records on their way

    def add_pending(self, records: Iterable[ReadRecord]) -> None:
        """Records that the outbox must get."""
        self._db.executemany(
            "INSERT INTO pending (record, chains) VALUES (?, ?)",
            [(record.raw, "\n".join(record.chains)) for record in records],
        )

    def pending(self, limit: int) -> list[tuple[int, bytes]]:
        """The oldest waiting records."""
        return list(self._db.execute("SELECT id, record FROM pending ORDER BY id LIMIT ?", (limit,)))

    def drop_pending(self, last: int) -> None:
        """The outbox has every record up to this one."""
        self._db.execute("DELETE FROM pending WHERE id <= ?", (last,))

    def count_pending(self) -> int:
        """How many records wait."""
        return int(self._db.execute("SELECT count(*) FROM pending").fetchone()[0])

    # ---- causes, announcements, disclosures, notes

    def begin_cause(self, stream: str, reason: int, from_us: int, to_us: int | None = None) -> None:
        """Something that explains missing footage began (and ended, when `to_us` is given)."""
        self._db.execute(
            "INSERT INTO cause (stream, reason, from_us, to_us) VALUES (?, ?, ?, ?)", (stream, reason, from_us, to_us)
        )

    def end_cause(self, stream: str, reason: int, to_us: int) -> None:
        """It ended."""
        self._db.execute(
            "UPDATE cause SET to_us = ? WHERE stream = ? AND reason = ? AND to_us IS NULL", (to_us, stream, reason)
        )

    def causes(self, stream: str, from_us: int, to_us: int) -> list[int]:
        """Reasons that overlap a time, the stream's own first, the longest known last."""
        query = (
            "SELECT reason FROM cause WHERE stream IN (?, '') AND from_us < ? AND coalesce(to_us, ?) > ?"
            " ORDER BY stream = '', id DESC"
        )
        return [reason for (reason,) in self._db.execute(query, (stream, to_us, to_us, from_us))]

    def announce(self, storage: str, path: str, kind: int, at_us: int) -> None:
        """A deletion was announced."""
        self._db.execute("INSERT OR REPLACE INTO announcement VALUES (?, ?, ?, ?)", (storage, path, kind, at_us))

    def take_announcement(self, storage: str, path: str) -> int | None:
        """The announced kind of disposal of a path, once; None when it was not announced."""
        row = self._db.execute(
            "DELETE FROM announcement WHERE storage = ? AND path = ? RETURNING kind", (storage, path)
        ).fetchone()
        return int(row[0]) if row else None

    def add_disclosures(self, items: Sequence[tuple[bytes, bytes]], now_us: int) -> None:
        """Keeps personal data beside the ledger: commitment and serialized Disclosure."""
        self._db.executemany(
            "INSERT INTO disclosure VALUES (?, ?, ?) ON CONFLICT DO NOTHING", [(*item, now_us) for item in items]
        )

    def note(self, key: str) -> str | None:
        """A remembered value."""
        row = self._db.execute("SELECT value FROM note WHERE key = ?", (key,)).fetchone()
        return str(row[0]) if row else None

    def drop_note(self, key: str) -> None:
        """Forgets a value."""
        self._db.execute("DELETE FROM note WHERE key = ?", (key,))

    def set_note(self, key: str, value: str) -> None:
        """Remembers a value."""
        self._db.execute(
            "INSERT INTO note VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value", (key, value)
        )


def _read_schema(name: str) -> str:
    return files("custody.recorder").joinpath("schema", f"{name}.sql").read_text(encoding="utf-8")
