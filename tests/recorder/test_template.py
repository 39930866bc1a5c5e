from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from custody.recorder.naming import StreamClashError, StreamNames
from custody.recorder.template import Named, PathTemplate


def us(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1_000_000)


@pytest.mark.parametrize(
    ("template", "zone", "path", "camera", "start"),
    [
        (
            "{path}/%Y-%m-%d_%H-%M-%S-%f.{ext}",
            "UTC",
            "site/east/2026-09-21_14-13-20-004500.mp4",
            "site/east",
            "2026-09-21T14:13:20.004500",
        ),
        (
            "{path}/%Y-%m-%d_%H-%M-%S-%f.{ext}",
            "Asia/Shanghai",
            "east/2026-09-21_22-13-20-5.ts",
            "east",
            "2026-09-21T14:13:20.500000",
        ),
        (
            "%Y-%m-%d/%H/{camera}/%M.%S.mp4",
            "UTC",
            "2026-09-21/14/front_door/13.20.mp4",
            "front_door",
            "2026-09-21T14:13:20",
        ),
        ("segments/{camera}/%s.{ext}", "UTC", "segments/cam1/1790000000.m4s", "cam1", "2026-09-21T14:13:20"),
        ("{camera}/%Y-%m-%d/{number}/{number}-video.{ext}", "UTC", "3/2026-09-21/1234/1234-video.mp4", "3", None),
        ("{camera}/%Y%m%d-%Y%m%dT%H%M%S.mp4", "UTC", "a/20260921-20260921T141320.mp4", "a", "2026-09-21T14:13:20"),
        ("{camera}/100%%.mp4", "UTC", "a/100%.mp4", "a", None),
    ],
)
def test_paths_say_their_camera_and_time(template: str, zone: str, path: str, camera: str, start: str | None) -> None:
    found = PathTemplate(template, ZoneInfo(zone)).match(path, us("2026-09-21T15:00:00"))
    assert found == Named(camera=camera, site=None, start_us=None if start is None else us(start))


@pytest.mark.parametrize(
    "path",
    [
        "east/2026-13-45_14-13-20-0.mp4",  # no such day
        "east/2026-09-21_14-13-20-0.txt",
        "2026-09-21_14-13-20-0.mp4",
        "east/2026-09-21_14-13-20-0.mp4.part",
        "east/２０２６-09-21_14-13-20-0.mp4",
    ],
)
def test_other_paths_are_no_footage(path: str) -> None:
    assert PathTemplate("{path}/%Y-%m-%d_%H-%M-%S-%f.{ext}").match(path, 0) is None


def test_an_hour_that_comes_twice_is_told_apart_by_when_the_file_was_closed() -> None:
    template = PathTemplate("{camera}/%Y%m%dT%H%M%S.mp4", ZoneInfo("Europe/Berlin"))
    first = template.match("a/20261025T023000.mp4", us("2026-10-25T00:31:00"))
    second = template.match("a/20261025T023000.mp4", us("2026-10-25T01:31:00"))
    assert first is not None
    assert second is not None
    assert (first.start_us, second.start_us) == (us("2026-10-25T00:30:00"), us("2026-10-25T01:30:00"))


@pytest.mark.parametrize("text", ["{nobody}/%Y.mp4", "{camera}/%Q.mp4"])
def test_an_unknown_field_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="unknown field"):
        PathTemplate(text)


def test_names_become_streams_one_to_one() -> None:
    names = StreamNames("site-12", {"Cam 7": "gate", "x": "other/cam"})
    assert names.stream("Front Door") == "site-12/front-door"
    assert names.stream("Front Door") == "site-12/front-door"
    assert names.stream("Cam 7") == "site-12/gate"
    assert names.stream("x") == "other/cam"
    with pytest.raises(StreamClashError):
        names.stream("front_door".replace("_", " "))
