"""Logs that grew in batches of any size answer like the model, at every step."""

from __future__ import annotations

import random

import pytest
from model_log import ModelLog, grow, random_items

from custody.server.store.protocol import LogStore, Placed


@pytest.mark.parametrize("seed", range(4))
async def test_a_log_answers_like_its_model(store: LogStore, seed: int) -> None:
    draw = random.Random(seed)
    model = ModelLog()
    for step in range(25):
        items = random_items(1000 * seed + step, draw.choice((1, 2, 16, 63, 256, draw.randrange(1, 700))), streams=5)
        await grow(store, model, items)
        if draw.random() < 0.3:
            model.head = await store.fence(model.head)
        if draw.random() < 0.5:
            await store.publish(model.head, model.head.size, b"note %d" % model.head.size)

        asked = [draw.randrange(len(model.items)) for _ in range(20)]
        assert await store.entries_at(asked) == [Placed(at, model.items[at].entry) for at in asked]
        wanted = draw.sample(sorted(model.tiles), min(5, len(model.tiles)))
        assert await store.tiles(wanted) == {key: model.tiles[key] for key in wanted}
        chain = draw.choice(sorted(model.heads()))
        assert await store.chain_head(chain) == model.heads()[chain]
    assert await store.heads(len(model.items)) == model.heads()
    assert (await store.state()).head == model.head
