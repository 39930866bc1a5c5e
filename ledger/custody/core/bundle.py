"""Entry bundles: C2SP tlog-tiles, "Log entries".

A bundle is the entries beneath one level 0 tile, each behind its length as a big-endian uint16. So an entry has at most
65,535 bytes, and a bundle holds 1 to 256 entries: as many as its path says.
"""

from collections.abc import Sequence
from typing import Final

from custody.core.errors import MalformedError
from custody.core.tile import TILE_WIDTH

LENGTH_BYTES: Final = 2
MAX_ENTRY_BYTES: Final = 0xFFFF


def encode_bundle(entries: Sequence[bytes]) -> bytes:
    """Concatenate 1 to 256 length-prefixed entries. Raises ValueError for another count or an oversize entry."""
    if not 1 <= len(entries) <= TILE_WIDTH:
        raise ValueError(f"a bundle has 1 to {TILE_WIDTH} entries, not {len(entries)}")
    if max(map(len, entries)) > MAX_ENTRY_BYTES:
        raise ValueError(f"an entry has at most {MAX_ENTRY_BYTES} bytes")
    return b"".join([len(entry).to_bytes(LENGTH_BYTES, "big") + entry for entry in entries])


def decode_bundle(bundle: bytes, width: int) -> list[bytes]:
    """The `width` entries of a bundle. Raises MalformedError `bundle-malformed` unless it holds exactly those."""
    if not 1 <= width <= TILE_WIDTH:
        raise ValueError(f"a bundle has 1 to {TILE_WIDTH} entries, not {width}")
    entries: list[bytes] = []
    at = 0
    for _ in range(width):
        start = at + LENGTH_BYTES
        end = start + int.from_bytes(bundle[at:start], "big")
        if end > len(bundle):  # also where the length itself is cut off, since end >= start
            raise MalformedError(f"the bundle ends within entry {len(entries)} of {width}", code="bundle-malformed")
        entries.append(bundle[start:end])
        at = end
    if at != len(bundle):
        raise MalformedError(
            f"{len(bundle) - at} bytes follow the {width} entries of the bundle", code="bundle-malformed"
        )
    return entries
