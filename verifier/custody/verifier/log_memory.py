"""Where an audit stood at the edge of a bundle: all that it needs in order to go on from there another time.

Whoever keeps one keeps it where nobody else writes: it is a cache of the log, and what was checked before is not checked
again. The next signed root still covers everything below it: a false memory leads to another root, never to a good one.
"""

from collections.abc import Mapping
from typing import NamedTuple

from custody.core.chain import Head
from custody.core.tile import TILE_WIDTH
from custody.core.tree import Frontier
from custody.verifier.source_facts import KeyRecord


class LogMemory(NamedTuple):
    """The audit of the first `first` entries, a multiple of 256."""

    bundles: Frontier
    """Frontier of the tree over bundle roots."""
    heads: Mapping[str, Head]
    """Where every chain stood."""
    stamp_us: int
    """Stamp of the last entry."""
    keys: tuple[KeyRecord, ...] = ()
    """What the log had told of keys."""

    @property
    def first(self) -> int:
        """Leaf index to go on from."""
        return self.bundles.size * TILE_WIDTH
