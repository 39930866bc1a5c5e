"""A log writer of our own: makes a SQLite file by the schema from the forms alone, without any code of the server."""

import json
import re
import sqlite3
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from custody.cli.main import run
from custody.core.chain import START, Head
from custody.core.checkpoint import Checkpoint, sign_checkpoint
from custody.core.entry import Link, encode_entry
from custody.core.hashing import leaf_hash
from custody.core.heads import chain_heads
from custody.core.note import SignatureType, SignerKey
from custody.core.record import encode_record, read_record
from custody.core.tile import TILE_WIDTH, extend_tiles, next_edge
from custody.core.tree import EMPTY_FRONTIER, extend
from custody.v1 import entry_pb2, record_pb2

SCHEMA = Path(__file__).parents[2] / "ledger/custody/server/store/schema/sqlite/0001_log.sql"
ORIGIN = "example.org/log"
NOON_US = 1_767_225_600_000_000
RECORDER = "urn:custody:recorder:nvr-3"
LEDGER = "urn:custody:ledger:main"
DESK = "urn:custody:desk:front"


def key_of(seed: int, name: str = ORIGIN) -> SignerKey:
    return SignerKey.from_seed(name, SignatureType.ED25519, bytes([seed]) * 32)


def record_id(number: int) -> bytes:
    raw = bytearray(number.to_bytes(6, "big") + sha256(b"id%d" % number).digest()[:10])
    raw[6], raw[8] = 0x70 | raw[6] & 15, 0x80 | raw[8] & 63
    return bytes(raw)


class LogWriter:
    """Appends batches to a log in a SQLite file, and signs."""

    def __init__(
        self, path: Path, *, key: SignerKey | None = None, origin: str = ORIGIN, constraints: bool = True
    ) -> None:
        self.path = path
        self.key = key or key_of(1, origin)
        self.origin = origin
        new = not path.exists()
        self.db = sqlite3.connect(path, isolation_level=None)
        self.db.executescript("PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY")
        if new:
            text = SCHEMA.read_text(encoding="utf-8")
            self.db.executescript(text if constraints else _bare(text))
        self.log = self.db.execute("SELECT coalesce(max(log), 0) + 1 FROM log").fetchone()[0]
        self.frontier = EMPTY_FRONTIER
        self.edge: dict[tuple[int, int], bytes] = {}
        self.heads: dict[str, Head] = {}
        self.chain_numbers: dict[str, int] = {}
        self.now_us = NOON_US
        self.number = 0
        self.segment_numbers: dict[str, int] = {}
        self.db.execute(
            "INSERT INTO log VALUES (?, ?, ?, ?, 0, ?, 0, 0, 0)",
            (self.log, origin, self.key.vkey.encode(), self.now_us - 1, EMPTY_FRONTIER.root()),
        )

    @property
    def size(self) -> int:
        return self.frontier.size

    def record(self, at_us: int | None = None, **kind: Any) -> bytes:
        self.number += 1
        return encode_record(
            record_pb2.Record(
                record_id=record_id(self.number), at_us=self.now_us - 20_000_000 if at_us is None else at_us, **kind
            )
        )

    def segment(self, stream: str, content: bytes, path: str = "", *, at_us: int | None = None) -> bytes:
        number = self.segment_numbers[stream] = self.segment_numbers.get(stream, 0) + 1
        return self.record(
            at_us,
            segment=record_pb2.Segment(
                stream=stream,
                number=number,
                duration_us=10_000_000,
                size_bytes=max(1, len(content)),
                file_sha256=sha256(content).digest(),
                path=path,
            ),
        )

    def snapshot(self) -> bytes:
        return self.record(chain_heads=chain_heads(self.size, self.heads))

    def append(
        self,
        records: Sequence[bytes],
        submitter: str = RECORDER,
        *,
        publish: bool = True,
        seal: entry_pb2.Seal | None = None,
    ) -> None:
        """One batch, one transaction, and by default a checkpoint; `seal` stands on the last record."""
        self.now_us += 1_000_000
        first = self.size
        entries: list[bytes] = []
        runs: list[tuple[str, list[int]]] = []
        digests: set[tuple[bytes, int]] = set()
        for index, raw in enumerate(records, first):
            read = read_record(raw)
            links = [Link(chain, (head := self.heads.get(chain, START)).seq + 1, head.leaf) for chain in read.chains]
            on_last = seal if index == first + len(records) - 1 else None
            entry = encode_entry(raw, on_last, submitter, self.now_us, links)
            entries.append(entry)
            for chain, seq, _ in links:
                self.heads[chain] = Head(seq, leaf_hash(entry))
                run = next((one for name, one in reversed(runs) if name == chain and one[1] + one[2] == index), None)
                from_us, to_us = read.period_us
                if run is None:
                    runs.append((chain, [seq, index, 1, from_us, to_us]))
                else:
                    run[2:] = [run[2] + 1, min(run[3], from_us), max(run[4], to_us)]
            digests |= {(digest[:8], index) for digest in read.digests}
            self.db.execute("INSERT INTO record VALUES (?, ?, ?)", (self.log, read.record_id, index))
        self._store(first, entries)
        for prefix, index in digests:
            self.db.execute("INSERT INTO digest VALUES (?, ?, ?)", (self.log, prefix, index))
        for chain, run in runs:
            self._store_run(chain, run)
        values = (self.log, submitter, self.now_us, first, len(entries))
        self.db.execute("INSERT INTO submission VALUES (?, ?, ?, ?, ?)", values)
        if publish:
            self.publish()

    def _store(self, first: int, entries: list[bytes]) -> None:
        at = 0
        while at < len(entries):
            part = entries[at : at + TILE_WIDTH - (first + at) % TILE_WIDTH]
            data = b"".join(len(entry).to_bytes(2, "big") + entry for entry in part)
            values = (self.log, first + at, len(part), self.now_us, data)
            self.db.execute("INSERT INTO entry_run VALUES (?, ?, ?, ?, ?)", values)
            at += len(part)
        extension = extend(self.frontier, [leaf_hash(entry) for entry in entries])
        tiles = extend_tiles(self.edge, extension)
        self.edge = next_edge(self.edge, extension, tiles)
        for (level, index), hashes in tiles.items():
            self.db.execute("DELETE FROM tile WHERE log = ? AND level = ? AND tile_index = ?", (self.log, level, index))
            self.db.execute("INSERT INTO tile VALUES (?, ?, ?, ?)", (self.log, level, index, hashes))
        self.frontier = extension.frontier
        self.db.execute(
            "UPDATE log SET size = ?, root = ?, sequenced_us = ? WHERE log = ?",
            (self.size, extension.root, self.now_us, self.log),
        )

    def _store_run(self, chain: str, run: list[int]) -> None:
        number = self.chain_numbers.get(chain)
        longest = run[4] - run[3]
        if number is None:
            number = self.chain_numbers[chain] = len(self.chain_numbers) + 1
            self.db.execute("INSERT INTO chain VALUES (?, ?, ?, ?)", (self.log, number, chain, longest))
        self.db.execute(
            "UPDATE chain SET longest_us = max(longest_us, ?) WHERE log = ? AND chain = ?", (longest, self.log, number)
        )
        self.db.execute("INSERT INTO chain_run VALUES (?, ?, ?, ?, ?, ?, ?)", (self.log, number, *run))

    def checkpoint(self) -> bytes:
        """The checkpoint of now, signed."""
        return sign_checkpoint(
            Checkpoint(origin=self.origin, size=self.size, root=self.frontier.root()), [self.key]
        ).note.encode()

    def publish(self) -> None:
        self.db.execute("INSERT INTO checkpoint VALUES (?, ?, ?)", (self.log, self.size, self.checkpoint()))
        self.db.execute("UPDATE log SET published = size WHERE log = ?", (self.log,))

    def story(self) -> None:
        """A small log with everything in it: several chains, an entry in two of them, snapshots, an unsigned tail."""
        one, two = "site-12/cam-01", "site-12/cam-02"
        self.append([self.segment(one, b"a", "a.mp4"), self.segment(two, b"b")])
        access = record_pb2.Access(
            act=record_pb2.ACCESS_ACT_COPY,
            spans=[record_pb2.Span(stream=stream, from_us=NOON_US, to_us=NOON_US + 5) for stream in (one, two)],
            copies_sha256=[sha256(b"copy").digest()],
            duration_us=7,
        )
        self.append([self.record(access=access)], DESK, publish=False)
        self.append([self.snapshot()], LEDGER)
        self.append([self.segment(one, b"c")], publish=False)


