"""The tampering table for the parts that only a rich package has (`rich_evidence`): redacted copies, the ledger's early time
stamp and its renewal, second signatures, exporters' certificates.

`RICH_ROWS` has the shape of `test_tampering.ROWS` (name, act, check, after), so that the same rows can be run through the
browser: `act` falsifies a `Bag` over a copy of `Rich.package`, to be verified with the options `Rich.trust`.
"""

from __future__ import annotations

import shutil
from base64 import b64decode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID
from evidence import PASSPHRASE, SEALING
from forgery import FORGER, Bag
from rich_evidence import SIGNED_AT, CertificateMaker, Rich, pem, rich_evidence
from tests.verifier.package.test_tampering import drop, failing, forge_checkpoint, manifest, verdict

from custody.cli.main import run
from custody.core.codec import encode_base64
from custody.core.entry import decode_entry
from custody.core.errors import SignatureError
from custody.core.seal import PrivateKey
from custody.export.package_sign import add_signature
from custody.private.key import write_key
from custody.v1 import entry_pb2
from custody.verifier.package import layout
from custody.verifier.package.certificate import CertificateTrust, check_certificate, read_crl
from custody.verifier.package.dsse import key_id, pae, parse_envelope
from custody.verifier.package.exporter_key import public_half

P256 = ec.derive_private_key(0x1234567, ec.SECP256R1())
ML_DSA = MLDSA44PrivateKey.from_seed_bytes(b"\x44" * 32)
SECOND = Ed25519PrivateKey.from_private_bytes(b"\x22" * 32)
EARLY, MANIFEST = layout.EARLY, layout.PACKAGE_MANIFEST


def copy_of(bag: Bag) -> str:
    (name,) = bag.names(layout.DERIVED)
    return name


def source_slipped_in(bag: Bag) -> None:
    """The unredacted segment under the name of the redacted copy."""
    bag.write(copy_of(bag), bag.read(bag.names(layout.FOOTAGE)[0]))


def swap_tokens(bag: Bag) -> None:
    one, two = f"{EARLY}0/1.tsr", f"{EARLY}1/1.tsr"
    first, second = bag.read(one), bag.read(two)
    bag.write(one, second)
    bag.write(two, first)


def drop_original_stamp(bag: Bag) -> None:
    """Calls the renewal the first stamp."""
    bag.write(f"{EARLY}0/1.tsr", bag.read(f"{EARLY}1/1.tsr"))
    for name in ("data", "1.tsr"):
        bag.drop(f"{EARLY}1/{name}")


def with_second(then: Callable[[Bag], None]) -> Callable[[Bag], None]:
    """Signed by a second officer, honestly, before it is falsified."""

    def act(bag: Bag) -> None:
        add_signature(bag.folder, SECOND)
        then(bag)

    return act


def forge_second(bag: Bag) -> None:
    """The second signature is over something else."""
    bag.json(layout.ENVELOPE, lambda value: value["signatures"][1].update(sig=value["signatures"][0]["sig"]))


def with_others(place: int) -> Callable[[Bag], None]:
    """Signed with a P-256 and an ML-DSA-44 key besides, one of them over something else."""

    def act(bag: Bag) -> None:
        for key in (P256, ML_DSA):
            add_signature(bag.folder, key)

        def forge(value: Any) -> None:
            row = value["signatures"][1 + place]
            row["sig"] = encode_base64(bytes([7]) * len(b64decode(row["sig"])))

        bag.json(layout.ENVELOPE, forge)

    return act


def strip_first(bag: Bag) -> None:
    bag.json(layout.ENVELOPE, lambda value: value["signatures"].pop(0))


def repeat_second(bag: Bag) -> None:
    bag.json(layout.ENVELOPE, lambda value: value["signatures"].append(value["signatures"][1]))


def sealed_place(rows: list[tuple[int, bytes]]) -> int:
    return next(at for at, (_, raw) in enumerate(rows) if decode_entry(raw).seal is not None)


