from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

from custody.authority import certificate
from custody.authority.errors import AuthorityError
from custody.authority.folder import Authority, make_authority, open_authority
from custody.cli.main import root_command
from custody.core.errors import CustodyError, MalformedError
from custody.core.record import read_record
from custody.core.roles import Role, Scope, role_of
from custody.core.seal import SealKey
from custody.private.file import PrivateFileError, read_private
from custody.private.key import key_pem, read_key, write_key
from custody.private.passphrase import from_file

NOW = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
YEAR = timedelta(days=365)


def secret() -> bytes:
    return b"a passphrase"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_authority(tmp_path / "ca", "Authority", secret, NOW, 10 * YEAR)
    return tmp_path / "ca"


def enrol(authority: Authority, role: Role = Role.RECORDER, name: str = "nvr-1", **fields: object) -> x509.Certificate:
    key = certificate.new_key()
    made = authority.enrol(role, name, key.public_key(), now=NOW, life=YEAR, **fields)  # type: ignore[arg-type]
    return x509.load_pem_x509_certificate(made.certificate)


def test_a_client_certificate_says_who_and_nothing_else(folder: Path) -> None:
    with open_authority(folder, secret) as authority:
        made = enrol(authority, scopes=["site-12/*"])
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert list(names) == [x509.UniformResourceIdentifier("urn:custody:recorder:nvr-1")]
    uses = made.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(uses) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert isinstance(made.public_key(), ec.EllipticCurvePublicKey)
    root = x509.load_pem_x509_certificate((folder / "ca.pem").read_bytes())
    made.verify_directly_issued_by(root)


def test_a_server_certificate_names_hosts_and_addresses(folder: Path) -> None:
    with open_authority(folder, secret) as authority:
        made = enrol(authority, Role.LEDGER, "a", hosts=["ledger.example", "127.0.0.1"])
        names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert names.get_values_for_type(x509.DNSName) == ["ledger.example"]
        assert [str(one) for one in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]
        with pytest.raises(AuthorityError, match="host names"):
            enrol(authority, Role.LEDGER, "b")
        with pytest.raises(AuthorityError, match="host names"):
            enrol(authority, Role.RECORDER, "b", hosts=["x"])


def test_no_certificate_outlives_the_authority(folder: Path) -> None:
    with open_authority(folder, secret) as authority:
        key = certificate.new_key()
        made = authority.enrol(Role.DESK, "d", key.public_key(), now=NOW, life=30 * YEAR)
    assert made.not_after_us == int((NOW + 10 * YEAR).timestamp()) * 1_000_000


def test_revocation_reaches_the_list_and_is_repeatable(folder: Path) -> None:
    with open_authority(folder, secret) as authority:
        first, second = enrol(authority), enrol(authority)
        other = enrol(authority, name="nvr-2")
        assert len(authority.revoke("urn:custody:recorder:nvr-1", x509.ReasonFlags.key_compromise, NOW)) == 2
        assert authority.revoke("urn:custody:recorder:nvr-1", x509.ReasonFlags.key_compromise, NOW) == []
        with pytest.raises(AuthorityError) as caught:
            authority.revoke("urn:custody:recorder:nobody", x509.ReasonFlags.key_compromise, NOW)
        assert caught.value.code == "authority-unknown"
    root = x509.load_pem_x509_certificate((folder / "ca.pem").read_bytes())
    listed = x509.load_pem_x509_crl((folder / "crl.pem").read_bytes())
    assert listed.is_signature_valid(root.public_key())  # type: ignore[arg-type]
    assert {one.serial_number for one in listed} == {first.serial_number, second.serial_number}
    assert listed.get_revoked_certificate_by_serial_number(other.serial_number) is None
    assert listed.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number == 3


def test_a_list_that_a_crash_left_behind_is_made_anew(folder: Path) -> None:
    before = (folder / "crl.pem").read_bytes()
    with open_authority(folder, secret) as authority:
        made = enrol(authority)
        authority.revoke(f"{made.serial_number:x}", x509.ReasonFlags.superseded, NOW)
    (folder / "crl.pem").write_bytes(before)
    with open_authority(folder, secret) as authority:
        authority.renew_list(NOW)
    listed = x509.load_pem_x509_crl((folder / "crl.pem").read_bytes())
    assert [one.serial_number for one in listed] == [made.serial_number]


def test_an_authority_is_never_replaced(folder: Path) -> None:
    with pytest.raises(AuthorityError) as caught:
        make_authority(folder, "Another", secret, NOW, YEAR)
    assert caught.value.code == "authority-exists"


@pytest.mark.parametrize("damage", [b"{", b'{"revoked_at": 1}', b'{"serial": "1"}', b"[]", b"\xff"])
def test_a_damaged_index_is_named(folder: Path, damage: bytes) -> None:
    (folder / "index.jsonl").write_bytes(damage + b"\n")
    with pytest.raises(AuthorityError) as caught, open_authority(folder, secret):
        pass
    assert caught.value.code == "authority-damaged"


