"""The key in a file: Ed25519, encrypted PKCS#8 PEM, readable by the signer's user alone."""

import secrets
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from custody.core.note import SignatureType, SignerKey
from custody.core.pkcs8 import IV_BYTES, SALT_BYTES, decrypt_key, encrypt_key
from custody.signer.errors import SignerKeyError
from custody.signer.private_file import read_private, write_private


def create_file_key(place: str, origin: str, passphrase: Callable[[], bytes]) -> SignerKey:
    """Make a key in a new file. Raises SignerKeyError `signer-key-exists` when something is there already."""
    path = _path(place)
    if path.exists():  # before the passphrase is asked for; the opening itself is exclusive as well
        raise _exists(path)
    key = Ed25519PrivateKey.generate()
    pem = encrypt_key(key, passphrase(), salt=secrets.token_bytes(SALT_BYTES), iv=secrets.token_bytes(IV_BYTES))
    try:
        write_private(path, pem)
    except FileExistsError as error:
        raise _exists(path) from error
    except OSError as error:
        raise SignerKeyError(f"cannot write the key {path}: {error.strerror}", code="signer-key-unwritable") from error
    return SignerKey.of(origin, SignatureType.ED25519, key)


def open_file_key(place: str, origin: str, passphrase: Callable[[], bytes]) -> SignerKey:
    """Read a key. Raises SignerKeyError: `signer-file-exposed`, `signer-file-unreadable`, `signer-key-unreadable`."""
    path = _path(place)
    pem = read_private(path, what="the key file")
    try:
        key = decrypt_key(pem, passphrase())
    except ValueError as error:
        raise SignerKeyError(f"cannot use the key {path}: {error}", code="signer-key-unreadable") from error
    return SignerKey.of(origin, SignatureType.ED25519, key)


def _path(place: str) -> Path:
    # The state remembers the URI for years; a path that depends on the current folder would mean another file one day.
    path = Path(place)
    if not path.is_absolute() or "\0" in place:
        raise SignerKeyError(f"file:... needs an absolute path, not {place[:256]!r}", code="signer-key-uri")
    return path


def _exists(path: Path) -> SignerKeyError:
    return SignerKeyError(f"{path} exists already; a key is never replaced", code="signer-key-exists")
