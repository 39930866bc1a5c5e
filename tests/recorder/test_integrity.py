"""Hashing again at a bounded rate, and out of the way of whoever records."""

import threading
from hashlib import sha256
from pathlib import Path

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
