"""The witness's memory: never two owners, never made by accident, and no answer before it is written."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from tests.witness.conftest import Log, Served

from custody.core.errors import CustodyError
from custody.core.note import SignatureType, SignerKey
from custody.witness.decide import Held
from custody.witness.errors import WitnessStateError
from custody.witness.folder import create_witness, open_witness
from custody.witness.state import STATE_FILE, Memory, open_memory
from custody.witness.witness import Witness


def secret() -> bytes:
    return b"throw-away"


def code(call: object) -> str:
    with pytest.raises(CustodyError) as caught:
        call()  # type: ignore[operator]
    return caught.value.code


def test_a_witness_is_made_once_and_opened_by_one(tmp_path: Path) -> None:
    folder = tmp_path / "w"
    assert code(lambda: open_memory(folder)) == "witness-state-missing"
    create_witness(folder, "w.example/1", secret, ml_dsa=False)
    assert code(lambda: create_witness(folder, "w.example/1", secret, ml_dsa=False)) == "witness-state-exists"
    with open_memory(folder):
        assert code(lambda: open_memory(folder)) == "witness-state-locked"
    folder.chmod(0o755)
    assert code(lambda: open_witness(folder, secret).__enter__()) == "witness-state-exposed"


@pytest.mark.parametrize("name", ["", "a+b", "a b", "x" * 256])
def test_a_name_can_stand_in_a_cosignature(name: str, tmp_path: Path) -> None:
    assert code(lambda: create_witness(tmp_path / "w", name, secret, ml_dsa=True)) == "witness-name-malformed"


def test_damage_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "w"
    create_witness(folder, "w.example/1", secret, ml_dsa=False)
    (folder / STATE_FILE).write_bytes(b"no database")
    assert code(lambda: open_memory(folder)) == "witness-state-damaged"


def test_other_keys_are_not_taken_for_its_own(tmp_path: Path) -> None:
    folder = tmp_path / "w"
    create_witness(folder, "w.example/1", secret, ml_dsa=False)
    other = SignerKey.from_seed("w.example/1", SignatureType.COSIGNATURE_ED25519, bytes(32))
    with open_memory(folder) as memory:
        assert code(lambda: Witness(keys=[other], memory=memory)) == "witness-key-mismatch"


def test_a_log_keeps_its_keys(tmp_path: Path, log: Log) -> None:
    folder = tmp_path / "w"
    create_witness(folder, "w.example/1", secret, ml_dsa=False)
    with open_memory(folder) as memory:
        memory.add_log(Held(origin=log.origin, keys=(log.key.vkey,)))
        memory.add_log(Held(origin=log.origin, keys=(log.key.vkey,)))
        other = Held(origin=log.origin, keys=(Log(seed=5).key.vkey,))
        assert code(lambda: memory.add_log(other)) == "witness-log-exists"


def test_a_log_s_keys_follow_one_another_with_an_overlap(tmp_path: Path, log: Log) -> None:
    folder = tmp_path / "w"
    create_witness(folder, "w.example/1", secret, ml_dsa=False)
    old, new = log.key.vkey, Log(seed=5).key.vkey
    with open_memory(folder) as memory:
        for keys in ((old,), (old, new), (new,)):
            memory.add_log(Held(origin=log.origin, keys=keys))
            held = memory.held(log.origin)
            assert held is not None
            assert (held.keys, held.size) == (keys, 0)
        assert code(lambda: memory.add_log(Held(origin=log.origin, keys=(old,)))) == "witness-log-exists"


@pytest.mark.parametrize("kept", [False, True])
async def test_no_cosignature_when_the_write_fails(
    served: Served, log: Log, *, kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Failed and not written, failed but written: the answer is the same, and the next one comes from the disk."""
    assert (await served.post(log.offer(0, 5))).status == 200
    write = Memory._write

    def fail(memory: Memory, statement: str, values: tuple[int | str | bytes, ...]) -> None:
        if kept:
            write(memory, statement, values)
        raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as broken:
        broken.setattr(Memory, "_write", fail)
        assert (await served.post(log.offer(5, 9))).status == 503
    answer = await served.post(log.offer(5, 12))
    assert (answer.status, answer.body) == ((409, b"9\n") if kept else (200, answer.body))


async def test_a_write_that_finds_another_state_writes_nothing(served: Served, log: Log) -> None:
    stale = served.held(log)
    assert (await served.post(log.offer(0, 9))).status == 200
    older = Held(origin=log.origin, keys=stale.keys, size=5, root=log.checkpoint(5).root, note=log.note(5))
    with pytest.raises(WitnessStateError):
        served.witness.memory.replace(stale, older)  # the rollback race of the specification
    assert served.held(log).size == 9
