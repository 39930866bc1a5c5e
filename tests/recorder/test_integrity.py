"""Hashing again at a bounded rate, and out of the way of whoever records."""

import threading
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

from custody.recorder.findings import findings
from custody.recorder.integrity import Suspect, hash_again, set_idle_priority
from custody.recorder.ranges import Numbered

MEGABYTE = 1024 * 1024


def suspects(folder: Path, count: int) -> list[Suspect]:
    found = []
    for number in range(count):
        path = folder / f"{number}.mp4"
        path.write_bytes(bytes([number]) * MEGABYTE)
        numbered = Numbered("site-12/east", number + 1, 1, 2)
        found.append(Suspect(number, numbered, path, sha256(path.read_bytes()).digest()))
    return found


def test_the_rate_is_kept_by_pausing(tmp_path: Path) -> None:
    clock = [0.0]

    def pause(seconds: float) -> bool:
        clock[0] += seconds
        return False

    results = hash_again(suspects(tmp_path, 4), 2 * MEGABYTE, pause, lambda: clock[0])
    assert [one.matches for one in results] == [True] * 4
    assert clock[0] == 2.0  # four megabytes at two a second; the hashing itself takes no time by this clock


def test_it_ends_at_once_when_told_to(tmp_path: Path) -> None:
    assert hash_again(suspects(tmp_path, 4), 1, lambda _: True, lambda: 0.0) == []


def test_a_missing_and_a_changed_file_are_told_apart(tmp_path: Path) -> None:
    missing, changed = suspects(tmp_path, 2)
    missing.path.unlink()
    changed.path.write_bytes(b"other")
    results = hash_again([missing, changed], MEGABYTE, lambda _: False, lambda: 0.0)
    assert [one.matches for one in results] == [None, False]


def test_idle_priority_is_of_the_thread_that_asks() -> None:
    told: list[bool] = []
    thread = threading.Thread(target=lambda: told.append(set_idle_priority()))
    thread.start()
    thread.join(10)
    assert told == [True]


def test_a_file_that_cannot_be_read_stops_no_other(tmp_path: Path) -> None:
    folder, link, good = suspects(tmp_path, 3)
    folder.path.unlink()
    folder.path.mkdir()  # EISDIR comes from read(2), as an error of the disk does
    link.path.unlink()
    link.path.symlink_to(good.path)
    results = hash_again([folder, link, good], MEGABYTE, lambda _: False, lambda: 0.0)
    assert [one.matches for one in results] == [None, None, True]
    assert [bool(one.problem) for one in results] == [True, True, False]


def scanned(site: Any) -> None:
    """Lets a week pass, and the scan that is due then come to its end."""
    site.pass_time(8 * 86_400)
    site.agent._due["integrity"] = 0
    site.agent.step()
    while not site.agent._rechecks.idle:
        site.agent._due["integrity"] = 1 << 62
        site.agent.step(0.01)


def test_an_unreadable_file_is_a_finding_and_no_claim(make_site: Callable[..., Any]) -> None:
    site = make_site(settings={"integrity_every_days": 7, "integrity_bytes_per_s": 10**9})
    bad = site.write("hot/east/20260921T141200.mp4", b"a" * 1_000, age_s=70)
    site.write("hot/east/20260921T141210.mp4", b"b" * 1_000, age_s=60)
    site.rest()
    bad.unlink()
    bad.symlink_to("20260921T141210.mp4")
    scanned(site)
    (scan,) = site.told("integrity_scan")
    assert [(run.first, run.last) for run in scan.ranges] == [(2, 2)]
    assert not scan.altered
    assert not scan.missing
    site.pass_time(6)
    site.agent.step()
    (text,) = [text for code, text in findings(site.survey(), site.now_us, 10**9) if code == "footage-unreadable"]
    assert text.startswith(f"stored files that cannot be read: 1, e.g. {bad}: ")


def test_a_disk_that_is_away_is_not_told_as_missing_footage(make_site: Callable[..., Any]) -> None:
    site = make_site(settings={"integrity_every_days": 7, "integrity_bytes_per_s": 10**9})
    site.write("hot/east/20260921T141200.mp4", b"a" * 1_000, age_s=70)
    site.rest()
    (site.folder / "hot").rename(site.folder / "away")
    scanned(site)
    (site.folder / "away").rename(site.folder / "hot")
    assert not site.told("integrity_scan")
    scanned(site)
    (scan,) = site.told("integrity_scan")
    assert [(run.first, run.last) for run in scan.ranges] == [(1, 1)]
