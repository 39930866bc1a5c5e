"""Files on their way through the hash pool, and the order in which they come out.

Files are measured side by side; what they mean is decided stream by stream in the order in which they were seen, so
that numbers and gaps are right. Used by the agent's thread alone; the pool's threads only call `ready`.
"""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from custody.recorder.measure import Measured, measure
from custody.recorder.place import Place
from custody.recorder.template import Named


@dataclass(frozen=True, slots=True, kw_only=True)
class Flight:
    """One file that is being measured."""

    place: Place
    named: Named
    stream: str
    result: "Future[Measured]"


class Flights:
    """At most `limit` files at once: more than are closed in one pause of the agent, or the pause would bound the rate.

    Mutable, one owner.
    """

    def __init__(self, workers: int, ready: Callable[[], None], limit: int = 256) -> None:
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="custody-measure")
        self._side = ThreadPoolExecutor(workers, thread_name_prefix="custody-hash")
        self._ready = ready
        self._limit = limit
        self._lanes: dict[str, deque[Flight]] = {}
        self._paths: set[tuple[str, str]] = set()

    def __len__(self) -> int:
        return len(self._paths)

    def keys(self) -> set[tuple[str, str]]:
        """Storage and path of every file under way."""
        return set(self._paths)

    def streams(self) -> set[str]:
        """Streams that have a file under way."""
        return set(self._lanes)

    @property
    def full(self) -> bool:
        """No room for another one now."""
        return len(self._paths) >= self._limit

    def start(self, place: Place, named: Named, stream: str) -> None:
        """Sends a file off, unless it is under way already."""
        key = (place.storage.name, place.path)
        if key in self._paths:
            return
        self._paths.add(key)
        result = self._pool.submit(measure, place.full, place.recorder.wish, self._side)
        self._lanes.setdefault(stream, deque()).append(Flight(place=place, named=named, stream=stream, result=result))
        result.add_done_callback(lambda _: self._ready())

    def landed(self) -> Iterator[Flight]:
        """Files whose turn it is, in the order of their streams."""
        for stream in list(self._lanes):
            lane = self._lanes[stream]
            while lane and lane[0].result.done():
                flight = lane.popleft()
                self._paths.discard((flight.place.storage.name, flight.place.path))
                yield flight
            if not lane:
                del self._lanes[stream]

    def stop(self) -> None:
        """Ends the pool; what is under way is dropped and will be found again."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._side.shutdown(wait=True, cancel_futures=True)
