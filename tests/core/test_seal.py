from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from custody.core.errors import CustodyError, MalformedError, SignatureError
from custody.core.seal import (
    ED25519,
    ML_DSA_44,
    P256,
    PrivateKey,
    SealKey,
    SealProof,
    prove_seal,
    seal_message,
    sign,
    sign_batch,
    verify_batch,
)

ORIGIN = "ledger.example/site-12"
RECORDS = [b"record %d" % number for number in range(11)]
KEYS: dict[int, PrivateKey] = {
    ED25519: Ed25519PrivateKey.from_private_bytes(bytes(range(32))),
    P256: ec.derive_private_key(0xC0FFEE, ec.SECP256R1()),
    ML_DSA_44: MLDSA44PrivateKey.from_seed_bytes(bytes(range(32))),
}


def public(algorithm: int) -> SealKey:
    spki = KEYS[algorithm].public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    key = SealKey.from_spki(algorithm, spki)
    assert key.spki() == spki
    return key


every_algorithm = pytest.mark.parametrize("algorithm", KEYS)


@every_algorithm
def test_one_seal_covers_a_batch_and_each_record_alone(algorithm: int) -> None:
    key = public(algorithm)
    seal = sign_batch(KEYS[algorithm], "nvr-3/2026", ORIGIN, RECORDS)
    verify_batch(seal, key, ORIGIN, RECORDS)
    for position, record in enumerate(RECORDS):
        prove_seal(seal, RECORDS, position).verify(key, ORIGIN, record)


@every_algorithm
def test_nothing_else_is_sealed(algorithm: int) -> None:
    key = public(algorithm)
    seal = sign_batch(KEYS[algorithm], "k", ORIGIN, RECORDS)
    swapped = [RECORDS[1], RECORDS[0], *RECORDS[2:]]
    for origin, records in ((ORIGIN, swapped), (ORIGIN + "x", RECORDS), (ORIGIN, [*RECORDS[:-1], b"other"])):
        with pytest.raises(SignatureError) as caught:
            verify_batch(seal, key, origin, records)
        assert caught.value.code == "seal-invalid"
    with pytest.raises(SignatureError) as caught:
        verify_batch(seal, key, ORIGIN, RECORDS[1:])
    assert caught.value.code == "seal-count"
    for length in (0, 1, len(seal.signature) - 1, len(seal.signature) + 1):
        with pytest.raises(SignatureError):
            key.verify(seal_message(ORIGIN, RECORDS), (seal.signature + b"\x00")[:length])


def test_a_proof_shows_no_other_record_place_or_batch() -> None:
    key = public(ED25519)
    seal = sign_batch(KEYS[ED25519], "k", ORIGIN, RECORDS)
    good = prove_seal(seal, RECORDS, 4)
    other = prove_seal(sign_batch(KEYS[P256], "k", ORIGIN, RECORDS), RECORDS, 4)
    bad = [
        (good, b"record 5", "seal-proof"),
        (SealProof(seal=seal, position=5, root=good.root, hashes=good.hashes), RECORDS[4], "seal-proof"),
        (SealProof(seal=seal, position=-1, root=good.root, hashes=good.hashes), RECORDS[4], "seal-proof"),
        (SealProof(seal=seal, position=4, root=good.root[1:], hashes=good.hashes), RECORDS[4], "seal-proof"),
        (SealProof(seal=seal, position=4, root=good.root, hashes=good.hashes[1:]), RECORDS[4], "seal-proof"),
        (SealProof(seal=seal, position=0, root=RECORDS_ROOT, hashes=()), RECORDS[4], "seal-proof"),
        (SealProof(seal=other.seal, position=4, root=good.root, hashes=good.hashes), RECORDS[4], "seal-invalid"),
    ]
    for proof, record, code in bad:
        with pytest.raises(SignatureError) as caught:
            proof.verify(key, ORIGIN, record)
        assert caught.value.code == code


RECORDS_ROOT = bytes(32)


def test_the_sealed_text_is_four_lines() -> None:
    assert seal_message(ORIGIN, [b""]).decode().splitlines() == [
        "custody/seal/v1",
        ORIGIN,
        "1",
        "bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=",
    ]
    for origin, records in (("two\nlines", RECORDS), ("", RECORDS), (ORIGIN, []), (ORIGIN, RECORDS * 100)):
        with pytest.raises(ValueError, match=r"origin|covers"):
            seal_message(origin, records)


def test_keys_have_one_encoding() -> None:
    compressed = KEYS[P256].public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    prefix = public(P256).spki()[:-65]
    small_order = [
        bytes(32),
        b"\x01" + bytes(31),
        bytes.fromhex("ec" + "ff" * 30 + "7f"),
        bytes.fromhex("ed" + "ff" * 30 + "7f"),
    ]
    small_order += [bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")]
    small_order += [bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa")]
    bad: list[tuple[int, bytes]] = [
        (0, public(ED25519).spki()),
        (99, public(ED25519).spki()),
        (P256, public(ED25519).spki()),
        (ED25519, public(ED25519).spki() + b"\x00"),
        (ED25519, b""),
        (P256, prefix + compressed),
        (P256, prefix + b"\x04" + bytes(64)),
        (P256, prefix + b"\x06" + public(P256).raw[1:]),
        *[(ED25519, public(ED25519).spki()[:12] + point) for point in small_order],
    ]
    for algorithm, spki in bad:
        with pytest.raises(MalformedError) as caught:
            SealKey.from_spki(algorithm, spki)
        assert caught.value.code == "key-malformed"


def test_a_seal_is_made_on_p256_only() -> None:
    with pytest.raises(ValueError, match="P-256"):
        sign(ec.derive_private_key(7, ec.SECP384R1()), b"")


def test_zero_is_no_ecdsa_signature() -> None:
    with pytest.raises(CustodyError):
        public(P256).verify(b"", bytes(64))
