"""An authority that exists already: certificates made with openssl, registered in the log; and keys revoked in the log alone."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from custody.cli.main import root_command
from custody.client.credentials import CredentialsUnusable
from custody.core.errors import MalformedError
from custody.core.record import read_record
from custody.v1 import record_pb2

IDENTITY = "urn:custody:recorder:nvr-7"


def openssl(folder: Path, *words: str) -> None:
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)


def foreign(folder: Path, uri: str = IDENTITY, curve: str = "prime256v1") -> Path:
    """As docs/ops/identity.md shows it: an authority of one's own, and a certificate with the URI."""
    openssl(
        folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30",
        "-subj", "/CN=City authority", "-keyout", "root.key", "-out", "root.pem",
    )  # fmt: skip
    openssl(
        folder, "req", "-newkey", "ec", "-pkeyopt", f"ec_paramgen_curve:{curve}", "-nodes",
        "-subj", "/CN=nvr-7", "-keyout", "nvr-7.key", "-out", "nvr-7.csr",
    )  # fmt: skip
    (folder / "client.cnf").write_text(f"subjectAltName=URI:{uri}\nextendedKeyUsage=clientAuth\n")
    openssl(
        folder, "x509", "-req", "-in", "nvr-7.csr", "-CA", "root.pem", "-CAkey", "root.key", "-days", "30",
        "-extfile", "client.cnf", "-out", "nvr-7.crt",
    )  # fmt: skip
    return folder / "nvr-7.crt"


def custody(*words: str | Path) -> str:
    result = CliRunner().invoke(root_command(), [str(word) for word in words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_certificate_of_another_authority_is_registered_with_its_device_key(tmp_path: Path) -> None:
    certificate = foreign(tmp_path)
    device = Ed25519PrivateKey.generate().public_key()
    public = tmp_path / "device.pem"
    public.write_bytes(device.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    record = tmp_path / "nvr-7.record"
    key_id, seal_id = custody(
        "keys", "register", certificate, "--scope", "site-12/*", "--seal-key", public, "--out", record
    ).split()
    body = read_record(record.read_bytes()).body
    assert (body.key_id, body.holder, list(body.scopes)) == (key_id, IDENTITY, ["site-12/*"])
    assert (body.use, body.valid_until_us > body.valid_from_us) == (record_pb2.KEY_USE_IDENTITY, True)
    seal = read_record((tmp_path / "nvr-7.record.seal").read_bytes()).body
    assert (seal.key_id, seal.holder, seal.use) == (seal_id, IDENTITY, record_pb2.KEY_USE_SEAL)
    assert seal.public_key.endswith(device.public_bytes_raw())


@pytest.mark.parametrize(
    ("uri", "curve"),
    [
        ("https://nvr-7.example", "prime256v1"),
        ("urn:custody:king:x", "prime256v1"),
        ("urn:custody:ledger:x", "prime256v1"),
        (IDENTITY, "secp384r1"),
    ],
)
def test_what_the_ledger_would_not_take_is_not_registered(tmp_path: Path, uri: str, curve: str) -> None:
    with pytest.raises(CredentialsUnusable):
        custody("keys", "register", foreign(tmp_path, uri, curve), "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_key_is_revoked_in_the_log_with_its_reason_and_since_when(tmp_path: Path) -> None:
    out = tmp_path / "revoked.record"
    when = ("--reason", "compromised", "--since", "2026-03-01T08:00:00+08:00")
    custody("keys", "revoke", "seal/recorder/nvr-7/00", *when, "--out", out)
    body = read_record(out.read_bytes()).body
    assert (body.key_id, body.reason) == ("seal/recorder/nvr-7/00", record_pb2.REVOCATION_REASON_COMPROMISED)
    assert body.from_us == 1_772_323_200_000_000
    with pytest.raises(MalformedError):
        custody("keys", "revoke", "no id", "--out", tmp_path / "other")
