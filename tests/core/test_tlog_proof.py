"""Proof files and witness requests: C2SP tlog-proof and the body of tlog-witness's add-checkpoint."""

from __future__ import annotations

from dataclasses import replace

import pytest

from custody.core.add_checkpoint import MAX_PROOF_LINES, AddCheckpoint, encode_size, parse_add_checkpoint, parse_size
from custody.core.checkpoint import Checkpoint, sign_checkpoint
from custody.core.codec import encode_base64
from custody.core.cosignature import cosign
from custody.core.errors import CustodyError, InclusionError, MalformedError, PolicyError
from custody.core.hashing import leaf_hash
from custody.core.note import SignatureType, SignerKey
from custody.core.policy import parse_policy
from custody.core.proof import inclusion_plan
from custody.core.tlog_proof import TlogProof, encode_tlog_proofs, parse_tlog_proof, verify_tlog_proof
from custody.core.tree import EMPTY_FRONTIER, extend

LOG = SignerKey.from_seed("log.example/site", SignatureType.ED25519, b"L" * 32)
WITNESS = SignerKey.from_seed("witness.example", SignatureType.COSIGNATURE_ED25519, b"W" * 32)
POLICY = parse_policy(f"log {LOG.vkey}\nwitness w {WITNESS.vkey}\nquorum w\n".encode())
LEAVES = [leaf_hash(b"%d" % number) for number in range(21)]
TREE = extend(EMPTY_FRONTIER, LEAVES)


def checkpoint_note(*, cosigned: bool = True) -> bytes:
    note = sign_checkpoint(Checkpoint(origin="log.example/site", size=21, root=TREE.root), [LOG]).note
    return (note.with_signatures([cosign(note.text, WITNESS, timestamp_s=9)]) if cosigned else note).encode()


def proof_of(index: int, *, extra: bytes | None = None) -> TlogProof:
    hashes = inclusion_plan(index, 21).assemble(TREE.node)
    return TlogProof(index=index, hashes=hashes, checkpoint=checkpoint_note(), extra=extra)


@pytest.mark.parametrize("extra", [None, b"x", bytes(65_536)], ids=["none", "one byte", "largest"])
def test_a_proof_file_proves_its_entry(extra: bytes | None) -> None:
    for index, leaf in enumerate(LEAVES):
        proof = proof_of(index, extra=extra)
        assert parse_tlog_proof(proof.encode()) == proof
        witnessed = verify_tlog_proof(proof, leaf, POLICY)
        assert (witnessed.checkpoint.size, len(witnessed.cosignatures)) == (21, 1)


def test_the_layout_of_the_file() -> None:
    proof = proof_of(20, extra=b"note")
    assert proof.encode() == (
        b"c2sp.org/tlog-proof@v1\nextra bm90ZQ==\nindex 20\n"
        + b"".join(encode_base64(value).encode() + b"\n" for value in proof.hashes)
        + b"\n"
        + checkpoint_note()
    )


def test_a_proof_file_without_hashes() -> None:
    leaf = leaf_hash(b"only")
    note = sign_checkpoint(Checkpoint(origin="log.example/site", size=1, root=leaf), [LOG]).note
    proof = TlogProof(index=0, hashes=(), checkpoint=note.encode())
    assert proof.encode().startswith(b"c2sp.org/tlog-proof@v1\nindex 0\n\nlog.example/site\n1\n")
    verify_tlog_proof(parse_tlog_proof(proof.encode()), leaf, parse_policy(f"log {LOG.vkey}\nquorum none\n".encode()))


def test_many_proof_files_are_what_each_would_be() -> None:
    proofs = {index: proof_of(index).hashes for index in range(21)}
    made = dict(encode_tlog_proofs(proofs, checkpoint_note()))
    assert made == {index: proof_of(index).encode() for index in proofs}
    good = proofs[3]
    for bad, note in (
        ({3: good, 1: [b"short"]}, checkpoint_note()),
        ({3: good, -1: good}, checkpoint_note()),
        ({3: good}, b"no note"),
    ):
        with pytest.raises(ValueError, match="no proof"):
            dict(encode_tlog_proofs(bad, note))


