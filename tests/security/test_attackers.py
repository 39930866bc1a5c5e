"""One attack for each attacker of docs/security.md, carried out; each test ends with the check that catches it."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.security.parties import House, now_us, random10
from tests.security.test_rights import example
from tests.server.ledger_rig import ORIGIN, Rig, request_of, segment
from tests.server.refusals import refusal

from custody.authority.registration import identity_registered
from custody.client import LedgerClient
from custody.core.errors import CustodyError, RollbackError, SignatureError
from custody.core.hashing import leaf_hash
from custody.core.roles import Role
from custody.core.tree import EMPTY_FRONTIER, extend
from custody.server.app import LedgerServer, Settings
from custody.server.sequencer import LedgerStopped
from custody.server.signing import SignerRefused
from custody.server.store.sqlite import SqliteDirectory
from custody.verifier.audit_run import AuditPlan, audit_log
from custody.verifier.choose_log import choose_log
from custody.verifier.log_report import Status

STREAM = "site-1/cam-1"
HISTORY = [segment(number) for number in range(6)]


async def recorded(folder: Path, records: list[bytes], *, seed: int = 1) -> Rig:
    folder.mkdir()
    rig = await Rig.make(folder, seed=seed)
    rig.start()
    await rig.append(records)
    return rig


def codes(rig: Rig, database: Path, *, since: bytes = b"") -> set[str]:
    """What the offline verifier finds, who knows only the real log's key and perhaps an earlier checkpoint."""
    keys = (rig.signer.signing.vkey,)
    report = audit_log(AuditPlan(open_log=choose_log(database, ORIGIN, keys), keys=keys, since=since))
    assert report.status is Status.FINDINGS
    return {finding.code for finding in report.findings.blaming()}


async def test_the_database_administrator_edits_an_entry_and_hashes_everything_anew(tmp_path: Path) -> None:
    """He rebuilds the whole log with one record changed: every hash, link, tile and index fits. Only he cannot sign."""
    real = await recorded(tmp_path / "real", HISTORY)
    altered = [*HISTORY[:3], segment(3, size=2), *HISTORY[4:]]
    forged = await recorded(tmp_path / "forged", altered, seed=9)
    await real.crash()
    await forged.crash()
    with closing(sqlite3.connect(real.database)) as source, closing(sqlite3.connect(forged.database)) as target:
        vkeys, note = source.execute(
            "SELECT vkeys, note FROM log JOIN checkpoint USING (log) ORDER BY checkpoint.size DESC"
        ).fetchone()
        target.execute("UPDATE log SET vkeys = ?", (vkeys,))
        target.execute("DELETE FROM checkpoint WHERE size = 0")
        target.execute("UPDATE checkpoint SET note = ?", (note,))  # the real signature, over the real root
        target.commit()
    assert "root-mismatch" in codes(real, forged.database)
    await real.close()
    await forged.close()


async def test_the_database_administrator_restores_an_old_database(tmp_path: Path) -> None:
    rig = await recorded(tmp_path / "log", HISTORY[:3])
    await rig.crash()
    with closing(sqlite3.connect(rig.database)) as source, closing(sqlite3.connect(tmp_path / "old.db")) as copy:
        source.backup(copy)
    held = (await rig.append(HISTORY[3:])).checkpoint
    note = rig.publication.note
    await rig.crash()
    assert codes(rig, tmp_path / "old.db", since=note) == {"rollback"}
    # ... and the ledger itself does not start with it, because the signer remembers more.
    await rig.directory.close()
    for path in rig.folder.glob("ledger.db-*"):
        path.unlink()
    shutil.copy(tmp_path / "old.db", rig.database)
    rig.directory = await SqliteDirectory.open_file(rig.database)
    rig.raw_store = await rig.directory.open(ORIGIN)
    rig.store = rig.raw_store
    end = await rig.refused_start()
    assert isinstance(end, CustodyError)
    assert end.code == "signer-ahead"
    assert held.size == 6
    await rig.close()


async def served(rig: Rig, folder: Path) -> LedgerServer:
    hosted = rig.hosted()
    server = LedgerServer([hosted], Settings(listen=[f"unix:{folder}/s"]))
    await server.start()
    return server


async def test_a_ledger_with_a_key_of_its_own_is_not_believed(tmp_path: Path) -> None:
    """The operator runs a second ledger of the same origin, signed by his own key, and shows it to one recorder."""
    real = await recorded(tmp_path / "real", HISTORY)
    false = await recorded(tmp_path / "false", HISTORY, seed=9)
    server = await served(false, tmp_path)
    vkey = real.signer.signing.vkey.encode()
    async with await LedgerClient.connect(f"unix:{tmp_path}/s", log=ORIGIN, vkeys=[vkey]) as client:
        with pytest.raises(SignatureError):
            await client.append([segment(7)], retry=False)
        with pytest.raises(SignatureError):
            await client.checkpoint()
    await server.stop()
    await real.close()
    await false.close()


