"""SHA-256 of the members of a package, by all processors; reads and hashlib run without Python's lock."""

import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Final

from custody.verifier.package.container import Container, Place, open_plain

BUFFER_BYTES: Final = 1 << 20
"""Large enough that reading costs little beside hashing, small enough for the second-level cache."""
_AHEAD: Final = 64
"""Files given to the threads at once: bounds the memory for a package of many."""

Progress = Callable[[int, int], None]


def hash_members(
    container: Container, names: list[str], workers: int, progress: Progress | None
) -> Iterator[tuple[str, bytes]]:
    """(name, digest) of each member, in no order; the digest is empty where it could not be read."""
    local = threading.local()
    # The largest first: a long file that begins last would keep one processor busy alone.
    order = iter(sorted(names, key=lambda name: -container.places[name].size_bytes))
    total = sum(container.places[name].size_bytes for name in names)
    done = 0
    with ThreadPoolExecutor(workers) as pool:
        while group := list(islice(order, _AHEAD * workers)):
            for name, digest in zip(
                group, pool.map(lambda name: _hash(container.places[name], local), group), strict=True
            ):
                done += container.places[name].size_bytes
                if progress is not None:
                    progress(done, total)
                yield name, digest


def _hash(place: Place, local: threading.local) -> bytes:
    buffer: bytearray | None = getattr(local, "buffer", None)
    if buffer is None:
        buffer = local.buffer = bytearray(BUFFER_BYTES)
    view = memoryview(buffer)
    digest = hashlib.sha256()
    at, end = place.offset, place.offset + place.size_bytes
    try:
        descriptor = open_plain(place.path)
        try:
            while at < end:
                count = os.preadv(descriptor, [view[: end - at]], at)
                if not count:
                    return b""
                digest.update(view[:count])
                at += count
        finally:
            os.close(descriptor)
    except OSError:
        return b""
    return digest.digest()
