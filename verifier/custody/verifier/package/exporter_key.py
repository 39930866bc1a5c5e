"""Public keys of exporters, officers and holders: the three algorithms of a seal (docs/spec/seal.md), each in one encoding.

A key id is the hex SHA-256 of the SubjectPublicKeyInfo.
"""

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from custody.core.errors import MalformedError
from custody.core.seal import PrivateKey, SealKey

_CODE = "exporter-key"


def key_of_spki(spki: bytes) -> SealKey:
    """The key of a SubjectPublicKeyInfo. Raises MalformedError ('exporter-key')."""
    try:
        return SealKey.of_spki(spki)
    except MalformedError as error:
        raise MalformedError(str(error), code=_CODE) from error


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
