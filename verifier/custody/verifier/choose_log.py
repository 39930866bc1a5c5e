"""Which log of a file or a database is meant, and how each process opens it.

The ways to PostgreSQL and to tiles are imported when one of them is named: together they cost a tenth of a second.
"""

from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Final

from custody.core.note import VerifierKey
from custody.verifier.log_reader import LogReader, LogUnreadable, is_url
from custody.verifier.sqlite_log import SqliteLog, connect, origins
from custody.verifier.tiles.credentials import NOBODY, Credentials

_DATABASES: Final = ("postgresql://", "postgres://")


def choose_log(
    place: Path | str, origin: str | None, keys: Sequence[VerifierKey], credentials: Credentials = NOBODY
) -> Callable[[], LogReader]:
    """How to open the log of this origin; without one, the only log of the place or the one that a key is named after.

    `place` is the path of a SQLite file or of a folder with tiles, the URL of a log in tiles (`credentials`: for its entries), or
    the address of a database as `postgresql://...`. Raises LogUnreadable when it
    is no ledger, has no such log ('log-unknown'), or it is not clear which one is meant ('log-ambiguous').
    """
    if isinstance(place, str) and place.startswith(_DATABASES):
        return _database(place, origin, keys)
    if is_url(str(place)) or Path(place).is_dir():
        return _tiles(str(place), origin, credentials)
    path = Path(place)
    connection = connect(path)
    try:
        found = origins(connection)
    finally:
        connection.close()
    return partial(SqliteLog.open, path, _choose(str(path), found, origin, keys))


def _database(place: str, origin: str | None, keys: Sequence[VerifierKey]) -> Callable[[], LogReader]:
    from custody.verifier import postgres_log

    view = postgres_log.connect(place)
    try:
        number = _choose("the database", postgres_log.origins(view), origin, keys)
    finally:
        view.close()
    return partial(postgres_log.PostgresLog.open, place, number)


def _tiles(place: str, origin: str | None, credentials: Credentials) -> Callable[[], LogReader]:
    from custody.verifier.tiles.tile_log import TileLog

    # Every process reads the log at one checkpoint, however it grows meanwhile.
    with closing(TileLog.open(place, credentials)) as log:
        if origin not in (None, log.checkpoint.origin):
            raise LogUnreadable(f"{place} is the log {log.checkpoint.origin!r}, not {origin!r}", code="log-unknown")
        return partial(TileLog.open, place, credentials, log.note)


def _choose(place: str, found: Sequence[tuple[int, str]], origin: str | None, keys: Sequence[VerifierKey]) -> int:
    wanted = [number for number, name in found if name == origin]
    if origin is None:
        named = {key.name for key in keys}
        wanted = [number for number, _ in found]
        if len(found) > 1:
            wanted = [number for number, name in found if name in named]
    names = ", ".join(name for _, name in found) or "none"
    if origin is not None and not wanted:
        raise LogUnreadable(f"{place} has no log {origin!r}; it has: {names}", code="log-unknown")
    if len(wanted) != 1:
        raise LogUnreadable(f"{place} has these logs: {names}; name one with --log", code="log-ambiguous")
    return wanted[0]
