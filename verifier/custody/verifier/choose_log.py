"""Which log of a file or a database is meant, and how each process opens it."""

from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

from custody.core.note import VerifierKey
from custody.verifier import postgres_log
from custody.verifier.log_reader import LogReader, LogUnreadable
from custody.verifier.postgres_connection import SCHEMES
from custody.verifier.sqlite_log import SqliteLog, connect, origins
from custody.verifier.tiles.source import is_url
from custody.verifier.tiles.tile_log import TileLog


def choose_log(
    place: Path | str, origin: str | None, keys: Sequence[VerifierKey], token: str = ""
) -> Callable[[], LogReader]:
    """How to open the log of this origin; without one, the only log of the place or the one that a key is named after.

    `place` is the path of a SQLite file or of a folder with tiles, the URL of a log in tiles (`token`: for its entries), or
    the address of a database as `postgresql://...`. Raises LogUnreadable when it
    is no ledger, has no such log ('log-unknown'), or it is not clear which one is meant ('log-ambiguous').
    """
    if isinstance(place, str) and place.startswith(SCHEMES):
        view = postgres_log.connect(place)
        try:
            number = _choose("the database", postgres_log.origins(view), origin, keys)
        finally:
            view.close()
        return partial(postgres_log.PostgresLog.open, place, number)
    if is_url(str(place)) or Path(place).is_dir():
        return _tiles(str(place), origin, token)
    path = Path(place)
    connection = connect(path)
    try:
        found = origins(connection)
    finally:
        connection.close()
    return partial(SqliteLog.open, path, _choose(str(path), found, origin, keys))


def _tiles(place: str, origin: str | None, token: str) -> Callable[[], LogReader]:
    # Every process reads the log at one checkpoint, however it grows meanwhile.
    with closing(TileLog.open(place, token)) as log:
        if origin not in (None, log.checkpoint.origin):
            raise LogUnreadable(f"{place} is the log {log.checkpoint.origin!r}, not {origin!r}", code="log-unknown")
        return partial(TileLog.open, place, token, log.note)


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
