"""Encrypted PKCS#8 (RFC 5958) with PBES2 (RFC 8018), scrypt (RFC 7914 section 7) and AES-256-CBC.

Salt and initialization vector are the caller's. Written here because `cryptography` offers no choice when it writes: its "best available encryption" is PBKDF2 with 2,048
rounds, which a graphics card tries some million times a second. Reading is left to `cryptography`, and `openssl pkey`
reads the same file.
"""

import base64
from dataclasses import dataclass
from typing import Final

from asn1crypto import core
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

PrivateKey = Ed25519PrivateKey | EllipticCurvePrivateKey | MLDSA44PrivateKey

HEADER: Final = b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
FOOTER: Final = b"-----END ENCRYPTED PRIVATE KEY-----\n"
SALT_BYTES: Final = 16
IV_BYTES: Final = 16
_LINE: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class ScryptCost:
    """Work factors of scrypt: about 128 * n * r bytes of memory, p times over."""

    n: int
    r: int
    p: int


COST: Final = ScryptCost(n=1 << 14, r=8, p=5)
"""16 MiB, five times: as much work as n = 2**17, and within the 32 MiB that openssl allows. A quarter of a second."""


class _ScryptParams(core.Sequence):  # type: ignore[misc]  # asn1crypto has no types
    _fields = [  # noqa: RUF012 - asn1crypto's way of declaring
        ("salt", core.OctetString),
        ("n", core.Integer),
        ("r", core.Integer),
        ("p", core.Integer),
    ]


class _Kdf(core.Sequence):  # type: ignore[misc]
    _fields = [("algorithm", core.ObjectIdentifier), ("parameters", _ScryptParams)]  # noqa: RUF012


class _Encryption(core.Sequence):  # type: ignore[misc]
    _fields = [("algorithm", core.ObjectIdentifier), ("parameters", core.OctetString)]  # noqa: RUF012


class _Pbes2Params(core.Sequence):  # type: ignore[misc]
    _fields = [("kdf", _Kdf), ("encryption", _Encryption)]  # noqa: RUF012


class _Pbes2(core.Sequence):  # type: ignore[misc]
    _fields = [("algorithm", core.ObjectIdentifier), ("parameters", _Pbes2Params)]  # noqa: RUF012


class _EncryptedPrivateKeyInfo(core.Sequence):  # type: ignore[misc]
    _fields = [("algorithm", _Pbes2), ("data", core.OctetString)]  # noqa: RUF012


def encrypt_key(key: PrivateKey, passphrase: bytes, *, salt: bytes, iv: bytes, cost: ScryptCost = COST) -> bytes:
    """The key as PEM. `salt` and `iv` are 16 random bytes each, fresh for every key."""
    derived = Scrypt(salt=salt, length=32, n=cost.n, r=cost.r, p=cost.p).derive(passphrase)
    padder = PKCS7(algorithms.AES256.block_size).padder()
    padded = padder.update(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())) + padder.finalize()
    encryptor = Cipher(algorithms.AES256(derived), modes.CBC(iv)).encryptor()
    info = _EncryptedPrivateKeyInfo(
        {
            "algorithm": {
                "algorithm": "1.2.840.113549.1.5.13",  # PBES2
                "parameters": {
                    "kdf": {
                        "algorithm": "1.3.6.1.4.1.11591.4.11",  # scrypt
                        "parameters": {"salt": salt, "n": cost.n, "r": cost.r, "p": cost.p},
                    },
                    "encryption": {"algorithm": "2.16.840.1.101.3.4.1.42", "parameters": iv},  # AES-256-CBC
                },
            },
            "data": encryptor.update(padded) + encryptor.finalize(),
        }
    )
    text = base64.b64encode(info.dump())
    lines = b"".join(text[at : at + _LINE] + b"\n" for at in range(0, len(text), _LINE))
    return HEADER + lines + FOOTER


def decrypt_any_key(pem: bytes, passphrase: bytes) -> PrivateKey:
    """The key of an encrypted PEM file. Raises ValueError for anything else, a wrong passphrase included."""
    if not pem.startswith(HEADER):
        raise ValueError("it is not an encrypted PKCS#8 key")
    try:
        key = load_pem_private_key(pem, passphrase)
    except ValueError as error:
        raise ValueError("it is damaged, or the passphrase is wrong") from error
    except Exception as error:  # UnsupportedAlgorithm and whatever the library adds next
        raise ValueError("its algorithms are not supported") from error
    if not isinstance(key, PrivateKey):
        raise ValueError("it is a key of another kind")  # noqa: TRY004 - the file is wrong, not the caller
    return key


def decrypt_key(pem: bytes, passphrase: bytes) -> Ed25519PrivateKey:
    """As `decrypt_any_key`, for Ed25519 alone."""
    key = decrypt_any_key(pem, passphrase)
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError("it is not an Ed25519 key")  # noqa: TRY004 - the file is wrong, not the caller
    return key
