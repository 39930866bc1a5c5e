"""Will the disk force deletion before the retention period is over? Pure arithmetic, told before it happens."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """How long footage can stay at the present rate."""

    kept_us: int | None
    """Age at which the oldest footage will have to go; None when nothing is written or nothing limits it."""
    full_in_us: int | None
    """Time until the space is used up; None as above."""
    required_us: int

    @property
    def breach(self) -> bool:
        """True when footage will have to go before it may."""
        return self.kept_us is not None and self.kept_us < self.required_us

    @property
    def headroom_us(self) -> int | None:
        """How much longer than required footage can stay; negative in a breach."""
        return None if self.kept_us is None else self.kept_us - self.required_us


def forecast(
    *, stored_bytes: int, bytes_per_day: float, free_bytes: int, retention_us: int, required_us: int
) -> Forecast:
    """What `stored_bytes`, growing by `bytes_per_day` into `free_bytes`, come to.

    `retention_us` is the recorder's own limit, 0 for none.
    """
    if bytes_per_day <= 0:
        return Forecast(kept_us=retention_us or None, full_in_us=None, required_us=required_us)
    per_us = bytes_per_day / 86_400_000_000
    by_space = int((stored_bytes + free_bytes) / per_us)
    kept = min(by_space, retention_us) if retention_us else by_space
    # A recorder that deletes by age before the space is used up never fills it.
    full = int(free_bytes / per_us) if not retention_us or by_space < retention_us else None
    return Forecast(kept_us=kept, full_in_us=full, required_us=required_us)