def test_what_a_proof_file_does_not_prove() -> None:
    proof = proof_of(3)
    with pytest.raises(InclusionError):
        verify_tlog_proof(proof, LEAVES[4], POLICY)
    with pytest.raises(InclusionError):
        verify_tlog_proof(replace(proof, index=4), LEAVES[3], POLICY)
    with pytest.raises(PolicyError):
        verify_tlog_proof(replace(proof, checkpoint=checkpoint_note(cosigned=False)), LEAVES[3], POLICY)
    with pytest.raises(CustodyError):
        verify_tlog_proof(replace(proof, checkpoint=proof.checkpoint.replace(b"\n21\n", b"\n22\n")), LEAVES[3], POLICY)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"@v1", b"@v2"),
        (b"c2sp.org/tlog-proof@v1\n", b""),
        (b"c2sp.org/tlog-proof@v1\n", b"c2sp.org/tlog-proof@v1\r\n"),
        (b"index 3\n", b""),
        (b"index 3\n", b"index 03\n"),
        (b"index 3\n", b"index +3\n"),
        (b"index 3\n", b"index 3 \n"),
        (b"index 3\n", b"Index 3\n"),
        (b"index 3\n", b"index 9223372036854775807\n"),
        (b"index 3\n", b"extra \nindex 3\n"),
        (b"index 3\n", b"extra bm90ZQ\nindex 3\n"),
        (b"index 3\n", b"extra bm90ZR==\nindex 3\n"),
        (b"index 3\n", b"index 3\nextra bm90ZQ==\n"),
        (b"index 3\n", b"extra bm90ZQ==\nextra bm90ZQ==\nindex 3\n"),
        (b"index 3\n", b"index 3\n" + b"A" * 43 + b"\n"),
        (b"index 3\n", b"index 3\nAAAA\n"),
        (b"index 3\n", b"index 3\n" + (b"A" * 43 + b"=\n") * 65),
        (b"index 3\n", b"index 3\n\xe9\n"),
    ],
)
def test_malformed_proof_files(old: bytes, new: bytes) -> None:
    data = proof_of(3).encode()
    with pytest.raises(MalformedError) as caught:
        parse_tlog_proof(data.replace(old, new, 1))
    assert caught.value.code == "tlog-proof-malformed"


def test_values_that_are_no_proof_file_are_a_misuse() -> None:
    proof = proof_of(3)
    for bad in (
        replace(proof, index=-1),
        replace(proof, extra=b""),
        replace(proof, extra=bytes(65_537)),
        replace(proof, hashes=(b"short",)),
        replace(proof, hashes=(bytes(32),) * 65),
        replace(proof, checkpoint=b"text\n"),
    ):
        with pytest.raises(ValueError, match="no proof file"):
            bad.encode()


# ---- the witness's call


def test_a_witness_request() -> None:
    request = AddCheckpoint(old_size=5, proof=(bytes(32), b"\xff" * 32), checkpoint=checkpoint_note())
    data = request.encode()
    assert data == (b"old 5\n" + b"A" * 43 + b"=\n" + b"/" * 42 + b"8=\n" + b"\n" + checkpoint_note())
    assert parse_add_checkpoint(data) == request


def test_a_first_request_has_an_empty_proof() -> None:
    request = AddCheckpoint(old_size=0, proof=(), checkpoint=checkpoint_note())
    assert request.encode().startswith(b"old 0\n\nlog.example/site\n21\n")
    assert parse_add_checkpoint(request.encode()) == request


def test_a_witness_request_may_carry_text_that_only_the_witness_judges() -> None:
    """Extension lines are well-formed notes; refusing them is the witness's answer, not a parse failure."""
    note = checkpoint_note().replace(b"\n\n", b"\nextension\n\n", 1)
    assert parse_add_checkpoint(b"old 0\n\n" + note).checkpoint == note


@pytest.mark.parametrize(
    ("head", "code"),
    [
        (b"", "add-checkpoint-malformed"),
        (b"old 05\n\n", "add-checkpoint-malformed"),
        (b"old -1\n\n", "add-checkpoint-malformed"),
        (b"old 9223372036854775808\n\n", "add-checkpoint-malformed"),
        (b"old 5\r\n\n", "add-checkpoint-malformed"),
        (b"new 5\n\n", "add-checkpoint-malformed"),
        (b"old 5\nAAAA\n\n", "add-checkpoint-malformed"),
        (b"old 5\n" + b"A" * 44 + b"\n\n", "add-checkpoint-malformed"),
        (b"old 5\n" + (b"A" * 43 + b"=\n") * (MAX_PROOF_LINES + 1) + b"\n", "add-checkpoint-malformed"),
        (b"old 5\n\n\n", None),
    ],
)
def test_malformed_witness_requests(head: bytes, code: str | None) -> None:
    if code is None:  # a further empty line belongs to the note, whose text may begin with one
        assert parse_add_checkpoint(head + checkpoint_note()).checkpoint == b"\n" + checkpoint_note()
        return
    with pytest.raises(MalformedError) as caught:
        parse_add_checkpoint(head + checkpoint_note())
    assert caught.value.code == code


def test_values_that_are_no_request_are_a_misuse() -> None:
    with pytest.raises(ValueError, match="no add-checkpoint request"):
        AddCheckpoint(old_size=5, proof=(bytes(31),), checkpoint=checkpoint_note()).encode()


def test_the_size_that_a_witness_holds() -> None:
    assert parse_size(encode_size(20_852_163)) == 20_852_163
    for bad in (b"", b"5", b"5\n\n", b"05\n", b" 5\n", b"\xff\n"):
        with pytest.raises(MalformedError) as caught:
            parse_size(bad)
        assert caught.value.code == "witness-size-malformed"
