"""How configuration files say who a client is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from custody.authority.certificate import new_key
from custody.authority.folder import make_authority, open_authority
from custody.client import Credentials, SealingKey
from custody.client.credentials import CredentialsUnusable
from custody.core.receipt import Submitted
from custody.core.roles import Role
from custody.private.file import PrivateFileError
from custody.private.key import write_key

TLS = {"roots": "ca.pem", "certificate": "nvr.crt", "key": "nvr.key", "passphrase_file": "phrase"}
NOW = datetime(2026, 2, 3, tzinfo=UTC)


def secret() -> bytes:
    return b"a passphrase"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "phrase").touch(mode=0o600)
    (tmp_path / "phrase").write_text("a passphrase\n")
    make_authority(tmp_path / "ca", "Authority", secret, NOW, timedelta(days=9))
    key = new_key()
    write_key(tmp_path / "nvr.key", key, secret)
    with open_authority(tmp_path / "ca", secret) as authority:
        made = authority.enrol(Role.RECORDER, "nvr", key.public_key(), now=NOW, life=timedelta(days=1))
    (tmp_path / "nvr.crt").write_bytes(made.certificate)
    (tmp_path / "ca.pem").write_bytes((tmp_path / "ca" / "ca.pem").read_bytes())
    write_key(tmp_path / "nvr.seal.key", Ed25519PrivateKey.generate(), secret)
    (tmp_path / "nvr.seal.id").write_text("seal/nvr\n")
    return tmp_path


def test_tables_say_who_and_the_certificate_says_the_name(folder: Path) -> None:
    ledger: dict[str, Any] = {"log": "x", "tls": TLS, "seal": {"key": "nvr.seal.key", "passphrase_file": "phrase"}}
    made = Credentials.take(ledger, folder)
    assert ledger == {"log": "x"}
    assert made.settings()["identity"] == "urn:custody:recorder:nvr"
    assert made.seal is not None
    assert made.seal.read().key_id == "seal/nvr"
    assert Credentials.take({"log": "x"}, folder).settings() == {}


def test_the_id_of_a_device_key_may_be_said(folder: Path) -> None:
    table = {"key": "nvr.seal.key", "passphrase_file": "phrase", "id": "seal/other"}
    made = Credentials.take({"seal": table}, folder)
    assert made.seal is not None
    assert made.seal.read().key_id == "seal/other"


@pytest.mark.parametrize(
    "ledger",
    [
        {"tls": {"roots": "ca.pem"}},
        {"tls": {**TLS, "password": "open sesame"}},
        {"tls": {**TLS, "key": 1}},
        {"tls": "ca.pem"},
        {"seal": {"id": "x"}},
        {"seal": {"key": ""}},
        {**TLS},  # the table itself, in place of what holds it: it would speak plain text
    ],
)
def test_tables_are_read_strictly_and_never_repeated(folder: Path, ledger: dict[str, Any]) -> None:
    with pytest.raises(CredentialsUnusable) as caught:
        Credentials.take(ledger, folder)
    assert "sesame" not in str(caught.value)


def test_a_certificate_without_an_identity_is_named(folder: Path) -> None:
    (folder / "nvr.crt").write_bytes((folder / "ca.pem").read_bytes())
    with pytest.raises(CredentialsUnusable, match="urn:custody"):
        Credentials.take({"tls": TLS}, folder).settings()


def test_what_is_sealed_again_is_the_same_bytes() -> None:
    """A desk sends a record again that an interrupted command left; with another seal the ledger would call it another."""
    batch = [Submitted(b"record", b"", ())]
    for key in (Ed25519PrivateKey.generate(), ec.generate_private_key(ec.SECP256R1())):
        sealing = SealingKey(key_id="seal/x", key=key).deterministic()
        assert sealing.seal("log", batch) == sealing.seal("log", batch)
    with pytest.raises(PrivateFileError) as caught:
        SealingKey(key_id="seal/x", key=MLDSA44PrivateKey.generate()).deterministic()
    assert caught.value.code == "seal-key-random"
