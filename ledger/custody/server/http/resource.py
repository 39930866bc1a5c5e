"""What a path names, and its bytes: checkpoint, hash tiles and entry bundles of C2SP tlog-tiles.

A tile or bundle exists at every width up to the one of the published checkpoint; wider, or other paths, do not exist.
Full ones never change, and neither does a partial one of a given width: both are kept in a small memory.
"""

from collections import OrderedDict
from typing import Final

from custody.core.bundle import encode_bundle
from custody.core.errors import MalformedError
from custody.core.hashing import HASH_BYTES
from custody.core.tile import TILE_WIDTH, parse_entries_path, parse_tile_path, tile_width
from custody.server.hosted import HostedLog

MAX_KEPT_BYTES: Final = 32 * 1024 * 1024
ENTRIES: Final = "tile/entries/"


class NoSuchResource(LookupError):
    """The path names nothing that is published."""


class Tiles:
    """Tiles and bundles of one log, as they are published; used on one event loop."""

    def __init__(self, hosted: HostedLog) -> None:
        self._hosted = hosted
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._kept_bytes = 0

    def checkpoint(self) -> bytes:
        """The last published checkpoint. Raises NoSuchResource before the first."""
        if not self._hosted.publication.note:
            raise NoSuchResource
        return self._hosted.publication.note

    async def read(self, path: str) -> bytes:
        """Content of `tile/...`. Raises NoSuchResource."""
        kept = self._kept.get(path)
        if kept is not None:
            self._kept.move_to_end(path)
            return kept
        try:
            content = await (self._bundle(path) if path.startswith(ENTRIES) else self._tile(path))
        except MalformedError:
            raise NoSuchResource from None
        self._keep(path, content)
        return content

    async def _tile(self, path: str) -> bytes:
        level, index, width = parse_tile_path(path)
        if width > tile_width(level, index, self._hosted.publication.size):
            raise NoSuchResource
        hashes = (await self._hosted.store.tiles([(level, index)])).get((level, index), b"")
        return hashes[: width * HASH_BYTES]

    async def _bundle(self, path: str) -> bytes:
        index, width = parse_entries_path(path)
        if width > tile_width(0, index, self._hosted.publication.size):
            raise NoSuchResource
        placed = await self._hosted.store.entries(index * TILE_WIDTH, width)
        return encode_bundle([one.entry for one in placed])

    def _keep(self, path: str, content: bytes) -> None:
        self._kept[path] = content
        self._kept_bytes += len(content)
        while self._kept_bytes > MAX_KEPT_BYTES:
            _, dropped = self._kept.popitem(last=False)
            self._kept_bytes -= len(dropped)
