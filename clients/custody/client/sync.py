"""`SyncLedgerClient`: the same client for programs without asyncio.

It runs a `LedgerClient` on an event loop in a thread of its own and waits; nothing is written twice. Any number of
threads may share one.
"""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar, cast

from custody.client.aio import Followed, LedgerClient, Seen
from custody.client.batch import Item
from custody.client.drain import Drain
from custody.client.heads import ChainEnds
from custody.client.outbox import Outbox
from custody.client.receipt import ProvenEntry, Receipt
from custody.client.selection import Selection
from custody.client.state import Conflict
from custody.core.checkpoint import Checkpoint

_T = TypeVar("_T")


class SyncLedgerClient:
    """Every method is that of `LedgerClient`, and raises the same. Made by `connect`; close it."""

    def __init__(self, make: Callable[[], Coroutine[Any, Any, LedgerClient]]) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="custody-client", daemon=True)
        self._thread.start()
        try:
            self._client = self._wait(make())
        except BaseException:
            self._stop()
            raise

    @classmethod
    def connect(cls, target: str | Sequence[str], **settings: Any) -> "SyncLedgerClient":
        """As `LedgerClient.connect`, with the same arguments."""
        return cls(lambda: LedgerClient.connect(target, **settings))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends all calls, the loop and its thread. Call it once, when no other thread is in a call."""
        try:
            self._wait(self._client.close())
        finally:
            self._stop()

    def append(self, records: Sequence[Item], *, timeout_s: float | None = None, retry: bool = True) -> Receipt:
        """See `LedgerClient.append`."""
        return self._wait(self._client.append(records, timeout_s=timeout_s, retry=retry))

    def flush(self, outbox: Outbox, timeout_s: float) -> None:
        """Sends everything that waits in an outbox. See `Drain.flush`."""
        self._wait(Drain(outbox, self._client, environment=outbox.environment).flush(timeout_s))

    def read(self, what: Selection) -> Iterator[ProvenEntry]:
        """See `LedgerClient.read`; selections are made by the functions of `custody.client.selection`."""
        return self._iterate(self._client.read(what))

    def read_record(self, record_id: bytes) -> ProvenEntry | None:
        """See `LedgerClient.read_record`."""
        return self._wait(self._client.read_record(record_id))

    def follow(self, from_index: int, chains: Sequence[str] = ()) -> Iterator[Followed]:
        """See `LedgerClient.follow`."""
        return self._iterate(self._client.follow(from_index, chains))

    def checkpoint(self, size: int = 0) -> Seen:
        """See `LedgerClient.checkpoint`."""
        return self._wait(self._client.checkpoint(size))

    def prove_inclusion(self, index: int, leaf: bytes, size: int = 0) -> tuple[Seen, tuple[bytes, ...]]:
        """See `LedgerClient.prove_inclusion`."""
        return self._wait(self._client.prove_inclusion(index, leaf, size))

    def prove_consistency(self, old: Checkpoint, size: int = 0) -> tuple[Seen, tuple[bytes, ...]]:
        """See `LedgerClient.prove_consistency`."""
        return self._wait(self._client.prove_consistency(old, size))

    def chain_heads(self, *, fresh: bool = False) -> ChainEnds:
        """See `LedgerClient.chain_heads`."""
        return self._wait(self._client.chain_heads(fresh=fresh))

    @property
    def held(self) -> Seen:
        """See `LedgerClient.held`."""
        return self._client.held

    def conflicts(self) -> list[Conflict]:
        """See `LedgerClient.conflicts`."""
        return self._client.conflicts()

    def clear_conflicts(self, reason: str, *, adopt: bytes = b"") -> None:
        """See `LedgerClient.clear_conflicts`."""

        async def clear() -> None:  # the session belongs to the loop
            self._client.clear_conflicts(reason, adopt=adopt)

        self._wait(clear())

    def _wait(self, work: Coroutine[Any, Any, _T]) -> _T:
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()  # an interrupt in the waiting thread ends the call too; done futures ignore it
            raise

    def _iterate(self, source: AsyncGenerator[_T]) -> Iterator[_T]:
        async def step() -> tuple[bool, _T | None]:
            try:
                return True, await anext(source)
            except StopAsyncIteration:
                return False, None

        async def end() -> None:
            await source.aclose()

        try:
            while True:
                more, value = self._wait(step())
                if not more:
                    return
                yield cast("_T", value)
        finally:
            self._wait(end())

    def _stop(self) -> None:
        async def tidy() -> None:
            await asyncio.get_running_loop().shutdown_asyncgens()
            await asyncio.get_running_loop().shutdown_default_executor()

        self._wait(tidy())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
