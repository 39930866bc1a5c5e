"""Public keys of exporters, officers and holders: the three algorithms of a seal (docs/spec/seal.md), each in one encoding.

A key id is the hex SHA-256 of the SubjectPublicKeyInfo.
"""

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from custody.core.errors import CustodyError, MalformedError
from custody.core.seal import ED25519, ML_DSA_44, P256, PrivateKey, SealKey

_CODE = "exporter-key"


def key_of_spki(spki: bytes) -> SealKey:
    """The key of a SubjectPublicKeyInfo. Raises MalformedError ('exporter-key')."""
    for algorithm in (ED25519, P256, ML_DSA_44):
        try:
            return SealKey.from_spki(algorithm, spki)
        except CustodyError:
            continue
    raise MalformedError("not an Ed25519, P-256 or ML-DSA-44 key", code=_CODE)


def read_public_key(pem: bytes) -> SealKey:
    """A public key in PEM. Raises MalformedError ('exporter-key')."""
    try:
        key = load_pem_public_key(pem)
        return key_of_spki(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise MalformedError("not a public key in PEM", code=_CODE) from error


def public_half(key: PrivateKey) -> SealKey:
    """What verifies that key's signatures. Raises MalformedError ('exporter-key') for another curve than P-256."""
    return key_of_spki(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
