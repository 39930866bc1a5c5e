"""Integrity scans: which footage is hashed again, and what the result means. The hashing is in `integrity`."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from typing import Final

from custody.recorder.config import Config
from custody.recorder.integrity import Checked, Suspect, hash_again
from custody.recorder.ranges import by_record, segment_ranges
from custody.recorder.records import Writer
from custody.recorder.register import Register
from custody.recorder.state import State
from custody.recorder.troubles import Troubles

_AGAIN_US: Final = 3_600_000_000
"""What could not be read, or was not there, is looked at again after an hour."""
BATCH: Final = 256
"""Segments hashed for one record, or one for each stream when they are many."""


class Rechecks:
    """One batch at a time, in a thread of its own; the methods belong to the agent's thread."""

    def __init__(
        self,
        config: Config,
        state: State,
        register: Register,
        writer: Writer,
        troubles: Troubles,
        monotonic_s: Callable[[], float],
    ) -> None:
        self._troubles = troubles
        self._config = config
        self._state = state
        self._register = register
        self._writer = writer
        self._monotonic_s = monotonic_s
        self._stopping = Event()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="custody-integrity")
        self._running: Future[list[Checked]] | None = None

    @property
    def idle(self) -> bool:
        """Nothing is being hashed."""
        return self._running is None

    def start(self, now_us: int) -> None:
        """Sends off the segments that were not hashed for the longest time, if any are due."""
        suspects = self._suspects(now_us - self._config.integrity_every_us)
        if suspects:
            rate = self._config.integrity_bytes_per_s
            self._running = self._pool.submit(hash_again, suspects, rate, self._stopping.wait, self._monotonic_s)

    def results(self) -> list[Checked]:
        """What was found, once; empty while nothing is ready."""
        if self._running is None or not self._running.done():
            return []
        running, self._running = self._running, None
        return running.result()

    def stop(self) -> None:
        """Ends the thread; a batch that is under way is dropped and due again."""
        self._stopping.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _suspects(self, before_us: int) -> list[Suspect]:
        suspects = []
        roots = {storage.name: storage.path for recorder in self._config.recorders for storage in recorder.storages}
        for segment in self._state.least_verified(before_us, BATCH):
            for storage, folder, name in self._state.places(segment.id)[:1]:
                if storage in roots:
                    path = roots[storage] / folder / name
                    suspects.append(Suspect(segment.id, segment.numbered, path, segment.sha256))
        return suspects

    def record(self, results: Sequence[Checked], now_us: int) -> int:
        """Remembers and records results, inside a transaction; returns how many files were altered.

        A file that is not there is not told of here: it was deleted or moved a moment ago, or its disk is away, and whoever
        looks at the storages says which.
        """
        read = [one for one in results if one.matches is not None]
        for one in read:
            self._state.set_verified(one.suspect.segment, now_us, altered=one.matches is False)
        for one in results:
            self._note(one)
            if one.matches is None:
                self._state.set_verified_at(one.suspect.segment, now_us - self._config.integrity_every_us + _AGAIN_US)
        altered = [one.suspect.numbered for one in read if one.matches is False]
        for ranges in by_record(segment_ranges(one.suspect.numbered for one in read)):
            inside = {(run.stream, number) for run in ranges for number in range(run.first, run.last + 1)}
            files = [one for one in read if one.suspect.numbered[:2] in inside]
            record = self._writer.integrity_scan(
                ranges,
                files=len(files),
                total_bytes=sum(one.size_bytes for one in files),
                altered=segment_ranges(one for one in altered if one[:2] in inside),
            )
            self._register.add([record])
        return len(altered)

    def _note(self, one: Checked) -> None:
        if one.problem:
            self._troubles.meet("footage-unreadable", str(one.suspect.path), one.problem)
        else:
            self._troubles.gone("footage-unreadable", str(one.suspect.path))
