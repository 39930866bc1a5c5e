"""How a log tells of its own signing keys."""

from __future__ import annotations

import pytest

from custody.core.log_key import LogKeys, announced_id, announcement, read_announcement
from custody.core.note import SignatureType, SignerKey
from custody.v1 import record_pb2

ORIGIN = "log.example/site"
OLD, NEW = (SignerKey.from_seed(ORIGIN, SignatureType.ED25519, seed * 32).vkey for seed in (b"O", b"N"))
PQ = SignerKey.from_seed(ORIGIN, SignatureType.ML_DSA_44, b"P" * 32).vkey


@pytest.mark.parametrize("key", [OLD, PQ])
def test_an_announcement_is_read_as_the_key_that_was_announced(key: object) -> None:
    assert read_announcement(announcement(key, 1), ORIGIN) == key  # type: ignore[arg-type]


def test_what_announces_no_key_of_this_log() -> None:
    good = announcement(NEW, 1)
    assert read_announcement(good, "log.example/other") is None
    for change in (
        {"use": record_pb2.KEY_USE_SEAL},
        {"algorithm": record_pb2.KEY_ALGORITHM_ECDSA_P256_SHA256},
        {"algorithm": record_pb2.KEY_ALGORITHM_ML_DSA_44},
        {"holder": "log.example/other"},
        {"key_id": announced_id(OLD)},
        {"public_key": good.public_key + b"x"},
    ):
        other = record_pb2.KeyRegistered()
        other.CopyFrom(good)
        for name, value in change.items():
            setattr(other, name, value)
        assert read_announcement(other, ORIGIN) is None


def test_a_witness_key_is_no_log_key() -> None:
    witness = SignerKey.from_seed("w.example", SignatureType.COSIGNATURE_ED25519, b"W" * 32).vkey
    with pytest.raises(ValueError, match="signs no checkpoints"):
        announcement(witness, 1)


def test_the_first_announcement_and_the_first_end_count() -> None:
    keys = LogKeys(ORIGIN, [OLD])
    for index, (kind, body) in enumerate(
        (
            ("key_registered", announcement(NEW, 1)),
            ("key_registered", announcement(NEW, 2)),
            ("segment", None),
            ("key_revoked", record_pb2.KeyRevoked(key_id=announced_id(OLD), from_us=3)),
            ("key_revoked", record_pb2.KeyRevoked(key_id=announced_id(OLD), from_us=4)),
        ),
        start=10,
    ):
        keys.apply(kind, body, index)
    assert keys.named == (OLD, NEW)
    assert keys.announced == {NEW: 10}
    assert (keys.ended_at(OLD), keys.ended_at(NEW)) == (13, None)
