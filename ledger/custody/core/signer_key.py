"""Signing keys in memory, for notes: the pure half of a signer.

Anything with a `vkey` and a `sign(message)` can sign notes (see `custody.core.note.NoteSigner`), so a hardware module fits
as well. Key material comes in from outside: nothing here generates or stores a key. ML-DSA-44 signatures are hedged with
randomness inside the cryptographic library, so signing twice gives different bytes; Ed25519 gives the same.
"""

from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from custody.core.vkey import SignatureType, VerifierKey


@dataclass(frozen=True, slots=True, kw_only=True)
class SignerKey:
    """A private key with the vkey that verifies it."""

    vkey: VerifierKey
    private_key: Ed25519PrivateKey | MLDSA44PrivateKey = field(repr=False)

    @classmethod
    def of(
        cls, name: str, signature_type: SignatureType, private_key: Ed25519PrivateKey | MLDSA44PrivateKey
    ) -> "SignerKey":
        """Name a private key. Raises ValueError when the key is of another algorithm than the signature type."""
        public = private_key.public_key().public_bytes_raw()
        return cls(
            vkey=VerifierKey(name=name, signature_type=signature_type, public_key=public), private_key=private_key
        )

    @classmethod
    def from_seed(cls, name: str, signature_type: SignatureType, seed: bytes) -> "SignerKey":
        """The key of a 32-byte secret seed (RFC 8032 private key; FIPS 204 key generation seed)."""
        if signature_type is SignatureType.ML_DSA_44:
            return cls.of(name, signature_type, MLDSA44PrivateKey.from_seed_bytes(seed))
        return cls.of(name, signature_type, Ed25519PrivateKey.from_private_bytes(seed))

    def sign(self, message: bytes) -> bytes:
        """Signature over exactly `message`."""
        return self.private_key.sign(message)
