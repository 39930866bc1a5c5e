"""Five ways to falsify, each carried out on a copy, as somebody with full access to the machine could.

Whoever tampers here has the database, the footage and this program, but not the signing key.
"""

import asyncio
import shutil
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from custody.core.bundle import decode_bundle
from custody.core.entry import decode_entry, sealed_record
from custody.core.record import read_record
from custody.demo.stage import ORIGIN
from custody.server.batch import Admitted
from custody.server.recovery import load
from custody.server.stamping import Stamper, settle
from custody.server.store.sqlite import SqliteDirectory


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A copy of everything that the operator holds: the ledger's database and the footage folder."""

    database: Path
    footage: Path


def flip_byte_of_file(evidence: Evidence) -> str:
    """One bit in the middle of a footage file."""
    path = _files(evidence)[0]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    return path.relative_to(evidence.footage).as_posix()


def delete_file(evidence: Evidence) -> str:
    """One footage file."""
    path = _files(evidence)[-1]
    path.unlink()
    return path.relative_to(evidence.footage).as_posix()


def flip_byte_of_entry(evidence: Evidence) -> str:
    """One bit of an entry in the database: here, of the record of a segment."""
    with _opened(evidence.database) as connection:
        rowid, data = connection.execute(
            "SELECT first_index, data FROM entry_run ORDER BY length(data) DESC LIMIT 1"
        ).fetchone()
        changed = bytearray(data)
        changed[len(changed) // 2] ^= 1
        connection.execute("UPDATE entry_run SET data = ? WHERE first_index = ?", (bytes(changed), rowid))
    return f"entry_run {rowid}"


def remove_entry(evidence: Evidence, access_id: bytes) -> str:
    """The entry about the officers' access, thoroughly: a new log is computed without it, hash for hash.

    Chains, numbers, tree, tiles and index all fit; the signed checkpoints are copied over from the true log.
    """
    forged = evidence.database.with_name("forged.db")
    asyncio.run(_rebuild(evidence.database, forged, access_id))
    with _opened(evidence.database) as old:
        notes = old.execute("SELECT size, note FROM checkpoint ORDER BY size").fetchall()
    with _opened(forged) as new:
        (size,) = new.execute("SELECT size FROM log").fetchone()
        kept = [(1, at, note) for at, note in notes if at <= size]
        new.executemany("INSERT INTO checkpoint (log, size, note) VALUES (?, ?, ?)", kept)
        new.execute("UPDATE log SET published = ?", (kept[-1][1],))
    for suffix in ("", "-wal", "-shm", ".lock"):
        evidence.database.with_name(evidence.database.name + suffix).unlink(missing_ok=True)
    forged.rename(evidence.database)
    forged.with_name("forged.db.lock").unlink()
    return "access"


async def _rebuild(database: Path, forged: Path, left_out: bytes) -> None:
    with _opened(database) as connection:
        vkeys = connection.execute("SELECT vkeys FROM log").fetchone()[0].splitlines()
        rows = connection.execute("SELECT count, data FROM entry_run ORDER BY first_index").fetchall()
    directory = await SqliteDirectory.open_file(forged, create=True)
    try:
        store = await directory.create(ORIGIN, vkeys, 1)
        _, memory = await load(store, 1 << 60)
        for count, data in rows:
            for raw in decode_bundle(data, count):
                entry = decode_entry(raw)
                record = read_record(entry.record)
                if record.record_id == left_out:
                    continue
                stamper = Stamper(memory, entry.sequenced_at_us)
                stamper.add(entry.submitter, (Admitted(record, sealed_record(entry.record)),))
                stamped = stamper.finish()
                await store.commit(stamped.commit)
                settle(memory, stamped)
    finally:
        await directory.close()


def roll_back(evidence: Evidence, earlier: Path) -> str:
    """The whole database, to a copy from before the access: every signature in it is genuine."""
    shutil.copyfile(earlier, evidence.database)
    return "ledger.db"


def _files(evidence: Evidence) -> list[Path]:
    return sorted(path for path in evidence.footage.rglob("*") if path.is_file())


class _opened:  # noqa: N801  (reads as a verb: with _opened(...))
    """A SQLite file, committed and folded into one file at the end of the block."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path)

    def __enter__(self) -> sqlite3.Connection:
        return self._connection

    def __exit__(self, *_: object) -> None:
        self._connection.commit()
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._connection.close()
