"""Tiles in memory: full and published ones only, as many as allowed, and proofs that ask the database once for the rest."""

from __future__ import annotations

from typing import Any

import pytest
from model_log import ModelLog, grow, random_items

from custody.server.proofs import prove_inclusion
from custody.server.store.postgres.directory import PostgresDirectory
from custody.server.store.postgres.log import PostgresLog
from custody.server.store.postgres.tile_cache import TileCache

FULL = bytes(8_192)


def test_only_full_and_published_tiles_are_kept() -> None:
    cache = TileCache()
    cache.publish(256 * 256 + 255)
    cache.put((0, 255), FULL)
    cache.put((0, 256), FULL)  # one of its entries is not published: it may be lost and written anew
    cache.put((1, 0), FULL)
    cache.put((1, 1), FULL)
    cache.put((0, 3), FULL[32:])
    assert [cache.get(tile) is not None for tile in ((0, 255), (0, 256), (1, 0), (1, 1), (0, 3))] == [
        *(True, False, True, False, False)
    ]


def test_the_tile_that_nobody_asked_for_makes_room() -> None:
    cache = TileCache(2)
    cache.publish(1 << 20)
    cache.put((0, 1), FULL)
    cache.put((0, 2), FULL)
    assert cache.get((0, 1)) == FULL
    cache.put((0, 3), FULL)
    assert [cache.get((0, index)) is not None for index in (1, 2, 3)] == [True, False, True]


def test_an_older_history_starts_afresh() -> None:
    cache = TileCache()
    cache.publish(1_000)
    cache.put((0, 0), FULL)
    cache.publish(999)
    assert cache.get((0, 0)) is None


async def test_a_proof_asks_once_and_only_for_what_may_still_grow(
    postgres: PostgresDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = await postgres.create("ledger.example/site-1", ["x"], 1)
    assert isinstance(log, PostgresLog)
    model = ModelLog()
    for seed, count in enumerate((600, 100)):
        items = random_items(seed, count)
        await grow(log, model, items)
        if not seed:
            await log.publish(model.head, 600, b"note")
    asked: list[tuple[Any, ...]] = []
    read = log._server.read

    async def counted(sql: str, *values: Any) -> list[Any]:
        asked.append(tuple(zip(*values[1:], strict=True)))
        return await read(sql, *values)

    monkeypatch.setattr(log._server, "read", counted)
    first = await prove_inclusion(log, 5, 600)
    assert len(asked) == 1, "one round trip for all tiles of a proof"
    assert await prove_inclusion(log, 5, 600) == first
    assert set(asked[1]) == {(0, 2), (1, 0)}, "the full tiles are known; the right edge may have grown"
    assert await log.tiles([(0, 0), (0, 1), (0, 2), (1, 0)]) == {
        key: hashes for key, hashes in model.tiles.items() if key in {(0, 0), (0, 1), (0, 2), (1, 0)}
    }
