"""A log in tiles as the audit sees it: one checkpoint, hash tiles, and bundles. It has no index and no earlier checkpoints.

The checkpoint is read once; everything else is read as wide as that checkpoint says, so a log that grows meanwhile
changes nothing here.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Final

from custody.core.bundle import decode_bundle
from custody.core.checkpoint import parse_checkpoint
from custody.core.errors import MalformedError
from custody.core.hashing import HASH_BYTES
from custody.core.tile import TILE_WIDTH, entries_path, read_node, tile_path, tile_width
from custody.core.tree import Node
from custody.verifier.log_reader import IndexReader, LogUnreadable, StoredCheckpoint, StoredHead, StoredRun
from custody.verifier.tiles.credentials import NOBODY, Credentials
from custody.verifier.tiles.source import CHECKPOINT, TileSource, open_source

MAX_ENTRIES: Final = 1 << 34
"""A log's key can sign any size; a larger one than this is not begun with. Five years of a thousand cameras."""


class TileLog:
    """Implements LogReader over a TileSource."""

    def __init__(self, source: TileSource, note: bytes | None = None) -> None:
        """`note`: the checkpoint to read the log at; default: the one that the source has. Raises LogUnreadable."""
        self._source = source
        found = note if note is not None else source.read(CHECKPOINT)
        if found is None:
            raise LogUnreadable(
                "there is no checkpoint: no log in tiles is here. Of a ledger it is at URL/ORIGIN, of a mirror in its folder"
            )
        try:
            self.checkpoint = parse_checkpoint(found).checkpoint
        except MalformedError as error:
            raise LogUnreadable(f"the checkpoint cannot be read: {error}", code=error.code) from error
        if self.checkpoint.size > MAX_ENTRIES:
            message = f"the log says that it has {self.checkpoint.size} entries; at most {MAX_ENTRIES} are read"
            raise LogUnreadable(message, code="log-too-large")
        self.note = found

    @classmethod
    def open(cls, place: str, credentials: Credentials = NOBODY, note: bytes | None = None) -> "TileLog":
        """Opens a URL or a folder."""
        source = open_source(place, credentials)
        try:
            return cls(source, note)
        except BaseException:
            source.close()
            raise

    def head(self) -> StoredHead:
        """See LogReader. What the checkpoint says is all that there is; it names no keys."""
        one = self.checkpoint
        return StoredHead(one.origin, (), one.size, one.root, one.size, None, None, None)

    def end(self) -> int:
        """See LogReader."""
        return self.checkpoint.size

    def runs(self, first: int, end: int) -> Iterator[StoredRun]:
        """See LogReader. A missing bundle is left out, and found missing."""
        size = self.checkpoint.size
        for index in range(first // TILE_WIDTH, -(-min(end, size) // TILE_WIDTH)):
            width = tile_width(0, index, size)
            data = self._wide(partial(entries_path, index), width, partial(_cut, width=width))
            if data is not None:
                yield StoredRun(index * TILE_WIDTH, width, None, data)

    def runs_outside(self, end: int) -> Sequence[int]:
        """See LogReader."""
        return ()

    def checkpoints(self, above: int, to: int) -> Iterator[StoredCheckpoint]:
        """See LogReader."""
        if above < self.checkpoint.size <= to:
            yield StoredCheckpoint(self.checkpoint.size, self.note)

    def last_checkpoint(self) -> StoredCheckpoint:
        """See LogReader."""
        return StoredCheckpoint(self.checkpoint.size, self.note)

    def checkpoints_outside(self, to: int) -> Sequence[int]:
        """See LogReader."""
        return ()

    def tiles(self, level: int, first: int, end: int) -> dict[int, bytes]:
        """See LogReader."""
        found = {}
        for index in range(first, end):
            width = tile_width(level, index, self.checkpoint.size)
            if not width:
                continue
            data = self._wide(partial(tile_path, level, index), width, partial(_narrow, width=width))
            if data is not None:
                found[index] = data
        return found

    def _wide(self, path: Callable[[int], str], width: int, cut: Callable[[bytes], bytes]) -> bytes | None:
        """The resource at a width; a server may have dropped partial ones once they were full (tlog-tiles)."""
        data = self._source.read(path(width))
        if data is None and width < TILE_WIDTH and (full := self._source.read(path(TILE_WIDTH))) is not None:
            return cut(full)
        return data

    def node(self, node: Node) -> bytes:
        """Hash of a complete node as the tiles have it. Raises LogUnreadable when they lack it."""

        def read(level: int, index: int) -> bytes:
            return self.tiles(level, index, index + 1).get(index, b"")

        try:
            return read_node(node, read)
        except MalformedError as error:
            raise LogUnreadable(f"the tiles lack a hash that the tree has: {error}", code=error.code) from error

    def tile_count(self) -> None:
        """See LogReader."""

    def index(self) -> IndexReader | None:
        """See LogReader."""
        return None

    def close(self) -> None:
        """See LogReader."""
        self._source.close()


def _narrow(tile: bytes, width: int) -> bytes:
    return tile[: width * HASH_BYTES]


def _cut(bundle: bytes, width: int) -> bytes:
    """The first entries of a full bundle; a bundle that makes no sense is handed on and found."""
    try:
        entries = decode_bundle(bundle, TILE_WIDTH)[:width]
    except MalformedError:
        return bundle
    return bundle[: sum(len(entry) + 2 for entry in entries)]
