"""The store of disclosures: personal data beside the ledger, in one SQLite file that only its owner may read.

Rules of this file (docs/desk.md, DESIGN section 3 "Personal data"):

- A record that waits to be sent and the disclosures that it commits to are stored in one transaction. Crash before it:
  nothing happened, no record was sent. Crash after it: the record waits, and the next command sends the same bytes again,
  which the ledger answers with the first receipt. So no record in the log ever commits to a disclosure that was lost.
- One person has one disclosure for each of name, work id and document within a site (docs/spec/rules.md, "Persons").
  Reasons and other texts get a new one each time: equal texts shall not be seen to be equal.
- Erasing: the intention and its record are stored first, and from then on the disclosures are not handed out any more. Once
  the record has its receipt their rows are deleted under `secure_delete`, the file is rewritten and the write-ahead log
  emptied. Crash anywhere: the record waits still, is sent again and gets its first receipt again, and the erasure is
  done (again). Refused for good: the intention is dropped and nothing is erased. So the log never lacks an erasure that
  happened, and what it says was erased is never read again.
"""

import os
import sqlite3
import stat
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from custody.client.database import Database
from custody.core.disclosure import SALT_BYTES, Disclosure, check_disclosure
from custody.desk.errors import DisclosureStoreError, DisclosureUnknown

_APPLICATION_ID: Final = 0x63756464  # "cudd"
_SCHEMA: Final = (
    # `holder` is the commitment by which a person is known (work id, else name or document), empty for other texts.
    (
        "CREATE TABLE disclosure (commitment BLOB PRIMARY KEY, site TEXT NOT NULL, holder BLOB NOT NULL, raw BLOB NOT NULL)"
        " STRICT, WITHOUT ROWID"
    ),
    # `wiping`: rows were deleted for this record and their bytes may not be overwritten yet.
    "CREATE TABLE pending (record_id BLOB PRIMARY KEY, raw BLOB NOT NULL, wiping INTEGER NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE TABLE erasing (commitment BLOB PRIMARY KEY, record_id BLOB NOT NULL) STRICT, WITHOUT ROWID",
    # What may still be handed out.
    "CREATE VIEW kept AS SELECT * FROM disclosure WHERE commitment NOT IN (SELECT commitment FROM erasing)",
)
PERSON_FIELDS: Final = ("work_id", "name", "document")
"""What is disclosed of a person, the field first by which the rules know it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One disclosure that is, or shall be, in the store."""

    commitment: bytes
    site: str
    holder: bytes
    raw: bytes


class Draft:
    """Disclosures of a record that is being written. In memory only: a dry run or a refusal leaves nothing on the disk."""

    def __init__(self, site: str, known: Iterable[Kept], random: Callable[[int], bytes]) -> None:
        self.site = site
        self.new: list[Kept] = []
        self._random = random
        self._persons: dict[tuple[str, str, bytes], bytes] = {}
        for kept in known:
            self._remember(kept)

    def text(self, name: str, value: str) -> bytes:
        """The commitment to a text that is not a person's name or number; always a new one."""
        return self._make(name, value, b"").commitment

    def person(self, values: dict[str, str]) -> dict[str, bytes]:
        """Commitments of one person by field; `values` holds any of PERSON_FIELDS.

        A name belongs to the person with this work id: two people of one name do not share a commitment.
        """
        found: dict[str, bytes] = {}
        for field in PERSON_FIELDS:
            if field in values:
                holder = next(iter(found.values()), b"")
                found[field] = self._person_field(field, values[field], holder)
        return found

    def _person_field(self, field: str, value: str, holder: bytes) -> bytes:
        known = self._persons.get((f"person.{field}", value, holder))
        if known is not None:
            return known
        kept = self._make(f"person.{field}", value, holder)
        self._remember(kept)
        return kept.commitment

    def _make(self, name: str, value: str, holder: bytes) -> Kept:
        disclosure = Disclosure(salt=self._random(SALT_BYTES), name=name, value=value)
        raw = disclosure.encode()
        kept = Kept(commitment=sha256(raw).digest(), site=self.site, holder=holder, raw=raw)
        self.new.append(kept)
        return kept

    def _remember(self, kept: Kept) -> None:
        disclosure = check_disclosure(kept.raw, kept.commitment)
        if disclosure.name.startswith("person."):
            self._persons[disclosure.name, disclosure.value, kept.holder] = kept.commitment


