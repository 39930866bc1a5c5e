"""Several processes that share one log, in one process: each with a sequencer and a leadership, all over one real store.

The lease is simulated: the test says when it ends, and what a process hears when it asks for it.
"""

from __future__ import annotations

import asyncio
from typing import Any

from tests.server.ledger_rig import Appended, Rig, batch_of

from custody.server.hosted import HostedLog
from custody.server.leadership import Leader, Leadership
from custody.server.pool import Pool
from custody.server.publication import Publication
from custody.server.receipts import receipt
from custody.server.sequencer import Sequencer
from custody.server.snapshot import Snapshots
from custody.server.store.protocol import StoreError

LEASE_S = 0.04
"""Short, so that a poll takes milliseconds; nothing is timed against it."""


class SharedLease:
    """What the log's row says: whose the lease is."""

    def __init__(self) -> None:
        self.holder = ""
        self.term = 0

    def end(self) -> None:
        """The holder was silent for too long."""
        self.holder = ""


class SimulatedLease:
    """One process's view. `failure` is what it hears instead of an answer; `silent` processes hear nothing at all."""

    def __init__(self, shared: SharedLease, address: str) -> None:
        self._shared = shared
        self._address = address
        self._term: int | None = None
        self.failure: StoreError | None = None
        self.silent = False

    async def _ask(self) -> None:
        if self.silent:
            await asyncio.Event().wait()
        if self.failure is not None:
            raise self.failure

    async def acquire(self, ttl_s: float) -> int | None:
        await self._ask()
        if self._shared.holder:
            return None
        self._shared.holder = self._address
        self._shared.term += 1
        self._term = self._shared.term
        return self._term

    async def renew(self, ttl_s: float) -> bool:
        await self._ask()
        return self._term == self._shared.term and bool(self._shared.holder)

    async def release(self) -> None:
        await self._ask()
        if self._term == self._shared.term:
            self._shared.holder = ""

    async def leader(self) -> Leader:
        await self._ask()
        return Leader(self._shared.holder, self._shared.term, LEASE_S)


class Peer:
    """One process over the rig's store and signer."""

    def __init__(self, rig: Rig, shared: SharedLease, address: str) -> None:
        self._rig = rig
        self.address = address
        self.lease = SimulatedLease(shared, address)
        self.publication = Publication()
        self.looked = asyncio.Event()
        """Set when the log is readable here; clear it to wait for the next look."""
        self.sequencer = Sequencer(
            store=rig.store,
            signer=rig.signer,
            pool=Pool(),
            snapshots=Snapshots(interval_us=rig.snapshot_interval_us, new_record_id=rig._new_id, now_us=rig.clock.us),
            publication=self.publication,
            now_us=rig.clock,
        )
        self._leadership = Leadership(
            lease=self.lease,
            sequencer=self.sequencer,
            store=rig.store,
            publication=self.publication,
            ready=self.looked.set,
            shut=lambda: None,
            lease_s=LEASE_S,
        )
        self.running: asyncio.Task[None] | None = None

    def start(self) -> None:
        self.running = asyncio.create_task(self._leadership.run())

    async def stop(self) -> BaseException | None:
        """SIGTERM; how it ended, None when it was told to."""
        assert self.running is not None
        self.running.cancel()
        (end,) = await asyncio.gather(self.running, return_exceptions=True)
        return None if isinstance(end, asyncio.CancelledError) else end

    async def leads(self) -> None:
        await self.sequencer.ready.wait()

    async def stands_by(self) -> None:
        """Returns when it does not lead any more."""
        while self.sequencer.leader is None:  # noqa: ASYNC110  (nothing tells of it; a sender would notice)
            await asyncio.sleep(0.001)

    async def submit(self, records: list[bytes]) -> Appended:
        batch = batch_of(records)
        outcome = await self.sequencer.submit(batch)
        return self._rig.read(records, await receipt(self._rig.raw_store, batch, outcome, 0))

    def hosted(self) -> HostedLog:
        vkeys = (self._rig.signer.signing.vkey.encode(),)
        fields: dict[str, Any] = {"store": self._rig.raw_store, "sequencer": self.sequencer}
        return HostedLog(origin=self._rig.signer.signing.vkey.name, vkeys=vkeys, publication=self.publication, **fields)
