"""A path as the agent sees it: which recorder's, which storage's, what its name says."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from custody.recorder.config import Config, Recorder, Storage
from custody.recorder.template import Named


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A path below one storage."""

    recorder: Recorder
    storage: Storage
    path: str
    """Below the storage, '/' between parts."""

    @property
    def folder(self) -> str:
        """Its folder below the storage; '' is the storage itself."""
        return self.path.rpartition("/")[0]

    @property
    def name(self) -> str:
        """Last part of the path."""
        return self.path.rpartition("/")[2]

    @property
    def is_text(self) -> bool:
        """False when the name has bytes that are not UTF-8 (they come as lone surrogates and cannot be stored)."""
        try:
            self.path.encode()
        except UnicodeEncodeError:
            return False
        return True

    @property
    def text(self) -> str:
        """As `full`, for the many calls that want no Path: making one costs more than a look at the disk."""
        return f"{self.storage.path}/{self.path}"

    @property
    def full(self) -> Path:
        """The absolute path."""
        return self.storage.path / self.path

    def is_beneath(self) -> bool:
        """True when its folder really lies in the storage: neither `..` nor a link leads out. Looks at the disk."""
        real = Path(os.path.realpath(self.storage.path), self.folder)  # Path.resolve raises on a circle of links
        return ".." not in self.path.split("/") and Path(os.path.realpath(self.full.parent)) == real

    def named(self, mtime_us: int) -> Named | None:
        """What the first template that fits says; None when the file is not footage.

        An initialization segment (ISO/IEC 14496-12, RFC 8216 section 3.3) has no pictures, whatever its name.
        """
        if self.recorder.wish.init_name and self.name == self.recorder.wish.init_name:
            return None
        for template in self.recorder.templates:
            found = template.match(self.path, mtime_us)
            if found is not None:
                return found
        return None

    @property
    def is_playlist(self) -> bool:
        """True when it is a segment list of the recorder."""
        path = PurePosixPath(self.path)
        return any(path.match(pattern) for pattern in self.recorder.playlists)


class Places:
    """Finds the storage of an absolute path; the deepest wins when one storage lies in another."""

    def __init__(self, config: Config) -> None:
        pairs = [(storage, recorder) for recorder in config.recorders for storage in recorder.storages]
        self._roots: Sequence[tuple[str, Storage, Recorder]] = sorted(
            ((f"{storage.path}/", storage, recorder) for storage, recorder in pairs), key=lambda item: -len(item[0])
        )

    def place(self, path: str) -> Place | None:
        """The place of an absolute path, or None when it belongs to no storage."""
        for root, storage, recorder in self._roots:
            if path.startswith(root):
                return Place(recorder=recorder, storage=storage, path=path[len(root) :])
        return None


def neighbours(place: Place) -> Iterator[tuple[Place, int]]:
    """The other files in a place's folder, with their mtime in microseconds; none when it cannot be listed."""
    folder = f"{place.folder}/" if place.folder else ""
    try:
        with os.scandir(place.full.parent) as listing:
            for entry in listing:
                if entry.name.startswith(".") or entry.name == place.name or not entry.is_file(follow_symlinks=False):
                    continue
                other = Place(recorder=place.recorder, storage=place.storage, path=folder + entry.name)
                yield other, entry.stat(follow_symlinks=False).st_mtime_ns // 1_000
    except OSError:
        return
