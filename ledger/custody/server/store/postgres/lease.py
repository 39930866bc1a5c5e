"""The lease on a log: who of several processes writes it, and where a client finds that one.

It stands in the log's own row and is measured by the database's clock alone, so that the clocks of the processes do not
matter. The lease only says who *should* write. That nobody else *can* is the epoch's business: whoever has the lease
fences the log (LogStore.fence) before the first write, and a former holder that wakes up finds another head.

    granted = await lease.acquire(ttl_s)     # None: another has it, see `leader()`
    ... every ttl_s / 3: await lease.renew(ttl_s)   # False: lost; stop writing
    await lease.release()                     # the next one need not wait for the end
"""

from typing import NamedTuple

from custody.server.store.postgres.server import Server
from custody.server.store.protocol import LogUnknown

_ACQUIRE = """
UPDATE log SET leader = $2, term = term + 1, lease_until = clock_timestamp() + make_interval(secs => $3)
WHERE log = $1 AND lease_until <= clock_timestamp() RETURNING term
"""

_RENEW = """
UPDATE log SET lease_until = clock_timestamp() + make_interval(secs => $3)
WHERE log = $1 AND term = $2 AND leader <> '' RETURNING term
"""

_RELEASE = "UPDATE log SET leader = '', lease_until = '-infinity' WHERE log = $1 AND term = $2"

_LEADER = """
SELECT leader, term, extract(epoch FROM lease_until - clock_timestamp())::double precision AS left_s FROM log
WHERE log = $1 AND isfinite(lease_until)
UNION ALL
SELECT '', term, 0 FROM log WHERE log = $1 AND NOT isfinite(lease_until)
"""


class Leader(NamedTuple):
    """Who holds the lease on a log."""

    address: str
    """As the holder gave it; empty when nobody holds the lease."""
    term: int
    """Rises with every grant."""
    left_s: float
    """Seconds until the lease ends, by the database's clock; not positive when it has ended."""


class PostgresLease:
    """One process's view of the lease on one log. Owned by one task; `term` says what it was granted."""

    def __init__(self, server: Server, log: int, address: str) -> None:
        if not address:
            raise ValueError("a lease needs the address at which its holder is found")
        self._server = server
        self._log = log
        self._address = address
        self.term: int | None = None

    async def acquire(self, ttl_s: float) -> int | None:
        """Takes the lease when it is free or has ended; returns its term, or None when another holds it.

        A lost answer (OutcomeUnknown) costs a wait of `ttl_s` at most: nobody renews what nobody knows to be granted.
        """
        rows = await self._server.write(_ACQUIRE, self._log, self._address, ttl_s)
        self.term = rows[0]["term"] if rows else None
        return self.term

    async def renew(self, ttl_s: float) -> bool:
        """Prolongs the lease to `ttl_s` seconds from now; False when another has been granted it since.

        A lease that has ended, but was granted to nobody else, is prolonged too.
        """
        if self.term is None:
            return False
        if await self._server.write(_RENEW, self._log, self.term, ttl_s):
            return True
        self.term = None
        return False

    async def release(self) -> None:
        """Gives the lease up, if it is still ours."""
        if self.term is not None:
            term, self.term = self.term, None
            await self._server.write(_RELEASE, self._log, term)

    async def leader(self) -> Leader:
        """Who holds the lease now."""
        rows = await self._server.read(_LEADER, self._log)
        if not rows:
            raise LogUnknown("the row of the log is gone")
        address, term, left_s = rows[0]
        return Leader(address if left_s > 0 else "", term, float(left_s))
