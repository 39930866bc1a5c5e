"""Presets against file trees, settings, databases and payloads of the shapes that their documentation gives.

MediaMTX, Frigate and Viseron cannot be installed here: nothing runs them. ZoneMinder, motion, ffmpeg and GStreamer run for
real in test_zoneminder.py, test_field.py and test_muxers.py.
"""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from custody.recorder.config import DAY_US, PRESETS, ConfigError, make_config, read_preset
from custody.recorder.endpoint import access_event
from custody.recorder.findings import findings
from custody.recorder.observe import observe_text
from custody.recorder.playlist import listed_names
from custody.v1 import record_pb2

Make = Callable[..., Any]

TREES = {
    "mediamtx": ("yard/east/2026-09-21_14-12-00-000123.mp4", "site-12/yard-east", 1_789_999_920_000_123),
    "frigate": ("2026-09-21/14/front_door/12.00.mp4", "site-12/front_door", 1_789_999_920_000_000),
    "zoneminder": ("3/2026-09-21/1234/1234-video.mp4", "site-12/3", None),
    "viseron": ("segments/camera_1/1789999920.m4s", "site-12/camera_1", 1_789_999_920_000_000),
    "motion": ("cam-02/01-20260921141200.mp4", "site-12/cam-02", 1_789_999_920_000_000),
    "ffmpeg-segment": ("east/20260921T141200.mp4", "site-12/east", 1_789_999_920_000_000),
    "ffmpeg-hls": ("east/index12.ts", "site-12/east", None),
    "folder": ("east/2026-09-21_14-12-00.mkv", "site-12/east", 1_789_999_920_000_000),
}


@pytest.mark.parametrize("preset", PRESETS)
def test_a_file_tree_as_documented_is_recognized(preset: str, make_site: Make) -> None:
    path, stream, start_us = TREES[preset]
    values = read_preset(preset)
    site = make_site(**{**values, "preset": preset, "segment_s": 10})
    site.write(f"hot/{path}", b"footage", age_s=70)
    site.write(f"hot/{Path(path).parent}/notes.md", b"no footage", age_s=70)
    site.write(f"hot/{Path(path).parent}/incomplete.tmp", b"no footage", age_s=70)
    site.rest()
    (segment,) = site.read_kind("segment")
    assert segment.body.stream == stream
    assert segment.body.path == path
    if start_us is not None:
        assert segment.at_us == start_us


@pytest.mark.parametrize(("preset", "folder"), [("ffmpeg-hls", "east"), ("viseron", "segments/camera_1")])
def test_an_initialization_segment_is_no_footage(preset: str, folder: str, make_site: Make) -> None:
    site = make_site(**read_preset(preset))
    site.write(f"hot/{folder}/init.mp4", b"no pictures", age_s=70)
    site.write(f"hot/{folder}/1789999920.m4s", b"footage", age_s=70)
    site.rest()
    assert [segment.path for segment in site.told("segment")] == [f"{folder}/1789999920.m4s"]


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("pathDefaults:\n  record: yes\n", 1.0),  # MediaMTX's default: one day
        ("pathDefaults:\n  recordDeleteAfter: 0s\n", 0.0),
        ("pathDefaults:\n  # how long\n  recordDeleteAfter: 744h # a month\npaths:\n  all_others:\n", 31.0),
        ("pathDefaults:\n  recordDeleteAfter: 31d\npaths:\n  east:\n    recordDeleteAfter: '12h'\n", 0.5),
    ],
)
def test_mediamtx_retention_is_observed(text: str, days: float) -> None:
    found = observe_text(recorder("mediamtx"), text.encode())
    assert found.retention_us == days * DAY_US
    assert len(found.configuration_sha256) == 32


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("record:\n  enabled: true\n  retain:\n    days: 7\n    mode: all\n", 7),
        ("record:\n  enabled: True\n  continuous:\n    days: 30\n  motion:\n    days: 10\n", 30),
        # Tiers: after three days only footage with motion stays, so three days is what can be relied on.
        ("record:\n  continuous:\n    days: 3\n  motion:\n    days: 7\n  alerts:\n    retain:\n      days: 30\n", 3),
        ("record:\n  continuous:\n    days: 0\n  motion:\n    days: 7\n  alerts:\n    retain:\n      days: 30\n", 30),
        ("mqtt:\n  host: x\n", 0),
    ],
)
def test_frigate_retention_is_observed(text: str, days: int) -> None:
    assert observe_text(recorder("frigate"), text.encode()).retention_us == days * DAY_US


def test_mediamtx_segments_are_an_hour_long_unless_it_says_otherwise() -> None:
    assert observe_text(recorder("mediamtx"), b"").segment_us == 3_600_000_000
    found = observe_text(recorder("mediamtx"), b"pathDefaults:\n  recordSegmentDuration: 1m\n")
    assert found.segment_us == 60_000_000


@pytest.mark.parametrize(
    ("path", "start_us"),
    [
        ("3/2026-09-21/1234/1234-video.mp4", None),
        ("3/2026-09-21/1234/1234-video.h264.mp4", None),
        ("3/26/09/21/22/12/00/1234-video.mp4", 1_789_999_920_000_000),  # Deep: the local time of the event's begin
        ("3/1234/1234-video.mp4", None),
        ("3/2026-09-21/1234/incomplete.mp4", 0),
    ],
)
def test_every_scheme_of_zoneminder_is_recognized(path: str, start_us: int | None) -> None:
    templates = recorder("zoneminder", zone="Asia/Shanghai").templates
    found = next((named for template in templates if (named := template.match(path, 1_790_000_000_000_000))), None)
    if start_us == 0:
        assert found is None
    else:
        assert found is not None
        assert (found.camera, found.start_us) == ("3", start_us)


