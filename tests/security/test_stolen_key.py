"""The thief of a signing key that was replaced, and what the commands that replace it let out."""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from tests.security.test_attackers import recorded, served
from tests.server.ledger_rig import ORIGIN, START_US, Rig, record_id, segment

from custody.cli.main import run
from custody.client import LedgerClient
from custody.core.errors import RollbackError, SignatureError
from custody.core.log_key import announced_id, announcement
from custody.core.note import SignatureType, SignerKey
from custody.core.record import encode_record
from custody.private.file import write_new
from custody.server.store.sqlite import SqliteDirectory
from custody.v1 import record_pb2

OLD = SignerKey.from_seed(ORIGIN, SignatureType.ED25519, bytes([1]) * 32)
NEW = SignerKey.from_seed(ORIGIN, SignatureType.ED25519, bytes([7]) * 32)


def use(rig: Rig, *keys: SignerKey) -> None:
    """The signer was stopped and started again with these keys; its memory is the same."""
    rig.signer.signing.__init__(  # type: ignore[misc]  # the same object: the rig's ledger holds it
        origin=ORIGIN, keys=keys, former=[OLD.vkey], store=rig.signer.signing._store, clock_us=lambda: START_US
    )


def told(number: int, **kind: object) -> bytes:
    return encode_record(record_pb2.Record(record_id=record_id(number), at_us=START_US, **kind))  # type: ignore[arg-type]


async def rotated(folder: Path) -> Rig:
    """Old alone, both, the new one alone, and the end of the old one told; 6 entries."""
    rig = await recorded(folder, [segment(0)])
    await rig.submit([told(900, key_registered=announcement(NEW.vkey, START_US))])
    use(rig, OLD, NEW)
    await rig.submit([segment(1)])
    use(rig, NEW)
    await rig.submit([segment(2)])
    await rig.submit([told(901, key_revoked=record_pb2.KeyRevoked(key_id=announced_id(OLD.vkey), from_us=START_US))])
    await rig.submit([segment(3)])
    return rig


async def test_the_stolen_old_key_after_the_rotation(tmp_path: Path) -> None:
    """The thief copies the database from before the rotation, and goes on with it under the old key."""
    real = await rotated(tmp_path / "real")
    false = await recorded(tmp_path / "false", [segment(0)])  # the same beginning and the same old key
    await false.submit([segment(8)])
    state, server = tmp_path / "state", await served(real, tmp_path)
    target = f"unix:{tmp_path}/s"
    keys = [OLD.vkey, NEW.vkey]
    async with await LedgerClient.connect(target, log=ORIGIN, vkeys=keys, state=state) as client:
        assert (await client.checkpoint()).checkpoint.size == 6
    await server.stop()
    server = await served(false, tmp_path)
    # Whoever took the old key out of the trust file does not believe him ...
    async with await LedgerClient.connect(target, log=ORIGIN, vkeys=[NEW.vkey]) as client:
        with pytest.raises(SignatureError):
            await client.checkpoint()
    # ... and whoever did not, and remembers, has the proof.
    async with await LedgerClient.connect(target, log=ORIGIN, vkeys=keys, state=state) as client:
        with pytest.raises(RollbackError):
            await client.checkpoint()
    await server.stop()
    await real.close()
    await false.close()


async def test_the_signer_is_not_talked_into_a_fork_by_way_of_a_rotation(tmp_path: Path) -> None:
    """Neither with the old key nor with the new one: an old database does not start against either."""
    rig = await recorded(tmp_path / "log", [segment(0)])
    await rig.crash()
    with closing(sqlite3.connect(rig.database)) as source, closing(sqlite3.connect(tmp_path / "old.db")) as copy:
        source.backup(copy)
    rig.start()
    use(rig, OLD, NEW)
    await rig.submit([told(900, key_registered=announcement(NEW.vkey, START_US))])
    await rig.submit([segment(1)])
    await rig.crash()
    await rig.directory.close()
    for path in rig.folder.glob("ledger.db-*"):
        path.unlink()
    shutil.copy(tmp_path / "old.db", rig.database)
    rig.directory = await SqliteDirectory.open_file(rig.database)
    rig.store = rig.raw_store = await rig.directory.open(ORIGIN)
    end = await rig.refused_start()
    assert getattr(end, "code", "") == "signer-ahead"
    use(rig, NEW)  # and with the new key alone the old database does not even know its signer
    end = await rig.refused_start()
    assert getattr(end, "code", "") == "signer-other-key"
    await rig.close()


def test_the_commands_that_change_keys_let_no_secret_out(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    tmp_path.chmod(0o700)
    passphrase, state = b"planted-passphrase-4711", tmp_path / "state"
    write_new(tmp_path / "passphrase", passphrase + b"\n")
    write_new(tmp_path / "wrong", b"planted-wrong-0815\n")
    common = ["--state", str(state), "--passphrase-file", str(tmp_path / "passphrase")]
    assert run(["signer", "init", "--origin", ORIGIN, "--ml-dsa", *common]) == 0
    assert run(["signer", "add-key", *common]) == 0
    assert run(["signer", "add-key", "--state", str(state), "--passphrase-file", str(tmp_path / "wrong")]) == 2
    assert run(["--debug", "signer", "retire-key", "--state", str(state), "00000000"][1:]) == 2
    (old, *_) = capfd.readouterr().out.split()
    assert run(["signer", "retire-key", "--state", str(state), old.split("+")[1]]) == 0
    assert run(["signer", "status", "--state", str(state), "--json"]) == 0
    for name in ("init", "add-key", "serve"):
        run(["signer", name, "--help"])
    shown = capfd.readouterr()
    kept = {path: path.read_bytes() for path in state.iterdir() if path.is_file()}
    secrets = [passphrase, b"planted-wrong-0815"]
    for path, data in kept.items():
        assert path.stat().st_mode & 0o077 == 0
        if path.suffix == ".pem":
            key = load_pem_private_key(data, passphrase)
            secrets.append(key.private_bytes_raw())  # type: ignore[union-attr]
    assert len(secrets) == 5
    everywhere = [*kept.values(), shown.out.encode(), shown.err.encode(), caplog.text.encode(), *map(os.fsencode, kept)]
    for secret in secrets:
        for text in everywhere:
            assert secret not in text
            assert secret.hex().encode() not in text
    assert "--passphrase " not in shown.out
