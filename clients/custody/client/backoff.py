"""How long to wait before the next try: exponential with full jitter.

Full jitter (a uniform choice between nothing and the bound) spreads the recorders of a site that lost the same ledger
at the same moment evenly, so that they do not come back as one wave.
"""

from dataclasses import dataclass

from custody.client.environment import Environment


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Try n (from 0) waits between 0 and min(cap_s, base_s * 2**n) seconds. Raises ValueError unless 0 < base <= cap."""

    base_s: float = 0.05
    cap_s: float = 30.0

    def __post_init__(self) -> None:
        if not 0 < self.base_s <= self.cap_s:
            raise ValueError("a back-off needs 0 < base_s <= cap_s")

    def bound_s(self, attempt: int) -> float:
        """The longest wait after failed try number `attempt`."""
        return min(self.cap_s, self.base_s * 2.0 ** min(attempt, 40))

    def wait_s(self, attempt: int, environment: Environment) -> float:
        """The wait after failed try number `attempt`."""
        return environment.uniform(0.0, self.bound_s(attempt))
