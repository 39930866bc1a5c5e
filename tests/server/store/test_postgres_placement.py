"""Logs on servers of their own."""

from __future__ import annotations

from pathlib import Path

import asyncpg
import pytest
from model_log import ModelLog, random_items

from custody.server.address import AddressError
from custody.server.storage import open_directory
from custody.server.store.postgres.directory import PostgresDirectory
from custody.server.store.postgres.number import log_numbers
from custody.server.store.postgres.placement import PlacementMalformed, read_placement, read_placement_file
from custody.server.store.postgres.settings import StoreUnfit, judge
from custody.server.store.protocol import StoreDamaged

GOOD = {
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "synchronous_standby_names": "FIRST 1 (standby)",
    "server_version_num": "150004",
    "server_encoding": "UTF8",
    "data_checksums": "on",
    "transaction_read_only": "off",
}


async def test_logs_live_where_they_are_placed(postgres: PostgresDirectory, postgres_dsn: str) -> None:
    connection = await asyncpg.connect(postgres_dsn)
    await connection.execute("CREATE SCHEMA second_server")
    other = postgres_dsn.rpartition("search_path=")[0] + "search_path=second_server"
    both = await PostgresDirectory.connect(postgres_dsn, create=True, placement={"b.example": other})
    try:
        one, two = await both.create("a.example", ["x"], 1), await both.create("b.example", ["x"], 1)
        for store, seed in ((one, 1), (two, 2)):
            await store.commit(ModelLog().commit(random_items(seed, 5)))
        assert await both.origins() == ["a.example", "b.example"]
        assert await postgres.origins() == ["a.example"]
        assert (await (await both.open("b.example")).state()).head == (await two.state()).head
        # Somebody restores a copy of the log on the main server: two copies that both grow would be a fork.
        await postgres.create("b.example", ["x"], 1)
        with pytest.raises(StoreDamaged, match="not placed"):
            await PostgresDirectory.connect(postgres_dsn, placement={"b.example": other})
    finally:
        await both.close()
        await connection.execute("DROP SCHEMA second_server CASCADE")
        await connection.close()


def test_a_placement_is_a_table_of_origins(tmp_path: Path) -> None:
    text = '[logs]\n"ledger.example/a" = "postgresql://db2.example/custody"\n'
    assert read_placement(text) == {"ledger.example/a": "postgresql://db2.example/custody"}
    (tmp_path / "placement.toml").write_text(text)
    assert read_placement_file(tmp_path / "placement.toml") == read_placement(text)
    with pytest.raises(PlacementMalformed, match="cannot read"):
        read_placement_file(tmp_path / "missing.toml")


@pytest.mark.parametrize(
    "text", ["", "[logs", "[other]\n", "logs = 1\n", "[logs]\na = 1\n", '[logs]\na = "mysql://x"\n', "[logs]\n[more]\n"]
)
def test_another_placement_is_refused(text: str) -> None:
    with pytest.raises(PlacementMalformed):
        read_placement(text)


def test_the_number_of_a_log_never_changes() -> None:
    assert list(log_numbers("ledger.example/site-1"))[:2] == [1815611212, 150334741]
    assert all(0 <= number < 2**31 for number in log_numbers("x"))


def test_a_server_that_forgets_is_refused() -> None:
    assert judge(GOOD) == []
    for name, value in [
        ("fsync", "off"),
        ("synchronous_commit", "off"),
        ("server_version_num", "130011"),
        ("server_encoding", "SQL_ASCII"),
    ]:
        with pytest.raises(StoreUnfit):
            judge({**GOOD, name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("synchronous_standby_names", ""),
        ("synchronous_commit", "local"),
        ("full_page_writes", "off"),
        ("data_checksums", "off"),
    ],
)
def test_what_an_operator_has_to_know_is_a_warning(name: str, value: str) -> None:
    assert len(judge({**GOOD, name: value})) == 1


async def test_a_server_without_a_standby_is_warned_of(postgres: PostgresDirectory) -> None:
    assert any("synchronous_standby_names" in warning for warning in postgres.warnings)


async def test_a_placement_beside_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AddressError, match="--placement is for logs in PostgreSQL") as refused:
        await open_directory(f"sqlite:{tmp_path}/ledger.db", create=True, placement=tmp_path / "placement.toml")
    assert refused.value.code
    assert not list(tmp_path.iterdir()), "nothing was made"
