"""A fork in one file: proven to anybody who has the log's key, and nothing that is no fork passes for one."""

from __future__ import annotations

from hashlib import sha256

import pytest

from custody.core.checkpoint import Checkpoint, sign_checkpoint
from custody.core.errors import CustodyError
from custody.core.fork_proof import ForkProof, parse_fork, verify_fork
from custody.core.note import SignatureType, SignerKey
from custody.core.proof import consistency_plan
from custody.core.tree import EMPTY_FRONTIER, Node, extend

KEY = SignerKey.from_seed("ledger.example/fork", SignatureType.ED25519, bytes(32))
HONEST = [sha256(b"%d" % number).digest() for number in range(40)]
OTHER = [*HONEST[:3], *(sha256(leaf).digest() for leaf in HONEST[3:])]


def root(leaves: list[bytes], size: int) -> bytes:
    return extend(EMPTY_FRONTIER, leaves[:size]).root


def note(leaves: list[bytes], size: int, key: SignerKey = KEY) -> bytes:
    return sign_checkpoint(Checkpoint(origin=key.vkey.name, size=size, root=root(leaves, size)), [key]).note.encode()


def proof(leaves: list[bytes], old: int, new: int) -> tuple[bytes, ...]:
    def node(place: Node) -> bytes:
        return root(leaves[place.index << place.level :], 1 << place.level)

    return consistency_plan(old, new).assemble(node)


def fork(old: int, new: int) -> ForkProof:
    return ForkProof(
        first=note(HONEST, old), second=note(OTHER, new), root=root(OTHER, old), proof=proof(OTHER, old, new)
    )


@pytest.mark.parametrize("new", [5, 8, 13, 32, 40])
@pytest.mark.parametrize("old", [4, 5, 7, 8, 12])
def test_two_histories_are_proven(old: int, new: int) -> None:
    if old < new:
        made = fork(old, new)
        assert parse_fork(made.encode()) == made
        assert [one.size for one in verify_fork(made, KEY.vkey)] == [old, new]


def test_two_roots_of_one_size_are_proven() -> None:
    made = ForkProof(first=note(HONEST, 9), second=note(OTHER, 9))
    assert parse_fork(made.encode()) == made
    verify_fork(made, KEY.vkey)


@pytest.mark.parametrize(
    "made",
    [
        ForkProof(first=note(HONEST, 9), second=note(HONEST, 9)),
        ForkProof(first=note(HONEST, 9), second=note(HONEST, 13)),
        ForkProof(first=note(HONEST, 9), second=note(HONEST, 13), root=root(HONEST, 9), proof=proof(HONEST, 9, 13)),
        ForkProof(first=note(HONEST, 9), second=note(HONEST, 13), root=root(OTHER, 9), proof=proof(HONEST, 9, 13)),
        ForkProof(first=note(HONEST, 9), second=note(HONEST, 13), root=root(OTHER, 9), proof=proof(OTHER, 9, 13)),
        ForkProof(first=note(HONEST, 9), second=note(OTHER, 9), root=root(OTHER, 9)),
        ForkProof(first=note(OTHER, 13), second=note(HONEST, 9)),
        ForkProof(first=note(HONEST, 0), second=note(OTHER, 9), root=bytes(32)),
        ForkProof(
            first=note(HONEST, 9, SignerKey.from_seed("ledger.example/fork", SignatureType.ED25519, bytes([1]) * 32)),
            second=note(OTHER, 9),
        ),
        ForkProof(
            first=note(HONEST, 9, SignerKey.from_seed("ledger.example/b", SignatureType.ED25519, bytes(32))),
            second=note(OTHER, 9),
        ),
    ],
)
def test_an_honest_log_cannot_be_accused(made: ForkProof) -> None:
    with pytest.raises(CustodyError):
        verify_fork(parse_fork(made.encode()), KEY.vkey)


def test_every_byte_of_the_head_counts() -> None:
    data = fork(5, 13).encode()
    end = data.index(b"\n\n") + 2
    for at in range(end):
        changed = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        with pytest.raises(CustodyError):
            verify_fork(parse_fork(changed), KEY.vkey)


@pytest.mark.parametrize("data", [b"", b"custody-fork/v1\n\n", b"custody-fork/v1\nfirst 0\nsecond 0\n\n", b"\xff\n\n"])
def test_what_is_no_such_file(data: bytes) -> None:
    with pytest.raises(CustodyError):
        parse_fork(data)
    with pytest.raises(ValueError, match=r"no proof|lost"):
        ForkProof(first=data, second=data).encode()