def strip_seal(rows: list[tuple[int, bytes]]) -> None:
    at = sealed_place(rows)
    entry = entry_pb2.Entry.FromString(rows[at][1])
    entry.ClearField("seal")
    rows[at] = (rows[at][0], entry.SerializeToString())


def edit_seal(rows: list[tuple[int, bytes]]) -> None:
    at = sealed_place(rows)
    entry = entry_pb2.Entry.FromString(rows[at][1])
    entry.seal.signature = bytes(64)
    rows[at] = (rows[at][0], entry.SerializeToString())


def chain(bag: Bag) -> str:
    return next(name for name in bag.names("signatures/") if name.endswith(".chain.pem"))


def of_another_key(bag: Bag) -> None:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Officer A")])
    bag.write(chain(bag), pem(CertificateMaker().issue(FORGER, name)))


def by_another_authority(bag: Bag) -> None:
    found = x509.load_pem_x509_certificate(bag.read(chain(bag)))
    maker = CertificateMaker()
    maker.key = FORGER
    builder = x509.CertificateBuilder(
        issuer_name=found.issuer, subject_name=found.subject, public_key=found.public_key(), serial_number=7,
        not_valid_before=found.not_valid_before_utc, not_valid_after=found.not_valid_after_utc,
    )  # fmt: skip
    bag.write(chain(bag), pem(builder.sign(FORGER, None)))


def revoked(bag: Bag) -> None:
    """A list of the authority in the package says so; the forger cannot leave out the reader's own."""
    found = x509.load_pem_x509_certificate(bag.read(chain(bag)))
    bag.write("signatures/1.crl.pem", CertificateMaker().revocations((found, SIGNED_AT - timedelta(days=1))))


RICH_ROWS: list[tuple[str, Callable[[Bag], None], int, str]] = [
    ("copy-byte", lambda bag: bag.flip(copy_of(bag)), 2, ""),
    ("copy-byte-resigned", lambda bag: bag.flip(copy_of(bag)), 8, "sign"),
    ("copy-swapped-for-source", source_slipped_in, 8, "sign"),
    ("copy-dropped", lambda bag: bag.drop(copy_of(bag)), 8, "sign"),
    ("copy-added", lambda bag: bag.write(f"{layout.DERIVED}site-12/cam-01/more.mp4", b"x"), 8, "sign"),
    ("copy-unlisted", manifest(lambda value: value.pop("derived")), 8, "sign"),
    ("copy-transform-edited", manifest(lambda value: value["derived"][0].update(transform="cut")), 8, "sign"),
    ("copy-sources-edited", manifest(lambda value: value["derived"][0]["sources"][0].update(last=3)), 8, "sign"),
    ("copy-of-another-record", manifest(lambda value: value["derived"][0].update(index=2)), 8, "sign"),
    ("absence-reason-unknown", lambda bag: bag.json(MANIFEST, lambda value: value["absent"][0].update(reason="lost")), 1, "rehash"),
    ("source-called-lost", manifest(lambda value: value["absent"][0].update(reason="not-found")), 10, "sign"),
    ("early-token-garbage", lambda bag: bag.write(f"{EARLY}0/1.tsr", b"0\x03\x02\x01\x00"), 13, "sign"),
    ("renewal-replaced", lambda bag: bag.write(f"{EARLY}1/1.tsr", bag.read(f"{EARLY}0/1.tsr")), 13, "sign"),
    ("renewal-swapped", swap_tokens, 13, "sign"),
    ("renewal-data-edited", lambda bag: bag.flip(f"{EARLY}1/data"), 13, "sign"),
    ("renewal-called-original", drop_original_stamp, 13, "sign"),
    ("renewal-token-gone", drop(f"{EARLY}1/1.tsr"), 13, "sign"),
    ("original-stamp-gone", drop(f"{EARLY}0/1.tsr"), 13, "sign"),
    ("early-file-added", lambda bag: bag.write(f"{EARLY}note.txt", b"x"), 13, "sign"),
    ("early-consistency-gone", drop(f"{EARLY}consistency"), 13, "sign"),
    ("early-checkpoint-forged", lambda bag: forge_checkpoint(bag, f"{EARLY}0/data", root=bytes(32)), 13, "sign"),
    ("seal-stripped", lambda bag: bag.entries(strip_seal), 6, "sign"),
    ("seal-edited", lambda bag: bag.entries(edit_seal), 6, "sign"),
    ("second-signature-forged", with_second(forge_second), 11, ""),
    ("second-p256-forged", with_others(0), 11, ""),
    ("second-ml-dsa-forged", with_others(1), 11, ""),
    ("second-signature-twice", with_second(repeat_second), 11, ""),
    ("first-signature-stripped", with_second(strip_first), 11, ""),
    ("second-key-gone", with_second(lambda bag: bag.drop(f"signatures/{key_id(public_half(SECOND))}.pem")), 11, ""),
    ("certificate-of-another-key", of_another_key, 11, ""),
    ("certificate-of-another-authority", by_another_authority, 11, ""),
    ("certificate-revoked", revoked, 11, ""),
]  # fmt: skip


