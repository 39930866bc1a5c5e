"""Heads snapshots that the ledger appends by itself: on a schedule, and when somebody asks for a fresh one.

The record says where every chain ended at its own leaf index (`core.heads`), so it is made while the round is stamped.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from custody.core.chain import Head
from custody.core.entry import sealed_record
from custody.core.errors import CustodyError
from custody.core.heads import chain_heads
from custody.core.record import read_record
from custody.server.batch import Admitted
from custody.v1 import record_pb2

SNAPSHOT_SUBMITTER: Final = "urn:custody:ledger:self"
"""The ledger speaks in its own name only here."""


class LogEmpty(CustodyError):
    """A log without entries has no heads."""

    code = "log-empty"


class Snapshots:
    """When the next snapshot is due, and who waits for it. Used on the sequencer's event loop only."""

    def __init__(self, *, interval_us: int, new_record_id: Callable[[int], bytes], now_us: int) -> None:
        """`new_record_id` makes a UUIDv7 for a time in microseconds."""
        self._interval_us = interval_us
        self._new_record_id = new_record_id
        self._due_us = now_us + interval_us
        self._asked: list[asyncio.Future[int]] = []
        self._size_after = 0

    def ask(self) -> asyncio.Future[int]:
        """Asks for a snapshot in the next round; the future gets its leaf index, or LogEmpty."""
        request: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._asked.append(request)
        return request

    def fail_all(self, error: CustodyError) -> None:
        """Turns everyone away who waits for a snapshot."""
        asked, self._asked = self._asked, []
        for request in asked:
            if not request.done():
                request.set_exception(error)

    def due_in_s(self, now_us: int) -> float:
        """Seconds until one is due; 0 when somebody waits."""
        return 0.0 if self._asked else max(0.0, (self._due_us - now_us) / 1e6)

    def take(self, size: int, now_us: int) -> tuple[bool, list[asyncio.Future[int]]]:
        """Whether this round, on a log of `size` entries, ends with a snapshot, and who waits for it."""
        asked, self._asked = self._asked, []
        asked = [request for request in asked if not request.done()]
        due = now_us >= self._due_us
        if due:
            self._due_us = now_us + self._interval_us
        # A log that has not grown since its last snapshot needs no other one, unless somebody asks.
        return bool(asked) or (due and size != self._size_after), asked

    def record(self, index: int, heads: Mapping[str, Head], now_us: int) -> Admitted:
        """The snapshot that will stand at leaf `index`. Raises LogEmpty."""
        if not heads:
            raise LogEmpty("the log has no entries yet, so there is nothing to snapshot")
        self._size_after = index + 1
        record = record_pb2.Record(
            record_id=self._new_record_id(now_us), at_us=now_us, chain_heads=chain_heads(index, heads)
        )
        raw = record.SerializeToString()
        return Admitted(read_record(raw), sealed_record(raw))
