"""Files that wait, are measured, and become records: in the order of their streams, each once.

Used by the agent's thread alone. What is only here is found again by the scan with which every start begins.
"""

import os
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final

from custody.core.errors import CustodyError
from custody.recorder.config import Recorder
from custody.recorder.environment import Counts
from custody.recorder.flights import Flight, Flights
from custody.recorder.measure import FileChangedError
from custody.recorder.place import Place, neighbours
from custody.recorder.register import Register
from custody.recorder.state import State
from custody.recorder.template import Named
from custody.recorder.troubles import Troubles, shown

_UNFINISHED: Final = "media-unfinished"


class Arrivals:
    """Files on their way into the register; mutable, one owner."""

    def __init__(
        self,
        flights: Flights,
        state: State,
        register: Register,
        *,
        counts: Counts,
        troubles: Troubles,
        transaction: Callable[[], AbstractContextManager[None]],
        now_us: Callable[[], int],
    ) -> None:
        """`transaction` is the agent's: a decision and its records, all or nothing."""
        self._flights = flights
        self._state = state
        self._register = register
        self._counts = counts
        self._transaction = transaction
        self._now_us = now_us
        self._waiting: deque[Place] = deque()
        self._waiting_keys: set[tuple[str, str]] = set()
        self._deferred: set[tuple[str, str]] = set()
        self._troubles = troubles

    @property
    def waiting(self) -> int:
        """How many files wait to be measured."""
        return len(self._waiting)

    @property
    def under_way(self) -> int:
        """How many files are being measured."""
        return len(self._flights)

    def keys(self) -> set[tuple[str, str]]:
        """Storage and path of every file that waits or is being measured."""
        return self._waiting_keys | self._flights.keys()

    def streams(self) -> set[str]:
        """Streams that have a file under way."""
        return self._flights.streams()

    def stop(self) -> None:
        """Ends the threads."""
        self._flights.stop()

    def enqueue(self, place: Place) -> None:
        """Takes a file that may be finished."""
        if not place.is_text:
            self._refuse(place.text, "its name is not UTF-8")
            return
        key = (place.storage.name, place.path)
        if key not in self._waiting_keys:
            self._waiting_keys.add(key)
            self._waiting.append(place)

    def launch(self) -> None:
        """Sends waiting files to be measured."""
        while self._waiting and not self._flights.full:
            place = self._waiting.popleft()
            self._waiting_keys.discard((place.storage.name, place.path))
            self._launch_one(place)

    def _launch_one(self, place: Place) -> None:
        try:
            status = os.lstat(place.text)
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
            why = f"its camera {shown(named.camera or place.recorder.name)} gives no stream, map it in [streams]: {error} [{error.code}]"
            self._refuse(place.text, why)
            return ""

    def _refuse(self, path: str, why: object) -> None:
        """Footage that cannot be registered is a finding, not a line in a log."""
        self._counts.refused += self._troubles.meet("footage-refused", path, why)

    def land(self) -> bool:
        """Commits what was measured; True when there was something."""
        landed = [flight for flight in self._flights.landed() if self._is_good(flight) and not self._defer(flight)]
        if landed:
            with self._transaction():
                for flight in landed:
                    measured = flight.result.result()
                    self._register.finished(flight.place, flight.named, measured)
                    self._troubles.gone("footage-refused", flight.place.text)
                    self._counts.registered += 1
                    self._counts.registered_bytes += measured.size_bytes
                    self._counts.damaged += bool(measured.problem)
        return bool(landed)

    def _is_good(self, flight: Flight) -> bool:
        error = flight.result.exception()
        if isinstance(error, FileChangedError):
            return False  # it is being written to; its end, or the scan, brings it back
        if isinstance(error, FileNotFoundError):
            return False
        if isinstance(error, OSError):
            self._refuse(flight.place.text, error)
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
            self.enqueue(neighbour)
        self.enqueue(place)
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
        return self._now_us() - mtime_ns // 1_000 < recorder.settle_us
