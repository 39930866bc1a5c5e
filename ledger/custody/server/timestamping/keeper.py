"""Has the published checkpoint stamped on a cadence, and renews what ages (docs/spec/timestamps.md, "When").

A generation is whole or not there: when one authority fails, nothing is written, and the next turn asks all again. What is
due follows from the archive alone, so a restart asks for nothing twice. A failure stops no log: it is logged and counted.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog
from prometheus_client import Counter, Gauge

from custody.core.errors import CustodyError
from custody.core.timestamp import read_generations, read_token, renewal_data
from custody.server.publication import Publication
from custody.server.timestamping.archive import StampArchive, Stamped
from custody.server.timestamping.settings import TimestampSettings

log = structlog.get_logger()

LOOK_S: Final = 60.0
"""How often it is looked whether something is due; also the pause after a failure."""
STAMPED: Final = Counter(
    "custody_timestamps_total", "Generations of time-stamp tokens by outcome: stamped, renewed, or the code of a failure.",
    ["log", "outcome"],
)  # fmt: skip
LATEST: Final = Gauge("custody_timestamp_size", "Tree size of the last time-stamped checkpoint.", ["log"])


class StampKeeper:
    """Stamps one log. Used by one task; its archive has no other writer."""

    def __init__(
        self, origin: str, publication: Publication, settings: TimestampSettings, now_us: Callable[[], int]
    ) -> None:
        self._origin = origin
        self._publication = publication
        self._settings = settings
        self._now_us = now_us
        self.archive = StampArchive(settings.folder, origin)
        self._renew_at: dict[int, datetime] = {}
        self._stamped_at: datetime | None = None
        self._read_archive = False

    async def run(self) -> None:
        """Looks again and again until cancelled."""
        while True:
            try:
                await asyncio.to_thread(self.turn)
            except (CustodyError, OSError) as error:
                code = getattr(error, "code", "timestamp-archive")
                STAMPED.labels(self._origin, code).inc()
                await log.awarning("not time-stamped", origin=self._origin, code=code, reason=str(error))
            await asyncio.sleep(min(LOOK_S, self._settings.every_s))

    def turn(self) -> list[int]:
        """Does what is due now; returns the sizes that got tokens. Raises StampingError, ArchiveDamaged, OSError."""
        stamp = self._settings.stamp
        if stamp is None:
            return []
        if not self._read_archive:
            for size in self.archive.sizes():
                self._remember(self.archive.read(size))
            self._read_archive = True
        now = datetime.fromtimestamp(self._now_us() / 1e6, UTC)
        done = []
        size, note = self._publication.size, self._publication.note
        due = self._stamped_at is None or now >= self._stamped_at + timedelta(seconds=self._settings.every_s)
        if note and due and size not in self._renew_at:
            self._add(stamp, Stamped(size=size, note=note, generations=()), "stamped")
            done.append(size)
        for old in [old for old, at in self._renew_at.items() if now >= at]:
            self._add(stamp, self.archive.read(old), "renewed")
            done.append(old)
        return done

    def _add(self, stamp: Callable[[bytes], Sequence[bytes]], stamped: Stamped, outcome: str) -> None:
        generations = stamped.generations
        data = renewal_data(stamped.note, generations) if generations else stamped.note
        tokens = tuple(stamp(data))
        # Before it is kept: it must be what a verifier will accept behind what is there.
        read_generations(stamped.note, (*generations, tokens), list(self._settings.roots))
        self._remember(self.archive.add(stamped, tokens))
        STAMPED.labels(self._origin, outcome).inc()

    def _remember(self, stamped: Stamped) -> None:
        """When it was stamped, and when its last generation has to be renewed."""
        first = max(read_token(raw).at for raw in stamped.generations[0])
        self._stamped_at = first if self._stamped_at is None else max(self._stamped_at, first)
        last = [read_token(raw) for raw in stamped.generations[-1]]
        aged = any(token.hash_name != self._settings.hash_name for token in last)
        expires = min(token.expires for token in last)
        early = timedelta(seconds=self._settings.renew_before_s)
        # A certificate that is younger than the margin would be renewed at every turn: half of its rest at least.
        granted = max(token.at for token in last)
        renew = max(expires - early, granted + (expires - granted) / 2)
        self._renew_at[stamped.size] = datetime.min.replace(tzinfo=UTC) if aged else renew
        LATEST.labels(self._origin).set(max(self._renew_at))
