"""Proofs out of storage: plan in `core`, fetch the tiles here, assemble in `core`.

Nodes of the growth that was just committed are in memory (`Extension`); everything else is computed from tiles. A tile
that has grown since still begins with the hashes that it had, so a proof for an older size reads today's tiles.
"""

from collections.abc import Callable, Sequence

from custody.core.errors import MalformedError
from custody.core.plan import Plan
from custody.core.proof import consistency_plan, inclusion_plan
from custody.core.range_proof import RangeProof, range_plan
from custody.core.tile import TileSlot, nodes_from_tile, tile_for_node
from custody.core.tree import Extension, Node
from custody.server.store.protocol import LogStore, StoreDamaged


async def node_reader(
    store: LogStore, nodes: Sequence[Node], extension: Extension | None = None
) -> Callable[[Node], bytes]:
    """Fetches the hashes of complete nodes; the returned function gives each of them.

    Raises StoreDamaged when a tile that must exist is missing or too narrow.
    """
    known: dict[Node, bytes] = {}
    missing: list[Node] = []
    for node in nodes:
        value = extension.node(node) if extension is not None else None
        if value is None:
            missing.append(node)
        else:
            known[node] = value
    if missing:
        wanted: dict[tuple[int, int], dict[Node, TileSlot]] = {}
        for node in missing:
            slot = tile_for_node(node)
            wanted.setdefault((slot.level, slot.index), {})[node] = slot
        tiles = await store.tiles(list(wanted))
        for (level, index), slots in wanted.items():
            content = tiles.get((level, index))
            if content is None:
                raise StoreDamaged(f"tile {level}/{index} is missing")
            try:
                known.update(zip(slots, nodes_from_tile(content, list(slots.values())), strict=True))
            except MalformedError as error:
                raise StoreDamaged(f"tile {level}/{index} is too narrow: {error}") from error
    return known.__getitem__


async def _prove(store: LogStore, plan: Plan, extension: Extension | None) -> tuple[bytes, ...]:
    return plan.assemble(await node_reader(store, plan.nodes, extension))


async def prove_inclusion(store: LogStore, index: int, size: int) -> tuple[bytes, ...]:
    """RFC 9162 section 2.1.3 proof of leaf `index` in the tree of `size` entries. ValueError when there is none."""
    return await _prove(store, inclusion_plan(index, size), None)


async def prove_inclusions(store: LogStore, indexes: Sequence[int], size: int) -> list[tuple[bytes, ...]]:
    """`prove_inclusion` of many leaves: every tile is fetched once. ValueError when one is not in the tree."""
    plans = [inclusion_plan(index, size) for index in indexes]
    read = await node_reader(store, list(dict.fromkeys(node for plan in plans for node in plan.nodes)))
    return [plan.assemble(read) for plan in plans]


async def prove_consistency(
    store: LogStore, old_size: int, new_size: int, extension: Extension | None = None
) -> tuple[bytes, ...]:
    """RFC 9162 section 2.1.4 proof from `old_size` to `new_size`. ValueError when there is none."""
    return await _prove(store, consistency_plan(old_size, new_size), extension)


async def prove_range(
    store: LogStore, first: int, count: int, size: int, extension: Extension | None = None
) -> RangeProof:
    """Range proof of leaves [first, first + count) in the tree of `size` entries. ValueError when there is none."""
    plan = range_plan(first, count, size)
    return plan.assemble(await node_reader(store, plan.nodes, extension))