def _bare(schema: str) -> str:
    """The schema without what refuses a damaged row: a disk that flips a bit asks no constraint."""
    text = re.sub(r"--.*", "", schema)
    text = re.sub(
        r"CHECK \((?:[^()]|\([^()]*\))*\)|REFERENCES log|NOT NULL|UNIQUE(?! \()|INTEGER PRIMARY KEY",
        lambda m: "INTEGER" if m[0].startswith("INTEGER") else "",
        text,
    )
    text = re.sub(r",\s*(?:PRIMARY KEY|UNIQUE) \([^)]*\)", "", text)
    return (
        text.replace("WITHOUT ROWID", "")
        .replace("STRICT,", "")
        .replace("STRICT", "")
        .replace("CREATE UNIQUE INDEX", "CREATE INDEX")
    )


@pytest.fixture
def writer(tmp_path: Path) -> LogWriter:
    return LogWriter(tmp_path / "ledger.db")


@pytest.fixture
def new_writer(tmp_path: Path) -> Callable[..., LogWriter]:
    def make(name: str = "ledger.db", **options: Any) -> LogWriter:
        return LogWriter(tmp_path / name, **options)

    return make


@pytest.fixture
def verify(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, dict[str, Any]]]:
    """Runs `custody verify ... --json` in this process; gives its exit status and its report."""

    def run_verify(*arguments: object) -> tuple[int, dict[str, Any]]:
        capsys.readouterr()
        status = run(["verify", *map(str, arguments), "--json"])
        return status, json.loads(capsys.readouterr().out or "{}")

    return run_verify
