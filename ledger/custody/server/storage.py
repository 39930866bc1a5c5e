"""Opens the storage that a URI names. An engine is imported only when it is asked for."""

from custody.server.address import PostgresAddress, parse_store
from custody.server.store.protocol import LogDirectory


async def open_directory(uri: str, *, create: bool = False) -> LogDirectory:
    """`create` makes what is missing; only an explicit command of a person gives it.

    Raises AddressError, StoreUnavailable, StoreDamaged, or what the engine refuses at start. Warnings of the engine go to
    the log.
    """
    address = parse_store(uri)
    if isinstance(address, PostgresAddress):
        import structlog

        from custody.server.store.postgres.directory import PostgresDirectory

        directory = await PostgresDirectory.connect(address.dsn, create=create)
        for warning in directory.warnings:
            await structlog.get_logger().awarning("storage", warning=warning)
        return directory
    from custody.server.store.sqlite import SqliteDirectory

    return await SqliteDirectory.open_file(address.path, create=create)
