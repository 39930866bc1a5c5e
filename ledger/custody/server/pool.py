"""The bounded pool of a log: admitted batches wait here to be sequenced, every submitter in a line of its own.

Bounded by records and by bytes, because memory is what a flood takes first. When it is full a batch is turned away at
once (`PoolFull`, RESOURCE_EXHAUSTED) and nothing of it is kept: the client's outbox still has it. One submitter alone may
fill three quarters of it, so that there is always a place for another.

Fair: a round takes turns between the submitters, the next batch from whoever has had fewest records, and lets nobody have more than `FAIR_RECORDS` beyond what
the others ask for while others are about (in this round or the last few). Who asks for more than twice as much as anybody else gets
half as much as the next: reading and refusing the rest of a flood costs too, and that is taken from the flood. So whoever floods the
ledger waits longer himself, and makes others wait for no more than he is given. A batch goes whole; what it is beyond a share is given back. A submitter who is alone gets whole rounds.

Used on one event loop only; no method is interrupted, so there is no lock.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from heapq import heappop, heapreplace
from typing import Final

from custody.core.errors import CustodyError
from custody.core.limits import MAX_BATCH_RECORDS
from custody.server.batch import Batch

MAX_RECORDS: Final = 32_768
MAX_BYTES: Final = 64 * 1024 * 1024
FAIR_RECORDS: Final = 256
"""What a submitter may always have in a round: small beside the fixed cost of one, so that rounds stay short."""
REMEMBERED_ROUNDS: Final = 16
"""For how many rounds somebody who has just been served still counts as being about."""


class PoolFull(CustodyError):
    """Too much is waiting; try again later."""

    code = "pool-full"


class Pool:
    """First in, first out for each submitter; in turns between them."""

    def __init__(self, *, max_records: int = MAX_RECORDS, max_bytes: int = MAX_BYTES) -> None:
        self._max_records = max_records
        self._max_bytes = max_bytes
        # A quarter, in whole batches of the largest size; a very small pool keeps nothing free.
        self._kept_free = max_records // (4 * MAX_BATCH_RECORDS) * MAX_BATCH_RECORDS
        self._lines: dict[str, deque[Batch]] = {}
        """Waiting batches by submitter, in the order of whose turn it is; no line is empty."""
        self._waiting: dict[str, int] = {}
        """Records in each line."""
        self._records = 0
        self._bytes = 0
        self._round = 0
        self._served: dict[str, tuple[int, int]] = {}
        """Last round and its records, for submitters of the last few rounds."""
        self._owed: dict[str, int] = {}
        """Records beyond its share that a submitter of the last few rounds was given, because a batch goes whole."""
        self.arrived = asyncio.Event()

    def check_room(self, submitter: str, records: int, total_bytes: int) -> None:
        """Whether a batch of this size would be taken now. Raises PoolFull."""
        full = self._records + records > self._max_records or self._bytes + total_bytes > self._max_bytes
        mine = self._waiting.get(submitter, 0)
        if full or (mine and mine + records > self._max_records - self._kept_free):
            raise PoolFull("the ledger has too much waiting; send the batch again later")

    def put(self, batch: Batch) -> None:
        """Takes a batch or raises PoolFull."""
        self.check_room(batch.submitter, len(batch.items), batch.total_bytes)
        self._lines.setdefault(batch.submitter, deque()).append(batch)
        self._count(batch, 1)
        self.arrived.set()

    def take(self, max_records: int) -> list[Batch]:
        """The next round, about `max_records` records; batches whose sender has left are dropped.

        Dropping is safe: a batch in the pool was never stored, and no one waits for its receipt.
        """
        self._round += 1
        shares = self._shares(max_records)
        taken: list[Batch] = []
        given = dict.fromkeys(self._lines, 0)
        total = 0
        # Whoever has had least so far; among equals, whoever waits longest for a turn.
        resting = self._resting()
        turns = [(0, place, name) for place, name in enumerate(self._lines) if name not in resting]
        while turns:
            mine, place, name = turns[0]
            size = len(self._lines[name][0].items)
            # The first batch of a round goes whatever its size, or it would wait for ever.
            if (total and total + size > max_records) or (mine and mine + size > shares[name]):
                heappop(turns)
                continue
            batch = self._pop(name)
            if not batch.done.done():
                taken.append(batch)
                total += size
                mine += size
                given[name] = mine
            if name in self._lines:
                heapreplace(turns, (mine, place, name))
            else:
                heappop(turns)
        self._remember(given)
        self._settle(given, shares)
        if not self._lines:
            self.arrived.clear()
        return taken

    def _shares(self, max_records: int) -> dict[str, int]:
        """How many records each submitter may have in this round: as many as the most that another one asks for.

        A flood gets less, and leaves two thirds of a round to others who ask for so much.
        """
        wanted = {name: records for name, (_, records) in self._served.items()}
        for name, records in self._waiting.items():
            wanted[name] = max(records, wanted.get(name, 0))
        if len(wanted) < 2:
            return dict.fromkeys(self._lines, max_records)
        second = sorted(wanted.values(), reverse=True)[1]
        shares = dict.fromkeys(self._lines, max(FAIR_RECORDS, second))
        flood = max(wanted, key=wanted.__getitem__)
        if flood in shares and wanted[flood] > 2 * second:
            shares[flood] = max(FAIR_RECORDS, min(second // 2, max_records // 3))
        return shares

    def _resting(self) -> set[str]:
        """Who lets others go first because of what was given too much before; nobody when they alone wait."""
        resting = {name for name in self._lines if name in self._owed}
        return resting if len(resting) < len(self._lines) else set()

    def _settle(self, given: dict[str, int], shares: dict[str, int]) -> None:
        for name, records in given.items():
            owed = min(self._owed.pop(name, 0) + records - shares[name], MAX_BATCH_RECORDS)
            if owed > 0 and name in self._served:
                self._owed[name] = owed
        for name in self._owed.keys() - self._served.keys():
            del self._owed[name]

    def _remember(self, given: dict[str, int]) -> None:
        for name, records in given.items():
            if records:
                self._served[name] = (self._round, records)
        for name in [name for name, (at, _) in self._served.items() if at + REMEMBERED_ROUNDS < self._round]:
            del self._served[name]
        # Whoever had a turn stands behind those who had none.
        for name in [name for name in self._lines if given.get(name)]:
            self._lines[name] = self._lines.pop(name)

    def put_back(self, batches: Sequence[Batch]) -> None:
        """Puts batches that were taken to the front again, in their order; they had their place already."""
        for batch in reversed(batches):
            self._lines.setdefault(batch.submitter, deque()).appendleft(batch)
            self._count(batch, 1)
        if batches:
            self.arrived.set()

    def fail_all(self, error: Exception) -> None:
        """Turns everything away that waits."""
        for line in self._lines.values():
            for batch in line:
                if not batch.done.done():
                    batch.done.set_exception(error)
        self._lines.clear()
        self._waiting.clear()
        self._owed.clear()
        self._records = self._bytes = 0
        self.arrived.clear()

    def _pop(self, submitter: str) -> Batch:
        line = self._lines[submitter]
        batch = line.popleft()
        if not line:
            del self._lines[submitter]
        self._count(batch, -1)
        return batch

    def _count(self, batch: Batch, sign: int) -> None:
        records = sign * len(batch.items)
        self._records += records
        self._bytes += sign * batch.total_bytes
        left = self._waiting.get(batch.submitter, 0) + records
        if left:
            self._waiting[batch.submitter] = left
        else:
            self._waiting.pop(batch.submitter, None)

    def __len__(self) -> int:
        """Records that wait."""
        return self._records
