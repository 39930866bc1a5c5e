"""A package with everything that a package may have: a redacted copy, the ledger's early time stamp and its renewal, tokens
of export time, the exporter's certificate, and footage sealed by its source.

`rich_evidence(folder)` runs a ledger and an authority and yields `Rich` until the block ends; `Rich.package` is never
changed, and `Rich.trust` are the options that `custody verify package` needs for every check but 14 to be made.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from evidence import BEGIN_US, Evidence, ledger_with_story
from tsa import Authority, serving

from custody.cli.main import run
from custody.core.checkpoint import parse_checkpoint
from custody.core.timestamp import renewal_data
from custody.server.timestamping.archive import StampArchive, Stamped
from custody.timestamping.authorities import Stamper

SIGNED_AT = datetime.fromtimestamp(BEGIN_US / 1e6, UTC)


@dataclass(frozen=True, kw_only=True)
class Rich:
    """The ledger, the package, and who vouches for what."""

    evidence: Evidence
    authority: Authority
    tsa_url: str
    ca: CertificateMaker
    package: Path

    @property
    def trust(self) -> list[str]:
        folder = self.evidence.folder
        roots = ["--tsa-root", str(self.authority.folder / "ca.pem"), "--exporter-ca", str(folder / "exporter-ca.pem")]
        lists = [option for name in ("exporter.crl", "tsa.crl") for option in ("--crl", str(folder / name))]
        return ["--trust", self.evidence.vkey, *roots, *lists]

    def arguments(self, out: Path, *more: str | Path) -> list[str]:
        folder = self.evidence.folder
        return self.evidence.arguments(
            out, "--derived", folder / "derived", "--withhold-sources", "--tsa", self.tsa_url,
            "--certificate", folder / "exporter-chain.pem", *more,
        )  # fmt: skip


class CertificateMaker:
    """An authority for exporters' keys."""

    def __init__(self) -> None:
        self.key = Ed25519PrivateKey.from_private_bytes(b"\x51" * 32)
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test Exporter Authority")])
        self.certificate = self.issue(self.key, self.name, ca=True)

    def issue(
        self, key: Ed25519PrivateKey, name: x509.Name, *, ca: bool = False, days: tuple[int, int] = (-900, 9_000)
    ) -> x509.Certificate:
        begin, end = (datetime.now(UTC) + timedelta(days=one) for one in days)
        builder = x509.CertificateBuilder(
            issuer_name=self.name, subject_name=name, public_key=key.public_key(),
            serial_number=int.from_bytes(key.public_key().public_bytes_raw()[:8], "big") | 1,
            not_valid_before=begin, not_valid_after=end,
        )  # fmt: skip
        builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        return builder.sign(self.key, None)

    def revocations(self, *revoked: tuple[x509.Certificate, datetime]) -> bytes:
        now = datetime.now(UTC)
        builder = x509.CertificateRevocationListBuilder(
            issuer_name=self.name, last_update=now, next_update=now + timedelta(days=30)
        )
        for certificate, at in revoked:
            row = x509.RevokedCertificateBuilder(serial_number=certificate.serial_number, revocation_date=at)
            builder = builder.add_revoked_certificate(row.build())
        return builder.sign(self.key, None).public_bytes(Encoding.PEM)


def pem(*certificates: x509.Certificate) -> bytes:
    return b"".join(one.public_bytes(Encoding.PEM) for one in certificates)


@contextmanager
def rich_evidence(folder: Path) -> Iterator[Rich]:
    """See the module."""
    (folder / "tsa").mkdir()
    authority, stamps = Authority(folder / "tsa"), folder / "stamps"
    with serving(authority) as url, ledger_with_story(folder, "--timestamps", str(stamps), sealed=True) as evidence:
        ca = CertificateMaker()
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Officer A")])
        (folder / "exporter-ca.pem").write_bytes(pem(ca.certificate))
        (folder / "exporter-chain.pem").write_bytes(pem(ca.issue(evidence.key, name)))
        (folder / "exporter.crl").write_bytes(ca.revocations())
        (folder / "tsa.crl").write_bytes(authority.revocations())
        _stamp(evidence, stamps, Stamper([url]))
        made = Rich(evidence=evidence, authority=authority, tsa_url=url, ca=ca, package=folder / "rich")
        assert run(made.arguments(made.package)) == 0
        yield made


def _stamp(evidence: Evidence, stamps: Path, stamper: Stamper) -> None:
    """What the ledger's keeper does, now instead of once a day: a checkpoint that covers the footage, and its renewal."""
    note = evidence.earlier.read_bytes()
    archive = StampArchive(stamps, parse_checkpoint(note).checkpoint.origin)
    size = parse_checkpoint(note).checkpoint.size
    stamped = archive.add(Stamped(size=size, note=note, generations=()), stamper(note))
    archive.add(stamped, stamper(renewal_data(note, stamped.generations)))
