"""Hints from inotify: finished, renamed and deleted files, as they happen.

Only what is needed is asked of the kernel: a recorder's thousands of writes a second wake nobody. When the kernel
refuses more watches (fs.inotify.max_user_watches) the agent lives on scans and says so.
"""

from collections.abc import Callable, Sequence

from watchdog.events import (
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileDeletedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers.inotify import InotifyObserver

from custody.recorder.config import Storage
from custody.recorder.place import Places
from custody.recorder.reconcile import Hint, Sight

_EVENTS = [
    FileClosedEvent,
    FileMovedEvent,
    FileDeletedEvent,
    DirCreatedEvent,
    DirMovedEvent,
    DirDeletedEvent,
]


class Watch(FileSystemEventHandler):
    """Turns events into hints; `tell` is called from the observer's thread."""

    def __init__(self, places: Places, tell: Callable[[Hint], None]) -> None:
        self._places = places
        self._tell = tell
        # Full events: a file that is renamed into the folder from elsewhere comes as a move without an origin; without
        # them it would look like a file that somebody just began to write.
        self._observer = InotifyObserver(generate_full_events=True)

    def start(self, storages: Sequence[Storage]) -> list[str]:
        """Watches the storages; returns why those that cannot be watched are not."""
        problems = []
        self._observer.start()
        for storage in storages:
            try:
                self._observer.schedule(self, str(storage.path), recursive=True, event_filter=_EVENTS)
            except OSError as error:
                problems.append(f"{storage.name}: {error.strerror or error}; found by scans only")
        return problems

    def stop(self) -> None:
        """Ends the observer's threads."""
        self._observer.stop()
        self._observer.join(5)

    def on_closed(self, event: FileSystemEvent) -> None:
        """A file that was open for writing was closed."""
        self._finished(event.src_path)

    def on_moved(self, event: FileSystemEvent) -> None:
        """A file was renamed; for a folder the events of its files follow."""
        if not event.is_directory:
            self._finished(event.dest_path)
            self._gone(event.src_path)

    def on_deleted(self, event: FileSystemEvent) -> None:
        """A file was deleted; what a deleted folder held is found by the scan."""
        if not event.is_directory:
            self._gone(event.src_path)

    def _finished(self, path: bytes | str) -> None:
        place = self._places.place(_text(path))
        if place is not None and not place.name.startswith("."):
            self._tell(Hint(Sight.PLAYLIST if place.is_playlist else Sight.FINISHED, place))

    def _gone(self, path: bytes | str) -> None:
        place = self._places.place(_text(path))
        if place is not None:
            self._tell(Hint(Sight.GONE, place))


def _text(path: bytes | str) -> str:
    return path if isinstance(path, str) else path.decode("utf-8", "surrogateescape")
