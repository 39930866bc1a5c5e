"""Partitions of the entries: made ahead, detached without a proof breaking."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest
from model_log import ModelLog, grow, random_items

from custody.server.store.postgres import partition
from custody.server.store.postgres.directory import PostgresDirectory
from custody.server.store.postgres.log import PostgresLog
from custody.server.store.postgres.partition import PartitionInUse, Partitions
from custody.server.store.protocol import StoreDamaged, StoreUnavailable


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Partitions of 1,024 entries."""
    monkeypatch.setattr(partition, "PARTITION_BITS", 10)
    monkeypatch.setattr(partition, "PARTITION_ENTRIES", 1024)
    monkeypatch.setattr(partition, "_AHEAD", 512)


async def _grown(postgres: PostgresDirectory, rounds: int) -> tuple[PostgresLog, ModelLog]:
    store = await postgres.create("ledger.example", ["x"], 1)
    model = ModelLog()
    for seed in range(rounds):
        await grow(store, model, random_items(seed, 300))
    return store, model


async def _partitions(dsn: str) -> list[str]:
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch(
            "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'entry_run'::regclass"
        )
        return sorted(row["name"].rpartition("_")[2] for row in rows)
    finally:
        await connection.close()


async def test_partitions_are_made_ahead(postgres: PostgresDirectory, postgres_dsn: str, small: None) -> None:
    await _grown(postgres, 1)
    assert await _partitions(postgres_dsn) == ["0"]
    await postgres.create("other.example", ["x"], 1)
    assert await _partitions(postgres_dsn) == ["0", "0"]


async def test_a_log_grows_over_its_partitions(postgres: PostgresDirectory, postgres_dsn: str, small: None) -> None:
    store, model = await _grown(postgres, 12)
    assert await _partitions(postgres_dsn) == ["0", "1", "2", "3"]
    everything = [placed.entry for at in range(0, 3600, 1024) for placed in await store.entries(at, 1024)]
    assert everything == [item.entry for item in model.items]
    asked = [3000, 5, 2047, 2048, 1023, 1024]
    assert [placed.entry for placed in await store.entries_at(asked)] == [model.items[at].entry for at in asked]


async def test_a_detached_partition_breaks_no_proof(
    postgres: PostgresDirectory, postgres_dsn: str, small: None
) -> None:
    store, model = await _grown(postgres, 12)
    with pytest.raises(PartitionInUse):
        await store.partitions.detach(0)
    await store.publish(model.head, model.head.size, b"note")
    await store.partitions.detach(0)
    with pytest.raises(PartitionInUse):
        await store.partitions.detach(3)
    assert await _partitions(postgres_dsn) == ["1", "2", "3"]
    # What proofs and look-ups need is all there; the entries themselves are answered as absent.
    assert await store.tiles(list(model.tiles)) == model.tiles
    assert await store.heads(500) == model.heads(500)
    assert await store.entries(0, 1024) == []
    assert [placed.index for placed in await store.entries(1000, 100)] == list(range(1024, 1100))
    wanted = [item.record_id for item in model.items[:50]]
    assert await store.known_records(wanted) == {key: index for index, key in enumerate(wanted)}
    items = random_items(77, 300)
    commit = model.commit(items)
    await (await postgres.open("ledger.example")).commit(commit)
    assert await _partitions(postgres_dsn) == ["1", "2", "3", "4"]


async def test_two_processes_may_make_a_partition_at_once(postgres: PostgresDirectory, postgres_dsn: str) -> None:
    store = await postgres.create("ledger.example", ["x"], 1)
    many = [Partitions(store._server, store._log) for _ in range(4)]
    await asyncio.gather(*(one.reach(5 << 22) for one in many))
    assert await _partitions(postgres_dsn) == ["0", "5"]


async def test_a_log_whose_partition_lost_its_key_is_not_opened(postgres: PostgresDirectory, postgres_dsn: str) -> None:
    store = await postgres.create("ledger.example", ["x"], 1)
    connection = await asyncpg.connect(postgres_dsn)
    name = partition.partition_name(store._log, 0)
    await connection.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = $1::regclass", f"{name}_pkey")
    await connection.close()
    with pytest.raises(StoreDamaged, match="partition of entry_run has lost"):
        await postgres.open("ledger.example")


async def test_without_a_partition_nothing_is_written(postgres: PostgresDirectory, postgres_dsn: str) -> None:
    store = await postgres.create("ledger.example", ["x"], 1)
    connection = await asyncpg.connect(postgres_dsn)
    await connection.execute(f"ALTER TABLE entry_run DETACH PARTITION {partition.partition_name(store._log, 0)}")
    await connection.close()
    model = ModelLog()
    with pytest.raises(StoreUnavailable, match="no partition"):
        await store.commit(model.commit(random_items(1, 3)))
    assert (await store.state()).head == model.head