@pytest.fixture(scope="session")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rich]:
    with rich_evidence(tmp_path_factory.mktemp("rich")) as made:
        yield made


@pytest.fixture
def rich_bag(rich: Rich, tmp_path: Path) -> Bag:
    folder = tmp_path / "bag"
    shutil.copytree(rich.package, folder)
    return Bag(folder)


@pytest.mark.parametrize(("name", "act", "check", "after"), RICH_ROWS, ids=[row[0] for row in RICH_ROWS])
def test_every_falsification_is_caught(
    capsys: pytest.CaptureFixture[str],
    rich: Rich,
    rich_bag: Bag,
    name: str,
    act: Callable[[Bag], None],
    check: int,
    after: str,
) -> None:
    act(rich_bag)
    if after:
        rich_bag.rehash()
    if after == "sign":
        rich_bag.sign()
    status, report = verdict(capsys, rich_bag.folder, *rich.trust)
    assert (status, report["verdict"]) == (1, "findings")
    assert check in failing(report), (failing(report), report["findings"])


def test_the_rich_package_is_fine_and_says_what_it_is(capsys: pytest.CaptureFixture[str], rich: Rich) -> None:
    status, report = verdict(capsys, rich.package, *rich.trust)
    assert (status, report["not_checked"], report["sealed"]) == (0, [14], 1)
    (copy,) = report["derived"]
    assert copy["sources"] == [{"stream": "site-12/cam-01", "first": 3, "last": 4, "given": False}]
    assert report["recorded_before"]
    assert report["signers"][0].endswith("(CN=Officer A)")
    assert (report["files"], report["absent"], report["limits"]) == (2, 2, [])


def test_a_revocation_that_nobody_looked_at_is_said_in_a_line_of_its_own(
    capsys: pytest.CaptureFixture[str], rich: Rich, tmp_path: Path
) -> None:
    options = rich.trust[: rich.trust.index("--crl")]
    status, report = verdict(capsys, rich.package, *options)
    assert (status, report["limits"]) == (0, ["exporter-revocation", "timestamp-revocation"])
    page = tmp_path / "report.html"
    assert run(["verify", "package", str(rich.package), *options, "--lang", "zh", "--html", str(page)]) == 0
    for text in (capsys.readouterr().out, page.read_text()):
        assert "未检查：时间戳机构的证书是否已被吊销" in text
        assert "未检查：导出人证书是否已被吊销" in text


@pytest.mark.parametrize(
    ("days", "reason", "fine"),
    [
        (-1, x509.ReasonFlags.superseded, False),
        (1, x509.ReasonFlags.superseded, True),
        (1, x509.ReasonFlags.cessation_of_operation, True),
        (1, x509.ReasonFlags.key_compromise, False),
        (1, None, False),
    ],
)
def test_what_a_revoked_authority_stamped(
    capsys: pytest.CaptureFixture[str],
    rich: Rich,
    rich_bag: Bag,
    days: int,
    reason: x509.ReasonFlags | None,
    *,
    fine: bool,
) -> None:
    """RFC 3161 section 4: only older stamps outlive a revocation, and only where its reason left the key unharmed."""
    when = rich.authority.begun + timedelta(days=days)
    rich_bag.write("signatures/2.crl.pem", rich.authority.revocations(revoked=when, reason=reason))
    _, report = verdict(capsys, rich_bag.folder, *rich.trust)
    assert {(one["check"], one["code"]) for one in report["findings"]} == (
        set() if fine else {(13, "timestamp-revoked")}
    )


