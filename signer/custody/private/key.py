"""A private key at rest: encrypted PKCS#8 PEM in a private file (`core.pkcs8`), of any algorithm that we use."""

import secrets
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from custody.core.pkcs8 import IV_BYTES, SALT_BYTES, decrypt_any_key, encrypt_key
from custody.private.file import PrivateFileError, read_private, write_new
from custody.private.passphrase import Passphrase


def write_key(path: Path, key: Any, passphrase: Passphrase) -> None:
    """Keeps a key in a new file, mode 0600. Raises PrivateFileError `private-file-exists`."""
    if path.exists():  # before the passphrase is asked for; the opening itself is exclusive as well
        raise PrivateFileError(f"{path} exists already; a key is never replaced", code="private-file-exists")
    pem = encrypt_key(key, passphrase(), salt=secrets.token_bytes(SALT_BYTES), iv=secrets.token_bytes(IV_BYTES))
    write_new(path, pem)


def read_key(path: Path, passphrase: Passphrase) -> Any:
    """The key of a file. Raises PrivateFileError, also for a wrong passphrase ('key-unreadable')."""
    pem = read_private(path, what="the key file")
    try:
        return decrypt_any_key(pem, passphrase())
    except ValueError as error:
        raise PrivateFileError(f"cannot use the key {path}: {error}", code="key-unreadable") from error


def key_pem(key: Any) -> bytes:
    """The key in clear, PKCS#8 PEM: for the memory of gRPC only, which takes nothing else; never for a file."""
    pem: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem
