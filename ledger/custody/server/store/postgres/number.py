"""The number of a log: the key that every row begins with.

It is derived from the origin, not counted: so it needs no sequence, it is the same on every server to which the log may
be moved, and two processes that create one log at once meet in the same primary key. When another log has the number
already (one chance in 2^31 for each pair), the next one in the row is tried.
"""

import hashlib
from collections.abc import Iterator


def log_numbers(origin: str) -> Iterator[int]:
    """Numbers to try for a log, in this order: 0 to 2^31 - 1 each."""
    for attempt in range(8):
        digest = hashlib.sha256(f"{attempt}\n{origin}".encode()).digest()
        yield int.from_bytes(digest[:4], "big") >> 1
