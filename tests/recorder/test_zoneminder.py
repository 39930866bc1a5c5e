"""ZoneMinder itself, beside a real ledger: its events, its filters that delete and move, a crash, and what the log says."""

import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from clip_workshop import is_run_of, read_file
from tests.recorder.field import CUSTODY, Field, read_log, until
from tests.recorder.test_field import film
from zoneminder_server import PACKAGES, ZONE, ZoneMinder, missing

from custody.v1 import record_pb2

RECORDER = """[[recorder]]
name = "zoneminder"
preset = "zoneminder"
zone = "{zone}"
gap_tolerance_s = 2
settle_s = 5
[[recorder.storage]]
name = "medium"
path = "{folder}/Medium"
[[recorder.storage]]
name = "deep"
path = "{folder}/Deep"
"""
ANNOUNCE = "sh -c \\'{custody} record hook -c {config} segment-deleted --kind planned --path $0/*-video.mp4\\'"
"""As in docs/recorder-presets.md: ZoneMinder appends the event's folder, and runs it before it deletes."""


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_the_log_names_every_event_of_zoneminder_once_and_what_its_filters_did(tmp_path: Path) -> None:
    if lacking := missing():
        pytest.skip(f"not installed: {', '.join(lacking)} (Debian: apt-get install {PACKAGES})")
    with ZoneMinder(["Medium", "Deep"]) as zoneminder:
        folder = tmp_path / "f"
        folder.mkdir()
        # Longer than the test: with scheme Medium equal bytes of a deleted event would be that event, found again.
        field = Field(folder, film(tmp_path, 900), RECORDER.format(zone=ZONE, folder=zoneminder.folder))
        try:
            story = Story(zoneminder, field)
            story.tell()
            story.check(read_log(field))
        except (AssertionError, TimeoutError, RuntimeError) as error:
            error.add_note(zoneminder.logs())
            raise
        finally:
            for name in list(field.running):
                field.stop(name, signal.SIGKILL)


class Story:
    """Two monitors, of the schemes Medium (its paths have no time) and Deep, and what happens to them."""

    def __init__(self, zoneminder: ZoneMinder, field: Field) -> None:
        self.zoneminder = zoneminder
        self.field = field
        self.deleted = self.announced = self.moved = self.cut = 0

    def tell(self) -> None:
        """Records, deletes, announces, moves, crashes."""
        zoneminder, field = self.zoneminder, self.field
        field.prepare()
        field.ledger()
        field.agent()
        for number, scheme in enumerate(zoneminder.schemes, 1):
            zoneminder.monitor(number, scheme)
            zoneminder.record(number, field.film, begin_s=0)
        until(lambda: len(zoneminder.closed(1)) >= 3 and len(zoneminder.closed(2)) >= 2, 60)
        until(lambda: field.registered("/1") >= 3 and field.registered("/2") >= 2, 20)

        self.deleted, self.announced, self.moved = zoneminder.closed(1)[:3]
        zoneminder.filter(self.deleted, "AutoDelete=1")
        told = ANNOUNCE.format(custody=CUSTODY, config=field.folder / "config.toml")
        zoneminder.filter(self.announced, "AutoDelete=1", told)
        zoneminder.filter(self.moved, "AutoMove=1, AutoMoveTo=2")

        self.cut = self.in_the_middle(2)
        zoneminder.stop(2, signal.SIGKILL)
        known = len(zoneminder.closed(2))
        time.sleep(4)  # nobody records: a gap
        zoneminder.record(2, field.film, begin_s=6)
        until(lambda: len(zoneminder.closed(2)) > known, 40)
        for number in (1, 2):
            self.in_the_middle(number)
            zoneminder.stop(number)
        files = len(list(self.files()))
        until(lambda: self.registered() >= files + 2 and field.check()["backlog"] == 0, 60)
        time.sleep(6)  # longer than a scan, and than the grace of a disposal
        field.stop("agent")

    def ids(self) -> list[int]:
        return [int(row[0]) for row in self.zoneminder.sql("SELECT Id FROM Events")]

    def files(self) -> dict[str, Path]:
        """Every event's video on disk, by its path below its storage."""
        roots = [self.zoneminder.folder / name for name in self.zoneminder.schemes]
        return {str(path.relative_to(root)): path for root in roots for path in root.glob("**/*-video.mp4")}

    def in_the_middle(self, monitor: int) -> int:
        """Waits until a monitor has begun a new event and is as far from its begin as from its end; returns the event."""
        known = set(self.files())
        found: list[int] = []

        def has_begun() -> bool:
            found.extend(event_of(name) for name in self.files().keys() - known if name.startswith(f"{monitor}/"))
            return bool(found)

        until(has_begun, 30)
        time.sleep(1)
        return found[0]

    def registered(self) -> int:
        return self.field.registered("/1") + self.field.registered("/2")

    def check(self, records: list[Any]) -> None:
        """What the log says against what ZoneMinder's database and disks say."""
        segments = [record for record in records if record.kind.name == "segment"]
        events = {(one.body.stream, one.body.number): event_of(one.body.path) for one in segments}

        # Every event is there once: those of the database, and the two that were deleted.
        assert Counter(events.values()) == Counter([*self.ids(), self.deleted, self.announced])

        def named(body: Any) -> list[int]:
            return [events[run.stream, at] for run in body.ranges for at in range(run.first, run.last + 1)]

        disposals = [record.body for record in records if record.kind.name == "disposal"]
        assert {(*named(body), body.kind, body.knowledge) for body in disposals} == {
            (self.deleted, record_pb2.DISPOSAL_KIND_LOST, record_pb2.DISPOSAL_KNOWLEDGE_OBSERVED),
            (self.announced, record_pb2.DISPOSAL_KIND_PLANNED, record_pb2.DISPOSAL_KNOWLEDGE_ANNOUNCED),
        }
        (move,) = [record.body for record in records if record.kind.name == "move"]
        assert named(move) == [self.moved]
        assert (move.from_storage, move.to_storage) == ("medium", "deep")
        assert not [body for body in (one.body for one in records if one.kind.name == "integrity_scan") if body.altered]

        gaps = [one.body for one in records if one.kind.name == "gap" and one.body.span.stream == "site-12/2"]
        reasons = [body.reason for body in gaps if not body.open]
        assert reasons.count(record_pb2.GAP_REASON_CORRUPT_SEGMENT) == 1
        assert record_pb2.GAP_REASON_UNKNOWN in reasons  # until its zmc ran again
        self.check_footage(segments)

    def check_footage(self, segments: list[Any]) -> None:
        """The media roots are those of the camera's own pictures; with scheme Deep the path tells when."""
        film = read_file(self.field.film).unit_digests
        files = self.files()
        begun = {
            int(row[0]): int(row[1])
            for row in self.zoneminder.sql("SELECT Id, UNIX_TIMESTAMP(StartDateTime) FROM Events")
        }
        for record in segments:
            body = record.body
            if body.path not in files:
                continue
            if event_of(body.path) == self.cut:
                assert (body.media_absence, body.HasField("media")) == (record_pb2.MEDIA_ABSENCE_DAMAGED, False)
                continue
            found = read_file(files[body.path])
            media = found.media()
            assert media is not None
            assert body.media == media, body.path
            assert body.container == record_pb2.CONTAINER_FRAGMENTED_MP4
            assert is_run_of(found.unit_digests, film), body.path
            if body.path.startswith("2/"):
                assert record.at_us == begun[event_of(body.path)] * 1_000_000


def event_of(path: str) -> int:
    """The event whose video this is."""
    return int(path.rpartition("/")[2].removesuffix("-video.mp4"))
