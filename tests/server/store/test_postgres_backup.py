"""Backup and restore as docs/ops/backup.md describes them, on real servers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest
from postgres_server import PostgresServer
from tests.server.ledger_rig import ORIGIN, Rig, close_signing, open_signing, segment

from custody.server import sequencer
from custody.server.store.postgres.directory import PostgresDirectory
from custody.server.store.protocol import StoreDamaged


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequencer, "FIRST_PAUSE_S", 0.0)
    monkeypatch.setattr(sequencer, "LONGEST_PAUSE_S", 0.0)


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    with PostgresServer() as started:
        yield started


@pytest.fixture
async def rig(server: PostgresServer, tmp_path: Path) -> AsyncIterator[Rig]:
    """A ledger with nine published records."""
    signing = open_signing(tmp_path / "signer")
    directory = await PostgresDirectory.connect(server.dsn("postgres"), create=True)
    store = await directory.create(ORIGIN, [signing.vkey.encode()], 1)
    made = Rig(tmp_path, directory, store, signing)  # type: ignore[arg-type]  # written for SQLite, at home anywhere
    for number in range(3):
        await made.append([segment(10 * number + at) for at in range(3)])
    yield made
    await made.crash()
    await directory.close()
    close_signing(signing)


async def over(rig: Rig, dsn: str) -> Rig:
    """A ledger over restored storage, with the same signer."""
    directory = await PostgresDirectory.connect(dsn)
    restored = Rig(rig.folder, directory, await directory.open(ORIGIN), rig.signer.signing)  # type: ignore[arg-type]
    restored.clock = rig.clock
    return restored


async def finished(restored: Rig) -> None:
    await restored.crash()
    await restored.directory.close()


async def dumped(server: PostgresServer, database: str) -> str:
    """Dumps the server's main database and restores it into a new one; its address."""
    file = server.folder / f"{database}.dump"
    server.run("pg_dump", "--format=custom", f"--file={file}", f"--dbname={server.dsn('postgres')}")
    connection = await asyncpg.connect(server.dsn("postgres"))
    await connection.execute(f"CREATE DATABASE {database} TEMPLATE template0")
    await connection.close()
    server.run("pg_restore", "--exit-on-error", f"--dbname={server.dsn(database)}", str(file))
    return server.dsn(database)


async def test_a_dump_brings_everything_back(server: PostgresServer, rig: Rig) -> None:
    await rig.crash()
    restored = await over(rig, await dumped(server, "restored"))
    state = await rig.raw_store.state()
    assert await restored.raw_store.state() == state
    assert await restored.raw_store.entries(0, 100) == await rig.raw_store.entries(0, 100)
    assert await restored.raw_store.heads(9) == await rig.raw_store.heads(9)
    await restored.append([segment(100)])
    assert (await restored.raw_store.state()).published == 10
    await finished(restored)


async def test_an_old_dump_is_refused_and_the_newest_is_not(server: PostgresServer, rig: Rig) -> None:
    old = await dumped(server, "old")
    await rig.append([segment(200)])  # acknowledged after the dump
    await rig.crash()
    restored = await over(rig, old)
    refused = await restored.refused_start()
    assert getattr(refused, "code", None) == "signer-ahead"
    assert "signed size 10, but the storage holds 9" in str(refused)
    assert (await restored.raw_store.state()).head.size == 9
    await finished(restored)
    again = await over(rig, await dumped(server, "newest"))
    await again.append([segment(300)])
    assert (await again.raw_store.state()).published == 11
    await finished(again)


async def test_a_base_backup_with_its_wal_brings_everything_back(server: PostgresServer, rig: Rig) -> None:
    await rig.crash()
    copy = PostgresServer(copy_of=server)
    (copy.data / "standby.signal").unlink()
    with copy:
        restored = await over(rig, copy.dsn("postgres"))
        assert (await restored.raw_store.state()).checkpoint == (await rig.raw_store.state()).checkpoint
        await restored.append([segment(400)])
        await finished(restored)


async def test_a_restore_that_lost_a_constraint_is_refused(server: PostgresServer, rig: Rig) -> None:
    await rig.crash()
    dsn = await dumped(server, "halved")
    connection = await asyncpg.connect(dsn)
    await connection.execute("ALTER TABLE record DROP CONSTRAINT record_pkey")
    await connection.close()
    with pytest.raises(StoreDamaged, match="record_pkey"):
        await PostgresDirectory.connect(dsn)
