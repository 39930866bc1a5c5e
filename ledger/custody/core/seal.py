"""Source seals: a device's own signature over what it submitted (docs/spec/seal.md).

One seal covers a run of neighbouring entries: it stands on the last of them and says how many they are. What is signed
names the log, their count and the RFC 6962 Merkle root over the bytes of their records, so that one signature pays for
a whole batch and yet each record can be shown alone, by an inclusion proof in that root.

Rules here: the registered key says the algorithm, never the signature; every key and signature has one length; a key
has one encoding (SubjectPublicKeyInfo as RFC 8410, RFC 5480 and RFC 9881 write it); verification raises SignatureError.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from custody.core import limits
from custody.core.codec import encode_base64
from custody.core.entry import check_seal
from custody.core.errors import InclusionError, MalformedError, SignatureError
from custody.core.hashing import HASH_BYTES, leaf_hash
from custody.core.proof import inclusion_plan, verify_inclusion
from custody.core.tree import EMPTY_FRONTIER, extend
from custody.v1 import entry_pb2, record_pb2

SEAL_CONTEXT: Final = "custody/seal/v1"
"""First line of every sealed text; no checkpoint and no other signed text of ours begins so."""

ED25519: Final = record_pb2.KEY_ALGORITHM_ED25519
P256: Final = record_pb2.KEY_ALGORITHM_ECDSA_P256_SHA256
ML_DSA_44: Final = record_pb2.KEY_ALGORITHM_ML_DSA_44

_SPKI_PREFIX: Final = {
    ED25519: bytes.fromhex("302a300506032b6570032100"),
    P256: bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200"),
    ML_DSA_44: bytes.fromhex("30820532300b06096086480165030403110382052100"),
}
"""What stands in front of the bare key: the one DER encoding of algorithm and lengths."""
_KEY_BYTES: Final = {ED25519: 32, P256: 65, ML_DSA_44: 1_312}
SIGNATURE_BYTES: Final = {ED25519: 64, P256: 64, ML_DSA_44: 2_420}
_P256_HALF_BYTES: Final = 32

_ED25519_P: Final = 2**255 - 19
_ORDER_8_Y: Final = int.from_bytes(
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little"
)
_SMALL_ORDER_Y: Final = frozenset({0, 1, _ED25519_P - 1, _ORDER_8_Y, _ED25519_P - _ORDER_8_Y})
"""y of the points of order 1, 2, 4 and 8. Such a key verifies a signature over texts that were never signed."""

PrivateKey = Ed25519PrivateKey | ec.EllipticCurvePrivateKey | MLDSA44PrivateKey


def seal_message(log_origin: str, records: Sequence[bytes]) -> bytes:
    """The text that a source signs for a batch: `seal_text` over the Merkle root of the records' bytes.

    ValueError for no record or more than a batch has.
    """
    if not 0 < len(records) <= limits.MAX_BATCH_RECORDS:
        raise ValueError(f"a seal covers 1 to {limits.MAX_BATCH_RECORDS} records, not {len(records)}")
    return seal_text(log_origin, len(records), seal_root(records))


def seal_root(records: Sequence[bytes]) -> bytes:
    """RFC 6962 Merkle root over the bytes of records as submitted, 32 bytes."""
    return extend(EMPTY_FRONTIER, [leaf_hash(record) for record in records]).root


def seal_text(log_origin: str, count: int, root: bytes) -> bytes:
    """Four lines: context, origin of the log, count, base64 of the root. The origin cannot hold a line break."""
    if "\n" in log_origin or not log_origin:
        raise ValueError("an origin is one line of text")
    return f"{SEAL_CONTEXT}\n{log_origin}\n{count}\n{encode_base64(root)}\n".encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class SealKey:
    """A public key under which seals are checked: KeyRegistered.algorithm, and the bare key bytes."""

    algorithm: record_pb2.KeyAlgorithm.ValueType
    raw: bytes

    @classmethod
    def from_spki(cls, algorithm: int, spki: bytes) -> "SealKey":
        """Reads KeyRegistered.public_key; raises MalformedError ('key-malformed') for any other encoding or algorithm."""
        known = record_pb2.KeyAlgorithm.ValueType(algorithm)
        prefix = _SPKI_PREFIX.get(known)
        if prefix is None:
            raise MalformedError(f"seals know no key algorithm {algorithm}", code="key-malformed")
        raw = spki[len(prefix) :]
        if not spki.startswith(prefix) or len(raw) != _KEY_BYTES[known]:
            raise MalformedError("the key is not the SubjectPublicKeyInfo of its algorithm", code="key-malformed")
        if known == ED25519:
            _check_ed25519(raw)
        if known == P256:
            _check_p256(raw)
        return cls(algorithm=known, raw=raw)

    @classmethod
    def of_spki(cls, spki: bytes) -> "SealKey":
        """The key of a SubjectPublicKeyInfo that names its own algorithm; raises MalformedError ('key-malformed')."""
        for algorithm in _SPKI_PREFIX:
            try:
                return cls.from_spki(algorithm, spki)
            except MalformedError:
                continue
        raise MalformedError("not an Ed25519, P-256 or ML-DSA-44 key", code="key-malformed")

    def spki(self) -> bytes:
        """SubjectPublicKeyInfo, DER; the inverse of `from_spki`."""
        return _SPKI_PREFIX[self.algorithm] + self.raw

    def verify(self, message: bytes, signature: bytes) -> None:
        """Checks a bare signature over `message`; raises SignatureError ('seal-invalid')."""
        expected = SIGNATURE_BYTES[self.algorithm]
        if len(signature) != expected:
            raise SignatureError(f"the seal has {len(signature)} bytes, its key makes {expected}", code="seal-invalid")
        try:
            self._verify(message, signature)
        except InvalidSignature:
            raise SignatureError(
                "the seal is not this key's signature over these records", code="seal-invalid"
            ) from None

    def _verify(self, message: bytes, signature: bytes) -> None:
        if self.algorithm == ED25519:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, message)
        elif self.algorithm == ML_DSA_44:
            MLDSA44PublicKey.from_public_bytes(self.raw).verify(signature, message)
        else:
            r, s = signature[:_P256_HALF_BYTES], signature[_P256_HALF_BYTES:]
            der = encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))
            key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), self.raw)
            key.verify(der, message, ec.ECDSA(SHA256()))


def _check_ed25519(raw: bytes) -> None:
    y = int.from_bytes(raw, "little") & ((1 << 255) - 1)
    if y >= _ED25519_P or y in _SMALL_ORDER_Y:
        raise MalformedError("the Ed25519 key is not canonical or of small order", code="key-malformed")


def _check_p256(raw: bytes) -> None:
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), raw)
    except ValueError:
        raise MalformedError("the P-256 key is not a point of the curve", code="key-malformed") from None
    if raw[0] != 4:
        raise MalformedError("the P-256 key is not an uncompressed point", code="key-malformed")


def sign(key: PrivateKey, message: bytes) -> bytes:
    """A bare signature in the one length of its algorithm: ECDSA as r || s, 32 bytes each, big-endian.

    Ed25519 and ECDSA (RFC 6979) give the same bytes each time, so that what is sealed again is a repeat and not a conflict;
    ML-DSA does not.
    ValueError for an elliptic curve that is not P-256.
    """
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(message)
    if not isinstance(key.curve, ec.SECP256R1):
        raise ValueError("seals are made on the curve P-256 only")  # noqa: TRY004  a wrong value of the right type
    r, s = decode_dss_signature(key.sign(message, ec.ECDSA(SHA256(), deterministic_signing=True)))
    return r.to_bytes(_P256_HALF_BYTES, "big") + s.to_bytes(_P256_HALF_BYTES, "big")


def sign_batch(key: PrivateKey, key_id: str, log_origin: str, records: Sequence[bytes]) -> entry_pb2.Seal:
    """The seal that stands on the last of `records` and covers them all."""
    signature = sign(key, seal_message(log_origin, records))
    return check_seal(entry_pb2.Seal(key_id=key_id, signature=signature, count=len(records)))


def verify_batch(seal: entry_pb2.Seal, key: SealKey, log_origin: str, records: Sequence[bytes]) -> None:
    """Checks a seal against the records that it covers, in the order of the log and ending with the one it stands on.

    Raises MalformedError for a seal without form, SignatureError ('seal-count', 'seal-invalid').
    """
    check_seal(seal)
    if seal.count != len(records):
        raise SignatureError(f"the seal covers {seal.count} records, not {len(records)}", code="seal-count")
    key.verify(seal_message(log_origin, records), seal.signature)


@dataclass(frozen=True, slots=True, kw_only=True)
class SealProof:
    """What shows one record as sealed to somebody who holds nothing else of its batch.

    `position` is the record's place among the `seal.count` that the seal covers, `root` their Merkle root, `hashes` the
    inclusion proof (RFC 9162 section 2.1.3).
    """

    seal: entry_pb2.Seal
    position: int
    root: bytes
    hashes: tuple[bytes, ...]

    def verify(self, key: SealKey, log_origin: str, record: bytes) -> None:
        """Checks that the key's holder sealed `record` for the log `log_origin`.

        Raises MalformedError for a seal without form, SignatureError ('seal-proof', 'seal-invalid').
        """
        count = check_seal(self.seal).count
        if len(self.root) != HASH_BYTES:
            raise SignatureError("the root of a seal has 32 bytes", code="seal-proof")
        try:
            verify_inclusion(leaf_hash(record), self.position, count, self.hashes, self.root)
        except InclusionError as error:
            raise SignatureError(f"the record is not under the seal: {error}", code="seal-proof") from error
        key.verify(seal_text(log_origin, count, self.root), self.seal.signature)


def prove_seal(seal: entry_pb2.Seal, records: Sequence[bytes], position: int) -> SealProof:
    """The proof for `records[position]` among the records that `seal` covers; whoever reads the log can make it.

    ValueError when the records are not as many as the seal covers or the position is not among them.
    """
    if seal.count != len(records):
        raise ValueError(f"the seal covers {seal.count} records, not {len(records)}")
    tree = extend(EMPTY_FRONTIER, [leaf_hash(record) for record in records])
    hashes = inclusion_plan(position, len(records)).assemble(tree.node)
    return SealProof(seal=seal, position=position, root=tree.root, hashes=hashes)
