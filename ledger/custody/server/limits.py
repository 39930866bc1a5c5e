"""Limits per identity: how fast, how much at once. What exceeds them is refused as retryable, and nothing of it is kept.

Together with the fair pool (`pool`) they keep one party's flood its own affair. A bucket holds two seconds of its rate, so
an outbox that was offline may catch up in bursts. Used on one event loop; the clock is a parameter.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from custody.core.errors import CustodyError
from custody.core.limits import MAX_BATCH_BYTES, MAX_BATCH_RECORDS

BURST_S: Final = 2.0
MAX_IDENTITIES: Final = 10_000
"""Identities that are remembered; an idle one with a full bucket is forgotten first and loses nothing."""


class LimitExceeded(CustodyError):
    """This identity asks for too much at once; later it will be answered."""

    code = "rate-limited"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one identity may take; a rate of 0 is no limit."""

    records_per_s: int = 200_000
    bytes_per_s: int = 128 * 1024 * 1024
    open_streams: int = 128
    outstanding_batches: int = 256

    def __post_init__(self) -> None:
        if 0 < self.records_per_s * BURST_S < MAX_BATCH_RECORDS or 0 < self.bytes_per_s * BURST_S < MAX_BATCH_BYTES:
            raise ValueError("a rate must let one whole batch through in two seconds")


@dataclass(slots=True)
class _Bucket:
    rate: float
    level: float = field(init=False)
    at_s: float = field(init=False)

    def __post_init__(self) -> None:
        self.level, self.at_s = self.rate * BURST_S, 0.0

    def fill(self, now_s: float) -> None:
        self.level = min(self.rate * BURST_S, self.level + (now_s - self.at_s) * self.rate)
        self.at_s = now_s

    def holds(self, amount: int) -> bool:
        return not self.rate or self.level >= amount


@dataclass(slots=True)
class _Use:
    records: _Bucket
    total_bytes: _Bucket
    streams: int = 0
    batches: int = 0


class Usage:
    """What every identity uses now."""

    def __init__(self, limits: Limits, monotonic_s: Callable[[], float]) -> None:
        self._limits = limits
        self._monotonic_s = monotonic_s
        self._uses: dict[str, _Use] = {}

    @contextmanager
    def stream(self, identity: str) -> Iterator[None]:
        """Holds one open stream. Raises LimitExceeded 'too-many-streams'."""
        use = self._use(identity)
        if use.streams >= self._limits.open_streams:
            raise LimitExceeded(f"more than {self._limits.open_streams} open streams", code="too-many-streams")
        use.streams += 1
        try:
            yield
        finally:
            use.streams -= 1

    @contextmanager
    def batch(self, identity: str, records: int, total_bytes: int) -> Iterator[None]:
        """Holds one batch that waits for its receipt. Raises LimitExceeded 'rate-limited', 'too-many-batches'."""
        use = self._use(identity)
        if use.batches >= self._limits.outstanding_batches:
            message = f"more than {self._limits.outstanding_batches} batches wait for their receipts"
            raise LimitExceeded(message, code="too-many-batches")
        now_s = self._monotonic_s()
        use.records.fill(now_s)
        use.total_bytes.fill(now_s)
        if not (use.records.holds(records) and use.total_bytes.holds(total_bytes)):
            raise LimitExceeded("this identity sends faster than it may; send the batch again later")
        use.records.level -= records
        use.total_bytes.level -= total_bytes
        use.batches += 1
        try:
            yield
        finally:
            use.batches -= 1

    def _use(self, identity: str) -> _Use:
        use = self._uses.get(identity)
        if use is None:
            if len(self._uses) >= MAX_IDENTITIES:
                self._forget()
            limits = self._limits
            use = self._uses[identity] = _Use(_Bucket(limits.records_per_s), _Bucket(limits.bytes_per_s))
        return use

    def _forget(self) -> None:
        for identity in [name for name, use in self._uses.items() if not use.streams and not use.batches]:
            del self._uses[identity]
