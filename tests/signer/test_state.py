from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest
from log_history import History

from custody.core.checkpoint import Checkpoint, sign_checkpoint
from custody.core.errors import CustodyError
from custody.core.note import SignatureType, SignerKey
from custody.signer.decide import Evidence, Request, Signed, State
from custody.signer.errors import SignerStateError
from custody.signer.signing import Signer
from custody.signer.state import Identity, create_state, open_state

ORIGIN = "ledger.example/one"
MAIN = History()


def sign(folder: Path, key: SignerKey, *sizes: int) -> list[bytes]:
    with open_state(folder) as store:
        signer = Signer(origin=ORIGIN, keys=(key,), store=store, clock_us=lambda: 1)
        notes = []
        for new in sizes:
            old = signer.state(ORIGIN).size
            notes.append(
                signer.sign(
                    Request(
                        origin=ORIGIN,
                        old_size=old,
                        new_size=new,
                        new_root=MAIN.root(new),
                        proof=tuple(MAIN.proof(old, new)),
                    )
                )
            )
        return notes


def refused(folder: Path, key: SignerKey) -> str:
    with pytest.raises(SignerStateError) as caught, open_state(folder) as store:
        Signer(origin=ORIGIN, keys=(key,), store=store, clock_us=lambda: 1)
    return caught.value.code


def test_what_was_signed_is_found_again(state_folder: Path, key: SignerKey) -> None:
    *_, note = sign(state_folder, key, 0, 1, 9)
    with open_state(state_folder) as store:
        state = store.reload()
    assert state == State(
        origin=ORIGIN, signed=Signed(checkpoint=Checkpoint(origin=ORIGIN, size=9, root=MAIN.root(9)), note=note)
    )


def test_evidence_is_found_again(state_folder: Path, key: SignerKey) -> None:
    (note,) = sign(state_folder, key, 4)
    evidence = Evidence(held=note, offered=b"other")
    with open_state(state_folder) as store:
        store.latch(store.reload(), evidence, 1)
    with open_state(state_folder) as store:
        assert store.reload().evidence == evidence


def test_everything_is_closed_to_others(state_folder: Path) -> None:
    assert state_folder.stat().st_mode & 0o777 == 0o700
    with open_state(state_folder) as store:
        store.reload()
        assert {path.stat().st_mode & 0o077 for path in state_folder.iterdir()} == {0}


def test_a_state_is_made_once(state_folder: Path, identity: Identity) -> None:
    with pytest.raises(SignerStateError) as caught:
        create_state(state_folder, identity)
    assert caught.value.code == "signer-state-exists"


def test_two_signers_cannot_share_a_state(state_folder: Path) -> None:
    with open_state(state_folder):
        with pytest.raises(SignerStateError) as caught:
            open_state(state_folder)
        assert caught.value.code == "signer-state-locked"
    open_state(state_folder).close()


def test_nobody_else_opens_the_database_meanwhile(state_folder: Path) -> None:
    with open_state(state_folder) as store:
        store.reload()
        other = sqlite3.connect(state_folder / "state.sqlite", timeout=0)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("SELECT * FROM signer")
        other.close()


@pytest.mark.parametrize("name", ["state.sqlite", "lock"])
def test_a_lost_state_is_not_made_again(state_folder: Path, key: SignerKey, name: str) -> None:
    sign(state_folder, key, 0, 7)
    (state_folder / name).unlink()
    if name == "lock":  # nothing is remembered in it
        open_state(state_folder).close()
        return
    assert refused(state_folder, key) == "signer-state-missing"
    assert not (state_folder / "state.sqlite").exists()
    shutil.rmtree(state_folder)
    assert refused(state_folder, key) == "signer-state-missing"


@pytest.mark.parametrize("mode", [0o750, 0o705, 0o770])
def test_a_folder_open_to_others_is_refused(state_folder: Path, key: SignerKey, mode: int) -> None:
    state_folder.chmod(mode)
    assert refused(state_folder, key) == "signer-state-exposed"


@pytest.mark.parametrize("content", [b"", b"garbage" * 1000, b"SQLite format 3\0" + bytes(4080)])
def test_a_file_that_is_no_state_is_refused(state_folder: Path, key: SignerKey, content: bytes) -> None:
    (state_folder / "state.sqlite").write_bytes(content)
    assert refused(state_folder, key) == "signer-state-damaged"


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE signer SET size = 8",
        "UPDATE signer SET root = zeroblob(32)",
        "UPDATE signer SET note = CAST(replace(CAST(note AS TEXT), '7', '8') AS BLOB)",
        "UPDATE signer SET note = CAST('garbage' AS BLOB)",
        "UPDATE signer SET note = zeroblob(0)",
        "UPDATE signer SET origin = 'ledger.example/two'",
        "DELETE FROM signer",
        "INSERT INTO signer (origin) VALUES ('ledger.example/two')",
        "DROP TABLE evidence",
        "DROP TABLE signer",
        "PRAGMA user_version = 1",
        "UPDATE key SET retired = 1",
        "UPDATE key SET vkey = 'garbage'",
        "DELETE FROM key",
        "DROP TABLE key",
        "PRAGMA application_id = 0",
    ],
)
def test_an_edited_state_is_refused(state_folder: Path, key: SignerKey, change: str) -> None:
    sign(state_folder, key, 0, 7)
    with closing(sqlite3.connect(state_folder / "state.sqlite", isolation_level=None)) as connection:
        connection.execute(change)
    assert refused(state_folder, key) == "signer-state-damaged"


