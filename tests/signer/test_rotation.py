"""Keys that come and go: a second one beside the first, the overlap, the end of the old one; and every crash between."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import grpc
import pytest
from log_history import History

from custody.cli.main import run
from custody.core.checkpoint import open_checkpoint
from custody.core.errors import CustodyError, SignatureError
from custody.core.log_key import LogKeys
from custody.core.note import SignatureType, VerifierKey, parse_note
from custody.core.record import read_record
from custody.signer import rotation
from custody.signer.app import Settings, SignerApp
from custody.signer.decide import Request
from custody.signer.errors import SignerStateError
from custody.signer.rotation import Moment, add_key, retire_key
from custody.signer.state import StateFile, open_state
from custody.v1 import signer_pb2, signer_pb2_grpc

ORIGIN = "ledger.example/one"
PASSPHRASE = b"throw-away"
MAIN, OTHER = History(), History("other", parts_at=4)
MOMENT = Moment(now_us=1_770_000_000_000_000, random=bytes(10))
ED, PQ = SignatureType.ED25519, SignatureType.ML_DSA_44
Make = Callable[..., Settings]


def passphrase() -> bytes:
    return PASSPHRASE


def wish(old: int, new: int, history: History = MAIN) -> Request:
    return Request(
        origin=ORIGIN, old_size=old, new_size=new, new_root=history.root(new), proof=tuple(history.proof(old, new))
    )


async def sign(settings: Make, *wishes: Request) -> list[bytes]:
    """Starts the signer, has it sign, stops it: what an operator does between two changes of keys."""
    async with SignerApp(settings()) as app:
        return [app.signer.sign(one) for one in wishes]


def signers(note: bytes) -> list[str]:
    return [one.key_id.hex() for one in parse_note(note).signatures]


def key_id(vkey: str) -> str:
    return VerifierKey.parse(vkey).key_id.hex()


def code_of(call: Callable[[], object]) -> str:
    with pytest.raises(CustodyError) as caught:
        call()
    return caught.value.code


@pytest.fixture(autouse=True)
def cheap_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """A work factor that no test notices."""
    from custody.core.pkcs8 import ScryptCost, encrypt_key
    from custody.private import key

    def encrypt(private: Any, secret: bytes, **salts: bytes) -> bytes:
        return encrypt_key(private, secret, cost=ScryptCost(n=2, r=1, p=1), **salts)

    monkeypatch.setattr(key, "encrypt_key", encrypt)


async def test_a_key_takes_over_with_an_overlap(settings: Make, state_folder: Path) -> None:
    (first,) = await sign(settings, wish(0, 3))
    (old,) = signers(first)

    told = add_key(state_folder, ED, passphrase, MOMENT)
    new = key_id(told.vkey)
    again, both = await sign(settings, wish(0, 3), wish(3, 5))
    assert again == first  # the same question has the same answer, whatever keys came since
    assert signers(both) == [old, new]

    ended = retire_key(state_folder, old, MOMENT)
    same, last = await sign(settings, wish(3, 5), wish(5, 9))
    assert same == both
    assert signers(last) == [new]

    old_key, new_key = VerifierKey.parse(ended.vkey), VerifierKey.parse(told.vkey)
    assert open_checkpoint(both, old_key) == open_checkpoint(both, new_key)
    with pytest.raises(SignatureError) as caught:
        open_checkpoint(last, old_key)
    assert caught.value.code == "signature-missing"
    assert new in str(caught.value)  # whoever knows the old key alone learns which key to ask for

    keys = LogKeys(ORIGIN, [old_key])
    for index, path in enumerate((told.record, ended.record)):
        record = read_record(path.read_bytes())
        keys.apply(record.kind.name, record.body, index)
    assert keys.announced == {new_key: 0}
    assert keys.ended_at(old_key) == 1


async def test_after_the_rotation_no_key_signs_a_fork(settings: Make, state_folder: Path) -> None:
    """One memory stands behind all keys: what the old one signed, the new one is held to."""
    (first,) = await sign(settings, wish(0, 7))
    add_key(state_folder, ED, passphrase, MOMENT)
    await sign(settings, wish(7, 8))
    retire_key(state_folder, signers(first)[0], MOMENT)
    async with SignerApp(settings()) as app:
        for size, expected in ((7, "signer-rollback"), (9, "signer-inconsistent"), (8, "signer-fork")):
            asked = wish(min(size, 8), size, OTHER)
            assert code_of(lambda asked=asked: app.signer.sign(asked)) == expected  # type: ignore[misc]
        assert app.signer.state(ORIGIN).latched
    assert code_of(lambda: add_key(state_folder, ED, passphrase, MOMENT)) == "signer-latched"
    assert code_of(lambda: retire_key(state_folder, "00000000", MOMENT)) == "signer-latched"


async def test_ml_dsa_44_beside_ed25519(settings: Make, state_folder: Path) -> None:
    told = add_key(state_folder, PQ, passphrase, MOMENT)
    (note,) = await sign(settings, wish(0, 4))
    with open_state(state_folder) as store:
        keys = [one.key for one in store.identity.active]
    assert [key.signature_type for key in keys] == [ED, PQ]
    assert open_checkpoint(note, keys).root == MAIN.root(4)
    assert open_checkpoint(note, keys[0]).root == MAIN.root(4)
    assert (await sign(settings, wish(0, 4))) == [note]  # randomized, and yet always the same
    # Ed25519 stays: the second line is an addition.
    assert code_of(lambda: retire_key(state_folder, keys[0].key_id.hex(), MOMENT)) == "signer-key-last"
    retire_key(state_folder, key_id(told.vkey), MOMENT)
    (later,) = await sign(settings, wish(4, 5))
    assert len(signers(later)) == 1


async def test_when_keys_may_not_come_or_go(settings: Make, state_folder: Path) -> None:
    (first,) = await sign(settings, wish(0, 3))
    (old,) = signers(first)
    assert code_of(lambda: retire_key(state_folder, old, MOMENT)) == "signer-key-last"
    assert code_of(lambda: retire_key(state_folder, "00000000", MOMENT)) == "signer-key-unknown"
    assert code_of(lambda: add_key(state_folder, ED, lambda: b"another", MOMENT)) == "key-unreadable"
    add_key(state_folder, ED, passphrase, MOMENT)
    assert code_of(lambda: retire_key(state_folder, old, MOMENT)) == "signer-key-unused"
    async with SignerApp(settings()):
        assert code_of(lambda: add_key(state_folder, ED, passphrase, MOMENT)) == "signer-state-locked"
        assert code_of(lambda: retire_key(state_folder, old, MOMENT)) == "signer-state-locked"


async def test_a_floor_of_an_ended_key_still_counts(settings: Make, state_folder: Path) -> None:
    (first,) = await sign(settings, wish(0, 3))
    with open_state(state_folder) as store:
        before = store.reload()
    add_key(state_folder, ED, passphrase, MOMENT)
    await sign(settings, wish(3, 5))
    retire_key(state_folder, signers(first)[0], MOMENT)
    async with SignerApp(settings(floors=(first,))) as app:
        assert app.signer.state(ORIGIN).size == 5
    assert before.size == 3


@pytest.mark.parametrize(("what", "when", "step"), list(product(["add", "retire"], ["before", "after"], [0, 1])))
async def test_a_crash_at_every_step_of_a_change(
    settings: Make, state_folder: Path, monkeypatch: pytest.MonkeyPatch, what: str, when: str, step: int
) -> None:
    """Whatever was carried out: the signer starts, signs one history, and the same command brings the change about."""
    (first,) = await sign(settings, wish(0, 3))
    (old,) = signers(first)
    if what == "retire":
        add_key(state_folder, ED, passphrase, MOMENT)
        await sign(settings, wish(3, 5))

    def change() -> object:
        if what == "add":
            return add_key(state_folder, ED, passphrase, MOMENT)
        return retire_key(state_folder, old, MOMENT)

    place: Any = (rotation, StateFile)[step]
    name = ("replace_file", "_write")[step]
    real = getattr(place, name)

    def fails(*arguments: Any) -> None:
        if when == "after":
            real(*arguments)
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(place, name, fails)
        with pytest.raises(OSError, match="Input/output"):
            change()

    size = 3 if what == "add" else 5
    (note,) = await sign(settings, wish(size, 7))
    change()
    (last,) = await sign(settings, wish(7, 9))
    known = _known(state_folder)
    for one in (first, note, last):
        checkpoint = open_checkpoint(one, known, any_type=True)
        assert checkpoint.root == MAIN.root(checkpoint.size)
    assert (old in signers(last)) == (what == "add")
    assert len(signers(last)) >= 1


def _known(state_folder: Path) -> list[VerifierKey]:
    with open_state(state_folder) as store:
        return [one.key for one in store.identity.keys]


def test_a_state_without_a_key_that_signs_is_refused(state_folder: Path) -> None:
    with open_state(state_folder) as store:
        (only,) = store.identity.keys
        with pytest.raises(SignerStateError):
            store.retire_key(only)
    assert code_of(lambda: open_state(state_folder)) == "signer-state-damaged"


def test_on_the_command_line(
    folder: Path, socket: Path, passphrase_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = folder / "new"
    common = ["--state", str(state), "--passphrase-file", str(passphrase_file)]
    assert run(["signer", "init", "--origin", ORIGIN, "--ml-dsa", *common]) == 0
    first, second = (VerifierKey.parse(line) for line in capsys.readouterr().out.split())
    assert (first.signature_type, second.signature_type) == (ED, PQ)
    assert {path.name: path.stat().st_mode & 0o777 for path in state.glob("*.pem")} == {
        "key.pem": 0o600,
        "key-ml-dsa.pem": 0o600,
    }
    assert run(["signer", "add-key", *common]) == 0
    shown = capsys.readouterr()
    third = VerifierKey.parse(shown.out.strip())
    assert third.signature_type is ED
    assert "custody keys tell" in shown.err

    async def signed() -> bytes:
        settings = Settings(state=state, socket=socket, passphrase=passphrase)
        async with SignerApp(settings) as app, grpc.aio.insecure_channel(app.address) as channel:
            stub = signer_pb2_grpc.SignerStub(channel)
            seen = await stub.GetState(signer_pb2.GetStateRequest(origin=ORIGIN))
            assert list(seen.vkeys) == [str(first), str(second), str(third)]
            asked = wish(0, 3)
            answer = await stub.Sign(
                signer_pb2.SignRequest(origin=ORIGIN, new_size=asked.new_size, new_root=asked.new_root)
            )
        return bytes(answer.checkpoint)

    note = asyncio.run(signed())
    assert signers(note) == [key.key_id.hex() for key in (first, second, third)]
    assert run(["signer", "retire-key", "--state", str(state), first.key_id.hex()]) == 0
    assert capsys.readouterr().out.strip() == str(first)
    assert run(["signer", "status", "--state", str(state)]) == 0
    assert f"ended   {first}" in capsys.readouterr().out
    written = b"".join(path.read_bytes() for path in state.iterdir() if path.is_file())
    assert PASSPHRASE not in written
