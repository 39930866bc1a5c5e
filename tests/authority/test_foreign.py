"""An authority that exists already: certificates made with openssl, registered in the log; and keys revoked in the log alone."""

from __future__ import annotations

import subprocess
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import grpc
import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.security.parties import SECRET, begun, served
from tests.server.ledger_rig import request_of, segment
from tests.server.refusals import refusal

from custody.cli.main import root_command
from custody.client.credentials import CredentialsUnusable
from custody.core.entry import decode_entry
from custody.core.errors import CustodyError, MalformedError
from custody.core.record import read_record
from custody.server.gate import GateSettings
from custody.server.tls import TlsSettings
from custody.v1 import ledger_pb2, ledger_pb2_grpc, record_pb2

IDENTITY = "urn:custody:recorder:nvr-7"


def openssl(folder: Path, *words: str) -> None:
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)


def root(folder: Path) -> None:
    openssl(
        folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30",
        "-subj", "/CN=City authority", "-keyout", "root.key", "-out", "root.pem",
    )  # fmt: skip


def issued(folder: Path, name: str, san: str, usage: str = "clientAuth", curve: str = "prime256v1") -> Path:
    """`NAME.crt` and, in clear, `NAME.key`."""
    openssl(
        folder, "req", "-newkey", "ec", "-pkeyopt", f"ec_paramgen_curve:{curve}", "-nodes",
        "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr",
    )  # fmt: skip
    (folder / f"{name}.cnf").write_text(f"subjectAltName={san}\nextendedKeyUsage={usage}\n")
    openssl(
        folder, "x509", "-req", "-in", f"{name}.csr", "-CA", "root.pem", "-CAkey", "root.key", "-days", "30",
        "-extfile", f"{name}.cnf", "-out", f"{name}.crt",
    )  # fmt: skip
    return folder / f"{name}.crt"


def foreign(folder: Path, uri: str = IDENTITY, curve: str = "prime256v1") -> Path:
    """As docs/ops/identity.md shows it: an authority of one's own, and a certificate with the URI."""
    root(folder)
    return issued(folder, "nvr-7", f"URI:{uri}", curve=curve)


def listed(folder: Path, *revoked: str) -> None:
    """`crl.pem`, with the certificates of these names on it; put in place by renaming."""
    (folder / "ca.cnf").write_text("[ca]\ndefault_ca=own\n[own]\ndatabase=index.txt\ndefault_md=sha256\n")
    (folder / "index.txt").touch()
    signer = ("ca", "-config", "ca.cnf", "-keyfile", "root.key", "-cert", "root.pem")
    for name in revoked:
        openssl(folder, *signer, "-revoke", f"{name}.crt")
    openssl(folder, *signer, "-gencrl", "-crldays", "30", "-out", "crl.new")
    (folder / "crl.new").rename(folder / "crl.pem")


def server_key(folder: Path) -> None:
    """The server's key as it wants it: encrypted, and nobody else's to read."""
    (folder / "phrase").write_bytes(SECRET + b"\n")
    openssl(
        folder, "pkcs8", "-topk8", "-v2", "aes-256-cbc", "-scrypt", "-in", "server.key", "-out", "server.encrypted.key",
        "-passout", "file:phrase",
    )  # fmt: skip
    (folder / "server.encrypted.key").chmod(0o600)


def stub(folder: Path, address: str, name: str, stack: AsyncExitStack) -> Any:
    """A connection of its own with the certificate of that name."""
    read = [(folder / one).read_bytes() for one in ("root.pem", f"{name}.key", f"{name}.crt")]
    channel = grpc.aio.secure_channel(
        address, grpc.ssl_channel_credentials(*read), options=[("grpc.use_local_subchannel_pool", 1)]
    )
    stack.push_async_callback(channel.close)
    return ledger_pb2_grpc.LedgerStub(channel)


async def test_a_ledger_under_another_authority_admits_refuses_and_hears_of_revocations(tmp_path: Path) -> None:
    foreign(tmp_path)
    issued(tmp_path, "head-office", "URI:urn:custody:administrator:head-office")
    issued(tmp_path, "nobody", "DNS:nvr-7.example")
    issued(tmp_path, "server", "IP:127.0.0.1", "serverAuth")
    server_key(tmp_path)
    listed(tmp_path)
    custody("keys", "register", tmp_path / "nvr-7.crt", "--scope", "site-12/*", "--out", tmp_path / "nvr-7.record")
    tls = TlsSettings(
        certificate=tmp_path / "server.crt", key=tmp_path / "server.encrypted.key", passphrase=lambda: SECRET,
        client_authorities=tmp_path / "root.pem", revocation_lists=tmp_path / "crl.pem",
    )  # fmt: skip
    rig = await begun(tmp_path)
    async with served(rig, tls, GateSettings()) as address, AsyncExitStack() as stack:
        recorder, office, nobody = (stub(tmp_path, address, name, stack) for name in ("nvr-7", "head-office", "nobody"))
        records = [request_of([segment(number, stream="site-12/east")]) for number in range(4)]
        assert (await refusal(recorder.Append(records[0], timeout=30))).code == "identity-unregistered"
        await office.Append(request_of([(tmp_path / "nvr-7.record").read_bytes()]), timeout=30)
        await recorder.Append(records[1], timeout=30)
        size = (await rig.raw_store.state()).head.size
        (placed,) = await rig.raw_store.entries(size - 1, 1)
        assert decode_entry(placed.entry).submitter == IDENTITY
        assert (await refusal(nobody.Append(records[2], timeout=30)))[:2] == ("UNAUTHENTICATED", "certificate-unusable")
        listed(tmp_path, "nvr-7")
        assert (await refusal(recorder.Append(records[3], timeout=30))).code == "certificate-revoked"
        assert (await rig.raw_store.state()).head.size == size
        await office.GetLog(ledger_pb2.GetLogRequest(), timeout=30)  # others are let in


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


@pytest.mark.parametrize(
    "words",
    [
        ("--role", "recorder", "--name", "nvr-9", "--scope", "site-12"),
        ("--role", "recorder", "--name", "nvr 9"),
        ("--role", "ledger", "--name", "a"),
        ("--role", "desk", "--name", "d", "--host", "desk.example"),
    ],
)
def test_who_cannot_be_enrolled_gets_no_key_either(tmp_path: Path, words: tuple[str, ...]) -> None:
    """A key that is written stays, so that the command with the mistake mended would be refused for it."""
    with pytest.raises(CustodyError):
        custody("enrol", "--ca", tmp_path / "ca", *words, "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()
