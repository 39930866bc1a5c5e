"""The key in a file: Ed25519 or ML-DSA-44, encrypted PKCS#8 PEM, readable by the signer's user alone."""

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from custody.core.note import SignatureType, SignerKey
from custody.private.file import PrivateFileError
from custody.private.key import read_key, write_key
from custody.private.passphrase import Passphrase
from custody.signer.errors import SignerKeyError


def create_file_key(place: str, origin: str, kind: SignatureType, passphrase: Passphrase) -> SignerKey:
    """Make a key in a new file. Raises PrivateFileError `private-file-exists` when something is there already."""
    key = MLDSA44PrivateKey.generate() if kind is SignatureType.ML_DSA_44 else Ed25519PrivateKey.generate()
    made = SignerKey.of(origin, kind, key)
    write_key(_path(place), key, passphrase)
    return made


def open_file_key(place: str, origin: str, passphrase: Passphrase) -> SignerKey:
    """Read a key. Raises PrivateFileError: `private-file-exposed`, `private-file-unreadable`, `key-unreadable`."""
    path = _path(place)
    key = read_key(path, passphrase)
    if isinstance(key, Ed25519PrivateKey):
        return SignerKey.of(origin, SignatureType.ED25519, key)
    if isinstance(key, MLDSA44PrivateKey):
        return SignerKey.of(origin, SignatureType.ML_DSA_44, key)
    raise PrivateFileError(f"cannot use the key {path}: it signs no checkpoints", code="key-unreadable")


def _path(place: str) -> Path:
    # The state remembers the URI for years; a path that depends on the current folder would mean another file one day.
    path = Path(place)
    if not path.is_absolute() or "\0" in place:
        raise SignerKeyError(f"file:... needs an absolute path, not {place[:256]!r}", code="signer-key-uri")
    return path
