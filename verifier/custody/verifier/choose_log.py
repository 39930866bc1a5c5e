"""Which log of a file is meant, and how each process opens it."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from custody.core.note import VerifierKey
from custody.verifier.log_reader import LogReader, LogUnreadable
from custody.verifier.sqlite_log import SqliteLog, connect, origins


def choose_log(path: Path, origin: str | None, keys: Sequence[VerifierKey]) -> Callable[[], LogReader]:
    """How to open the log of this origin; without one, the only log of the file or the one that a key is named after.

    Raises LogUnreadable when the file is no ledger, has no such log ('log-unknown'), or it is not clear which one is
    meant ('log-ambiguous').
    """
    connection = connect(path)
    try:
        found = origins(connection)
    finally:
        connection.close()
    wanted = [number for number, name in found if name == origin]
    if origin is None:
        named = {key.name for key in keys}
        wanted = [number for number, _ in found]
        if len(found) > 1:
            wanted = [number for number, name in found if name in named]
    names = ", ".join(name for _, name in found) or "none"
    if origin is not None and not wanted:
        raise LogUnreadable(f"{path} has no log {origin!r}; it has: {names}", code="log-unknown")
    if len(wanted) != 1:
        raise LogUnreadable(f"{path} has these logs: {names}; name one with --log", code="log-ambiguous")
    return partial(SqliteLog.open, path, wanted[0])
