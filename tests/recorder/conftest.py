"""A recorder in miniature: a folder, an agent beside it, an outbox that remembers, a clock that the test turns."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from custody.core.record import ReadRecord, read_record
from custody.recorder.agent import Agent
from custody.recorder.config import make_config
from custody.recorder.environment import Environment
from custody.recorder.outbox import OutboxFullError
from custody.recorder.state import State
from custody.recorder.survey import Survey, take_survey
from custody.v1 import record_pb2

START_US = 1_790_000_000_000_000  # 2026-09-21T14:13:20Z
FRESH_S = 40.0


class MemoryOutbox:
    """Keeps records by id, as the client's outbox does; refuses other bytes under a known id."""

    def __init__(self) -> None:
        self.records: dict[bytes, bytes] = {}
        self.full = False
        self.receipts = 0

    def put_many(self, records: Sequence[bytes]) -> None:
        if self.full:
            raise OutboxFullError
        for raw in records:
            read = read_record(raw)
            assert self.records.setdefault(read.record_id, raw) == raw, "one id, two records"

    def backlog(self) -> int:
        return len(self.records) - self.receipts

    def receipted(self) -> int:
        return self.receipts

    def problem(self) -> str:
        return ""

    def revive(self) -> int:
        return 0


class Site:
    """One storage folder, one agent; `restart` is a crash and a new start."""

    def __init__(
        self, folder: Path, settings: dict[str, Any], recorder: dict[str, Any], storages: Sequence[str]
    ) -> None:
        self.folder = folder
        self.now_us = START_US
        self.monotonic_s = 0.0
        self.outbox = MemoryOutbox()
        for name in storages:
            (folder / name).mkdir(exist_ok=True)
        table = {
            "site": "site-12",
            "state": "state",
            "agent": {"integrity_every_days": 0, "move_grace_s": 30, **settings},
            "recorder": [{"storage": [{"name": name, "path": name} for name in storages], **recorder}],
        }
        self.config = make_config(table, folder)
        self.config.state.mkdir(exist_ok=True)
        self.agent = self._start()

    def _start(self) -> Agent:
        self.state = State(self.config.state / "agent.sqlite")
        environment = Environment(
            now_us=lambda: self.now_us,
            quality=lambda: record_pb2.ClockQuality(source=record_pb2.CLOCK_SOURCE_NTP, uncertainty_us=1),
            monotonic_s=lambda: self.monotonic_s,
        )
        return Agent(self.config, self.state, self.outbox, environment)

    def restart(self, away_s: float = 0) -> None:
        self.stop()
        self.pass_time(away_s)
        self.agent = self._start()

    def stop(self) -> None:
        self.agent._arrivals.stop()
        self.agent._rechecks.stop()
        self.state.close()

    def pass_time(self, seconds: float) -> None:
        self.now_us += int(seconds * 1_000_000)
        self.monotonic_s += seconds

    def write(self, path: str, content: bytes, *, age_s: float = FRESH_S) -> Path:
        """A file that was closed `age_s` ago."""
        import os

        full = self.folder / path
        full.parent.mkdir(parents=True, exist_ok=True)
        full.write_bytes(content)
        stamp = self.now_us * 1_000 - int(age_s * 1e9)
        os.utime(full, ns=(stamp, stamp))
        return full

    def rest(self, *, deep: bool = True) -> None:
        """Lets the agent do all that there is; with a scan that compares sizes and times, or an ordinary one."""
        self.agent._due.clear()
        if not deep:
            self.agent._due["deep"] = 1 << 62
        self.agent.rest()

    def told(self, kind: str) -> list[Any]:
        """Messages of one kind in the order in which they were written."""
        return [read.body for read in self.read() if read.kind.name == kind]

    def read_kind(self, kind: str) -> list[ReadRecord]:
        """Records of one kind."""
        return [read for read in self.read() if read.kind.name == kind]

    def survey(self) -> Survey:
        """What `custody record check` would see."""
        return take_survey(self.config, self.now_us)

    def read(self) -> list[ReadRecord]:
        return [read_record(raw) for raw in self.outbox.records.values()]


@pytest.fixture
def make_site(tmp_path: Path) -> Iterator[Callable[..., Site]]:
    sites: list[Site] = []

    def make(*, storages: Sequence[str] = ("hot",), settings: dict[str, Any] | None = None, **recorder: Any) -> Site:
        recorder = {
            "name": "nvr",
            "templates": ["{camera}/%Y%m%dT%H%M%S.{ext}"],
            "segment_s": 10,
            "settle_s": 30,
        } | recorder
        site = Site(tmp_path, settings or {}, recorder, storages)
        sites.append(site)
        return site

    yield make
    for site in sites:
        site.stop()
