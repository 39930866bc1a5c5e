"""`verify log` on PostgreSQL: a log as the ledger wrote it is fine; whatever row is changed, it is found."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from click.testing import CliRunner
from tests.server.ledger_rig import ORIGIN, START_US, Rig, access, close_signing, open_signing, segment

from custody.cli.main import root_command
from custody.server.store.postgres.directory import PostgresDirectory
from custody.verifier.audit_run import AuditPlan, audit_log
from custody.verifier.choose_log import choose_log
from custody.verifier.log_reader import LogUnreadable
from custody.verifier.log_report import OPTIONAL, LogReport, Status


@pytest.fixture
async def rig(tmp_path: Path, postgres_dsn: str) -> AsyncIterator[Rig]:
    """A log with every form of its tables: full and partial tiles, pages and tail, several chains and submitters."""
    directory = await PostgresDirectory.connect(postgres_dsn, create=True)
    signing = open_signing(tmp_path / "signer")
    store = await directory.create(ORIGIN, [signing.vkey.encode()], START_US)
    made = Rig(tmp_path, directory, store, signing)  # type: ignore[arg-type]  # written for SQLite, at home anywhere
    made.start()
    for number in range(70):
        await made.submit([segment(3 * number), segment(3 * number + 1, stream="site-1/cam-2")])
    await made.submit([segment(number) for number in range(1_000, 1_700)], submitter="urn:custody:recorder:nvr-2")
    await made.submit([access(5_000, "site-1/cam-1", "site-1/cam-2")])
    await made.sequencer.snapshot()
    yield made
    await made.crash()
    await directory.close()
    close_signing(signing)


def verify(dsn: str, rig: Rig) -> LogReport:
    keys = (rig.signer.signing.vkey,)
    return audit_log(AuditPlan(open_log=choose_log(dsn, None, keys), keys=keys, range_bundles=1))


async def test_an_honest_log_is_fine(rig: Rig, postgres_dsn: str) -> None:
    report = verify(postgres_dsn, rig)
    assert not list(report.findings.blaming()), list(report.findings.blaming())
    assert report.size == report.published == 842
    assert {check.number for check in report.checks if check.status is not Status.FINE} == OPTIONAL


async def test_the_command_reads_a_database(rig: Rig, postgres_dsn: str) -> None:
    arguments = ["verify", "log", postgres_dsn, "--key", rig.signer.signing.vkey.encode()]
    done = CliRunner().invoke(root_command(), arguments)
    assert done.exit_code == 0, done.output


CHANGES = {
    "entry": "UPDATE entry_run SET data = set_byte(data, 40, get_byte(data, 40) # 1) WHERE first_index = 140",
    "entry row gone": "DELETE FROM entry_run WHERE first_index = 144",
    "entry row more": "INSERT INTO entry_run SELECT 900, log, 1, data FROM entry_run WHERE first_index = 20",
    "tile": "UPDATE tile SET hashes = set_byte(hashes, 7, get_byte(hashes, 7) # 1) WHERE level = 0 AND tile_index = 1",
    "tile gone": "DELETE FROM tile WHERE level = 0 AND tile_index = 2",
    "tile more": "INSERT INTO tile SELECT 9, log, level, hashes FROM tile WHERE tile_index = 0 AND level = 0",
    "piece": "UPDATE edge SET hashes = set_byte(hashes, 7, get_byte(hashes, 7) # 1) WHERE level = 0",
    "piece gone": "DELETE FROM edge WHERE level = 1 AND first_hash = (SELECT min(first_hash) FROM edge WHERE level = 1)",
    "piece more": "INSERT INTO edge SELECT 12, log, 0, hashes FROM edge WHERE level = 0 LIMIT 1",
    "checkpoint": "UPDATE checkpoint SET note = set_byte(note, 50, get_byte(note, 50) # 1) WHERE size = 840",
    "last checkpoint gone": "DELETE FROM checkpoint WHERE size = 842",
    "commit's time": "UPDATE batch SET sequenced_us = sequenced_us + 1 WHERE first_index = 100",
    "commit's time gone": "DELETE FROM batch WHERE first_index = 140",
    "commit's time more": "INSERT INTO batch SELECT sequenced_us, 900, log FROM batch WHERE first_index = 0",
    "record": "UPDATE record SET leaf_index = leaf_index + 1 WHERE leaf_index = 77",
    "record gone": "DELETE FROM record WHERE leaf_index = 77",
    "submission": "UPDATE submission SET count = count - 1 WHERE first_index = 140",
    "submission gone": "DELETE FROM submission WHERE first_index = 0",
    "chain gone": "DELETE FROM chain WHERE name = 'custody/site-1/cam-2'",
    "chain's longest": "UPDATE chain SET longest_us = longest_us + 1 WHERE chain = 1",
    "page": "UPDATE chain_page SET runs = set_byte(runs, 15, get_byte(runs, 15) # 1) WHERE chain = 1",
    "page's heading": "UPDATE chain_page SET to_us = to_us + 1 WHERE chain = 2",
    "page gone": "WITH gone AS (DELETE FROM tail) DELETE FROM chain_page",
    "tail's run": "UPDATE tail SET runs = set_byte(runs, 11, get_byte(runs, 11) # 1) WHERE first_index = 138",
    "tail's digest": "UPDATE tail SET digests = set_byte(digests, 3, get_byte(digests, 3) # 1) WHERE first_index = 140",
    "tail gone": "DELETE FROM tail WHERE first_index = 140",
    "digest page more": (
        "INSERT INTO digest_page SELECT 3, 3, log, 5, decode('00000000000000050000000000000003', 'hex') FROM log"
    ),
    "head": "UPDATE log SET size = size - 1, published = published - 1",
    "root": "UPDATE log SET root = set_byte(root, 3, get_byte(root, 3) # 1)",
    "last time": "UPDATE log SET sequenced_us = sequenced_us + 1",
    "another log's rows": "INSERT INTO chain SELECT longest_us, 7, chain, name FROM chain WHERE chain = 1",
}


@pytest.mark.slow
async def test_every_change_is_found(rig: Rig, postgres_dsn: str) -> None:
    rig_keys = (rig.signer.signing.vkey,)
    writing = await asyncpg.connect(postgres_dsn)
    unseen = []
    try:
        for name, statement in CHANGES.items():
            # Made durable, looked at, and undone: the view has a connection of its own.
            kept = {table: await writing.fetch(f"SELECT * FROM {table}") for table in TABLES}  # noqa: S608
            done = await writing.execute(statement)
            assert not done.endswith(" 0"), f"{name} changed nothing"
            report = audit_log(AuditPlan(open_log=choose_log(postgres_dsn, ORIGIN, rig_keys), keys=rig_keys))
            if not list(report.findings.blaming()):
                unseen.append(name)
            for table, rows in kept.items():
                await writing.execute(f"DELETE FROM {table}")  # noqa: S608
                await writing.copy_records_to_table(table, records=rows)
    finally:
        await writing.close()
    assert unseen == []
    assert not list(verify(postgres_dsn, rig).findings.blaming())


TABLES = (
    *("log", "entry_run", "tile", "edge", "checkpoint", "batch", "record", "submission", "chain", "tail"),
    *("chain_page", "digest_page"),
)


def test_what_is_no_ledger_is_said(postgres_address: str) -> None:
    with pytest.raises(LogUnreadable, match="no ledger database"):
        choose_log(postgres_address, None, ())
    with pytest.raises(LogUnreadable, match="PostgreSQL"):
        choose_log("postgresql://custody@/nothing?host=/nonexistent", None, ())
    with pytest.raises(LogUnreadable) as refused:
        choose_log("postgresql://custody:secret@db.example/custody", None, ())
    assert refused.value.code == "secret-in-argv"
    assert "secret@" not in str(refused.value)
