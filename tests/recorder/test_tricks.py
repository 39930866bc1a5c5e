"""Names, links and clocks that somebody chose to confuse the agent: a right record or a clear refusal."""

import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from custody.recorder import spool
from custody.recorder.serving import AgentRunsError, _alone

Make = Callable[..., Any]
NAME = "hot/east/20260921T141200.mp4"


def complete(site: Any, path: Path) -> None:
    spool.leave(site.config.state / "spool", {"event": "segment-complete", "path": str(path)}, site.now_us, "one")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("东门 évén.mp4", "east/东门 évén.mp4"),
        ("a\nb\tc.mp4", "east/a�b�c.mp4"),
        ("right\u202eto left.mp4", "east/right�to left.mp4"),
        ("x" * 250 + ".mp4", "east/" + "x" * 250 + ".mp4"),
        ("'; DROP TABLE segment; --.mp4", "east/'; DROP TABLE segment; --.mp4"),
        ("-rf.mp4", "east/-rf.mp4"),
    ],
)
def test_odd_names_are_recorded_as_far_as_they_can_be_printed(make_site: Make, name: str, told: str) -> None:
    site = make_site(templates=["{camera}/{any}.{ext}"])
    site.write(f"hot/east/{name}", b"footage")
    site.rest()
    (segment,) = site.told("segment")
    assert segment.path == told
    (site.folder / "hot/east" / name).unlink()
    site.rest()
    site.pass_time(31)
    site.rest()
    assert len(site.told("disposal")) == 1  # it is known by its real name


def test_a_path_longer_than_a_record_carries_keeps_its_end(make_site: Make) -> None:
    site = make_site(templates=["{camera}/{any}/{any}/{any}/{any}/{any}.{ext}"])
    deep = "/".join("d" * 200 for _ in range(4))
    site.write(f"hot/east/{deep}/end.mp4", b"footage")
    site.rest()
    (segment,) = site.told("segment")
    assert len(segment.path) == 512
    assert segment.path.endswith("/end.mp4")


def test_a_camera_whose_name_gives_no_stream_is_refused_until_it_is_mapped(make_site: Make) -> None:
    site = make_site()
    site.write("hot/东门/20260921T141200.mp4", b"footage")
    site.rest()
    assert not site.told("segment")
    assert site.agent.counts.refused == 1


def test_links_out_of_the_folder_are_not_followed(make_site: Make) -> None:
    site = make_site()
    outside = site.folder / "outside"
    outside.mkdir()
    (outside / "20260921T141200.mp4").write_bytes(b"secret")
    (site.folder / "hot/east").mkdir()
    (site.folder / NAME).symlink_to(outside / "20260921T141200.mp4")
    (site.folder / "hot/west").symlink_to(outside)
    site.rest()
    for path in (NAME, "hot/west/20260921T141200.mp4", "hot/../outside/20260921T141200.mp4"):
        complete(site, site.folder / path)
        site.rest()
    assert not site.told("segment")
    assert site.agent.counts.refused == 3


def test_a_hard_link_is_a_copy_and_then_a_move(make_site: Make) -> None:
    site = make_site(storages=("hot", "cold"))
    file = site.write(NAME, b"footage")
    site.rest()
    (site.folder / "cold/east").mkdir()
    os.link(file, site.folder / "cold/east" / file.name)
    site.rest()
    assert not site.told("move")
    file.unlink()
    site.rest()
    assert len(site.told("segment")) == 1
    assert len(site.told("move")) == 1
    assert not site.told("disposal")


def test_a_file_replaced_by_a_rename_is_altered(make_site: Make) -> None:
    site = make_site()
    file = site.write(NAME, b"footage")
    site.rest()
    other = site.write("hot/east/.draft", b"other footage")
    other.replace(file)
    site.rest()
    (scan,) = site.told("integrity_scan")
    assert [(run.first, run.last) for run in scan.altered] == [(1, 1)]
    assert len(site.told("segment")) == 1


def test_a_sparse_file_is_measured_as_it_reads(make_site: Make) -> None:
    site = make_site()
    file = site.write(NAME, b"\x00\x00\x00\x10ftypisom\x00\x00\x00\x00")
    stamp = file.stat().st_mtime_ns
    os.truncate(file, 9 * 1024 * 1024)  # more than one buffer
    os.utime(file, ns=(stamp, stamp))
    site.rest()
    (segment,) = site.told("segment")
    assert segment.size_bytes == 9 * 1024 * 1024
    assert segment.file_sha256 == sha256(file.read_bytes()).digest()
    assert segment.media_absence


def test_a_clock_that_is_set_back_stops_nothing(make_site: Make) -> None:
    site = make_site()
    site.write(NAME, b"one")
    site.rest()
    site.now_us -= 3_600_000_000
    site.write("hot/east/20260921T131300.mp4", b"two")
    site.rest()
    before = len(site.told("heartbeat"))
    for _ in range(3):
        site.pass_time(61)
        site.rest()
    assert len(site.told("heartbeat")) >= before + 3
    one, two = site.read_kind("segment")
    assert (one.body.number, two.body.number) == (1, 2)
    assert two.at_us < one.at_us


def test_a_second_agent_on_one_state_is_refused(make_site: Make) -> None:
    site = make_site()
    with _alone(site.config), pytest.raises(AgentRunsError), _alone(site.config):
        pass
