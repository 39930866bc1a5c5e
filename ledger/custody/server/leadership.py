"""Who writes a log when several processes could: a lease says who should, the epoch in the log's row says who can.

A process without the lease is a standby: it serves reads, tells senders where the leader is, and tries to become it. A
leader that loses the lease, or meets a head that somebody else has moved, stops writing at once and stands by. A process
that was paused and wakes up writes nothing: its next commit compares a head that is no longer there.

Crash of the leader: the lease ends by the database's clock, the next process loads and checks the log, fences it, and
finishes what was left unfinished (`sequencer`).
"""

import asyncio
from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

import structlog

from custody.server.publication import Publication
from custody.server.sequencer import Sequencer
from custody.server.store.protocol import HeadMoved, LogStore, OutcomeUnknown, StoreError, StoreUnavailable

log = structlog.get_logger()

LEASE_S: Final = 4.0
"""How long a leader may be silent. Takeover after a crash takes at most this and one poll."""
_RENEWALS: Final = 4
"""How often the lease is renewed before it would end: one lost renewal must not cost the leadership."""
_LOOKS: Final = 8
"""How often a standby looks, in the length of a lease, whether it is free and what the leader has published."""


class Leader(NamedTuple):
    """Who holds the lease; an empty address when nobody does."""

    address: str
    term: int
    left_s: float


class Lease(Protocol):
    """The right to write one log, among processes that share its storage."""

    async def acquire(self, ttl_s: float) -> int | None:
        """Takes the lease when it is free or has ended; its term, or None."""
        ...

    async def renew(self, ttl_s: float) -> bool:
        """Prolongs it; False when it was granted to another."""
        ...

    async def release(self) -> None:
        """Gives it up."""
        ...

    async def leader(self) -> Leader:
        """Who holds it now."""
        ...


class Leadership:
    """Runs a log's sequencer while this process has the lease; owned by one task."""

    def __init__(
        self,
        *,
        lease: Lease,
        sequencer: Sequencer,
        store: LogStore,
        publication: Publication,
        ready: Callable[[], None],
        shut: Callable[[], None],
        lease_s: float = LEASE_S,
    ) -> None:
        """`ready` is called when the log is readable here, as leader or as standby, and `shut` when it is not any more.

        Both may be called again and again. `lease_s`: see LEASE_S. Processes of one log may differ in `lease_s`: it is how long each of them asks for.
        """
        self._lease = lease
        self._sequencer = sequencer
        self._store = store
        self._publication = publication
        self._ready = ready
        self._shut = shut
        self._lease_s = lease_s
        self._renew_s = lease_s / _RENEWALS
        self._poll_s = lease_s / _LOOKS
        sequencer.leader = ""  # nobody is known to lead until somebody has looked
        sequencer.may_write = self._still_leads

    async def run(self) -> None:
        """Leads or stands by until cancelled. Raises what makes the sequencer halt: then a person has to look."""
        try:
            while True:
                try:
                    if await self._lease.acquire(self._lease_s) is None:
                        await self._stand_by()
                    else:
                        await self._lead()
                except HeadMoved as error:
                    self._sequencer.halted = None  # nothing is wrong: another one writes
                    await log.awarning("leadership lost", reason=str(error))
                    await self._give_up()
                    await asyncio.sleep(self._poll_s)
                except (StoreUnavailable, OutcomeUnknown) as error:
                    self._sequencer.halted = None
                    self._shut()
                    await log.awarning("storage does not answer", code=error.code, reason=str(error))
                    await asyncio.sleep(self._poll_s)
        finally:
            await self._give_up()

    async def _give_up(self) -> None:
        """A successor need not wait for the end of the lease. Should this fail, it waits."""
        try:
            async with asyncio.timeout(self._lease_s):
                await self._lease.release()
        except (StoreError, TimeoutError):
            await log.awarning("the lease could not be given up; it ends by itself")

    async def _still_leads(self) -> None:
        if not await self._lease.renew(self._lease_s):
            raise HeadMoved("the lease on the log went to another process")

    async def _lead(self) -> None:
        self._sequencer.leader = None
        writing = asyncio.create_task(self._sequencer.run())
        renewing = asyncio.create_task(self._renew())
        announcing = asyncio.create_task(self._announce())
        try:
            done, _ = await asyncio.wait((writing, renewing), return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in (writing, renewing, announcing):
                task.cancel()
            await asyncio.gather(writing, renewing, announcing, return_exceptions=True)
            self._sequencer.leader = ""
            self._shut()  # until the next look

    async def _renew(self) -> None:
        """Ends with HeadMoved when the lease is lost, or could not be renewed for as long as it lasts."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._lease_s
        while True:
            await asyncio.sleep(self._renew_s)
            asked = loop.time()
            try:
                # Slow is not lost: an answer may take as long as the lease still lasts, and is asked for again after a failure.
                async with asyncio.timeout_at(max(until, asked + self._renew_s)):
                    await self._still_leads()
                until = asked + self._lease_s
            except HeadMoved:
                raise
            except (StoreError, TimeoutError) as error:
                if loop.time() >= until:
                    raise HeadMoved("the lease could not be renewed in time") from error

    async def _announce(self) -> None:
        while True:
            await self._sequencer.ready.wait()
            self._ready()
            await self._sequencer.shut.wait()
            self._shut()

    async def _stand_by(self) -> None:
        """One look: where the leader is, and what it has published."""
        leader = await self._lease.leader()
        self._sequencer.leader = leader.address
        state = await self._store.state()
        if state.checkpoint and state.published > self._publication.size:
            self._publication.publish(state.published, state.checkpoint)
        self._ready()
        await asyncio.sleep(self._poll_s)
