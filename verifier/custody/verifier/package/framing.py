"""Items one behind the other, each behind its length as a big-endian uint16: the framing of C2SP entry bundles."""

from collections.abc import Iterable, Iterator
from typing import BinaryIO, Final

from custody.core.bundle import LENGTH_BYTES, MAX_ENTRY_BYTES
from custody.core.errors import MalformedError

_PIECE_BYTES: Final = 1 << 20


def frame(item: bytes) -> bytes:
    """One item with its length. ValueError when it is too long."""
    if len(item) > MAX_ENTRY_BYTES:
        raise ValueError("an item has at most 65,535 bytes")
    return len(item).to_bytes(LENGTH_BYTES, "big") + item


def frames(items: Iterable[bytes]) -> bytes:
    """Many items."""
    return b"".join([frame(item) for item in items])


def read_frames(file: BinaryIO) -> Iterator[bytes]:
    """The items of a file, read in pieces. Raises MalformedError ('package-framing') when the last one is cut."""
    rest = b""
    while piece := file.read(_PIECE_BYTES):
        data, at = rest + piece, 0
        while at + LENGTH_BYTES <= len(data):
            end = at + LENGTH_BYTES + int.from_bytes(data[at : at + LENGTH_BYTES], "big")
            if end > len(data):
                break
            yield data[at + LENGTH_BYTES : end]
            at = end
        rest = data[at:]
    if rest:
        raise MalformedError("the last item is cut off", code="package-framing")
