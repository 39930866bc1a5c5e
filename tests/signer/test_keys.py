from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from pathlib import Path
from shutil import which

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from custody.core.errors import CustodyError
from custody.core.note import SignatureType, SignerKey
from custody.core.pkcs8 import COST, decrypt_key, encrypt_key
from custody.private.file import write_new
from custody.private.passphrase import from_file
from custody.signer.keys import create_key, open_key

ORIGIN = "ledger.example/one"
ED = SignatureType.ED25519


def passphrase() -> bytes:
    return b"throw-away"


def refused(uri: str, secret: bytes = b"throw-away") -> str:
    with pytest.raises(CustodyError) as caught:
        open_key(uri, ORIGIN, lambda: secret)
    assert "throw-away" not in str(caught.value)
    return caught.value.code


def test_a_new_key_is_private_encrypted_and_found_again(folder: Path) -> None:
    path = folder / "key.pem"
    made = create_key(f"file:{path}", ORIGIN, ED, passphrase)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_bytes().startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n")
    found = open_key(f"file:{path}", ORIGIN, passphrase)
    assert found.vkey == made.vkey
    assert found.vkey.name == ORIGIN
    assert found.sign(b"x") == made.sign(b"x")
    assert refused(f"file:{path}", b"another") == "key-unreadable"


def test_openssl_reads_the_same_file(folder: Path) -> None:
    if which("openssl") is None:
        pytest.skip("openssl is not on PATH")
    key = Ed25519PrivateKey.generate()
    path = folder / "key.pem"
    write_new(path, encrypt_key(key, passphrase(), salt=os.urandom(16), iv=os.urandom(16)))
    done = subprocess.run(
        ["openssl", "pkey", "-in", path, "-passin", "stdin", "-outform", "DER", "-pubout"],
        input=passphrase() + b"\n",
        capture_output=True,
        check=True,
    )
    assert done.stdout.endswith(key.public_key().public_bytes_raw())


def test_the_work_factor_is_what_it_says() -> None:
    assert COST.n * COST.r * COST.p * 128 >= 64 * 1024 * 1024


def test_a_key_is_never_replaced(key_file: Path) -> None:
    before = key_file.read_bytes()
    with pytest.raises(CustodyError) as caught:
        create_key(f"file:{key_file}", ORIGIN, ED, passphrase)
    assert caught.value.code == "private-file-exists"
    assert key_file.read_bytes() == before


def test_a_dangling_link_is_not_followed(folder: Path) -> None:
    (folder / "key.pem").symlink_to(folder / "elsewhere")
    with pytest.raises(CustodyError) as caught:
        create_key(f"file:{folder / 'key.pem'}", ORIGIN, ED, passphrase)
    assert caught.value.code == "private-file-exists"
    assert not (folder / "elsewhere").exists()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601])
def test_a_key_that_others_reach_is_refused(key_file: Path, mode: int) -> None:
    key_file.chmod(mode)
    assert refused(f"file:{key_file}") == "private-file-exposed"


def test_a_key_that_is_none_is_refused(folder: Path, key: SignerKey) -> None:
    path = folder / "x.pem"
    assert refused(f"file:{path}") == "private-file-unreadable"
    assert refused(f"file:{folder}") == "private-file-unreadable"
    os.mkfifo(folder / "pipe", 0o600)
    assert refused(f"file:{folder / 'pipe'}") == "private-file-unreadable"

    plain = key.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    p256 = generate_private_key(SECP256R1()).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(passphrase())
    )
    for content in (b"", b"garbage", plain, p256, p256[:-60], b"\0" * 16_384):
        path.unlink(missing_ok=True)
        write_new(path, content)
        assert refused(f"file:{path}") == "key-unreadable"
    path.unlink()
    write_new(path, b"\0" * 16_385)
    assert refused(f"file:{path}") == "private-file-unreadable"


def test_no_damage_to_a_key_file_raises_anything_else(key_file: Path) -> None:
    good = key_file.read_bytes()
    for at in range(len(good)):
        for change in (1, 0x20, 0x80):
            bad = bytearray(good)
            bad[at] ^= change
            # CBC has no check value, so that damage can give another key: the vkey in the state tells it from ours.
            with suppress(ValueError):
                decrypt_key(bytes(bad), passphrase())


@pytest.mark.parametrize("uri", ["", "file", "file:", "/key.pem", "pkcs11:object=x", "FILE:/key.pem", "file:key.pem"])
def test_uris(uri: str) -> None:
    assert refused(uri) == "signer-key-uri"


@pytest.mark.parametrize("content", [b"throw-away\n", b"throw-away"])
def test_a_passphrase_file(folder: Path, content: bytes) -> None:
    write_new(folder / "pass", content)
    assert from_file(folder / "pass")() == b"throw-away"


@pytest.mark.parametrize("content", [b"", b"\n", b"one\ntwo\n", b"one\n\n"])
def test_a_passphrase_is_one_line(folder: Path, content: bytes) -> None:
    write_new(folder / "pass", content)
    with pytest.raises(CustodyError) as caught:
        from_file(folder / "pass")()
    assert caught.value.code == "passphrase-malformed"


def test_a_passphrase_file_that_others_reach_is_refused(passphrase_file: Path) -> None:
    passphrase_file.chmod(0o644)
    with pytest.raises(CustodyError) as caught:
        from_file(passphrase_file)()
    assert caught.value.code == "private-file-exposed"
