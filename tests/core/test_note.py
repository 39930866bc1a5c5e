"""Signed notes, keys, checkpoints and cosignatures: C2SP signed-note, tlog-checkpoint, tlog-cosignature."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from custody.core.checkpoint import Checkpoint, open_checkpoint, parse_body, parse_checkpoint, sign_checkpoint
from custody.core.cosignature import Cosignature, cosign, verify_cosignatures
from custody.core.cosigned_message import MAX_TIMESTAMP, TimestampedSignature, ed25519_message, ml_dsa_44_message
from custody.core.errors import CustodyError, MalformedError, SignatureError, VerificationError
from custody.core.hashing import EMPTY_ROOT
from custody.core.note import (
    MAX_SIGNATURES,
    NoteSignature,
    SignatureType,
    SignedNote,
    SignerKey,
    VerifierKey,
    encode_note,
    encode_signatures,
    parse_note,
    parse_signatures,
    sign_note,
    verify_note,
)

# The examples of the specifications.
NOTE_VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
NOTE = (
    "This is an example message.\n\n\u2014 example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1E"
    "RYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
).encode()
CHECKPOINT_TEXT = b"example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
COSIGNED = (
    CHECKPOINT_TEXT
    + (
        "\n\u2014 example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+z"
        "yWE+xeMcTOAYQ8=\n\u2014 witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2"
        "oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
    ).encode()
)

LOG = SignerKey.from_seed("log.example/site", SignatureType.ED25519, b"L" * 32)
LOG_PQ = SignerKey.from_seed("log.example/site", SignatureType.ML_DSA_44, b"P" * 32)
WITNESS = SignerKey.from_seed("witness.example/w", SignatureType.COSIGNATURE_ED25519, b"W" * 32)
WITNESS_PQ = SignerKey.from_seed("witness.example/q", SignatureType.ML_DSA_44, b"Q" * 32)
CHECKPOINT = Checkpoint(origin="log.example/site", size=17, root=sha256(b"root").digest())


def refused(code: str, call: object, *arguments: object, **options: object) -> CustodyError:
    assert callable(call)
    with pytest.raises(CustodyError) as caught:
        call(*arguments, **options)
    assert caught.value.code == code
    return caught.value


# ---- notes


def test_the_example_note_of_the_specification() -> None:
    note = parse_note(NOTE)
    key = VerifierKey.parse(NOTE_VKEY)
    assert [one.key for one in verify_note(note, [key])] == [key]
    assert (note.text, encode_note(note)) == (b"This is an example message.\n", NOTE)
    assert key.encode() == NOTE_VKEY


def test_ed25519_signing_gives_the_same_bytes_each_time() -> None:
    note = sign_note(b"text\n", [LOG])
    assert note == sign_note(b"text\n", [LOG])
    assert parse_note(note.encode()) == note


def test_the_text_may_have_empty_lines() -> None:
    note = sign_note(b"\n\none\n\n\ntwo\n", [LOG])
    assert parse_note(note.encode()).text == b"\n\none\n\n\ntwo\n"


@pytest.mark.parametrize("text", [b"", b"no newline", b"control\x00\n", b"tab\t\n", b"\xff\n", b"return\r\n"])
def test_what_is_no_text_is_not_signed(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"no note|another note"):
        sign_note(text, [LOG])


def test_signatures_of_unknown_keys_are_ignored() -> None:
    note = sign_note(b"text\n", [LOG, SignerKey.from_seed("other", SignatureType.ED25519, b"O" * 32)])
    assert [one.key for one in verify_note(note, [LOG.vkey])] == [LOG.vkey]
    # A stranger may share the name, or the id, but not both: his line is ignored, and so is its garbage.
    same_name = NoteSignature(name=LOG.vkey.name, key_id=b"\x00" * 4, signature=b"garbage")
    same_id = NoteSignature(name="other", key_id=LOG.vkey.key_id, signature=b"garbage")
    assert len(verify_note(note.with_signatures([same_name, same_id]), [LOG.vkey])) == 1


def test_no_known_signature_refuses_the_note() -> None:
    note = sign_note(b"text\n", [LOG])
    refused("signature-missing", verify_note, note, [WITNESS.vkey])
    refused("signature-missing", verify_note, note, [])
    # the same key under another name is another key
    refused("signature-missing", verify_note, note, [replace(LOG.vkey, name="log.example/other")])


def test_a_wrong_signature_of_a_known_key_refuses_the_whole_note() -> None:
    good = sign_note(b"text\n", [LOG])
    wrong = sign_note(b"other\n", [LOG]).signatures
    refused("signature-invalid", verify_note, replace(good, text=b"Text\n"), [LOG.vkey])
    refused("signature-invalid", verify_note, good.with_signatures(wrong), [LOG.vkey])
    short = replace(good.signatures[0], signature=good.signatures[0].signature[:-1])
    refused("signature-invalid", verify_note, replace(good, signatures=(short,)), [LOG.vkey])


def test_every_flipped_bit_of_a_signature_is_caught() -> None:
    note = sign_note(b"text\n", [LOG])
    signature = note.signatures[0].signature
    for bit in range(len(signature) * 8):
        flipped = (int.from_bytes(signature, "big") ^ 1 << bit).to_bytes(len(signature), "big")
        with pytest.raises(SignatureError):
            verify_note(replace(note, signatures=(replace(note.signatures[0], signature=flipped),)), [LOG.vkey])


def test_two_known_keys_that_cannot_be_told_apart_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    other = SignerKey.from_seed(LOG.vkey.name, SignatureType.ED25519, b"M" * 32).vkey
    monkeypatch.setattr(VerifierKey, "key_id", property(lambda _: b"same"))
    with pytest.raises(SignatureError, match="share the name") as caught:
        verify_note(sign_note(b"text\n", [LOG]), [LOG.vkey, other])
    assert caught.value.code == "vkey-collision"


def test_the_same_key_may_be_known_twice() -> None:
    assert len(verify_note(sign_note(b"text\n", [LOG]), [LOG.vkey, LOG.vkey])) == 1


def test_at_least_sixteen_signatures_are_accepted_and_a_flood_is_not() -> None:
    signers = [SignerKey.from_seed(f"key{number}", SignatureType.ED25519, bytes([number]) * 32) for number in range(16)]
    note = sign_note(b"text\n", signers)
    assert len(verify_note(parse_note(note.encode()), [one.vkey for one in signers])) == 16
    line = encode_signatures(note.signatures[:1])
    assert len(parse_note(b"text\n\n" + line * MAX_SIGNATURES).signatures) == MAX_SIGNATURES
    refused("note-malformed", parse_note, b"text\n\n" + line * (MAX_SIGNATURES + 1))
    refused("note-malformed", parse_note, b"text\n" * 200_001 + b"\n" + line)


def test_signatures_are_added_once() -> None:
    note = sign_note(b"text\n", [LOG])
    more = sign_note(b"text\n", [SignerKey.from_seed("b", SignatureType.ED25519, b"b" * 32)]).signatures
    assert note.with_signatures([*note.signatures, *more, *more]).signatures == (*note.signatures, *more)


def test_a_witness_answer_is_signature_lines_alone() -> None:
    lines = encode_signatures(sign_note(b"text\n", [LOG]).signatures)
    assert encode_signatures(parse_signatures(lines)) == lines
    for bad in (b"", lines[:-1], lines + b"\n", b"\n" + lines, lines.replace(b" ", b"  ", 1)):
        refused("note-malformed", parse_signatures, bad)


# ---- keys


def test_key_ids_depend_on_name_type_and_key() -> None:
    ids = {
        SignerKey.from_seed(name, kind, seed).vkey.key_id
        for name in ("a", "b")
        for kind in SignatureType
        for seed in (b"1" * 32, b"2" * 32)
    }
    assert len(ids) == 12
    key = LOG.vkey
    assert key.key_id == sha256(b"log.example/site\n\x01" + key.public_key).digest()[:4]
    assert WITNESS.vkey.key_id == sha256(b"witness.example/w\n\x04" + WITNESS.vkey.public_key).digest()[:4]
    assert LOG_PQ.vkey.key_id == sha256(b"log.example/site\n\x06" + LOG_PQ.vkey.public_key).digest()[:4]


@pytest.mark.parametrize("signer", [LOG, LOG_PQ, WITNESS], ids=lambda signer: signer.vkey.signature_type.name)
def test_vkeys_and_keys_are_one_to_one(signer: SignerKey) -> None:
    assert VerifierKey.parse(signer.vkey.encode()) == signer.vkey
    assert str(signer.vkey) == signer.vkey.encode()


def test_no_part_of_a_vkey_is_a_vkey() -> None:
    for start in range(len(NOTE_VKEY)):
        for end in range(start, len(NOTE_VKEY) + 1):
            if end - start < len(NOTE_VKEY):
                with pytest.raises(MalformedError):
                    VerifierKey.parse(NOTE_VKEY[start:end])
    for at in range(len(NOTE_VKEY)):
        with pytest.raises(MalformedError):
            VerifierKey.parse(NOTE_VKEY[:at] + chr(ord(NOTE_VKEY[at]) ^ 1) + NOTE_VKEY[at + 1 :])


@pytest.mark.parametrize(
    "name", ["", "a b", "a\u00a0b", "a\u2003", "a+b", "a\nb", "a\x1f", "a\u3000", "\ud800", "x" * 1025]
)
def test_what_cannot_name_a_key(name: str) -> None:
    with pytest.raises(ValueError, match=r"key name|surrogates"):
        VerifierKey(name=name, signature_type=SignatureType.ED25519, public_key=bytes(32))


def test_a_private_key_does_not_show_itself() -> None:
    assert "private" not in repr(LOG)


def test_a_key_of_another_algorithm_is_refused() -> None:
    with pytest.raises(ValueError, match="1312 bytes"):
        SignerKey.of("name", SignatureType.ML_DSA_44, Ed25519PrivateKey.from_private_bytes(bytes(32)))


def test_a_public_key_that_is_no_point_verifies_nothing() -> None:
    bad = VerifierKey(name=LOG.vkey.name, signature_type=SignatureType.ED25519, public_key=b"\xff" * 32)
    with pytest.raises(SignatureError):
        bad.verify(b"text\n", bytes(64))


# ---- checkpoints


def test_the_example_checkpoint_of_the_specification() -> None:
    signed = parse_checkpoint(COSIGNED)
    assert (signed.checkpoint.origin, signed.checkpoint.size) == ("example.com/behind-the-sofa", 20_852_163)
    assert signed.checkpoint.encode() == signed.note.text == CHECKPOINT_TEXT
    assert signed.note.encode() == COSIGNED
    assert [one.name for one in signed.note.signatures] == ["example.com/behind-the-sofa", "witness.example.com/w1"]


def test_a_checkpoint_is_signed_and_opened() -> None:
    data = sign_checkpoint(CHECKPOINT, [LOG]).note.encode()
    assert open_checkpoint(data, LOG.vkey) == CHECKPOINT
    refused("signature-missing", open_checkpoint, data, LOG_PQ.vkey)


def test_keys_of_two_types_are_both_demanded_and_of_one_type_are_alternatives() -> None:
    data = sign_checkpoint(CHECKPOINT, [LOG]).note.encode()
    new = SignerKey.from_seed(LOG.vkey.name, SignatureType.ED25519, b"M" * 32)
    elsewhere = SignerKey.from_seed("log.example/other", SignatureType.ML_DSA_44, b"M" * 32)
    assert open_checkpoint(data, [new.vkey, LOG.vkey, elsewhere.vkey], origin="log.example/site") == CHECKPOINT
    refused("signature-missing", open_checkpoint, data, [LOG_PQ.vkey, LOG.vkey])
    assert open_checkpoint(data, [LOG_PQ.vkey, LOG.vkey], any_type=True) == CHECKPOINT


def test_a_checkpoint_with_a_second_line_of_ml_dsa_44() -> None:
    data = sign_checkpoint(CHECKPOINT, [LOG, LOG_PQ], timestamp_s=0).note.encode()
    for keys in ([LOG.vkey], [LOG_PQ.vkey], [LOG.vkey, LOG_PQ.vkey]):
        assert open_checkpoint(data, keys) == CHECKPOINT


def test_a_good_signature_on_another_logs_checkpoint_is_not_enough() -> None:
    other = replace(CHECKPOINT, origin="log.example/other")
    data = sign_checkpoint(other, [LOG]).note.encode()
    error = refused("checkpoint-origin", open_checkpoint, data, LOG.vkey)
    assert isinstance(error, VerificationError)
    # Nor does it help to expect that log: a key speaks for the log that it is named after, and for no other.
    refused("checkpoint-origin", open_checkpoint, data, LOG.vkey, origin="log.example/other")


def test_the_empty_tree_has_a_checkpoint() -> None:
    empty = Checkpoint(origin="o", size=0, root=EMPTY_ROOT)
    assert empty.encode() == b"o\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"
    assert parse_body(empty.encode()) == empty


def test_an_origin_of_strangers_may_have_spaces() -> None:
    assert parse_body(CHECKPOINT_TEXT.replace(b"example.com", b"go.sum database tree")).origin.startswith("go.sum d")


@pytest.mark.parametrize(
    ("origin", "size", "root"),
    [("", 1, bytes(32)), ("a\nb", 1, bytes(32)), ("a", -1, bytes(32)), ("a", 1 << 63, bytes(32)), ("a", 1, bytes(31))],
)
def test_no_checkpoint_for_impossible_values(origin: str, size: int, root: bytes) -> None:
    with pytest.raises(ValueError, match=r"origin|size|root"):
        Checkpoint(origin=origin, size=size, root=root)


# ---- cosignatures


def test_the_example_message_of_the_specification() -> None:
    assert ed25519_message(CHECKPOINT_TEXT, 1_679_315_147) == b"cosignature/v1\ntime 1679315147\n" + CHECKPOINT_TEXT
    line = parse_checkpoint(COSIGNED).note.signatures[1]
    assert int.from_bytes(line.signature[:8], "big") == 1_679_315_147
    assert len(line.signature) == 72


def test_the_ml_dsa_44_message_byte_by_byte() -> None:
    message = ml_dsa_44_message("witness.example/q", 7, CHECKPOINT)
    assert message == (
        b"subtree/v1\n\x00"
        b"\x11witness.example/q"
        b"\x00\x00\x00\x00\x00\x00\x00\x07"
        b"\x10log.example/site"
        b"\x00\x00\x00\x00\x00\x00\x00\x00"
        b"\x00\x00\x00\x00\x00\x00\x00\x11" + CHECKPOINT.root
    )


@pytest.mark.parametrize("witness", [WITNESS, WITNESS_PQ], ids=["ed25519", "ml-dsa-44"])
def test_a_cosignature_verifies_and_says_when(witness: SignerKey) -> None:
    signed = sign_checkpoint(CHECKPOINT, [LOG]).note
    both = signed.with_signatures([cosign(signed.text, witness, timestamp_s=1_700_000_000)])
    note = parse_note(both.encode())
    assert verify_cosignatures(note, [witness.vkey]) == (Cosignature(key=witness.vkey, timestamp_s=1_700_000_000),)
    assert open_checkpoint(both.encode(), LOG.vkey) == CHECKPOINT
    assert verify_cosignatures(signed, [witness.vkey]) == ()


@pytest.mark.parametrize("witness", [WITNESS, WITNESS_PQ], ids=["ed25519", "ml-dsa-44"])
def test_a_cosignature_is_bound_to_time_name_and_tree(witness: SignerKey) -> None:
    line = cosign(CHECKPOINT.encode(), witness, timestamp_s=5)
    note = SignedNote(text=CHECKPOINT.encode(), signatures=(line,))
    later = replace(line, signature=(6).to_bytes(8, "big") + line.signature[8:])
    refused("signature-invalid", verify_cosignatures, replace(note, signatures=(later,)), [witness.vkey])
    far = replace(line, signature=b"\xff" + line.signature[1:])
    refused("signature-invalid", verify_cosignatures, replace(note, signatures=(far,)), [witness.vkey])
    for other in (replace(CHECKPOINT, size=18), replace(CHECKPOINT, root=bytes(32)), replace(CHECKPOINT, origin="x")):
        refused("signature-invalid", verify_cosignatures, replace(note, text=other.encode()), [witness.vkey])


def test_ml_dsa_44_commits_to_the_cosigners_name() -> None:
    line = cosign(CHECKPOINT.encode(), WITNESS_PQ, timestamp_s=5)
    renamed = replace(WITNESS_PQ.vkey, name="witness.example/r")
    note = SignedNote(text=CHECKPOINT.encode(), signatures=(replace(line, name=renamed.name, key_id=renamed.key_id),))
    refused("signature-invalid", verify_cosignatures, note, [renamed])


def test_the_key_of_a_log_makes_no_cosignature() -> None:
    with pytest.raises(ValueError, match="no cosignatures"):
        cosign(CHECKPOINT.encode(), LOG, timestamp_s=1)
    with pytest.raises(ValueError, match="no cosignatures"):
        verify_cosignatures(sign_checkpoint(CHECKPOINT, [LOG]).note, [LOG.vkey])


def test_only_checkpoints_are_cosigned() -> None:
    for witness in (WITNESS, WITNESS_PQ):
        refused("checkpoint-malformed", cosign, b"text\n", witness, timestamp_s=1)
        refused("checkpoint-extension", cosign, CHECKPOINT.encode() + b"more\n", witness, timestamp_s=1)
    other_text = SignedNote(text=b"text\n", signatures=(cosign(CHECKPOINT.encode(), WITNESS_PQ, timestamp_s=1),))
    refused("signature-invalid", verify_note, other_text, [WITNESS_PQ.vkey])
    refused("checkpoint-malformed", verify_cosignatures, other_text, [WITNESS_PQ.vkey])


@pytest.mark.parametrize("timestamp_s", [-1, 1 << 63])
def test_an_impossible_time_is_a_misuse(timestamp_s: int) -> None:
    for witness in (WITNESS, WITNESS_PQ):
        with pytest.raises(ValueError, match="time"):
            cosign(CHECKPOINT.encode(), witness, timestamp_s=timestamp_s)


def test_a_timestamped_signature_has_one_length_and_a_possible_time() -> None:
    whole = (MAX_TIMESTAMP).to_bytes(8, "big") + bytes(64)
    assert TimestampedSignature.parse(whole, signature_bytes=64).encode() == whole
    for bad in (b"\x80" + whole[1:], whole[1:], whole + b"\x00"):
        refused("cosignature-malformed", TimestampedSignature.parse, bad, signature_bytes=64)


def test_a_timestamped_key_needs_a_time() -> None:
    with pytest.raises(ValueError, match="time is needed"):
        sign_checkpoint(CHECKPOINT, [LOG_PQ])


def test_names_too_long_for_ml_dsa_44_are_a_misuse() -> None:
    with pytest.raises(ValueError, match="255 bytes"):
        cosign(replace(CHECKPOINT, origin="o" * 256).encode(), WITNESS_PQ, timestamp_s=1)
