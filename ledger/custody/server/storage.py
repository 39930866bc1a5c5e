"""Opens the storage that a URI names. An engine is imported only when it is asked for."""

from pathlib import Path

from custody.server.address import AddressError, PostgresAddress, parse_store
from custody.server.store.protocol import LogDirectory


async def open_directory(uri: str, *, create: bool = False, placement: Path | None = None) -> LogDirectory:
    """`create` makes what is missing; only an explicit command of a person gives it. `placement` is a file that names
    logs on other PostgreSQL servers than that of `uri`.

    Raises AddressError, PlacementMalformed, StoreUnavailable, StoreDamaged, or what the engine refuses at start. Warnings of the engine go to
    the log.
    """
    address = parse_store(uri)
    if isinstance(address, PostgresAddress):
        import structlog

        from custody.server.store.postgres.directory import PostgresDirectory
        from custody.server.store.postgres.placement import ALL_ON_ONE, read_placement_file

        placed = read_placement_file(placement) if placement is not None else ALL_ON_ONE
        directory = await PostgresDirectory.connect(address.dsn, create=create, placement=placed)
        for warning in directory.warnings:
            await structlog.get_logger().awarning("storage", warning=warning)
        return directory
    if placement is not None:
        raise AddressError("--placement is for logs in PostgreSQL; an SQLite file holds all its logs itself")
    from custody.server.store.sqlite import SqliteDirectory

    return await SqliteDirectory.open_file(address.path, create=create)
