"""A clock that moves only when somebody sleeps."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from custody.client.aio import LedgerClient
from custody.client.environment import Environment

Connect = Callable[..., Awaitable[LedgerClient]]
"""The fixture `connect`: makes clients of the simulated ledger and closes them."""


@dataclass
class Clock:
    """A clock that moves when somebody sleeps; remembers every wait."""

    now_s: float = 1_000.0
    waits: list[float] = field(default_factory=list)
    wish: Callable[[float, float], float] = max

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now_s += seconds

    @property
    def environment(self) -> Environment:
        return Environment(
            now_us=lambda: int(self.now_s * 1e6),
            monotonic_s=lambda: self.now_s,
            uniform=lambda low, high: self.wish(low, high),  # noqa: PLW0108  (a test may change the wish)
            sleep=self.sleep,
        )