class DisclosureStore:
    """One open store; the only writer of its file."""

    def __init__(self, path: Path, *, random: Callable[[int], bytes] = os.urandom) -> None:
        """Opens the file, or makes it, readable by its owner alone.

        Raises DisclosureStoreError ('disclosure-store-exposed') when others may read it; FileInUse, ClientStorageError.
        """
        self.path = path
        self._random = random
        _own(path)
        self._database = Database(path, schema=_SCHEMA, application_id=_APPLICATION_ID)
        try:
            with self._database.read() as connection:
                connection.execute("PRAGMA secure_delete=ON")
                connection.execute("PRAGMA temp_store=MEMORY")  # VACUUM would else write a copy into a temporary file
                wiping = connection.execute("SELECT 1 FROM pending WHERE wiping").fetchone()
            if wiping:  # an erasure was interrupted, perhaps before the bytes were overwritten
                self._wipe()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Closes the file; a second call does nothing."""
        self._database.close()

    def draft(self, site: str) -> Draft:
        """Makes ready to write a record of a site; knows every person of that site."""
        with self._database.read() as connection:
            rows = connection.execute("SELECT commitment, site, holder, raw FROM kept WHERE site = ?", (site,))
            known = [Kept(commitment=row[0], site=row[1], holder=row[2], raw=row[3]) for row in rows.fetchall()]
        return Draft(site, known, self._random)

    def put(self, record_id: bytes, raw: bytes, draft: Draft, erasing: Sequence[bytes] = ()) -> None:
        """Keeps a record to be sent, its disclosures, and what it says is erased; durable on return, all or nothing."""
        with self._database.write() as connection:
            connection.executemany(
                "INSERT INTO disclosure VALUES (?, ?, ?, ?)",
                [(kept.commitment, kept.site, kept.holder, kept.raw) for kept in draft.new],
            )
            connection.executemany("INSERT INTO erasing VALUES (?, ?)", [(one, record_id) for one in erasing])
            connection.execute("INSERT INTO pending VALUES (?, ?, 0)", (record_id, raw))

    def pending(self) -> list[tuple[bytes, bytes]]:
        """Records that wait to be sent: id and bytes, the oldest first."""
        with self._database.read() as connection:
            return connection.execute("SELECT record_id, raw FROM pending ORDER BY record_id").fetchall()

    def sent(self, record_id: bytes) -> None:
        """The ledger gave a receipt: what the record says is erased is erased now, and the record waits no more."""
        with self._database.write() as connection:
            gone = connection.execute(
                "DELETE FROM disclosure WHERE commitment IN (SELECT commitment FROM erasing WHERE record_id = ?)",
                (record_id,),
            ).rowcount
            if gone:
                connection.execute("UPDATE pending SET wiping = 1 WHERE record_id = ?", (record_id,))
        if gone:
            # Crash here: the rows are gone, their bytes may still lie in the write-ahead log; `__init__` wipes again.
            self._wipe()
        # Crash here: the record is sent once more, and there is nothing left to erase.
        with self._database.write() as connection:
            self._forget(connection, record_id)

    def refused(self, record_id: bytes, draft: Draft | None) -> None:
        """The ledger will never take the record: it waits no more, and what was written for it alone is deleted.

        Disclosures of a record that an earlier command left are kept: nobody knows any more which were new with it.
        """
        gone = [(kept.commitment,) for kept in draft.new] if draft is not None else []
        with self._database.write() as connection:
            connection.executemany("DELETE FROM disclosure WHERE commitment = ?", gone)
            self._forget(connection, record_id)
        if gone:
            self._wipe()

    @staticmethod
    def _forget(connection: sqlite3.Connection, record_id: bytes) -> None:
        connection.execute("DELETE FROM pending WHERE record_id = ?", (record_id,))
        connection.execute("DELETE FROM erasing WHERE record_id = ?", (record_id,))

    def find(self, commitments: Iterable[bytes]) -> list[tuple[bytes, Disclosure]]:
        """The disclosures of these commitments, each held against its commitment.

        Raises DisclosureUnknown when one is not kept (any more).
        """
        found = []
        for commitment in commitments:
            with self._database.read() as connection:
                row = connection.execute("SELECT raw FROM kept WHERE commitment = ?", (commitment,)).fetchone()
            if row is None:
                raise DisclosureUnknown(f"no disclosure is kept for {commitment.hex()}: it was erased, or never here")
            found.append((commitment, check_disclosure(row[0], commitment)))
        return found

    def holds(self, commitments: Iterable[bytes]) -> list[bytes]:
        """Those of `commitments` whose disclosures are kept, in their order."""
        with self._database.read() as connection:
            return [
                one
                for one in commitments
                if connection.execute("SELECT 1 FROM kept WHERE commitment = ?", (one,)).fetchone()
            ]

    def person(self, site: str, values: dict[str, str]) -> list[bytes]:
        """Every commitment kept of one person of a site who is known by all of `values` (any of PERSON_FIELDS)."""
        with self._database.read() as connection:
            rows = connection.execute("SELECT commitment, holder, raw FROM kept WHERE site = ?", (site,)).fetchall()
        persons: dict[bytes, dict[str, tuple[str, bytes]]] = {}
        for commitment, holder, raw in rows:
            disclosure = check_disclosure(raw, commitment)
            if disclosure.name.startswith("person."):
                field = disclosure.name.removeprefix("person.")
                persons.setdefault(holder or commitment, {})[field] = (disclosure.value, commitment)
        return [
            commitment
            for fields in persons.values()
            if all(fields.get(field, ("", b""))[0] == value for field, value in values.items())
            for _, commitment in fields.values()
        ]

    def _wipe(self) -> None:
        """Leaves no byte of deleted rows in the file or beside it; a crash in between is repaired by doing it again."""
        with self._database.read() as connection:
            connection.execute("VACUUM")
            (busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise DisclosureStoreError(f"{self.path}: another program reads it; erased data may still lie beside it")


def _own(path: Path) -> None:
    """Makes a new file for its owner alone, or refuses one that others may read. SQLite gives its side files the same mode."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise DisclosureStoreError(f"{path}: {error.strerror}") from error
    try:
        mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
    finally:
        os.close(descriptor)
    if mode & 0o077:
        raise DisclosureStoreError(
            f"{path} may be read by others (mode {mode:04o}); make it yours alone: chmod 600",
            code="disclosure-store-exposed",
        )
