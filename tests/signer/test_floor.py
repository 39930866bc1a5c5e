from __future__ import annotations

import pytest
from log_history import History

from custody.core.checkpoint import Checkpoint, sign_checkpoint
from custody.core.note import SignatureType, SignerKey
from custody.signer.decide import Evidence, Signed, State
from custody.signer.errors import SignerStateError
from custody.signer.floor import compare_floor

ORIGIN = "ledger.example/one"
MAIN, OTHER = History(), History("other")
STRANGER = SignerKey.from_seed(ORIGIN, SignatureType.ED25519, bytes(32))


def note(key: SignerKey, size: int, history: History = MAIN, origin: str = ORIGIN) -> bytes:
    return sign_checkpoint(Checkpoint(origin=origin, size=size, root=history.root(size)), (key,)).note.encode()


@pytest.fixture
def at_seven(key: SignerKey) -> State:
    checkpoint = Checkpoint(origin=ORIGIN, size=7, root=MAIN.root(7))
    return State(origin=ORIGIN, signed=Signed(checkpoint=checkpoint, note=note(key, 7)))


@pytest.mark.parametrize("size", [0, 6, 7])
def test_what_is_not_ahead_passes(at_seven: State, key: SignerKey, size: int) -> None:
    assert compare_floor(at_seven, note(key, size), [key.vkey]) is None


def test_what_is_ahead_is_refused(at_seven: State, key: SignerKey) -> None:
    for state, size in ((at_seven, 8), (State(origin=ORIGIN), 0), (State(origin=ORIGIN), 1)):
        with pytest.raises(SignerStateError) as caught:
            compare_floor(state, note(key, size), [key.vkey])
        assert caught.value.code == "signer-state-behind"


def test_two_roots_of_one_size_are_evidence(at_seven: State, key: SignerKey) -> None:
    offered = note(key, 7, OTHER)
    assert compare_floor(at_seven, offered, [key.vkey]) == Evidence(held=note(key, 7), offered=offered)


@pytest.mark.parametrize("bad", [b"", b"garbage", note(STRANGER, 7), note(STRANGER, 70)])
def test_what_this_key_never_signed_is_no_floor(at_seven: State, key: SignerKey, bad: bytes) -> None:
    with pytest.raises(SignerStateError) as caught:
        compare_floor(at_seven, bad, [key.vkey])
    assert caught.value.code == "signer-floor-invalid"


def test_another_log_s_checkpoint_is_no_floor(at_seven: State, key: SignerKey) -> None:
    with pytest.raises(SignerStateError) as caught:
        compare_floor(at_seven, note(key, 7, origin="ledger.example/two"), [key.vkey])
    assert caught.value.code == "signer-floor-invalid"
