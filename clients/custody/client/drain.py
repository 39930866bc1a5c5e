"""Sending what waits in an outbox: oldest first, one batch at a time, until the ledger has everything.

The order of things for a batch: 1 read the oldest; 2 append, which verifies the receipt and makes the checkpoint
durable; 3 hand the receipt to `delivered`; 4 drop. A crash anywhere before 4 is over repeats from 1, and the ledger
gives the first receipt again, so `delivered` may see a batch (or parts of it) twice.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Final, Protocol

from custody.client.backoff import Backoff
from custody.client.batch import Item
from custody.client.environment import Environment
from custody.client.errors import LedgerUnavailable, OutboxNotEmpty, RefusedError
from custody.client.outbox import Outbox, Queued, Sealing
from custody.client.receipt import Receipt
from custody.core import limits

_LOG: Final = logging.getLogger("custody.client")

_ABOUT_RECORDS: Final = frozenset({"INVALID_ARGUMENT", "ALREADY_EXISTS", "OUT_OF_RANGE"})
"""Statuses that speak of what was sent even when they name no position. Others speak of the sender or the ledger: waiting
is all that can be done here, and no record is at fault."""

Delivered = Callable[[Sequence[Queued], Receipt], Awaitable[None]]


class Appender(Protocol):
    """What a drain needs of a client: append once, verify, make the checkpoint durable, return the receipt."""

    async def append(self, records: Sequence[Item], *, timeout_s: float | None = None, retry: bool = True) -> Receipt:
        """As `LedgerClient.append`."""


class Drain:
    """Sends one outbox through one client. `trouble` is the last reason to wait, None when the last batch went well."""

    def __init__(
        self,
        outbox: Outbox,
        client: Appender,
        *,
        batch_records: int = 256,
        backoff: Backoff | None = None,
        delivered: Delivered | None = None,
        sealing: Sealing | None = None,
        environment: Environment | None = None,
    ) -> None:
        """`sealing` seals each batch before it is first sent; its repeats carry the same seal."""
        if not 0 < batch_records <= limits.MAX_BATCH_RECORDS:
            raise ValueError(f"a batch has 1 to {limits.MAX_BATCH_RECORDS} records")
        self._outbox = outbox
        self._client = client
        self._batch_records = batch_records
        self._backoff = backoff or Backoff()
        self._delivered = delivered
        self._sealing = sealing
        self._environment = environment or Environment()
        self._attempt = 0
        self.trouble: LedgerUnavailable | RefusedError | None = None

    async def run(self) -> None:
        """Sends until cancelled. Cancelling is safe at any moment.

        Raises a VerificationError (above all RollbackError, ForkError) or LatchedError: the ledger lied, a person must look;
        ClientStorageError. In every case nothing that lacks a receipt was dropped.
        """
        loop = asyncio.get_running_loop()
        changed = asyncio.Event()

        def wake() -> None:
            with suppress(RuntimeError):  # the loop has ended; whoever runs the drain next reads the outbox anyway
                loop.call_soon_threadsafe(changed.set)

        stop = self._outbox.listen(wake)
        try:
            while True:
                changed.clear()
                if not await self._step():
                    await changed.wait()
        finally:
            stop()

    async def flush(self, timeout_s: float) -> None:
        """Sends until the outbox is empty. Raises OutboxNotEmpty when that takes longer; else as `run`."""
        clock = self._environment.monotonic_s
        deadline = clock() + timeout_s
        while clock() < deadline:
            if not await self._step(deadline):
                return
        if self._outbox.count:
            reason = f": {self.trouble}" if self.trouble else ""
            raise OutboxNotEmpty(f"{self._outbox.count} records still wait after {timeout_s:g} s{reason}")

    async def _step(self, deadline: float | None = None) -> bool:
        """One batch, or one wait. False when there was nothing to send."""
        batch = await asyncio.to_thread(self._outbox.oldest, self._batch_records)
        if not batch:
            return False
        try:
            await self._send(batch, None if deadline is None else deadline - self._environment.monotonic_s())
        except (LedgerUnavailable, RefusedError) as error:
            await self._wait(error, deadline)
        else:
            self._attempt = 0
            self.trouble = None
        return True

    async def _send(self, batch: Sequence[Queued], timeout_s: float | None) -> None:
        """Appends a batch; buries what is refused for good. Raises LedgerUnavailable or RefusedError when waiting helps."""
        if self._sealing is not None:
            batch = await asyncio.to_thread(self._outbox.seal, batch, self._sealing)
        try:
            receipt = await self._client.append([one.submitted for one in batch], timeout_s=timeout_s, retry=False)
        except RefusedError as error:
            if error.retryable or not (error.position >= 0 or error.status in _ABOUT_RECORDS):
                raise
            await self._refused(batch, error, timeout_s)
            return
        if self._delivered is not None:
            await self._delivered(batch, receipt)
        await asyncio.to_thread(self._outbox.drop, batch)

    async def _refused(self, batch: Sequence[Queued], error: RefusedError, timeout_s: float | None) -> None:
        """Finds the guilty record: the one that is named, or the last one left after halving."""
        if self._sealing is not None and len(batch) > 1:
            # What is left of a sealed batch is another batch, and is sealed anew.
            batch = await asyncio.to_thread(self._outbox.unseal, batch)
        if 0 <= error.position < len(batch) or len(batch) == 1:
            guilty = batch[max(error.position, 0) if len(batch) > 1 else 0]
            _LOG.error("record %s refused for good: %s: %s", guilty.record_id.hex(), error.code, error)
            await asyncio.to_thread(self._outbox.bury, guilty, error)
            return
        middle = len(batch) // 2
        await self._send(batch[:middle], timeout_s)
        await self._send(batch[middle:], timeout_s)

    async def _wait(self, error: LedgerUnavailable | RefusedError, deadline: float | None) -> None:
        wait = self._backoff.wait_s(self._attempt, self._environment)
        if deadline is not None:
            wait = min(wait, max(0.0, deadline - self._environment.monotonic_s()))
        if self._attempt == 0 or error.code != getattr(self.trouble, "code", None):
            _LOG.warning("%d records wait: %s: %s", self._outbox.count, error.code, error)
        self._attempt += 1
        self.trouble = error
        await self._environment.sleep(wait)
