"""Copies a log in tiles, verified from the root down before anything is written.

The order, and what a crash leaves:

1. The new checkpoint is signed by a given key, and extends the one that the folder has (or that one stays).
2. Hash tiles above the leaves, top down: each is bound to the signed root by the tile above it.
3. Entry bundles: each must hash to what the tile above it says. The level 0 tile is made from it, never fetched.
   Files appear whole (another name first, then renamed), but nobody is told of them: a run that was broken off leaves
   files beyond the old checkpoint, which the next run verifies from disk and does not fetch again.
4. Everything is flushed to disk, then the checkpoint is replaced: what it names is there.
5. Partial tiles that are full now are removed, as tlog-tiles allows.
"""

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from custody.core.bundle import decode_bundle
from custody.core.checkpoint import Checkpoint, open_checkpoint
from custody.core.errors import ConsistencyError, CustodyError, ForkError, MalformedError, RollbackError
from custody.core.hashing import EMPTY_ROOT, HASH_BYTES, leaf_hash
from custody.core.note import VerifierKey
from custody.core.policy import Policy
from custody.core.proof import consistency_plan, verify_consistency
from custody.core.tile import TILE_WIDTH, TileId, entries_path, frontier_from_edge, new_tiles, right_edge, tile_path
from custody.core.tree import EMPTY_FRONTIER, extend
from custody.verifier.tiles.source import CHECKPOINT, FolderSource, TileSource
from custody.verifier.tiles.tile_log import TileLog
from custody.verifier.trust import remember

Progress = Callable[[int, int], None]
_DRAFT: Final = ".part"


class MirrorFailed(CustodyError):
    """The log's tiles are not those of its checkpoint. Nothing of them was kept."""

    code = "mirror-mismatch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirrored:
    """What a run did."""

    before: int
    size: int
    fetched: int
    """Bundles that came over the wire; others were there already."""