@pytest.mark.parametrize("key", [P256, ML_DSA], ids=["p256", "ml-dsa-44"])
def test_packages_are_signed_with_what_the_key_is(
    capsys: pytest.CaptureFixture[str], rich: Rich, tmp_path: Path, key: PrivateKey
) -> None:
    """ADR 7's kinds of keys: the exporter's own, given by the reader; a stranger's library agrees with the signature."""
    write_key(tmp_path / "key.pem", key, lambda: PASSPHRASE)
    public = tmp_path / "public.pem"
    public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    out = tmp_path / "out"
    assert run([*rich.evidence.arguments(out), "--signing-key", str(tmp_path / "key.pem")]) == 0
    capsys.readouterr()
    status, report = verdict(capsys, out, "--trust", rich.evidence.vkey, "--exporter-key", str(public))
    keyid = key_id(public_half(key))
    assert (status, report["signers"]) == (0, [f"{keyid} (given key)"])
    options = ["--trust", rich.evidence.vkey, "--exporter-key", str(public)]
    assert run(["verify", "package", str(out), "--lang", "zh", *options]) == 0
    assert f"{keyid}（读者提供的公钥）" in capsys.readouterr().out
    envelope = parse_envelope((out / layout.ENVELOPE).read_bytes())
    ((_, signature),) = envelope.signatures
    if isinstance(key, MLDSA44PrivateKey):
        key.public_key().verify(signature, pae(envelope.payload))
    elif isinstance(key, ec.EllipticCurvePrivateKey):
        r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
        key.public_key().verify(encode_dss_signature(r, s), pae(envelope.payload), ec.ECDSA(SHA256()))
    Bag(out).json(
        layout.ENVELOPE, lambda value: value["signatures"][0].update(sig=encode_base64(bytes(len(signature))))
    )
    status, report = verdict(capsys, out, "--trust", rich.evidence.vkey, "--exporter-key", str(public))
    assert (status, set(failing(report))) == (1, {11})


