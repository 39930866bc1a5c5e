"""Stories of one storage folder: what happens to files, and which records tell of it."""

import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pytest

from custody.recorder import spool
from custody.recorder.findings import findings
from custody.recorder.reconcile import Hint, Sight
from custody.v1 import record_pb2

Make = Callable[..., Any]


def name(site: Any, ago_s: int) -> str:
    moment = datetime.fromtimestamp(site.now_us // 1_000_000 - ago_s, UTC)
    return f"hot/east/{moment:%Y%m%dT%H%M%S}.mp4"


def record_minute(site: Any, ago_s: int = 200, segments: int = 6) -> list[Any]:
    return [
        site.write(name(site, ago_s - 10 * number), bytes([number]) * 1_000, age_s=ago_s - 10 * number - 10)
        for number in range(segments)
    ]


def test_finished_files_become_segments_in_order(make_site: Make) -> None:
    site = make_site()
    files = record_minute(site)
    site.rest()
    segments = site.told("segment")
    assert [segment.number for segment in segments] == [1, 2, 3, 4, 5, 6]
    assert [segment.file_sha256 for segment in segments] == [sha256(file.read_bytes()).digest() for file in files]
    assert {segment.stream for segment in segments} == {"site-12/east"}
    assert segments[0].path == files[0].relative_to(site.folder / "hot").as_posix()
    assert [segment.duration_us for segment in segments] == [10_000_000] * 6
    assert segments[0].media_absence == record_pb2.MEDIA_ABSENCE_CONTAINER
    assert [gap.open for gap in site.told("gap")] == [True]  # the camera is silent since
    site.rest()
    assert len(site.told("segment")) == 6


def test_a_burst_is_not_let_in_by_a_few_a_round(make_site: Make) -> None:
    """A pause follows every busy round: what one round takes in bounds the rate of the whole agent."""
    site = make_site(templates=["{camera}/{any}.{ext}"])
    for number in range(120):
        site.agent.tell(Hint(Sight.FINISHED, site.agent.places.place(str(site.write(f"hot/c{number}/a.mp4", b"x")))))
    site.agent.step()
    assert site.agent._arrivals.waiting == 0
    site.rest()
    assert len(site.told("segment")) == 120


def test_a_file_that_is_being_written_waits(make_site: Make) -> None:
    site = make_site()
    file = site.write(name(site, 10), b"half", age_s=1)
    site.rest()
    assert not site.told("segment")
    site.pass_time(60)
    site.write(file.relative_to(site.folder).as_posix(), b"half and half")
    site.rest()
    assert [segment.size_bytes for segment in site.told("segment")] == [13]


def test_a_missing_stretch_is_a_gap_with_its_cause(make_site: Make) -> None:
    site = make_site()
    site.write(name(site, 300), b"a", age_s=290)
    site.rest()
    event = {"event": "gap", "camera": "east", "from_us": site.now_us - 280_000_000, "to_us": site.now_us - 200_000_000}
    spool.leave(site.config.state / "spool", event | {"reason": "maintenance"}, site.now_us, "one")
    site.rest()
    site.write(name(site, 200), b"b", age_s=190)
    site.rest()
    told, still, closed = site.told("gap")[:3] if len(site.told("gap")) > 2 else (None, *site.told("gap"))
    assert still.open or told is not None
    assert closed.reason == record_pb2.GAP_REASON_MAINTENANCE


def test_an_overdue_stream_is_declared_and_closed(make_site: Make) -> None:
    site = make_site()
    site.write(name(site, 100), b"a", age_s=90)
    site.rest()
    (still,) = site.told("gap")
    assert still.open
    assert still.reason == record_pb2.GAP_REASON_UNKNOWN
    site.pass_time(100)
    site.write(name(site, 60), b"b", age_s=50)
    site.rest()
    closed = site.told("gap")[1]
    assert not closed.open
    assert closed.span.from_us == still.span.from_us
    assert closed.span.to_us == site.now_us - 60_000_000


def test_silence_while_the_agent_was_down_says_so(make_site: Make) -> None:
    site = make_site()
    site.write(name(site, 60), b"a", age_s=50)
    site.rest()
    site.restart(away_s=600)
    site.write(name(site, 60), b"b", age_s=50)
    site.rest()
    assert record_pb2.GAP_REASON_AGENT_DOWN in [gap.reason for gap in site.told("gap")]


def test_motion_only_footage_has_motion_only_gaps(make_site: Make) -> None:
    site = make_site(motion_only=True)
    site.write(name(site, 3_000), b"a", age_s=2_990)
    site.write(name(site, 600), b"b", age_s=590)
    site.rest()
    (gap,) = site.told("gap")
    assert gap.reason == record_pb2.GAP_REASON_MOTION_ONLY
    assert gap.span.to_us - gap.span.from_us == 2_390_000_000


def test_deleted_files_are_one_observed_range(make_site: Make) -> None:
    site = make_site()
    files = record_minute(site)
    site.rest()
    for file in [*files[:3], files[4]]:
        file.unlink()
    site.rest()
    assert not site.told("disposal")  # they may have been moved
    site.pass_time(31)
    site.rest()
    (disposal,) = site.told("disposal")
    assert [(run.first, run.last) for run in disposal.ranges] == [(1, 3), (5, 5)]
    assert disposal.knowledge == record_pb2.DISPOSAL_KNOWLEDGE_OBSERVED
    assert disposal.kind == record_pb2.DISPOSAL_KIND_LOST
    site.pass_time(100)
    site.rest()
    assert len(site.told("disposal")) == 1


def test_deletion_at_the_end_of_retention_is_planned(make_site: Make) -> None:
    site = make_site(retention_days=1)
    files = record_minute(site)
    site.rest()
    site.pass_time(86_400)
    files[0].unlink()
    site.rest()
    site.pass_time(31)
    site.rest()
    assert [disposal.kind for disposal in site.told("disposal")] == [record_pb2.DISPOSAL_KIND_PLANNED]


@pytest.mark.parametrize("seen_first", [False, True])
def test_an_announced_deletion_is_told_at_once(make_site: Make, seen_first: bool) -> None:
    site = make_site()
    file = record_minute(site)[0]
    site.rest()
    file.unlink()
    event = {"event": "segment-deleted", "path": str(file), "kind": "ordered"}
    spool.leave(site.config.state / "spool", event, site.now_us, "one")
    if seen_first:  # the deletion follows at once, and inotify's event wakes the agent before it looks into the spool
        site.agent.tell(Hint(Sight.GONE, site.agent.places.place(str(file))))
    site.agent.step()
    site.rest()
    (disposal,) = site.told("disposal")
    assert disposal.kind == record_pb2.DISPOSAL_KIND_ORDERED
    assert disposal.knowledge == record_pb2.DISPOSAL_KNOWLEDGE_ANNOUNCED


@pytest.mark.parametrize("copy_first", [False, True])
def test_a_move_between_tiers_is_a_move(make_site: Make, copy_first: bool) -> None:
    site = make_site(storages=("hot", "cold"))
    files = record_minute(site)
    site.rest()
    for file in files[:3]:
        target = site.folder / "cold" / file.relative_to(site.folder / "hot")
        target.parent.mkdir(parents=True, exist_ok=True)
        if copy_first:
            shutil.copy2(file, target)
        else:
            file.rename(target)
    site.rest()
    if copy_first:
        assert not site.told("move")
        for file in files[:3]:
            file.unlink()
        site.rest()
    site.pass_time(60)
    site.rest()
    assert len(site.told("segment")) == 6
    assert not site.told("disposal")
    ranges = [(run.first, run.last) for move in site.told("move") for run in move.ranges]
    assert sum(last - first + 1 for first, last in ranges) == 3
    assert {(move.from_storage, move.to_storage, move.to_path) for move in site.told("move")} == {
        ("hot", "cold", "east")
    }


def test_a_renamed_file_without_a_time_in_its_name_is_a_move(make_site: Make) -> None:
    site = make_site(templates=["{camera}/{any}.{ext}"])
    file = site.write("hot/east/seg_1.mp4", b"one")
    twin = site.write("hot/east/seg_2.mp4", b"one")  # equal bytes, still two segments
    site.rest()
    assert len(site.told("segment")) == 2
    file.rename(file.with_name("kept.mp4"))
    twin.unlink()
    site.rest()
    site.pass_time(31)
    site.rest()
    assert len(site.told("segment")) == 2
    assert len(site.told("move")) == 1
    assert sum(run.last - run.first + 1 for run in site.told("disposal")[0].ranges) == 1


def test_a_copy_at_the_same_path_of_another_storage_is_no_new_segment_though_no_name_tells_the_time(
    make_site: Make,
) -> None:
    site = make_site(storages=("hot", "cold"), templates=["{camera}/{number}/{number}-video.{ext}"])
    old = site.write("hot/3/12/12-video.mp4", b"one")
    site.write("hot/3/13/13-video.mp4", b"one")  # another event, equal bytes
    site.rest()
    assert len(site.told("segment")) == 2
    site.write("cold/3/12/12-video.mp4", b"one")  # ZoneMinder's copy has a new mtime, and the old file is still there
    site.rest()
    assert not site.told("move")
    shutil.rmtree(old.parent)
    site.rest()
    site.pass_time(60)
    site.rest()
    assert len(site.told("segment")) == 2
    assert not site.told("disposal")
    (move,) = site.told("move")
    assert (move.from_storage, move.to_storage, move.to_path) == ("hot", "cold", "3/12")
    assert sum(run.last - run.first + 1 for run in move.ranges) == 1


def test_an_ordinary_scan_comes_again_to_a_file_in_new_folders_that_was_too_young(make_site: Make) -> None:
    site = make_site(templates=["{camera}/{number}/{number}-video.{ext}"], settle_s=60)
    site.rest()
    file = site.write("hot/3/12/12-video.mp4", b"one", age_s=0)
    for folder in (site.folder / "hot", site.folder / "hot/3", file.parent):
        os.utime(folder, ns=((site.now_us - 10_000_000) * 1_000,) * 2)  # made a while ago, and not changed since
    site.rest(deep=False)
    assert not site.told("segment")
    site.pass_time(61)
    site.rest(deep=False)
    assert len(site.told("segment")) == 1


@pytest.mark.parametrize("footage", [True, False])
def test_nothing_is_lost_while_a_file_that_may_be_it_is_too_young_to_be_judged(make_site: Make, footage: bool) -> None:
    site = make_site(storages=("hot", "cold"), templates=["{camera}/{number}/{number}-video.{ext}"], settle_s=60)
    old = site.write("hot/3/12/12-video.mp4", b"one", age_s=70)
    site.rest()
    # Into folders that were made a moment before: no event tells that the copy was closed.
    site.write(f"cold/3/12/{'12-video.mp4' if footage else 'snapshot.jpg'}", b"one", age_s=0)
    shutil.rmtree(old.parent)
    site.rest()
    site.pass_time(35)  # the grace is over, the file not settled
    site.rest()
    site.pass_time(1)
    site.rest()
    assert len(site.told("disposal")) == (0 if footage else 1)
    site.pass_time(30)
    site.rest()
    site.pass_time(60)
    site.rest()
    assert len(site.told("segment")) == 1
    assert (len(site.told("move")), len(site.told("disposal"))) == ((1, 0) if footage else (0, 1))


def test_a_changed_file_is_altered_and_no_new_segment(make_site: Make) -> None:
    site = make_site()
    files = record_minute(site)
    site.rest()
    site.write(files[2].relative_to(site.folder).as_posix(), b"short")
    site.rest()
    (scan,) = site.told("integrity_scan")
    assert [(run.first, run.last) for run in scan.altered] == [(3, 3)]
    assert len(site.told("segment")) == 6
    site.rest()
    assert len(site.told("integrity_scan")) == 1


def test_a_ring_of_files_disposes_of_what_it_overwrites(make_site: Make) -> None:
    site = make_site(templates=["{camera}/{any}.{ext}"], names_reused=True)
    site.write("hot/east/seg_1.ts", b"old")
    site.rest()
    site.pass_time(100)
    site.write("hot/east/seg_1.ts", b"new")
    site.rest()
    assert [segment.number for segment in site.told("segment")] == [1, 2]
    (disposal,) = site.told("disposal")
    assert disposal.kind == record_pb2.DISPOSAL_KIND_CAPACITY


def test_an_empty_file_is_a_gap(make_site: Make) -> None:
    site = make_site()
    site.write(name(site, 60), b"", age_s=50)
    site.rest()
    assert not site.told("segment")
    assert [gap.reason for gap in site.told("gap")] == [record_pb2.GAP_REASON_CORRUPT_SEGMENT]


def test_an_unmounted_storage_deletes_nothing(make_site: Make) -> None:
    site = make_site()
    record_minute(site)
    site.rest()
    (site.folder / "hot").rename(site.folder / "unplugged")
    site.rest()
    site.pass_time(100)
    site.rest()
    assert not site.told("disposal")
    assert [(fault.kind, fault.state) for fault in site.told("fault")] == [
        (record_pb2.FAULT_KIND_STORAGE, record_pb2.FAULT_STATE_BEGAN)
    ]
    (site.folder / "unplugged").rename(site.folder / "hot")
    site.rest()
    assert site.told("fault")[1].state == record_pb2.FAULT_STATE_REPAIRED
    assert not site.told("disposal")


def test_the_integrity_scan_finds_a_changed_byte(make_site: Make) -> None:
    site = make_site(settings={"integrity_every_days": 7, "integrity_bytes_per_s": 10**9})
    files = record_minute(site)
    site.rest()
    raw = bytearray(files[1].read_bytes())
    raw[500] ^= 1
    status = files[1].stat()
    files[1].write_bytes(raw)
    os.utime(files[1], ns=(status.st_mtime_ns, status.st_mtime_ns))  # nothing but the bytes tells
    site.pass_time(8 * 86_400)
    while not site.told("integrity_scan"):
        site.rest()
    (scan,) = site.told("integrity_scan")
    assert (scan.files, scan.total_bytes) == (6, 6_000)
    assert [(run.first, run.last) for run in scan.altered] == [(2, 2)]


def test_heartbeats_come_on_time_and_tell_the_last_number(make_site: Make) -> None:
    site = make_site()
    record_minute(site)
    site.rest()
    for _ in range(3):
        site.pass_time(60)
        site.rest()
    beats = site.told("heartbeat")
    assert len(beats) >= 3
    assert beats[-1].last_segment == 6


def test_a_full_outbox_keeps_everything_with_the_agent(make_site: Make) -> None:
    site = make_site()
    site.outbox.full = True
    record_minute(site)
    site.rest()
    assert not site.outbox.records
    site.restart()
    site.outbox.full = False
    site.rest()
    assert len(site.told("segment")) == 6


def test_an_access_is_told_without_the_name(make_site: Make) -> None:
    site = make_site()
    record_minute(site)
    site.rest()
    event = {"event": "access", "camera": "east", "action": "playback", "user": "officer.wang", "at_us": site.now_us}
    spool.leave(site.config.state / "spool", event, site.now_us, "one")
    site.rest()
    (access,) = site.told("access")
    assert access.observed
    assert access.act == record_pb2.ACCESS_ACT_CONSULT
    assert len(access.officers[0].name_commitment) == 32
    assert not any(b"wang" in raw for raw in site.outbox.records.values())


def test_a_camera_that_goes_offline_is_a_fault_and_the_gap_s_reason(make_site: Make) -> None:
    site = make_site()
    site.write(name(site, 60), b"a", age_s=50)
    site.rest()
    folder = site.config.state / "spool"
    spool.leave(folder, {"event": "cause-begin", "camera": "east", "reason": "camera-offline"}, site.now_us, "a")
    site.rest()
    site.pass_time(120)
    spool.leave(folder, {"event": "cause-end", "camera": "east", "reason": "camera-offline"}, site.now_us, "b")
    site.rest()
    site.pass_time(60)
    site.write(name(site, 50), b"b", age_s=40)
    site.rest()
    assert [fault.state for fault in site.told("fault")] == [
        record_pb2.FAULT_STATE_BEGAN,
        record_pb2.FAULT_STATE_REPAIRED,
    ]
    closed = [gap for gap in site.told("gap") if not gap.open]
    assert closed[-1].reason == record_pb2.GAP_REASON_CAMERA_OFFLINE


def test_a_broken_hook_is_refused_and_stops_nothing(make_site: Make) -> None:
    site = make_site()
    folder = site.config.state / "spool"
    folder.mkdir()
    for number, raw in enumerate(
        [b"", b"[]", b"{" * 100, b'{"event":"gap"}', b'{"event":"segment-complete","path":"/x"}']
    ):
        (folder / f"{number}.json").write_bytes(raw)
    record_minute(site)
    site.rest()
    assert site.agent.counts.refused == 5
    assert not list(folder.iterdir())
    assert len(site.told("segment")) == 6


def test_a_hook_that_fails_half_way_leaves_nothing(make_site: Make) -> None:
    site = make_site()
    record_minute(site)
    site.rest()
    backwards = {"event": "gap", "camera": "east", "reason": "maintenance", "from_us": site.now_us, "to_us": 1}
    folder = site.config.state / "spool"
    spool.leave(folder, backwards, site.now_us, "a")
    spool.leave(folder, {"event": "cause-begin", "reason": "power"}, site.now_us, "b")
    site.rest()
    assert site.agent.counts.refused == 1
    assert site.state.causes("site-12/east", 1, site.now_us + 1) == [record_pb2.GAP_REASON_POWER]
    assert record_pb2.GAP_REASON_MAINTENANCE not in [gap.reason for gap in site.told("gap")]


def test_two_cameras_never_become_one_stream(make_site: Make) -> None:
    site = make_site()
    site.write("hot/East Gate/20260921T140000.mp4", b"a")
    site.write("hot/east-gate/20260921T140000.mp4", b"b")
    site.rest()
    assert len(site.told("segment")) == 1
    assert site.agent.counts.refused == 1
    site.rest()
    assert "footage-refused" in [code for code, _ in findings(site.survey(), site.now_us, 10**9)]


def test_names_that_are_no_text_stop_nothing(make_site: Make) -> None:
    site = make_site()
    for path in ("east/\udcff.mp4", "east/20260921T141200.mp4", "\udcfe/20260921T141200.mp4"):  # bytes 0xff and 0xfe
        site.write(f"hot/{path}", b"a", age_s=60)
    site.rest()
    site.rest()
    assert len(site.told("segment")) == 1
    (trouble,) = site.survey().troubles
    assert (trouble.code, trouble.places) == ("footage-refused", 2)
