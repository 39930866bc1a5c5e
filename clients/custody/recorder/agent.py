"""The agent: one thread that takes hints, has files measured, decides, writes, and hands records to the outbox.

A round (`step`) does, in this order:
1 take hints (inotify, spool, scan); 2 send files to be measured; 3 commit what was measured; 4 do what is due by the
clock; 5 forward. Everything durable is in `State`; the agent can be killed between any two instructions. A hint that is
lost with the process is found again by the scan with which every start begins.
"""

import logging
import os
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Final

from custody.core.errors import CustodyError, MalformedError
from custody.recorder import spool
from custody.recorder.clock import system_now_us, system_quality
from custody.recorder.config import Config, Recorder, Storage
from custody.recorder.flights import Flight, Flights
from custody.recorder.frigate import recorded_since
from custody.recorder.hooks import Hooks
from custody.recorder.measure import FileChangedError
from custody.recorder.outbox import Outbox, forward
from custody.recorder.place import Place, Places, neighbours
from custody.recorder.playlist import MAX_LIST_BYTES, listed_names
from custody.recorder.rechecks import Rechecks
from custody.recorder.reconcile import Hint, Sight, StorageAwayError, scan
from custody.recorder.records import Writer
from custody.recorder.register import Register
from custody.recorder.rounds import Rounds
from custody.recorder.state import Segment, State
from custody.recorder.template import Named
from custody.v1 import record_pb2

_LOG: Final = logging.getLogger("custody.recorder")
_WAKE: Final = Hint(Sight.PAUSE)
_UNFINISHED: Final = "media-unfinished"
_SCAN_SLICE_S: Final = 0.02
"""How long a scan may hold the thread before hints are looked at again."""
_CLOCK_EVERY_US: Final = 10_000_000
_EVENTS_AT_ONCE: Final = 256
_REFUSED_AT_MOST: Final = 1_000


@dataclass(slots=True, kw_only=True)
class Counts:
    """What the agent did since it started, for metrics."""

    registered: int = 0
    registered_bytes: int = 0
    damaged: int = 0
    disposed: int = 0
    altered: int = 0
    refused: int = 0
    records: int = 0
    scans: int = 0


@dataclass(slots=True, kw_only=True)
class Environment:
    """What the agent takes from outside; tests bring their own."""

    now_us: Callable[[], int] = system_now_us
    quality: Callable[[], record_pb2.ClockQuality] = system_quality
    monotonic_s: Callable[[], float] = time.monotonic
    random: Callable[[int], bytes] = field(default=os.urandom)