def test_other_curves_sign_nothing(rich: Rich, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_key(tmp_path / "key.pem", ec.derive_private_key(7, ec.SECP384R1()), lambda: PASSPHRASE)
    assert run([*rich.evidence.arguments(tmp_path / "out"), "--signing-key", str(tmp_path / "key.pem")]) == 2
    assert "[export-key]" in capsys.readouterr().err


def test_the_exporter_seals_its_own_record(capsys: pytest.CaptureFixture[str], rich: Rich, tmp_path: Path) -> None:
    """As the access desk does; a batch of the export and of the disclosures that it gave has one seal."""
    write_key(tmp_path / "seal.key", SEALING.key, lambda: PASSPHRASE)
    secret = ("--seal-id", SEALING.key_id, "--seal-passphrase-file", str(rich.evidence.folder / "exporter-passphrase"))
    out = tmp_path / "out"
    assert run([*rich.evidence.arguments(out), "--seal-key", str(tmp_path / "seal.key"), *secret]) == 0
    capsys.readouterr()
    status, report = verdict(capsys, out, "--trust", rich.evidence.vkey)
    assert (status, report["sealed"]) == (0, 2)  # the camera's footage, and this


def test_a_zip_has_the_same_files_and_can_be_signed_too(
    capsys: pytest.CaptureFixture[str], rich: Rich, tmp_path: Path
) -> None:
    out = tmp_path / "rich.zip"
    assert run(rich.arguments(out)) == 0
    assert not out.with_name("rich.zip.partial").exists()
    status, report = verdict(capsys, out, *rich.trust)
    assert (status, len(report["derived"]), report["files"]) == (0, 1, 2)
    before = out.stat().st_size
    assert add_signature(out, SECOND) == 2
    assert out.stat().st_size > before
    status, report = verdict(capsys, out, *rich.trust)
    assert (status, len(report["signers"])) == (0, 2)


def test_a_second_signature_changes_nothing_that_was_signed(
    capsys: pytest.CaptureFixture[str], rich: Rich, rich_bag: Bag, tmp_path: Path
) -> None:
    before = parse_envelope(rich_bag.read(layout.ENVELOPE))
    secret = tmp_path / "passphrase"
    secret.touch(mode=0o600)
    secret.write_text("throw-away\n")
    command = ["package", "sign", str(rich_bag.folder), "--signing-key", str(tmp_path / "two.pem"), "--make-key"]
    assert run([*command, "--passphrase-file", str(secret)]) == 0
    after = parse_envelope(rich_bag.read(layout.ENVELOPE))
    assert (after.payload, after.signatures[:1]) == (before.payload, before.signatures)
    status, report = verdict(capsys, rich_bag.folder, *rich.trust)
    assert (status, len(report["signers"])) == (0, 2)
    assert run([*command, "--passphrase-file", str(secret)]) == 2
    assert "[package-signed]" in capsys.readouterr().err
    rich_bag.write(layout.MANIFEST, rich_bag.read(layout.MANIFEST) + b"\n")
    with pytest.raises(SignatureError):
        add_signature(rich_bag.folder, SECOND)


def test_the_archive_of_stamps_can_be_listed_and_checked(
    capsys: pytest.CaptureFixture[str], rich: Rich, tmp_path: Path
) -> None:
    (source,) = (rich.evidence.folder / "stamps").iterdir()
    archive = tmp_path / "stamps"
    shutil.copytree(source, archive)
    command = ["verify", "stamps", str(archive), *rich.trust[:4]]
    assert run(command) == 0
    assert "2 tokens, 1 renewals" in capsys.readouterr().out
    first, renewal = sorted(archive.iterdir())
    for spoil, code in (
        (lambda: shutil.copy(first / "1.tsr", renewal / "1.tsr"), "timestamp-other"),
        (lambda: (renewal / "data").write_bytes(b"x"), "timestamp-other"),
        (lambda: (first / "data").write_bytes(b"x"), "timestamp-other"),
        (lambda: shutil.rmtree(first), "timestamp-archive"),
    ):
        spoil()
        assert run(command) == 1
        assert f"[{code}]" in capsys.readouterr().out


KEY = Ed25519PrivateKey.from_private_bytes(b"\x31" * 32)
NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Officer B")])


def test_validity_and_revocation_count_at_the_time_of_signing() -> None:
    ca = CertificateMaker()
    now = datetime.now(UTC)
    leaf = ca.issue(KEY, NAME, days=(-30, -10))
    trust = CertificateTrust(authorities=[ca.certificate])
    assert not check_certificate(public_half(KEY), [leaf], trust, now - timedelta(days=20)).revocation_known
    for days in (-40, 0):
        with pytest.raises(SignatureError, match="not valid when"):
            check_certificate(public_half(KEY), [leaf], trust, now + timedelta(days=days))
    for days, fine in ((-15, True), (-25, False)):  # revoked after, and before the signing
        lists = [read_crl(ca.revocations((leaf, now + timedelta(days=days))))]
        trust = CertificateTrust(authorities=[ca.certificate], lists=lists)
        at = now - timedelta(days=20)
        if fine:
            assert check_certificate(public_half(KEY), [leaf], trust, at).revocation_known
        else:
            with pytest.raises(SignatureError) as caught:
                check_certificate(public_half(KEY), [leaf], trust, at)
            assert caught.value.code == "exporter-revoked"
    with pytest.raises(SignatureError, match="not issued"):  # a certificate that may not issue
        check_certificate(public_half(KEY), [leaf], CertificateTrust(authorities=[leaf]), now - timedelta(days=20))