async def test_a_rolled_back_ledger_is_caught_by_the_recorder_that_remembers(tmp_path: Path) -> None:
    """The holder of the signing key can sign a shorter log with it; whoever holds a later checkpoint has the proof."""
    longer = await recorded(tmp_path / "longer", HISTORY)
    shorter = await recorded(tmp_path / "shorter", HISTORY[:2])  # the same key
    state = tmp_path / "recorder.db"
    vkey = longer.signer.signing.vkey.encode()
    for rig, caught in ((longer, False), (shorter, True)):
        server = await served(rig, tmp_path)
        async with await LedgerClient.connect(f"unix:{tmp_path}/s", log=ORIGIN, vkeys=[vkey], state=state) as client:
            if caught:
                with pytest.raises(RollbackError) as error:
                    await client.checkpoint()
                assert error.value.held
                assert error.value.offered  # both are kept: they are the evidence
            else:
                await client.checkpoint()
        await server.stop()
        await rig.close()


async def test_the_signer_is_not_talked_into_a_fork(tmp_path: Path) -> None:
    """The operator asks for another root at a size that was signed: refused, and the signer latches shut."""
    rig = await recorded(tmp_path / "log", HISTORY)
    other = extend(EMPTY_FRONTIER, [leaf_hash(b"another history %d" % at) for at in range(6)]).root
    for expected in ("signer-fork", "signer-latched"):
        with pytest.raises(SignerRefused) as caught:
            await rig.signer.sign(ORIGIN, 6, 6, other, [])
        assert caught.value.code == expected
    await rig.close()


async def test_a_replayed_batch_changes_nothing(home: House) -> None:
    recorder = await home.registered(Role.RECORDER, "nvr-1", STREAM)
    neighbour = await home.registered(Role.RECORDER, "nvr-2", STREAM)
    batch = [segment(1), segment(2)]
    first = await recorder.append(*batch)
    size = await home.size()
    again = await recorder.append(*batch)
    assert [run.first_index for run in again.runs] == [run.first_index for run in first.runs]
    # Under another name nothing is added either: what is there names who submitted it first.
    await neighbour.append(*batch)
    assert await home.size() == size
    # The same id with other bytes is refused.
    assert (await refusal(recorder.append(segment(1, size=9)))).status == "ALREADY_EXISTS"
    assert await home.size() == size


async def test_a_stolen_certificate_after_revocation_tells_nothing(home: House) -> None:
    """The thief connects anew with certificate and key, and keeps an old connection too."""
    recorder = await home.registered(Role.RECORDER, "nvr-1", STREAM)
    await recorder.append(segment(1))
    size = await home.size()
    home.revoke(recorder)
    thief = home.connect(recorder.enrolled, recorder.key)
    for party in (recorder, thief):
        assert (await refusal(party.append(segment(2)))).code == "certificate-revoked"
    assert await home.size() == size


async def test_an_entry_for_anothers_stream_is_not_taken(home: House) -> None:
    await home.registered(Role.RECORDER, "nvr-2", "site-1/cam-2")
    recorder = await home.registered(Role.RECORDER, "nvr-1", STREAM)
    size = await home.size()
    assert (await refusal(recorder.append(segment(1, stream="site-1/cam-2")))).code == "not-in-scope"
    assert await home.size() == size


async def test_an_administrator_appends_no_evidence_and_a_recorder_registers_no_key(home: House) -> None:
    recorder = await home.registered(Role.RECORDER, "nvr-1", STREAM)
    administrator = next(one for one in home.parties if "administrator" in one.enrolled.identity)
    assert (await refusal(administrator.append(segment(1)))).code == "kind-not-allowed"
    wider = identity_registered(recorder.enrolled, now_us(), random10("wider"))
    assert (await refusal(recorder.append(wider))).code == "kind-not-allowed"


async def test_a_clock_set_back_stamps_nothing(tmp_path: Path) -> None:
    rig = await recorded(tmp_path / "log", HISTORY[:2])
    last = (await rig.raw_store.state()).sequenced_us
    rig.clock.us -= 3_600_000_000
    rig.clock.step_us = 0
    with pytest.raises(LedgerStopped):
        await rig.submit(HISTORY[2:3])
    assert (await rig.raw_store.state()).head.size == 2
    rig.clock.us = last + 1
    await rig.sequencer.ready.wait()
    await rig.submit(HISTORY[2:3])
    assert (await rig.raw_store.state()).sequenced_us > last
    await rig.close()


async def test_nobody_speaks_for_the_ledger(home: House) -> None:
    custodian = await home.registered(Role.CUSTODIAN, "c", "site-1/*")
    refused = await refusal(custodian.stub.Append(request_of([example("chain_heads")])))
    assert refused.code == "kind-reserved"
