"""The keys and scopes that the log itself names, kept up to date on a running server.

The chain `log/keys` is replayed from the store at first use. Later the rest of it is read at once after a batch with keys
was published here, and, for what other processes have published, at most a second after the publication moved.
Used on one event loop; `_reading` keeps two replays from interleaving.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from custody.core.keyring import Keyring
from custody.core.names import CHAIN_KEYS
from custody.server.batch import Batch
from custody.server.log_keys import key_records
from custody.server.publication import Publication
from custody.server.store.protocol import LogStore

LOOK_AGAIN_S: Final = 1.0


class KeyRegistry:
    """Follows the keys of one log; `ring` is what is known of them."""

    def __init__(self, store: LogStore, publication: Publication, monotonic_s: Callable[[], float]) -> None:
        self._store = store
        self._publication = publication
        self._monotonic_s = monotonic_s
        self._reading = asyncio.Lock()
        self._next_seq = 1
        self._size = -1
        self._looked_s = 0.0
        self.ring = Keyring()
        self.version = 0
        """Grows with every change, so that what was decided from the ring can be kept meanwhile."""

    async def refresh(self, *, now: bool = False) -> None:
        """Takes in what the log has gained; with `now` without waiting. Raises StoreDamaged, StoreUnavailable."""
        size = self._publication.size
        if size == self._size and not now:
            return
        if not now and self._size >= 0 and self._monotonic_s() - self._looked_s < LOOK_AGAIN_S:
            return
        async with self._reading:
            self._looked_s = self._monotonic_s()
            await self._read()
            self._size = size

    async def after(self, batch: Batch) -> None:
        """To be called when a batch is published, before anybody is told."""
        if any(item.record.kind.family == CHAIN_KEYS for item in batch.items):
            await self.refresh(now=True)

    async def _read(self) -> None:
        async for _, record in key_records(self._store, self._next_seq):
            self.ring.apply(record.kind.name, record.body)
            self._next_seq += 1
            self.version += 1
