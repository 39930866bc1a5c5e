"""Hints from the kernel, with a real inotify; a scan would find the same, later."""

from collections.abc import Callable
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import pytest

from custody.recorder.reconcile import Hint, Sight
from custody.recorder.watch import Watch


@pytest.fixture
def hints(make_site: Callable[..., Any]) -> Any:
    site = make_site()
    queue: SimpleQueue[Hint] = SimpleQueue()
    (site.folder / "hot/east").mkdir()
    watch = Watch(site.agent.places, queue.put)
    assert not watch.start([site.config.recorders[0].storages[0]])
    yield site.folder, queue
    watch.stop()


def take(queue: "SimpleQueue[Hint]", count: int) -> list[tuple[Sight, str]]:
    found: list[tuple[Sight, str]] = []
    try:
        while len(found) < count:
            hint = queue.get(timeout=10)
            assert hint.place is not None
            found.append((hint.sight, hint.place.path))
        queue.get(timeout=0.2)
    except Empty:
        return found
    raise AssertionError("more hints than expected")


def test_a_closed_file_is_finished_and_a_written_one_is_not(hints: Any) -> None:
    folder, queue = hints
    with (folder / "hot/east/a.mp4").open("wb") as file:
        file.write(b"1")
        file.flush()
        file.write(b"2")
    assert take(queue, 1) == [(Sight.FINISHED, "east/a.mp4")]


def test_a_file_renamed_into_the_folder_is_finished(hints: Any) -> None:
    folder, queue = hints
    (folder / "part").write_bytes(b"1")
    (folder / "part").rename(folder / "hot/east/b.mp4")
    assert take(queue, 1) == [(Sight.FINISHED, "east/b.mp4")]


def test_a_file_renamed_out_of_it_or_deleted_is_gone(hints: Any) -> None:
    folder, queue = hints
    for name in ("c", "d"):
        (folder / name).write_bytes(b"1")
        (folder / name).rename(folder / f"hot/east/{name}.mp4")
    assert len(take(queue, 2)) == 2
    (folder / "hot/east/c.mp4").rename(folder / "elsewhere")
    Path(folder / "hot/east/d.mp4").unlink()
    assert take(queue, 2) == [(Sight.GONE, "east/c.mp4"), (Sight.GONE, "east/d.mp4")]


def test_a_rename_within_is_both(hints: Any) -> None:
    folder, queue = hints
    (folder / "part").write_bytes(b"1")
    (folder / "part").rename(folder / "hot/east/e.mp4")
    assert len(take(queue, 1)) == 1
    (folder / "hot/east/e.mp4").rename(folder / "hot/east/f.mp4")
    assert set(take(queue, 2)) == {(Sight.FINISHED, "east/f.mp4"), (Sight.GONE, "east/e.mp4")}