class Agent:
    """One agent. `step` and `close` belong to one thread; `tell` may be called from any."""

    def __init__(self, config: Config, state: State, outbox: Outbox, environment: Environment | None = None) -> None:
        self.config = config
        self.counts = Counts()
        self._environment = environment or Environment()
        self._state = state
        self._outbox = outbox
        self._quality = record_pb2.ClockQuality()
        self._quality_us = -_CLOCK_EVERY_US
        self._writer = Writer(now_us=self._environment.now_us, quality=self._clock, random=self._environment.random)
        self.places = Places(config)
        self._register = Register(config, state, self._writer, disposal_kind=self._kind)
        self._rounds = Rounds(config, state, self._register, self._writer)
        self._hooks = Hooks(self.places, state, self._register, self._writer)
        self._hints: SimpleQueue[Hint] = SimpleQueue()
        self._waiting: deque[Place] = deque()
        self._waiting_keys: set[tuple[str, str]] = set()
        self._flights = Flights(config.workers, lambda: self._hints.put(_WAKE))
        self._refused: dict[str, str] = {}
        self._deferred: set[tuple[str, str]] = set()
        self._scan: Iterator[Hint] | None = None
        self._scan_deep = True
        self._scan_began_us = 0
        self._asked_us = 0
        self._looked_us = 0
        """Begin of the last scan whose every file is registered: what was gone before it and moved was found again."""
        self._unseen: set[tuple[str, str]] | None = None
        """Files of the last scan that are still under way; None while none is waited for."""
        self._due: dict[str, int] = {}
        self._rechecks = Rechecks(config, state, self._register, self._writer, self._environment.monotonic_s)
        with self._transaction():
            self._rounds.woke(self._environment.now_us())
            self._rounds.configurations()

    # ---- outside

    def tell(self, hint: Hint) -> None:
        """Takes a hint from any thread."""
        self._hints.put(hint)

    def step(self, wait_s: float = 0.0) -> bool:
        """One round; waits up to `wait_s` for something to happen. Returns True when work was done or is under way."""
        busy = self._take_hints(0.0 if self._scan is not None or self._waiting else wait_s)
        busy |= self._take_spool()
        busy |= self._go_on_scanning()
        self._launch()
        busy |= self._land()
        self._by_the_clock()
        busy |= forward(self._state, self._outbox) > 0
        return busy or len(self._flights) > 0

    def rest(self, rounds: int = 10_000) -> None:
        """Steps until nothing is left to do now; a scan is made first. RuntimeError when that never comes."""
        self._due["scan"] = 0
        quiet = 0
        for _ in range(rounds):
            quiet = 0 if self.step(0.01) or self._scan is not None or self._waiting else quiet + 1
            if quiet > 2:
                return
        raise RuntimeError("the agent does not come to rest")

    def close(self) -> None:
        """Stops the threads. What is under way is found again at the next start."""
        self._flights.stop()
        self._rechecks.stop()
        with self._transaction():
            self._rounds.alive(self._environment.now_us())

    # ---- 1 hints

    def _take_hints(self, wait_s: float) -> bool:
        taken = False
        try:
            hint = self._hints.get(timeout=wait_s) if wait_s else self._hints.get_nowait()
            while True:
                self._take(hint)
                taken = taken or hint.sight is not Sight.PAUSE
                hint = self._hints.get_nowait()
        except Empty:
            return taken

    def _take(self, hint: Hint) -> None:
        place = hint.place
        if place is None:
            return
        match hint.sight:
            case Sight.FINISHED:
                self._enqueue(place)
            case Sight.GONE:
                self._gone(place)
            case Sight.PLAYLIST:
                self._follow(place)
            case Sight.PAUSE:
                pass

    def _enqueue(self, place: Place) -> None:
        if not place.is_text:
            self._refuse(str(place.full), "its name is not UTF-8")
            return
        key = (place.storage.name, place.path)
        if key not in self._waiting_keys:
            self._waiting_keys.add(key)
            self._waiting.append(place)

    def _gone(self, place: Place) -> None:
        if not place.is_text or place.full.exists():
            return
        with self._transaction():
            self._register.vanished(place)

    def _follow(self, place: Place) -> None:
        """A segment list says which of its neighbours are finished."""
        try:
            status = place.full.stat()
            if status.st_size > MAX_LIST_BYTES:
                return
            names = list(listed_names(place.full.read_text(encoding="utf-8", errors="replace")))
        except OSError:
            return
        folder = f"{place.folder}/" if place.folder else ""
        for name in names:
            self._enqueue(Place(recorder=place.recorder, storage=place.storage, path=folder + name))
        with self._transaction():
            self._register.ignore(place, status.st_size, status.st_mtime_ns)

    def _take_spool(self) -> bool:
        """Takes events of hooks, many in one transaction.

        Crash before its commit: all are taken again. Crash after it, with files still there: their names are known, and
        they are only removed.
        """
        paths = spool.waiting(self.config.state / "spool")[:_EVENTS_AT_ONCE]
        if not paths:
            return False
        with self._transaction():
            places = [self._take_event(path) for path in paths]
        for path in paths:
            path.unlink(missing_ok=True)
        with self._transaction():
            for path in paths:
                self._state.drop_note(f"hook:{path.name}")
        for place in places:
            if place is not None:
                self._enqueue(place)
                self._gone(place)
        return True

    def _take_event(self, path: Path) -> Place | None:
        """Acts on one event, or on nothing of it; inside a transaction."""
        if self._state.note(f"hook:{path.name}") is not None:
            return None
        self._state.set_note(f"hook:{path.name}", "done")
        try:
            with self._state.savepoint(), self._register.trial():
                return self._hooks.apply(spool.read_event(path))
        except MalformedError as error:
            self.counts.refused += 1
            _LOG.warning("hook %s refused: %s [%s]", path.name, error, error.code)
            return None

    def _go_on_scanning(self) -> bool:
        if self._scan is None:
            if self._unseen is not None or not self._is_due("scan", self.config.scan_us):
                return False
            self._scan_deep = self._is_due("deep", self.config.deep_scan_us)
            self._scan = self._scan_all()
            self._scan_began_us = self._environment.now_us()
        until = self._environment.monotonic_s() + _SCAN_SLICE_S
        while len(self._waiting) < 1_000 and self._environment.monotonic_s() < until:
            hint = next(self._scan, None)
            if hint is None:
                self._scan = None
                self.counts.scans += 1
                self._unseen = self._waiting_keys | self._flights.keys()
                break
            self._take(hint)
        return self._scan is not None

    def _scan_all(self) -> Iterator[Hint]:
        for recorder in self.config.recorders:
            yield from self._ask_database(recorder)
            for storage in recorder.storages:
                away = False
                try:
                    yield from scan(
                        self._state, recorder, storage, lambda: self._environment.now_us() * 1_000, deep=self._scan_deep
                    )
                except StorageAwayError as error:
                    _LOG.error("%s; nothing in it counts as deleted", error)
                    away = True
                self._storage_seen(recorder, storage, away=away)
        self._asked_us = self._scan_began_us

    def _ask_database(self, recorder: Recorder) -> Iterator[Hint]:
        """What the recorder itself says it has recorded since the last look, and an hour more."""
        if recorder.database is None:
            return
        since_s = self._asked_us / 1e6 - 3_600
        try:
            paths = list(recorded_since(recorder.database, since_s))
        except sqlite3.Error as error:
            _LOG.warning("%s: %s", recorder.database, error)
            return
        for path in paths:
            yield Hint(Sight.FINISHED, Place(recorder=recorder, storage=recorder.storages[0], path=path))

    def _storage_seen(self, recorder: Recorder, storage: Storage, *, away: bool) -> None:
        with self._transaction():
            self._rounds.storage_fault(recorder, storage.name, away=away)

    # ---- 2 and 3 files

    def _launch(self) -> None:
        while self._waiting and not self._flights.full:
            place = self._waiting.popleft()
            self._waiting_keys.discard((place.storage.name, place.path))
            self._launch_one(place)

    def _launch_one(self, place: Place) -> None:
        try:
            status = place.full.lstat()
        except OSError:
            return  # gone, or not ours to read: the scan says
        known = self._state.known(place.storage.name, place.folder, place.name)
        if known is not None and (known.size_bytes, known.mtime_ns) == (status.st_size, status.st_mtime_ns):
            return
        named = place.named(status.st_mtime_ns // 1_000)
        if named is None:
            with self._transaction():
                self._register.ignore(place, status.st_size, status.st_mtime_ns)
            return
        stream = self._stream_of(place, named)
        if stream:
            self._flights.start(place, named, stream)

    def _stream_of(self, place: Place, named: Named) -> str:
        """The stream's name; empty when none can be made, which a person must mend in [streams].

        Nothing is remembered of such a file, so that it is registered as soon as its camera has a name.
        """
        try:
            return self._register.stream_of(place, named)
        except CustodyError as error:
            self._refuse(str(place.full), f"{error} [{error.code}]")
            return ""

    def _refuse(self, path: str, why: str) -> None:
        """Footage that cannot be registered is a finding, not a line in a log."""
        if path not in self._refused and len(self._refused) < _REFUSED_AT_MOST:
            self._refused[path] = why
            self.counts.refused += 1
            _LOG.error("%s cannot be registered: %s", ascii(path), why)

    def _land(self) -> bool:
        landed = [flight for flight in self._flights.landed() if self._is_good(flight) and not self._defer(flight)]
        if landed:
            with self._transaction():
                for flight in landed:
                    measured = flight.result.result()
                    self._register.finished(flight.place, flight.named, measured)
                    self._refused.pop(str(flight.place.full), None)
                    self.counts.registered += 1
                    self.counts.registered_bytes += measured.size_bytes
                    self.counts.damaged += bool(measured.problem)
        return bool(landed)

    def _is_good(self, flight: Flight) -> bool:
        error = flight.result.exception()
        if isinstance(error, FileChangedError):
            return False  # it is being written to; its end, or the scan, brings it back
        if isinstance(error, FileNotFoundError):
            return False
        if isinstance(error, OSError):
            self._refuse(str(flight.place.full), error.strerror or str(error))
            return False
        if error is not None:
            raise error
        # An index that is written last: the writer is slow, or died; the scan decides later.
        measured = flight.result.result()
        return measured.problem != _UNFINISHED or not self._is_young(measured.mtime_ns, flight.place.recorder)

    def _defer(self, flight: Flight) -> bool:
        """Lets older files of the stream go first, once, where this one would open a gap before itself.

        After a restart the first live event comes before the scan has found what was finished meanwhile. A recorder
        writes one file of a stream at a time, so the older ones are finished, however young they are.
        """
        place = flight.place
        key = (place.storage.name, place.path)
        from_us = self._register.begins(place, flight.named, flight.result.result())
        if key in self._deferred or not self._register.would_gap(flight.stream, place.recorder, from_us):
            self._deferred.discard(key)
            return False
        older = self._older_neighbours(flight, from_us)
        if not older:
            return False
        self._deferred.add(key)
        for neighbour in older:
            self._enqueue(neighbour)
        self._enqueue(place)
        return True

    def _older_neighbours(self, flight: Flight, from_us: int) -> list[Place]:
        """Unknown files of the stream in the same folder that began before this one, the oldest first."""
        older = []
        for other, mtime_us in neighbours(flight.place):
            named = other.named(mtime_us)
            if named is None or self._state.known(other.storage.name, other.folder, other.name) is not None:
                continue
            begin = named.start_us if named.start_us is not None else mtime_us
            if begin < from_us and self._stream_of(other, named) == flight.stream:
                older.append((begin, other.path, other))
        return [other for _, _, other in sorted(older)]

    def _is_young(self, mtime_ns: int, recorder: Recorder) -> bool:
        return self._environment.now_us() - mtime_ns // 1_000 < recorder.settle_us

    # ---- 4 the clock

    def _by_the_clock(self) -> None:
        now_us = self._environment.now_us()
        if self._unseen is not None:
            self._unseen &= self._waiting_keys | self._flights.keys()
            if not self._unseen:
                self._looked_us, self._unseen = self._scan_began_us, None
        if self._is_due("alive", min(5_000_000, self.config.heartbeat_us // 4)):
            with self._transaction():
                self._rounds.alive(now_us)
                self.counts.disposed += self._rounds.disposals(now_us, self._looked_us)
                self._rounds.heartbeats(now_us, self._state.count_pending() + self._outbox.backlog())
                example = ascii(next(iter(self._refused), ""))
                self._state.set_note("refused", f"{len(self._refused)} {example}")
                self._state.set_note("outbox", f"{self._outbox.backlog()} {self._outbox.problem()}")
        # Before the first scan is through, footage may lie there that is not overdue at all.
        if self._looked_us and not self._waiting and self._is_due("overdue", 5_000_000):
            with self._transaction():
                self._rounds.overdue(now_us, self._flights.streams())
        if self._is_due("configuration", 60_000_000):
            with self._transaction():
                self._rounds.configurations()
        if self.config.integrity_every_us:
            self._recheck(now_us)

    def _is_due(self, what: str, every_us: int) -> bool:
        """By the monotonic clock, so that a step of the time of day stops nothing."""
        now = int(self._environment.monotonic_s() * 1_000_000)
        if now < self._due.get(what, 0):
            return False
        self._due[what] = now + every_us
        return True

    def _recheck(self, now_us: int) -> None:
        results = self._rechecks.results()
        if results:
            with self._transaction():
                self.counts.altered += self._rechecks.record(results, now_us)
        elif self._rechecks.idle and self._is_due("integrity", 10_000_000):
            self._rechecks.start(now_us)

    # ---- inside

    def _clock(self) -> record_pb2.ClockQuality:
        now = int(self._environment.monotonic_s() * 1_000_000)
        if now - self._quality_us >= _CLOCK_EVERY_US:
            self._quality, self._quality_us = self._environment.quality(), now
        return self._quality

    def _kind(self, segment: Segment, recorder: str) -> int:
        return self._rounds.disposal_kind(segment, recorder)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """One decision: its state and its records, all or nothing."""
        try:
            with self._state.transaction():
                yield
                self.counts.records += self._register.flush()
        except BaseException:
            self._register.forget()
            raise
