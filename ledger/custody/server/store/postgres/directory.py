"""All logs of one deployment: on one PostgreSQL server, or spread over several.

Before a server is used its settings, its schema and its constraints are checked (`settings`, `migration`, `catalogue`).
"""

from collections.abc import Sequence
from typing import Any, Self

from custody.core.hashing import EMPTY_ROOT
from custody.server.store.postgres.catalogue import check_catalogue, check_partitions
from custody.server.store.postgres.lease import PostgresLease
from custody.server.store.postgres.log import PostgresLog
from custody.server.store.postgres.migration import check_migrated, migrate
from custody.server.store.postgres.number import log_numbers
from custody.server.store.postgres.partition import Partitions
from custody.server.store.postgres.placement import ALL_ON_ONE, Placement
from custody.server.store.postgres.server import READERS, WRITERS, Server
from custody.server.store.postgres.settings import check_settings
from custody.server.store.protocol import LogExists, LogUnknown, StoreDamaged

_CREATE = """
INSERT INTO log (log, origin, vkeys, created_us, size, root, sequenced_us, published, epoch)
VALUES ($1, $2, $3, $4, 0, $5, 0, 0, 0) ON CONFLICT (log) DO NOTHING RETURNING log
"""


class PostgresDirectory:
    """The servers and the logs on them; implements LogDirectory. Use `connect`."""

    def __init__(self, main: str, placement: Placement) -> None:
        self._main = main
        self._placement = placement
        self._servers: dict[str, Server] = {}
        self.warnings: list[str] = []
        """What the operator should know about the servers' settings."""

    @classmethod
    async def connect(
        cls,
        dsn: str,
        *,
        create: bool = False,
        placement: Placement = ALL_ON_ONE,
        writers: int = WRITERS,
        readers: int = READERS,
    ) -> Self:
        """Connects to the main server and to those that `placement` names, and checks them.

        `create` makes the schema or brings it up to date; only an explicit command of a person gives it. `writers` and
        `readers` are the most connections to each server. Raises StoreUnavailable, StoreUnfit or StoreDamaged.
        """
        directory = cls(dsn, placement)
        try:
            for address in dict.fromkeys([dsn, *placement.values()]):
                server = await Server.connect(address, writers=writers, readers=readers)
                directory._servers[address] = server
                directory.warnings += await server.writing(_prepare if create else _check)
            await directory.origins()
        except BaseException:
            await directory.close()
            raise
        return directory

    def _address(self, origin: str) -> str:
        return self._placement.get(origin, self._main)

    async def origins(self) -> list[str]:
        """See LogDirectory.origins. Raises StoreDamaged for a log that is where it is not placed."""
        found: list[str] = []
        for address, server in self._servers.items():
            for row in await server.read("SELECT origin FROM log"):
                origin = row["origin"]
                if self._address(origin) != address:
                    # The remains of a move. Two copies that both grow are a fork: somebody has to decide.
                    raise StoreDamaged(
                        f"the log {origin} lies on a server where it is not placed", code="log-misplaced"
                    )
                found.append(origin)
        return sorted(found)

    async def create(self, origin: str, vkeys: Sequence[str], created_us: int) -> PostgresLog:
        """See LogDirectory.create."""
        server = self._servers[self._address(origin)]
        for log in log_numbers(origin):
            # The partition first: if we crash here, an empty table is left, which the next attempt finds and uses.
            await Partitions(server, log).reach(0)
            if await server.write(_CREATE, log, origin, "\n".join(vkeys), created_us, EMPTY_ROOT):
                return PostgresLog(server, log)
            rows = await server.read("SELECT origin FROM log WHERE log = $1", log)
            if rows and rows[0]["origin"] == origin:
                raise LogExists(f"the log {origin} exists already")
        raise StoreDamaged(f"no number is free for the log {origin}")

    async def open(self, origin: str) -> PostgresLog:
        """See LogDirectory.open. Raises StoreDamaged when a partition has lost its key."""
        server = self._servers[self._address(origin)]
        rows = await server.read(
            "SELECT log FROM log WHERE log = ANY ($1::integer[]) AND origin = $2", list(log_numbers(origin)), origin
        )
        if not rows:
            raise LogUnknown(f"there is no log {origin}; create it with: custody log create")
        log = rows[0]["log"]
        await server.writing(lambda connection: check_partitions(connection, log))
        return PostgresLog(server, log)

    async def lease(self, origin: str, address: str) -> PostgresLease:
        """The lease on a log, for the process that senders find at `address`."""
        return (await self.open(origin)).lease(address)

    async def close(self) -> None:
        """See LogDirectory.close."""
        for server in self._servers.values():
            await server.close()


async def _prepare(connection: Any) -> list[str]:
    warnings = await check_settings(connection)
    await migrate(connection)
    await check_catalogue(connection)
    return warnings


async def _check(connection: Any) -> list[str]:
    warnings = await check_settings(connection)
    await check_migrated(connection)
    await check_catalogue(connection)
    return warnings
