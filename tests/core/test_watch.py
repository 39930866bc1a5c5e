"""The watch: growth passes, everything else is loud and keeps both checkpoints."""

from __future__ import annotations

import pytest

from custody.core.checkpoint import Checkpoint, sign_checkpoint
from custody.core.errors import ForkError, MalformedError, RollbackError, VerificationError
from custody.core.hashing import leaf_hash
from custody.core.note import SignatureType, SignerKey
from custody.core.policy import parse_policy
from custody.core.proof import consistency_plan
from custody.core.tree import EMPTY_FRONTIER, Extension, extend
from custody.core.watch import Watch

ORIGIN = "ledger.example/a"
KEY = SignerKey.from_seed(ORIGIN, SignatureType.ED25519, bytes(range(32)))
STRANGER = SignerKey.from_seed(ORIGIN, SignatureType.ED25519, bytes(32))


def tree(size: int, *, changed: int | None = None) -> Extension:
    leaves = [leaf_hash(b"changed" if number == changed else b"%d" % number) for number in range(size)]
    return extend(EMPTY_FRONTIER, leaves)


def signed(size: int, *, changed: int | None = None, origin: str = ORIGIN, key: SignerKey = KEY) -> bytes:
    checkpoint = Checkpoint(origin=origin, size=size, root=tree(size, changed=changed).root)
    return sign_checkpoint(checkpoint, [key]).note.encode()


def proof(old: int, new: int, *, changed: int | None = None) -> tuple[bytes, ...]:
    return consistency_plan(old, new).assemble(tree(new, changed=changed).node)


def watch(size: int) -> Watch:
    return Watch(ORIGIN, [KEY.vkey], signed(size))


def test_a_watch_that_saw_nothing_takes_the_first_checkpoint() -> None:
    new = Watch(ORIGIN, [KEY.vkey])
    assert new.advance(signed(7), ()).size == 7
    assert new.note == signed(7)


def test_growth_is_held_and_the_same_again_changes_nothing() -> None:
    held = watch(5)
    held.advance(signed(12), proof(5, 12))
    assert (held.held.size, held.note) == (12, signed(12))
    held.advance(signed(12), ())
    assert held.held.size == 12


def test_another_root_at_the_same_size_is_a_fork_and_both_are_kept() -> None:
    held = watch(5)
    with pytest.raises(ForkError) as caught:
        held.advance(signed(5, changed=2), ())
    assert (caught.value.code, caught.value.held, caught.value.offered) == ("fork", signed(5), signed(5, changed=2))
    assert held.note == signed(5)


def test_growth_from_another_past_is_a_fork() -> None:
    held = watch(5)
    with pytest.raises(ForkError) as caught:
        held.advance(signed(12, changed=2), proof(5, 12, changed=2))
    assert (caught.value.held, caught.value.offered) == (signed(5), signed(12, changed=2))
    assert held.held.size == 5


def test_a_smaller_tree_is_a_rollback_and_both_are_kept() -> None:
    held = watch(12)
    with pytest.raises(RollbackError) as caught:
        held.advance(signed(5), ())
    assert (caught.value.code, caught.value.held, caught.value.offered) == ("rollback", signed(12), signed(5))


def test_an_answer_that_was_overtaken_is_confirmed_by_a_proof() -> None:
    held = watch(12)
    assert held.confirm(signed(5), proof(5, 12)).size == 5
    assert held.held.size == 12
    with pytest.raises(ForkError):
        held.confirm(signed(5, changed=2), proof(5, 12))
    with pytest.raises(ValueError, match="use advance"):
        held.confirm(signed(13), ())


@pytest.mark.parametrize(
    ("note", "code"),
    [
        (signed(12, key=STRANGER), "signature-missing"),
        (signed(12, origin="ledger.example/b"), "checkpoint-origin"),
        (signed(12)[:-12] + b"AAAAAAAAAAA=", "note-malformed"),
        (b"", "note-malformed"),
    ],
)
def test_what_is_not_this_logs_checkpoint_is_refused_and_nothing_changes(note: bytes, code: str) -> None:
    held = watch(5)
    with pytest.raises((VerificationError, MalformedError)) as caught:
        held.advance(note, proof(5, 12))
    assert caught.value.code == code
    assert held.note == signed(5)
    if note:
        with pytest.raises((VerificationError, MalformedError)):
            Watch(ORIGIN, [KEY.vkey], note)


def test_a_second_type_of_key_is_demanded_from_the_next_checkpoint_on() -> None:
    second = SignerKey.from_seed(ORIGIN, SignatureType.ML_DSA_44, bytes(32))
    held = Watch(ORIGIN, [KEY.vkey, second.vkey], signed(3))  # remembered from before the second key
    with pytest.raises(VerificationError) as caught:
        held.advance(signed(5), proof(3, 5))
    assert caught.value.code == "signature-missing"
    head = Checkpoint(origin=ORIGIN, size=5, root=tree(5).root)
    both = sign_checkpoint(head, [KEY, second], timestamp_s=1).note.encode()
    assert held.advance(both, proof(3, 5)).size == 5


def test_a_policy_s_quorum_is_demanded_of_every_new_checkpoint() -> None:
    witness = SignerKey.from_seed("w.example", SignatureType.COSIGNATURE_ED25519, bytes(32))
    policy = parse_policy(f"log {KEY.vkey}\nwitness w {witness.vkey}\nquorum w\n".encode())
    held = Watch(ORIGIN, policy.keys, signed(3), policy=policy)
    with pytest.raises(VerificationError) as caught:
        held.advance(signed(5), proof(3, 5))
    assert (caught.value.code, held.held.size) == ("quorum-missing", 3)
    head = Checkpoint(origin=ORIGIN, size=5, root=tree(5).root)
    cosigned = sign_checkpoint(head, [KEY, witness], timestamp_s=1).note.encode()
    assert held.advance(cosigned, proof(3, 5)).size == 5
