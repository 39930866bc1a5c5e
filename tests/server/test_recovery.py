"""Start-up: what the ledger refuses to write on, and says so."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from tests.server.ledger_rig import ORIGIN, Rig, close_signing, open_signing, segment

from custody.core.errors import CustodyError
from custody.server.sequencer import LedgerStopped
from custody.server.store.sqlite import SqliteDirectory
from custody.signer.decide import Request


def edit(rig: Rig, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(rig.database)) as database:
        assert database.execute(statement, values).rowcount > 0
        database.commit()


async def refused(rig: Rig) -> str:
    await rig.crash()
    before = await rig.raw_store.state()
    end = await rig.refused_start()
    assert isinstance(end, CustodyError)
    assert await rig.raw_store.state() == before  # nothing was touched, not even the epoch
    assert not rig.publication.note
    with pytest.raises(LedgerStopped):
        await rig.submit([segment(77)])
    return end.code


async def test_a_restored_backup_of_the_storage(rig: Rig) -> None:
    await rig.append([segment(1)])
    await rig.crash()
    await reopen_after(rig, lambda: shutil.copy(rig.database, rig.folder / "backup.db"))
    await rig.append([segment(2)])
    await rig.crash()
    await reopen_after(rig, lambda: shutil.copy(rig.folder / "backup.db", rig.database))
    assert await refused(rig) == "signer-ahead"


async def reopen_after(rig: Rig, change: Callable[[], object]) -> None:
    """The file in a new store, as after a restart of the process."""
    await rig.directory.close()
    change()
    rig.directory = await SqliteDirectory.open_file(rig.database)
    rig.raw_store = await rig.directory.open(ORIGIN)
    rig.store._store = rig.raw_store


async def test_a_restored_backup_of_the_signer(rig: Rig, tmp_path: Path) -> None:
    await rig.append([segment(1)])
    await rig.crash()
    close_signing(rig.signer.signing)
    shutil.copytree(tmp_path / "signer", tmp_path / "signer-before")
    rig.signer.signing = open_signing(tmp_path / "signer")
    await rig.append([segment(2)])
    await rig.crash()
    close_signing(rig.signer.signing)
    rig.signer.signing = open_signing(tmp_path / "signer-before")
    assert await refused(rig) == "signer-behind"


async def test_a_signer_that_signed_another_tree(rig: Rig) -> None:
    await rig.append([segment(1), segment(2)])
    await rig.crash()
    head = (await rig.raw_store.state()).head
    # The storage grew by an entry of its own; the signer has signed another tree of that size.
    rig.signer.signing = other = open_signing(rig.folder / "other")
    other.sign(Request(origin=ORIGIN, old_size=0, new_size=head.size, new_root=b"x" * 32))
    assert await refused(rig) == "signer-fork"


async def test_a_signer_with_another_key(rig: Rig) -> None:
    await rig.append([segment(1)])
    await rig.crash()
    rig.signer.signing = open_signing(rig.folder / "other", seed=2)
    assert await refused(rig) == "signer-other-key"


async def test_a_signer_that_latched(rig: Rig) -> None:
    await rig.append([segment(1)])
    await rig.crash()
    with pytest.raises(CustodyError):
        rig.signer.signing.sign(Request(origin=ORIGIN, old_size=0, new_size=1, new_root=b"x" * 32))
    assert await refused(rig) == "signer-latched"


async def test_the_clock_before_the_last_stamp(rig: Rig) -> None:
    await rig.append([segment(1)])
    rig.clock.us -= 1_000_000_000
    assert await refused(rig) == "clock-behind"


async def test_a_clock_that_is_set_back_under_way_is_waited_for(rig: Rig) -> None:
    await rig.append([segment(1)])
    rig.clock.us -= 1_000_000_000
    rig.clock.step_us = 0
    with pytest.raises(LedgerStopped):
        await rig.submit([segment(2)])
    assert (await rig.raw_store.state()).head.size == 1
    rig.clock.step_us = 1_000_000  # time goes on, look by look
    assert [entry.index for entry in (await asyncio.wait_for(rig.append([segment(2)]), 60)).entries] == [1]
    assert rig.ends == []
    rig.audit()


async def test_a_clock_that_hesitates_repeats_the_last_stamp(rig: Rig) -> None:
    first = await rig.append([segment(1)])
    rig.clock.step_us = 0
    rig.clock.us = first.entries[0].entry.sequenced_at_us - 900_000
    second = await rig.append([segment(2)])
    assert second.entries[0].entry.sequenced_at_us == first.entries[0].entry.sequenced_at_us
    rig.audit()


DAMAGE = {
    "edge-tile": ("UPDATE tile SET hashes = zeroblob(length(hashes)) WHERE level = 0 AND tile_index = 1", "store-damaged"),
    "edge-tile-gone": ("DELETE FROM tile WHERE level = 0 AND tile_index = 1", "store-damaged"),
    "edge-tile-narrow": (
        "UPDATE tile SET hashes = substr(hashes, 1, 32) WHERE level = 0 AND tile_index = 1", "store-damaged",
    ),
    "root": ("UPDATE log SET root = zeroblob(32)", "store-damaged"),
    "last-entries": (
        "UPDATE entry_run SET data = zeroblob(length(data)) WHERE first_index = (SELECT max(first_index) FROM entry_run)",
        "store-damaged",
    ),
    "last-entries-gone": (
        "DELETE FROM entry_run WHERE first_index = (SELECT max(first_index) FROM entry_run)", "store-damaged",
    ),
    "checkpoint-gone": ("DELETE FROM checkpoint WHERE size = 300", "store-damaged"),
    "checkpoint-other": (
        "UPDATE checkpoint SET note = (SELECT note FROM checkpoint WHERE size = 0) WHERE size = 300", "store-damaged",
    ),
    "checkpoint-flipped": ("UPDATE checkpoint SET note = CAST('x' || CAST(note AS TEXT) AS BLOB) WHERE size = 300", "store-damaged"),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGE)
async def test_damage_at_the_end_of_the_log(rig: Rig, name: str) -> None:
    statement, code = DAMAGE[name]
    await rig.append([segment(number) for number in range(300)])
    await rig.crash()
    edit(rig, statement)
    assert await refused(rig) == code


async def test_a_second_server_on_the_same_file(rig: Rig) -> None:
    with pytest.raises(CustodyError) as told:
        await SqliteDirectory.open_file(rig.database)
    assert told.value.code == "store-locked"
    await rig.append([segment(1)])


async def test_what_is_unsigned_at_the_start_is_finished_before_anything_new(rig: Rig) -> None:
    rig.start()
    await rig.append([segment(1)])
    await rig.crash()
    edit(rig, "UPDATE log SET published = 0")
    edit(rig, "DELETE FROM checkpoint WHERE size = 1")
    again = await rig.append([segment(1)])
    assert again.checkpoint.size == 1
    rig.audit()