class Mirror:
    """One run; used once."""

    def __init__(
        self, source: TileSource, folder: Path, keys: Sequence[VerifierKey], *, policy: Policy | None = None
    ) -> None:
        """`policy`: its quorum must have cosigned what is copied."""
        self._source = source
        self._folder = folder
        self._local = FolderSource(folder)
        self._keys = tuple(keys)
        self._policy = policy
        self._tiles: dict[tuple[int, int], bytes] = {}
        """Verified tiles of this run above level 0, and the right edge of level 0."""
        self._fetched = 0

    def run(self, progress: Progress | None = None) -> Mirrored:
        """Copies what is new. Raises RollbackError, ForkError, MirrorFailed, LogUnreadable, SignatureError."""
        log = TileLog(self._source)
        new = open_checkpoint(log.note, self._keys)
        if self._policy is not None:
            self._policy.verify(log.note)
        held_note = self._local.read(CHECKPOINT)
        held = Checkpoint(origin=new.origin, size=0, root=EMPTY_ROOT)
        if held_note is not None:
            held = open_checkpoint(held_note, self._keys, origin=new.origin, any_type=True)
        _compare(held, held_note or b"", new, log.note)
        if new.size > held.size:
            self._check_upper(log, held.size, new)
            self._check_consistency(log, held, held_note or b"", new)
            self._copy(held.size, new.size, progress)
        self._folder.mkdir(parents=True, exist_ok=True)
        os.sync()  # everything that the checkpoint will name is on disk before it is named
        if log.note != held_note:
            remember(self._folder / CHECKPOINT, log.note)
        self._prune(held.size, new.size)
        return Mirrored(before=held.size, size=new.size, fetched=self._fetched)

    def _check_upper(self, log: TileLog, old_size: int, new: Checkpoint) -> None:
        """Fetches every new tile above level 0 and the right edge, and binds them to the root."""
        edge = {(one.level, one.index): self._fetch(log, one) for one in right_edge(new.size)}
        try:
            root = frontier_from_edge(new.size, edge).root()
        except MalformedError as error:
            raise MirrorFailed(str(error)) from error
        if root != new.root:
            raise MirrorFailed(f"the tiles at the right edge do not lead to the signed root of size {new.size}")
        self._tiles |= edge
        # The tiles above level 0 are those of the tree over the level 0 tiles, a level lower.
        upper = [TileId(one.level + 1, one.index, one.width) for one in new_tiles(old_size >> 8, new.size >> 8)]
        for one in reversed(upper):  # the highest level first
            if (one.level, one.index) in edge:
                continue
            content = self._fetch(log, one)
            self._check_child(one.level, one.index, content)
            self._tiles[one.level, one.index] = content

    def _fetch(self, log: TileLog, tile: TileId) -> bytes:
        content = log.tiles(tile.level, tile.index, tile.index + 1).get(tile.index, b"")
        if len(content) != tile.width * HASH_BYTES:
            raise MirrorFailed(f"{tile.path} is missing or has another width")
        return content

    def _check_child(self, level: int, index: int, content: bytes) -> None:
        """A full tile must be the node that the verified tile above it holds."""
        above = self._tiles[level + 1, index // TILE_WIDTH]
        place = index % TILE_WIDTH * HASH_BYTES
        if _root(content) != above[place : place + HASH_BYTES]:
            raise MirrorFailed(f"{tile_path(level, index)} is not what the tile above it says")

    def _check_consistency(self, log: TileLog, held: Checkpoint, held_note: bytes, new: Checkpoint) -> None:
        try:
            proof = consistency_plan(held.size, new.size).assemble(log.node)
            verify_consistency(held.size, held.root, new.size, new.root, proof)
        except ConsistencyError as error:
            message = f"size {new.size} does not extend size {held.size} that is mirrored here: {error}"
            raise ForkError(message, held=held_note, offered=log.note) from error

    def _copy(self, old_size: int, new_size: int, progress: Progress | None) -> None:
        for one in new_tiles(old_size, new_size):
            if one.level:
                self._write(one.path, self._tiles[one.level, one.index])
                continue
            path = entries_path(one.index, one.width)
            bundle = self._local.read(path)
            hashes = _leaves(bundle, one.width) if bundle is not None else None
            if bundle is None or hashes is None or not self._is_bound(one, hashes):
                bundle = self._read_bundle(one)
                hashes = _leaves(bundle, one.width)
                if hashes is None or not self._is_bound(one, hashes):
                    raise MirrorFailed(f"{path} does not hold the entries of the signed tree")
                self._fetched += 1
                self._write(path, bundle)
            self._write(one.path, hashes)
            if progress is not None:
                progress(one.index * TILE_WIDTH + one.width, new_size)

    def _read_bundle(self, tile: TileId) -> bytes:
        data = self._source.read(entries_path(tile.index, tile.width))
        if data is None:
            raise MirrorFailed(f"{entries_path(tile.index, tile.width)} is missing")
        return data

    def _is_bound(self, tile: TileId, hashes: bytes) -> bool:
        if tile.width < TILE_WIDTH:
            return self._tiles[0, tile.index] == hashes
        above = self._tiles[1, tile.index // TILE_WIDTH]
        place = tile.index % TILE_WIDTH * HASH_BYTES
        return _root(hashes) == above[place : place + HASH_BYTES]

    def _write(self, path: str, content: bytes) -> None:
        target = self._folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_name(target.name + _DRAFT)
        draft.write_bytes(content)
        draft.replace(target)

    def _prune(self, old_size: int, new_size: int) -> None:
        for one in right_edge(old_size):
            if new_size >> 8 * one.level >= (one.index + 1) * TILE_WIDTH:
                paths = [tile_path(one.level, one.index)] + ([entries_path(one.index)] if not one.level else [])
                for path in paths:
                    shutil.rmtree(self._folder / f"{path}.p", ignore_errors=True)


def _compare(held: Checkpoint, held_note: bytes, new: Checkpoint, note: bytes) -> None:
    if new.size < held.size:
        message = f"the log shows size {new.size} after size {held.size} that is mirrored here"
        raise RollbackError(message, held=held_note, offered=note)
    if new.size == held.size and new.root != held.root:
        raise ForkError(f"the log signed two roots for size {new.size}", held=held_note, offered=note)


def _leaves(bundle: bytes, width: int) -> bytes | None:
    try:
        return b"".join(map(leaf_hash, decode_bundle(bundle, width)))
    except MalformedError:
        return None


def _root(hashes: bytes) -> bytes:
    row = [hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)]
    return extend(EMPTY_FRONTIER, row).root