def test_a_state_of_another_key_is_refused(state_folder: Path, key: SignerKey) -> None:
    sign(state_folder, key, 0, 7)
    assert (
        refused(state_folder, SignerKey.from_seed(ORIGIN, SignatureType.ED25519, bytes(32))) == "signer-state-damaged"
    )


def test_any_flipped_bit_is_refused_or_changes_nothing(state_folder: Path, key: SignerKey) -> None:
    # Every bit of the used part of the file: what is signed may come back as it was or not at all.
    (note,) = sign(state_folder, key, 7)
    path = state_folder / "state.sqlite"
    good = path.read_bytes()
    spots = [at for at in range(len(good)) if good[at]]
    outcomes = set()
    for at in spots:
        bad = bytearray(good)
        bad[at] ^= 1 << at % 8
        for stray in (state_folder / "state.sqlite-wal", state_folder / "state.sqlite-journal"):
            stray.unlink(missing_ok=True)
        path.write_bytes(bad)
        try:
            with open_state(state_folder) as store:
                found = Signer(origin=ORIGIN, keys=(key,), store=store, clock_us=lambda: 1).state(ORIGIN)
        except CustodyError as error:
            outcomes.add(error.code)
            continue
        assert found.signed is not None
        assert found.signed.note == note
    assert outcomes == {"signer-state-damaged"}


def test_a_torn_wal_is_the_state_before(state_folder: Path, key: SignerKey) -> None:
    # Copies of the folder as a power cut would leave it, the last write cut at any length.
    (first,) = sign(state_folder, key, 3)
    with open_state(state_folder) as store:
        signer = Signer(origin=ORIGIN, keys=(key,), store=store, clock_us=lambda: 1)
        second = signer.sign(
            Request(origin=ORIGIN, old_size=3, new_size=9, new_root=MAIN.root(9), proof=tuple(MAIN.proof(3, 9)))
        )
        files = {path.name: path.read_bytes() for path in state_folder.iterdir()}
    wal = files["state.sqlite-wal"]
    found = set()
    copy = state_folder.parent / "copy"
    for length in (*range(0, len(wal), 97), len(wal)):
        copy.mkdir(mode=0o700)
        for name, data in (files | {"state.sqlite-wal": wal[:length]}).items():
            (copy / name).write_bytes(data)
        with open_state(copy) as store:
            state = Signer(origin=ORIGIN, keys=(key,), store=store, clock_us=lambda: 1).state(ORIGIN)
        assert state.signed is not None
        found.add(state.signed.note)
        shutil.rmtree(copy)
    assert found == {first, second}


def test_a_write_costs_one_sync(state_folder: Path, key: SignerKey) -> None:
    with open_state(state_folder) as store:
        signer = Signer(origin=ORIGIN, keys=(key,), store=store, clock_us=lambda: 1)
        signer.sign(Request(origin=ORIGIN, old_size=0, new_size=1, new_root=MAIN.root(1)))
        sizes = []
        for new in range(2, 12):
            proof = tuple(MAIN.proof(new - 1, new))
            signer.sign(Request(origin=ORIGIN, old_size=new - 1, new_size=new, new_root=MAIN.root(new), proof=proof))
            sizes.append((state_folder / "state.sqlite-wal").stat().st_size)
    # One page a write goes to the WAL and nowhere else, so there is one file to sync.
    assert {after - before for before, after in pairwise(sizes)} == {4096 + 24}


def test_the_database_is_as_durable_as_sqlite_can_make_it(state_folder: Path) -> None:
    with open_state(state_folder) as store:
        store.reload()
        found = {
            name: store._connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("synchronous", "journal_mode")
        }
    assert found == {"synchronous": 2, "journal_mode": "wal"}  # 2: FULL


def test_nothing_is_made_where_nothing_was(tmp_path: Path) -> None:
    with pytest.raises(SignerStateError):
        open_state(tmp_path / "absent")
    assert list(tmp_path.iterdir()) == []


def test_a_note_of_a_stranger_is_not_recorded_as_ours(state_folder: Path, key: SignerKey) -> None:
    stranger = SignerKey.from_seed(ORIGIN, SignatureType.ED25519, bytes(32))
    checkpoint = Checkpoint(origin=ORIGIN, size=7, root=MAIN.root(7))
    with open_state(state_folder) as store:
        note = sign_checkpoint(checkpoint, (stranger,)).note.encode()
        store.record(store.reload(), Signed(checkpoint=checkpoint, note=note))
    assert refused(state_folder, key) == "signer-state-damaged"
