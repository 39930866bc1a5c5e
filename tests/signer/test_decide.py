from __future__ import annotations

from dataclasses import replace

import pytest
from log_history import History

from custody.core.checkpoint import Checkpoint, encode_body, sign_checkpoint
from custody.core.note import SignerKey
from custody.core.tree import MAX_TREE_SIZE
from custody.signer.decide import Evidence, Grow, Latch, Repeat, Request, Signed, State, decide
from custody.signer.errors import SignerRefusalError

ORIGIN = "ledger.example/one"
MAIN = History()
OTHER = History("other", parts_at=5)
"""Shares five leaves with MAIN."""


def wish(old: int, new: int, history: History = MAIN, proof_of: History | None = None) -> Request:
    return Request(
        origin=ORIGIN,
        old_size=old,
        new_size=new,
        new_root=history.root(new),
        proof=tuple((proof_of or history).proof(old, new)),
    )


@pytest.fixture
def fresh() -> State:
    return State(origin=ORIGIN)


@pytest.fixture
def at_seven(key: SignerKey) -> State:
    checkpoint = Checkpoint(origin=ORIGIN, size=7, root=MAIN.root(7))
    note = sign_checkpoint(checkpoint, (key,)).note.encode()
    return State(origin=ORIGIN, signed=Signed(checkpoint=checkpoint, note=note))


@pytest.mark.parametrize("size", [0, 1, 5, 300])
def test_a_fresh_signer_takes_any_first_checkpoint(fresh: State, size: int) -> None:
    assert decide(fresh, wish(0, size)) == Grow(checkpoint=Checkpoint(origin=ORIGIN, size=size, root=MAIN.root(size)))


@pytest.mark.parametrize("size", [8, 9, 16, 300])
def test_growth(at_seven: State, size: int) -> None:
    assert decide(at_seven, wish(7, size)) == Grow(
        checkpoint=Checkpoint(origin=ORIGIN, size=size, root=MAIN.root(size))
    )


def test_the_empty_checkpoint_grows_too(fresh: State, key: SignerKey) -> None:
    empty = Checkpoint(origin=ORIGIN, size=0, root=MAIN.root(0))
    state = fresh.grown(Signed(checkpoint=empty, note=sign_checkpoint(empty, (key,)).note.encode()))
    assert isinstance(decide(state, wish(0, 0)), Repeat)
    assert isinstance(decide(state, wish(0, 7)), Grow)


@pytest.mark.parametrize("old", [0, 3, 7])
def test_the_same_again_is_the_same_answer_whatever_old_size_came_along(at_seven: State, old: int) -> None:
    assert at_seven.signed is not None
    assert decide(at_seven, wish(old, 7)) == Repeat(note=at_seven.signed.note)
    without_proof = replace(wish(old, 7), proof=(bytes(32),))
    assert decide(at_seven, without_proof) == Repeat(note=at_seven.signed.note)


@pytest.mark.parametrize("old", [0, 3, 7])
def test_another_root_of_one_size_latches_and_keeps_both(at_seven: State, old: int) -> None:
    assert at_seven.signed is not None
    offered = encode_body(Checkpoint(origin=ORIGIN, size=7, root=OTHER.root(7)))
    assert decide(at_seven, wish(old, 7, OTHER)) == Latch(evidence=Evidence(held=at_seven.signed.note, offered=offered))


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (replace(wish(7, 9), origin="ledger.example/two"), "signer-origin-unknown"),
        (replace(wish(7, 9), origin=""), "signer-origin-unknown"),
        (wish(0, 6), "signer-rollback"),
        (wish(6, 6), "signer-rollback"),
        (wish(0, 0), "signer-rollback"),
        (wish(0, 9), "signer-old-size"),
        (wish(6, 9), "signer-old-size"),
        (wish(8, 9), "signer-state-behind"),
        (wish(9, 9), "signer-state-behind"),
        (wish(7, 9, OTHER), "signer-inconsistent"),
        (wish(7, 9, OTHER, proof_of=MAIN), "signer-inconsistent"),
        (wish(7, 9, MAIN, proof_of=OTHER), "signer-inconsistent"),
        (replace(wish(7, 9), proof=()), "signer-inconsistent"),
        (replace(wish(7, 9), proof=(*wish(7, 9).proof, bytes(32))), "signer-inconsistent"),
        (replace(wish(7, 9), proof=tuple(reversed(wish(7, 9).proof))), "signer-inconsistent"),
        (replace(wish(7, 9), old_size=10), "signer-request-malformed"),
        (replace(wish(7, 9), old_size=-1), "signer-request-malformed"),
        (replace(wish(7, 9), new_size=MAX_TREE_SIZE + 1), "signer-request-malformed"),
        (replace(wish(7, 9), old_size=1 << 64, new_size=1 << 64), "signer-request-malformed"),
        (replace(wish(7, 9), new_root=b""), "signer-request-malformed"),
        (replace(wish(7, 9), new_root=bytes(33)), "signer-request-malformed"),
        (replace(wish(7, 9), proof=(b"",)), "signer-request-malformed"),
        (replace(wish(7, 9), proof=(bytes(31),)), "signer-request-malformed"),
        (replace(wish(7, 9), proof=(bytes(32),) * 65), "signer-request-malformed"),
    ],
)
def test_refusals(at_seven: State, request_: Request, code: str) -> None:
    with pytest.raises(SignerRefusalError) as caught:
        decide(at_seven, request_)
    assert caught.value.code == code


def test_a_fresh_signer_refuses_what_hints_at_a_forgotten_past(fresh: State) -> None:
    with pytest.raises(SignerRefusalError) as caught:
        decide(fresh, wish(7, 9))
    assert caught.value.code == "signer-state-behind"
    with pytest.raises(SignerRefusalError) as caught:
        decide(fresh, replace(wish(0, 0), new_root=bytes(32)))
    assert caught.value.code == "signer-inconsistent"


@pytest.mark.parametrize("request_", [wish(7, 7), wish(7, 9), wish(7, 7, OTHER), wish(0, 3)])
def test_a_latched_signer_signs_nothing_not_even_again(at_seven: State, request_: Request) -> None:
    assert at_seven.signed is not None
    shut = at_seven.shut(Evidence(held=at_seven.signed.note, offered=b"x"))
    with pytest.raises(SignerRefusalError) as caught:
        decide(shut, request_)
    assert caught.value.code == "signer-latched"