def test_secrets_rest_encrypted_and_private(folder: Path, tmp_path: Path) -> None:
    assert (folder / "ca.key").stat().st_mode & 0o777 == 0o600
    assert (folder / "ca.key").read_bytes().startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n")
    with pytest.raises(PrivateFileError) as caught, open_authority(folder, lambda: b"wrong"):
        pass
    assert caught.value.code == "key-unreadable"
    (folder / "ca.key").chmod(0o640)
    with pytest.raises(PrivateFileError) as caught, open_authority(folder, secret):
        pass
    assert caught.value.code == "private-file-exposed"
    key = certificate.new_key()
    write_key(tmp_path / "k", key, secret)
    assert key_pem(read_key(tmp_path / "k", secret)) == key_pem(key)
    with pytest.raises(PrivateFileError) as caught:
        write_key(tmp_path / "k", key, secret)
    assert caught.value.code == "private-file-exists"


@pytest.mark.parametrize("content", [b"", b"\n", b"two\nlines\n"])
def test_a_passphrase_file_has_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "p"
    path.touch(mode=0o600)
    path.write_bytes(content)
    with pytest.raises(PrivateFileError) as caught:
        from_file(path)()
    assert caught.value.code == "passphrase-malformed"


def test_a_pipe_or_a_huge_file_is_no_secret(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "pipe", 0o600)
    (tmp_path / "huge").touch(mode=0o600)
    (tmp_path / "huge").write_bytes(bytes(20_000))
    for name in ("pipe", "huge", "missing"):
        with pytest.raises(PrivateFileError):
            read_private(tmp_path / name, what="it")


@pytest.mark.parametrize(
    ("chain", "covered"),
    [
        ("footage/site-1/cam-1", True),
        ("custody/site-1/cam-1", True),
        ("footage/site-1/cam-2", False),
        ("site/site-1", False),
        ("footage/site-2/any", True),
        ("site/site-2", True),
        ("site/site-20", False),
        ("footage/site-20/cam", False),
        ("log/keys", False),
        ("log/heads", False),
    ],
)
def test_scopes_cover_what_they_say(chain: str, covered: bool) -> None:
    scope = Scope.of(["site-1/cam-1", "site-2/*", "*", "*/*", "site-3", "", "log/keys", "Site-4/*"])
    assert scope.covers(chain) is covered
    assert scope.sites == {"site-2"}


def test_roles_are_read_strictly() -> None:
    assert role_of("urn:custody:desk:front") is Role.DESK
    for text, code in (("urn:custody:king:x", "role-unknown"), ("urn:x:desk:y", "identity-malformed")):
        with pytest.raises(MalformedError) as caught:
            role_of(text)
        assert caught.value.code == code


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., str]:
    phrase = tmp_path / "phrase"
    phrase.touch(mode=0o600)
    phrase.write_text("a passphrase\n")

    def call(*words: str | Path) -> str:
        line = [str(word).replace("@", str(phrase)) for word in words]
        result = CliRunner().invoke(root_command(), line)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.output

    return call


def test_the_commands_make_what_a_party_and_the_log_need(tmp_path: Path, run: Callable[..., str]) -> None:
    run("ca", "init", tmp_path / "ca", "--ca-passphrase-file", "@")
    ca = ("--ca", tmp_path / "ca", "--ca-passphrase-file", "@")
    out = tmp_path / "out"
    key_id, seal_id = run(
        "enrol", *ca, "--role", "recorder", "--name", "nvr-1", "--scope", "site-12/*", "--out", out,
        "--passphrase-file", "@", "--seal",
    ).split()  # fmt: skip
    cert = x509.load_pem_x509_certificate((out / "nvr-1.crt").read_bytes())
    body = read_record((out / "nvr-1.identity.record").read_bytes()).body
    assert (body.key_id, body.holder, list(body.scopes)) == (key_id, "urn:custody:recorder:nvr-1", ["site-12/*"])
    assert body.public_key == cert.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    seal = read_record((out / "nvr-1.seal.record").read_bytes()).body
    key = read_key(out / "nvr-1.seal.key", secret)
    assert SealKey.from_spki(seal.algorithm, seal.public_key).raw == key.public_key().public_bytes_raw()
    assert (seal.key_id, (out / "nvr-1.seal.id").read_text()) == (seal_id, f"{seal_id}\n")
    assert {path.stat().st_mode & 0o777 for path in out.glob("*.key")} == {0o600}
    run("revoke", *ca, "urn:custody:recorder:nvr-1", "--reason", "retired")
    told = {read_record(path.read_bytes()).body.key_id for path in (tmp_path / "ca").glob("revoked-*.record")}
    assert told == {key_id, seal_id}
    run("ca", "crl", tmp_path / "ca", "--ca-passphrase-file", "@")


def test_a_wrong_authority_passphrase_leaves_nothing_behind(tmp_path: Path, run: Callable[..., str]) -> None:
    run("ca", "init", tmp_path / "ca", "--ca-passphrase-file", "@")
    wrong = tmp_path / "wrong"
    wrong.touch(mode=0o600)
    wrong.write_text("wrong\n")
    with pytest.raises(CustodyError):
        run(
            "enrol", "--ca", tmp_path / "ca", "--ca-passphrase-file", wrong, "--role", "desk", "--name", "d",
            "--out", tmp_path / "out", "--passphrase-file", "@",
        )  # fmt: skip
    assert not list((tmp_path / "out").iterdir())
