"""The agent: one thread that takes hints, has files measured, decides, writes, and hands records to the outbox.

A round (`step`) does, in this order:
1 take hints (inotify, spool, scan); 2 send files to be measured; 3 commit what was measured; 4 do what is due by the
clock; 5 forward. Everything durable is in `State`; the agent can be killed between any two instructions. A hint that is
lost with the process is found again by the scan with which every start begins.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import Final

from custody.recorder.arrivals import Arrivals
from custody.recorder.config import Config
from custody.recorder.environment import Counts, Environment
from custody.recorder.events import Events
from custody.recorder.flights import Flights
from custody.recorder.forgetting import Forgetting
from custody.recorder.hooks import Hooks
from custody.recorder.looking import Looking
from custody.recorder.outbox import Outbox, forward
from custody.recorder.place import Place, Places
from custody.recorder.playlist import MAX_LIST_BYTES, listed_names
from custody.recorder.rechecks import Rechecks
from custody.recorder.reconcile import Hint, Sight
from custody.recorder.records import Writer
from custody.recorder.register import Register
from custody.recorder.rounds import Rounds
from custody.recorder.state import Segment, State
from custody.recorder.troubles import Troubles
from custody.v1 import record_pb2

_LOG: Final = logging.getLogger("custody.recorder")
_WAKE: Final = Hint(Sight.PAUSE)
_CLOCK_EVERY_US: Final = 10_000_000
_EVENTS_AT_ONCE: Final = 256


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
        self._troubles = Troubles()
        self._rounds = Rounds(config, state, self._register, self._writer, self._troubles)
        self._events = Events(
            config.state / "spool",
            state,
            Hooks(self.places, state, self._register, self._writer, outbox.revive),
            self._register,
            counts=self.counts,
            troubles=self._troubles,
            transaction=self._transaction,
        )
        self._hints: SimpleQueue[Hint] = SimpleQueue()
        self._due: dict[str, int] = {}
        self._arrivals = Arrivals(
            Flights(config.workers, lambda: self._hints.put(_WAKE)),
            state,
            self._register,
            counts=self.counts,
            troubles=self._troubles,
            transaction=self._transaction,
            now_us=self._environment.now_us,
        )
        self._looking = Looking(
            config,
            state,
            self._arrivals,
            self._rounds,
            counts=self.counts,
            troubles=self._troubles,
            environment=self._environment,
            transaction=self._transaction,
            is_due=self._is_due,
        )
        self._forgetting = Forgetting(config, state, outbox)
        self._rechecks = Rechecks(
            config, state, self._register, self._writer, self._troubles, self._environment.monotonic_s
        )
        with self._transaction():
            self._rounds.woke(self._environment.now_us())
            self._rounds.configurations()

    # ---- outside

    def tell(self, hint: Hint) -> None:
        """Takes a hint from any thread."""
        self._hints.put(hint)

    def step(self, wait_s: float = 0.0) -> bool:
        """One round; waits up to `wait_s` for something to happen. Returns True when work was done or is under way."""
        busy = self._take_hints(0.0 if self._looking.running or self._arrivals.waiting else wait_s)
        busy |= self._take_spool()
        busy |= self._looking.go_on(self._take)
        self._arrivals.launch()
        busy |= self._arrivals.land()
        self._by_the_clock()
        busy |= forward(self._state, self._outbox) > 0
        return busy or self._arrivals.under_way > 0

    def rest(self, rounds: int = 10_000) -> None:
        """Steps until nothing is left to do now; a scan is made first. RuntimeError when that never comes."""
        self._due["scan"] = 0
        quiet = 0
        for _ in range(rounds):
            quiet = 0 if self.step(0.01) or self._looking.running or self._arrivals.waiting else quiet + 1
            if quiet > 2:
                return
        raise RuntimeError("the agent does not come to rest")

    def close(self) -> None:
        """Stops the threads. What is under way is found again at the next start."""
        self._arrivals.stop()
        self._rechecks.stop()
        with self._transaction():
            self._rounds.alive(self._environment.now_us())

    # ---- 1 hints

    def _take_hints(self, wait_s: float) -> bool:
        gone: list[Place] = []
        taken = self._take_waiting(wait_s, gone)
        if gone:
            self._take_spool()  # see _gone
            # A cleaner deletes many at once: one transaction for all of them.
            with self._transaction():
                for place in gone:
                    self._register.vanished(place)
        return taken

    def _take_waiting(self, wait_s: float, gone: list[Place]) -> bool:
        taken = False
        try:
            hint = self._hints.get(timeout=wait_s) if wait_s else self._hints.get_nowait()
            while len(gone) < _EVENTS_AT_ONCE:
                if hint.sight is Sight.GONE and hint.place is not None:
                    if self._is_gone(hint.place):
                        gone.append(hint.place)
                else:
                    self._take(hint)
                taken = taken or hint.sight is not Sight.PAUSE
                hint = self._hints.get_nowait()
            self._take(hint)
        except Empty:
            pass
        return taken

    def _take(self, hint: Hint) -> None:
        place = hint.place
        if place is None:
            return
        match hint.sight:
            case Sight.FINISHED:
                self._arrivals.enqueue(place)
            case Sight.GONE:
                self._gone(place)
            case Sight.PLAYLIST:
                self._follow(place)
            case Sight.UNSETTLED | Sight.UNREADABLE | Sight.PAUSE:
                pass

    def _gone(self, place: Place) -> None:
        if not self._is_gone(place):
            return
        # Whoever announces a deletion does so before it: of what is gone by now, the announcement is in the spool by now.
        self._take_spool()
        with self._transaction():
            self._register.vanished(place)

    def _is_gone(self, place: Place) -> bool:
        return place.is_text and not os.path.exists(place.text)  # noqa: PTH110 - see Place.text

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
            self._arrivals.enqueue(Place(recorder=place.recorder, storage=place.storage, path=folder + name))
        with self._transaction():
            self._register.ignore(place, status.st_size, status.st_mtime_ns)

    def _take_spool(self) -> bool:
        """Takes the events of hooks that wait; True when there were some."""
        heard, places = self._events.take()
        for place in places:
            self._arrivals.enqueue(place)
        if gone := [place for place in places if self._is_gone(place)]:
            with self._transaction():
                for place in gone:
                    self._register.vanished(place)
        return heard

    # ---- 4 the clock

    def _by_the_clock(self) -> None:
        now_us = self._environment.now_us()
        self._looking.settle()
        if self._is_due("alive", min(5_000_000, self.config.heartbeat_us // 4)):
            with self._transaction():
                self._rounds.alive(now_us)
                self.counts.disposed += self._rounds.disposals(now_us, self._looking.looked_us)
                self._rounds.heartbeats(now_us, self._state.count_pending() + self._outbox.backlog())
                self._state.set_note("troubles", self._troubles.encode())
                self._rounds.ledger(now_us, self._outbox.receipted(), self._outbox.problem())
        # Before the first scan is through, footage may lie there that is not overdue at all.
        if self._looking.looked_us and not self._arrivals.waiting and self._is_due("overdue", 5_000_000):
            with self._transaction():
                self._rounds.overdue(now_us, self._arrivals.streams())
        if self._is_due("configuration", 10_000_000):
            with self._transaction():
                self._rounds.configurations()
        if self._is_due("forget", 10_000_000):
            with self._transaction():
                self.counts.forgotten += self._forgetting.go_on(now_us)
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
