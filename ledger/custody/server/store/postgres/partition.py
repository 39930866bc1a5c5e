"""Partitions of the entries: each holds 2^22 entries of one log.

They are made ahead of the writer, in a step of their own; without one an append fails cleanly and nothing is written.
A full partition whose entries are kept elsewhere, or whose time is over, can be detached: tiles, checkpoints and the
index stay, so every proof is still given; only the entries themselves are answered as absent.

Making one is idempotent and needs no fence: a paused writer that wakes up here makes an empty table, nothing more.
"""

from functools import partial
from typing import Any, Final

from custody.server.store.postgres.failure import MADE_MEANWHILE
from custody.server.store.postgres.server import Server
from custody.server.store.protocol import StoreError

PARTITION_BITS: Final = 22
PARTITION_ENTRIES: Final = 1 << PARTITION_BITS
"""About one to two gigabytes of footage segments; a thousand million entries are 239 partitions."""

_UPKEEP: Final = "autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 20000"
"""Vacuum comes after each 320,000 entries at most and leaves no large rest; 0002_upkeep.sql says why."""

_AHEAD: Final = PARTITION_ENTRIES // 2
"""The next partition is made when this many entries are left, long before it is needed."""


class PartitionInUse(StoreError):
    """The partition is not full of published entries yet, so it stays."""

    code = "partition-in-use"


def partition_name(log: int, number: int) -> str:
    """Name of the table that holds entries [number << 22, (number + 1) << 22)."""
    return f"entry_run_{log}_{number}"


class Partitions:
    """The partitions of one log; remembers how far they reach. Owned by the one task that writes the log."""

    def __init__(self, server: Server, log: int) -> None:
        self._server = server
        self._log = log
        self._next = 0

    async def reach(self, size: int) -> None:
        """Makes room for what follows `size` entries, half a partition at least. Usually there is nothing to do."""
        for number in range(max(self._next, size >> PARTITION_BITS), ((size + _AHEAD) >> PARTITION_BITS) + 1):
            await self._server.writing(partial(make, log=self._log, number=number))
            self._next = number + 1

    async def detach(self, number: int) -> None:
        """Detaches a partition, without stopping readers or the writer; its table stays. Raises PartitionInUse."""
        end = (number + 1) << PARTITION_BITS
        (row,) = await self._server.read("SELECT published FROM log WHERE log = $1", self._log)
        if row["published"] <= end:  # the last bundle is read at every start, so it stays
            raise PartitionInUse(f"partition {number} ends at {end} entries; only {row['published']} are published")
        name = partition_name(self._log, number)
        await self._server.writing(
            lambda connection: connection.execute(f"ALTER TABLE entry_run DETACH PARTITION {name} CONCURRENTLY")
        )


async def make(connection: Any, log: int, number: int) -> None:
    """Makes and attaches one partition, unless it is there.

    Attaching an empty table waits for no reader and no writer. Crash before the end: nothing happened.
    """
    name = partition_name(log, number)
    first = number << PARTITION_BITS
    if await connection.fetchval("SELECT to_regclass($1) IS NOT NULL", name):
        return
    try:
        async with connection.transaction():
            await connection.execute(f"CREATE TABLE {name} (LIKE entry_run INCLUDING ALL) WITH ({_UPKEEP})")
            await connection.execute(
                f"ALTER TABLE entry_run ATTACH PARTITION {name}"
                f" FOR VALUES FROM ({log}, {first}) TO ({log}, {first + PARTITION_ENTRIES})"
            )
    except MADE_MEANWHILE:
        return  # another process made it in this moment
