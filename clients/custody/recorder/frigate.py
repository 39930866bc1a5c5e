"""Frigate's own database, read-only: which recordings it believes to have.

Table `recordings` (id, camera, path, start_time, end_time, ...), times in seconds since 1970. A row is a hint that a file
is finished; a row whose file is not there is footage that Frigate has lost without knowing. The paths are those of
Frigate's container (`/media/frigate/recordings/...`) and are taken from `recordings/` on.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

_MARK: Final = "/recordings/"
_QUERY: Final = "SELECT path FROM recordings WHERE end_time >= ? ORDER BY start_time LIMIT ?"
MAX_ROWS: Final = 100_000
"""Rows looked at in one scan: what 100 cameras record in three hours."""


def recorded_since(database: Path, since_s: float) -> Iterator[str]:
    """Paths below the storage of recordings that ended since then. Raises sqlite3.Error, e.g. while it is locked."""
    with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True, timeout=2)) as db:
        for (path,) in db.execute(_QUERY, (since_s, MAX_ROWS)):
            below = str(path).partition(_MARK)[2]
            if below and ".." not in below.split("/"):
                yield below
