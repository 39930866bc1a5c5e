"""Compares a storage with the state, folder by folder: what is new, what changed, what is gone.

A folder whose mtime did not change since it was listed has the same names in it; it is listed again only by a deep
scan, which also compares sizes and times. A folder is marked as listed only when nothing in it is still being written
and its mtime is old enough that no later change can have the same one, and together with the names of the folders in it:
nobody would come to them again through one that is not listed any more.
"""

import os
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from custody.recorder.config import Recorder, Storage
from custody.recorder.place import Place
from custody.recorder.state import State

_RACY_NS: Final = 2_000_000_000
"""File systems stamp with the granularity of their clock; FAT has two seconds."""


class Sight(Enum):
    """What was found out about a path."""

    FINISHED = auto()
    """It is there, new or changed, and was not written to for a while."""
    GONE = auto()
    """It was there."""
    PLAYLIST = auto()
    """A segment list that changed."""
    UNSETTLED = auto()
    """It is there, new or changed, and was written to a moment ago: nobody knows yet what it is."""
    UNREADABLE = auto()
    """A folder that cannot be listed now; `why` says why."""
    PAUSE = auto()
    """Nothing: a folder is done, and whoever drives the scan may do something else."""


@dataclass(frozen=True, slots=True)
class Hint:
    """A path and what is known of it. A hint may be wrong; whoever acts on it looks at the disk."""

    sight: Sight
    place: Place | None = None
    written_us: int = 0
    """When an unsettled file was written to last, microseconds UTC."""
    why: str = ""


class StorageAwayError(OSError):
    """The storage's folder is not there: an unmounted disk, not a deletion of everything in it."""


def scan(
    state: State, recorder: Recorder, storage: Storage, now_ns: Callable[[], int], *, deep: bool
) -> Iterator[Hint]:
    """Hints on everything that differs from the state. Raises StorageAwayError; other errors skip a folder.

    The caller may act on hints between two of them. Writes (outside transactions) the marks of listed folders.
    """
    check_there(state, storage)
    known = state.folders(storage.name)
    work = sorted(known.keys() | {""}, reverse=True)
    queued = set(work)
    while work:
        path = work.pop()
        folder, listed_ns = known.get(path, (0, 0))
        full = storage.path / path
        try:
            mtime_ns = full.stat().st_mtime_ns
            if mtime_ns == listed_ns and not deep:
                continue
            with os.scandir(full) as listing:
                entries = list(listing)
        except FileNotFoundError:
            check_there(state, storage)
            yield from _folder_gone(state, recorder, storage, path, folder)
            continue
        except OSError as error:  # the next scan tries again, and a missing file is never concluded from it
            yield Hint(Sight.UNREADABLE, Place(recorder=recorder, storage=storage, path=path), why=str(error.strerror))
            continue
        quiet = yield from _compare(state, recorder, storage, path, folder, entries, now_ns())
        new = []
        for entry in entries:
            below = f"{path}/{entry.name}" if path else entry.name
            if any("\ud800" <= char <= "\udfff" for char in entry.name):
                # A folder whose name is not UTF-8 cannot be remembered; what lies in it is shown as refused.
                yield Hint(Sight.FINISHED, Place(recorder=recorder, storage=storage, path=below))
                continue
            if below not in queued and entry.is_dir(follow_symlinks=False) and not entry.name.startswith("."):
                queued.add(below)
                work.append(below)
                new.append(below)
        if quiet and now_ns() - mtime_ns > _RACY_NS:
            with state.transaction():
                for below in new:
                    state.folder(storage.name, below)
                state.set_listed(folder or state.folder(storage.name, path), mtime_ns)
        yield Hint(Sight.PAUSE)


def check_there(state: State, storage: Storage) -> None:
    """Raises StorageAwayError when the storage's folder is missing, or was a mount point once and is none now."""
    if not storage.path.is_dir():
        raise StorageAwayError(f"the storage {storage.name} is away: {storage.path} is not there")
    key = f"mount:{storage.name}"
    mounted = storage.path.is_mount()
    if state.note(key) == "1" and not mounted:
        raise StorageAwayError(f"the storage {storage.name} is away: nothing is mounted at {storage.path}")
    if mounted and state.note(key) is None:
        with state.transaction():
            state.set_note(key, "1")


def _compare(
    state: State,
    recorder: Recorder,
    storage: Storage,
    path: str,
    folder: int,
    entries: list["os.DirEntry[str]"],
    now_ns: int,
) -> Generator[Hint, None, bool]:
    files = state.files_in(folder) if folder else {}
    quiet = True
    fresh: list[tuple[int, Place]] = []
    for entry in entries:
        if entry.name.startswith(".") or not entry.is_file(follow_symlinks=False):
            continue
        place = Place(recorder=recorder, storage=storage, path=f"{path}/{entry.name}" if path else entry.name)
        known = files.pop(entry.name, None)
        try:
            status = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            quiet = False
            continue
        if known is not None and (known.size_bytes, known.mtime_ns) == (status.st_size, status.st_mtime_ns):
            continue
        if place.is_playlist:
            yield Hint(Sight.PLAYLIST, place)
        elif now_ns - status.st_mtime_ns < recorder.settle_us * 1_000:
            quiet = False
            yield Hint(Sight.UNSETTLED, place, status.st_mtime_ns // 1_000)
        else:
            fresh.append((status.st_mtime_ns, place))
            quiet = False  # it is marked when everything in it is registered
    for name in files:
        yield Hint(Sight.GONE, Place(recorder=recorder, storage=storage, path=f"{path}/{name}" if path else name))
    for _, place in sorted(fresh, key=lambda item: (item[0], item[1].path)):
        yield Hint(Sight.FINISHED, place)
    return quiet


def _folder_gone(state: State, recorder: Recorder, storage: Storage, path: str, folder: int) -> Iterator[Hint]:
    if not folder:
        return
    files = state.files_in(folder)
    for name in files:
        yield Hint(Sight.GONE, Place(recorder=recorder, storage=storage, path=f"{path}/{name}" if path else name))
    if not files:
        with state.transaction():
            state.drop_folder(folder)