def test_mediamtx_deleting_after_a_day_is_recorded_and_found(make_site: Make, tmp_path: Path) -> None:
    (tmp_path / "mediamtx.yml").write_text("pathDefaults:\n  record: yes\n")
    site = make_site(configuration="mediamtx.yml", configuration_form="mediamtx", product="MediaMTX")
    site.write("hot/east/20260921T141200.mp4", b"a")
    site.rest()
    site.rest()
    (found,) = site.told("recorder_configuration")
    assert found.retention_us == DAY_US
    assert found.product == "MediaMTX"
    assert list(found.streams) == ["site-12/east"]
    codes = [code for code, _ in findings(site.survey(), site.now_us, 10**9)]
    assert "retention-too-short" in codes


def test_mediamtx_authorisation_requests_become_accesses() -> None:
    asked = {
        "user": "officer.wang",
        "password": "secret",
        "token": "",
        "ip": "192.0.2.7",
        "action": "playback",
        "path": "yard/east",
        "protocol": "webrtc",
        "id": "5e0c",
        "query": "start=2026-09-21T14:12:00Z&duration=60.5",
    }
    event = access_event(asked, 1_790_000_000_000_000)
    assert event == {
        "event": "access",
        "camera": "yard/east",
        "action": "playback",
        "user": "officer.wang",
        "at_us": 1_790_000_000_000_000,
        "from_us": 1_789_999_920_000_000,
        "to_us": 1_789_999_980_500_000,
    }
    assert access_event(asked | {"action": "publish"}, 1) is None
    assert access_event(asked | {"path": ""}, 1) is None
    live = access_event(asked | {"action": "read", "query": ""}, 1)
    assert live is not None
    assert "from_us" not in live


def test_frigate_s_database_tells_of_finished_files(make_site: Make, tmp_path: Path) -> None:
    database = tmp_path / "frigate.db"
    with sqlite3.connect(database) as db:
        db.execute(
            "CREATE TABLE recordings (id TEXT PRIMARY KEY, camera TEXT, path TEXT UNIQUE, start_time REAL, end_time REAL,"
            " duration REAL, motion INTEGER, objects INTEGER, dBFS INTEGER, segment_size REAL, regions INTEGER)"
        )
        path = "/media/frigate/recordings/2026-09-21/14/front_door/12.00.mp4"
        db.execute(
            "INSERT INTO recordings VALUES ('a', 'front_door', ?, 1789999920, 1789999930, 10, 0, 0, 0, 1, 0)", (path,)
        )
    db.close()
    site = make_site(**{**read_preset("frigate"), "database": "frigate.db"})
    site.write("hot/2026-09-21/14/front_door/12.00.mp4", b"footage", age_s=1)  # too young for the scan alone
    site.rest()
    assert len(site.told("segment")) == 1


def test_a_playlist_says_what_is_finished(make_site: Make) -> None:
    site = make_site(**read_preset("ffmpeg-hls"))
    site.write("hot/east/index1.ts", b"one", age_s=3)
    site.write("hot/east/index2.ts", b"two", age_s=1)
    site.write("hot/east/index.m3u8", b"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2.000000,\nindex1.ts\n", age_s=1)
    site.rest()
    assert [segment.path for segment in site.told("segment")] == ["east/index1.ts"]


@pytest.mark.parametrize(
    "text",
    [
        "#EXTM3U\n#EXTINF:2,\na.ts\n#EXTINF:2,\nhttp://x/y/b.ts?token=1\n#EXT-X-ENDLIST\n",
        "a.ts,0.000000,2.000000\nb.ts,2.000000,4.000000\n",
        "ffconcat version 1.0\nfile 'a.ts'\nfile sub/b.ts\nduration 2\n",
        "a.ts\nb.ts\n",
    ],
)
def test_every_form_of_segment_list(text: str) -> None:
    assert list(listed_names(text)) == ["a.ts", "b.ts"]


def test_motion_records_motion_only(make_site: Make) -> None:
    site = make_site(**read_preset("motion"))
    site.write("hot/cam-02/01-20260921140000.mp4", b"a", age_s=500)
    site.write("hot/cam-02/02-20260921141200.mp4", b"b", age_s=70)
    site.rest()
    assert [gap.reason for gap in site.told("gap")] == [record_pb2.GAP_REASON_MOTION_ONLY]


@pytest.mark.parametrize(
    "change",
    [
        {"preset": "nobody"},
        {"colour": "red"},
        {"settle_s": "1"},
        {"settle_s": -1},
        {"templates": ["{nobody}"]},
        {"zone": "Mars/Olympus"},
        {"digests": ["md5"]},
        {"storage": []},
    ],
)
def test_a_wrong_configuration_is_refused_with_its_place(change: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        recorder("folder", tmp_path, **change)


@pytest.mark.parametrize("setting", ["heartbeat_s", "integrity_bytes_per_s", "workers"])
def test_a_setting_of_the_agent_that_would_stop_it_is_refused(setting: str) -> None:
    recorders = [{"storage": [{"name": "hot", "path": "hot"}]}]
    table = {"site": "site-12", "state": "state", "recorder": recorders, "agent": {setting: 0}}
    with pytest.raises(ConfigError, match=setting):
        make_config(table, Path("/nonexistent"))


def recorder(named: str, folder: Path = Path("/nonexistent"), **change: Any) -> Any:
    table = {"preset": named, "storage": [{"name": "hot", "path": "hot"}], **change}
    return make_config({"site": "site-12", "state": "state", "recorder": [table]}, folder).recorders[0]
