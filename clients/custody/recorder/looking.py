"""Complete looks at every storage, a slice at a time, so that hints and files are not kept waiting."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Final

from custody.recorder.arrivals import Arrivals
from custody.recorder.config import Config, Recorder, Storage
from custody.recorder.environment import Counts, Environment
from custody.recorder.frigate import recorded_since
from custody.recorder.place import Place
from custody.recorder.reconcile import Hint, Sight, StorageAwayError, scan
from custody.recorder.rounds import Rounds
from custody.recorder.state import State
from custody.recorder.troubles import Troubles

_SLICE_S: Final = 0.02
"""How long a scan may hold the thread before hints are looked at again."""
_WAITING_AT_MOST: Final = 1_000


class Looking:
    """One scan at a time; mutable, one owner."""

    def __init__(
        self,
        config: Config,
        state: State,
        arrivals: Arrivals,
        rounds: Rounds,
        *,
        counts: Counts,
        troubles: Troubles,
        environment: Environment,
        transaction: Callable[[], AbstractContextManager[None]],
        is_due: Callable[[str, int], bool],
    ) -> None:
        """`is_due` says of a duty by its name and period in microseconds whether it is time."""
        self._config = config
        self._state = state
        self._arrivals = arrivals
        self._rounds = rounds
        self._counts = counts
        self._troubles = troubles
        self._unreadable: dict[str, str] = {}
        """Folders that the scan that is under way could not list."""
        self._environment = environment
        self._transaction = transaction
        self._is_due = is_due
        self._scan: Iterator[Hint] | None = None
        self._deep = True
        self._began_us = 0
        self._seen_to_us = 0
        """As `looked_us`, of the scan that is under way or whose files are."""
        self._asked_us = 0
        self._unseen: set[tuple[str, str]] | None = None
        """Files of the last scan that are still under way; None while none is waited for."""
        self.looked_us = 0
        """What was gone before it and moved was found again: begin of the last scan whose every file is registered, or when
        the oldest file was written that this scan left alone because it may not be finished."""

    @property
    def running(self) -> bool:
        """A scan is not at its end."""
        return self._scan is not None

    def settle(self) -> None:
        """Notes when the last file of a scan has arrived."""
        if self._unseen is not None:
            self._unseen &= self._arrivals.keys()
            if not self._unseen:
                self.looked_us, self._unseen = self._seen_to_us, None

    def go_on(self, take: Callable[[Hint], None]) -> bool:
        """Begins a scan that is due, or takes the next slice of one; True while it is under way."""
        if self._scan is None:
            if self._unseen is not None or not self._is_due("scan", self._config.scan_us):
                return False
            self._deep = self._is_due("deep", self._config.deep_scan_us)
            self._scan = self._scan_all()
            self._unreadable = {}
            self._began_us = self._seen_to_us = self._environment.now_us()
        until = self._environment.monotonic_s() + _SLICE_S
        while self._arrivals.waiting < _WAITING_AT_MOST and self._environment.monotonic_s() < until:
            hint = next(self._scan, None)
            if hint is None:
                self._scan = None
                self._counts.scans += 1
                self._troubles.settle("folder-unreadable", self._unreadable)
                self._unseen = self._arrivals.keys()
                break
            if (
                hint.sight is Sight.UNSETTLED
                and hint.place is not None
                and hint.place.named(hint.written_us) is not None
            ):
                # It may be the copy of a file that is gone since: whoever moves by copying writes before he deletes.
                self._seen_to_us = min(self._seen_to_us, hint.written_us)
            if hint.sight is Sight.UNREADABLE and hint.place is not None:
                self._unreadable[hint.place.text] = hint.why
            take(hint)
        return self._scan is not None

    def _scan_all(self) -> Iterator[Hint]:
        for recorder in self._config.recorders:
            yield from self._ask_database(recorder)
            for storage in recorder.storages:
                away = False
                try:
                    yield from scan(
                        self._state, recorder, storage, lambda: self._environment.now_us() * 1_000, deep=self._deep
                    )
                except StorageAwayError as error:
                    away = True
                    self._troubles.meet("storage-away", storage.name, f"{error}; nothing in it counts as deleted")
                else:
                    self._troubles.gone("storage-away", storage.name)
                self._storage_seen(recorder, storage, away=away)
        self._asked_us = self._began_us

    def _ask_database(self, recorder: Recorder) -> Iterator[Hint]:
        """What the recorder itself says it has recorded since the last look, and an hour more."""
        if recorder.database is None:
            return
        since_s = self._asked_us / 1e6 - 3_600
        try:
            paths = list(recorded_since(recorder.database, since_s))
        except sqlite3.Error as error:
            self._troubles.meet("database-unreadable", str(recorder.database), error)
            return
        self._troubles.gone("database-unreadable", str(recorder.database))
        for path in paths:
            place = Place(recorder=recorder, storage=recorder.storages[0], path=path)
            if place.is_beneath():
                yield Hint(Sight.FINISHED, place)

    def _storage_seen(self, recorder: Recorder, storage: Storage, *, away: bool) -> None:
        with self._transaction():
            self._rounds.storage_fault(recorder, storage.name, away=away)
