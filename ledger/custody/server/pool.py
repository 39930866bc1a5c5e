"""The bounded pool of a log: admitted batches wait here to be sequenced.

Bounded by records and by bytes, because memory is what a flood takes first. When it is full a batch is turned away at
once (`PoolFull`, RESOURCE_EXHAUSTED) and nothing of it is kept: the client's outbox still has it.

Used on one event loop only; no method is interrupted, so there is no lock.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Final

from custody.core.errors import CustodyError
from custody.server.batch import Batch

MAX_RECORDS: Final = 32_768
MAX_BYTES: Final = 64 * 1024 * 1024


class PoolFull(CustodyError):
    """Too much is waiting; try again later."""

    code = "pool-full"


class Pool:
    """First in, first out."""

    def __init__(self, *, max_records: int = MAX_RECORDS, max_bytes: int = MAX_BYTES) -> None:
        self._max_records = max_records
        self._max_bytes = max_bytes
        self._waiting: deque[Batch] = deque()
        self._records = 0
        self._bytes = 0
        self.arrived = asyncio.Event()

    def put(self, batch: Batch) -> None:
        """Takes a batch or raises PoolFull."""
        if self._records + len(batch.items) > self._max_records or self._bytes + batch.total_bytes > self._max_bytes:
            raise PoolFull("the ledger has too much waiting; send the batch again later")
        self._waiting.append(batch)
        self._records += len(batch.items)
        self._bytes += batch.total_bytes
        self.arrived.set()

    def take(self, max_records: int) -> list[Batch]:
        """The oldest batches, about `max_records` records of them; those whose sender has left are dropped.

        Dropping is safe: a batch in the pool was never stored, and no one waits for its receipt.
        """
        taken: list[Batch] = []
        records = 0
        while self._waiting and (not records or records + len(self._waiting[0].items) <= max_records):
            batch = self._waiting.popleft()
            self._records -= len(batch.items)
            self._bytes -= batch.total_bytes
            if not batch.done.done():
                taken.append(batch)
                records += len(batch.items)
        if not self._waiting:
            self.arrived.clear()
        return taken

    def put_back(self, batches: Sequence[Batch]) -> None:
        """Puts batches that were taken to the front again, in their order; they had their place already."""
        for batch in reversed(batches):
            self._waiting.appendleft(batch)
            self._records += len(batch.items)
            self._bytes += batch.total_bytes
        if batches:
            self.arrived.set()

    def fail_all(self, error: Exception) -> None:
        """Turns everything away that waits."""
        for batch in self._waiting:
            if not batch.done.done():
                batch.done.set_exception(error)
        self._waiting.clear()
        self._records = self._bytes = 0
        self.arrived.clear()

    def __len__(self) -> int:
        """Records that wait."""
        return self._records
