"""Exporters' certificates: a chain to a given authority, valid when the package was signed, not revoked then (checklist item 6).

The chain lies in the package (`signatures/<keyid>.chain.pem`, the key's own certificate first); the authority and its
revocation lists come from the reader, and lists may lie in the package too (`signatures/<n>.crl.pem`): they are signed.
What is checked of RFC 5280: names and signatures along the chain, validity and basic constraints at the moment of signing,
key usage of the key's own certificate, and the lists of every issuer of whom one is at hand. Without a list of an issuer the
certificate's revocation is not known, and the report says so.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import (
    BasicConstraints,
    Certificate,
    CertificateRevocationList,
    ExtensionNotFound,
    KeyUsage,
    RevokedCertificate,
    load_pem_x509_certificates,
    load_pem_x509_crl,
)

from custody.core.errors import MalformedError, SignatureError
from custody.core.seal import SealKey
from custody.verifier.package.container import Container

MAX_CHAIN: Final = 5
_CODE: Final = "exporter-certificate"


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateTrust:
    """Authorities of exporters that the reader trusts, and revocation lists of any authority, by whoever brought them."""

    authorities: Sequence[Certificate] = ()
    lists: Sequence[CertificateRevocationList] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Certified:
    """Whose key it is, and whether revocation could be looked at for the whole chain."""

    subject: str
    revocation_known: bool


def read_chain(pem: bytes) -> list[Certificate]:
    """Certificates in PEM, the key's own first. Raises MalformedError ('exporter-certificate')."""
    try:
        found = load_pem_x509_certificates(pem)
    except ValueError as error:
        raise MalformedError("not a chain of certificates in PEM", code=_CODE) from error
    if len(found) > MAX_CHAIN:
        raise MalformedError(f"a chain has at most {MAX_CHAIN} certificates", code=_CODE)
    return found


def read_crl(pem: bytes) -> CertificateRevocationList:
    """A revocation list in PEM. Raises MalformedError ('revocation-list')."""
    try:
        return load_pem_x509_crl(pem)
    except ValueError as error:
        raise MalformedError("not a revocation list in PEM", code="revocation-list") from error


def check_certificate(key: SealKey, chain: Sequence[Certificate], trust: CertificateTrust, at: datetime) -> Certified:
    """Follows the chain of `key` to an authority. Raises SignatureError ('exporter-certificate', 'exporter-revoked')."""
    leaf = chain[0]
    if _spki(leaf) != key.spki():
        raise SignatureError("the certificate is of another key", code=_CODE)
    _check_usage(leaf)
    known = True
    way = list(chain)
    for place, certificate in enumerate(way):
        if not certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc:
            raise SignatureError(f"{name_of(certificate)} was not valid when the package was signed", code=_CODE)
        root = next((one for one in trust.authorities if issued(one, certificate)), None)
        issuer = root or (way[place + 1] if place + 1 < len(way) else None)
        if issuer is None or (root is None and not issued(issuer, certificate)):
            raise SignatureError(f"{name_of(certificate)} was not issued by a given authority", code=_CODE)
        known &= _not_revoked(certificate, issuer, trust.lists, at)
        if root is not None:
            if not root.not_valid_before_utc <= at <= root.not_valid_after_utc:
                raise SignatureError(f"{name_of(root)} was not valid when the package was signed", code=_CODE)
            return Certified(subject=name_of(leaf), revocation_known=known)
    raise SignatureError("the chain leads to no given authority", code=_CODE)


def issued(issuer: Certificate, certificate: Certificate) -> bool:
    """True when the issuer may and did sign this certificate."""
    try:
        constraints = issuer.extensions.get_extension_for_class(BasicConstraints).value
        certificate.verify_directly_issued_by(issuer)
    except (ExtensionNotFound, ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return constraints.ca


def _spki(certificate: Certificate) -> bytes:
    """Empty for a key of an algorithm that is not known here."""
    try:
        return certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except (ValueError, UnsupportedAlgorithm):
        return b""


def _check_usage(leaf: Certificate) -> None:
    try:
        usage = leaf.extensions.get_extension_for_class(KeyUsage).value
    except ExtensionNotFound:
        return
    except ValueError as error:
        raise SignatureError("the certificate has extensions that cannot be read", code=_CODE) from error
    if not (usage.digital_signature or usage.content_commitment):
        raise SignatureError("the certificate is not for signatures", code=_CODE)


def listed(
    certificate: Certificate, issuer: Certificate, lists: Sequence[CertificateRevocationList], at: datetime
) -> tuple[list[RevokedCertificate], bool]:
    """What the issuer's lists say of a certificate, and whether one of them was made after `at` or still good then."""
    found = list(_lists_of(issuer, lists))
    rows = [one.get_revoked_certificate_by_serial_number(certificate.serial_number) for one in found]
    known = any(one.next_update_utc is None or one.next_update_utc >= at for one in found)
    return [row for row in rows if row is not None], known


def _lists_of(issuer: Certificate, lists: Sequence[CertificateRevocationList]) -> Iterator[CertificateRevocationList]:
    """Those that this issuer signed, whoever brought them."""
    for one in lists:
        try:
            if one.issuer == issuer.subject and one.is_signature_valid(issuer.public_key()):  # type: ignore[arg-type]
                yield one
        except (ValueError, TypeError, UnsupportedAlgorithm):
            continue  # a key or algorithm that is not known here vouches for nothing


def packed_lists(container: Container) -> list[CertificateRevocationList]:
    """Revocation lists in the package: they are signed, so they may come from anywhere. Raises MalformedError."""
    return [read_crl(container.read(name)) for name in container.below("signatures/") if name.endswith(".crl.pem")]


def _not_revoked(
    certificate: Certificate, issuer: Certificate, lists: Sequence[CertificateRevocationList], at: datetime
) -> bool:
    rows, known = listed(certificate, issuer, lists, at)
    if any(row.revocation_date_utc <= at for row in rows):
        raise SignatureError(
            f"{name_of(certificate)} was revoked before the package was signed", code="exporter-revoked"
        )
    return known


def name_of(certificate: Certificate) -> str:
    """The subject as RFC 4514 writes it, bounded."""
    return certificate.subject.rfc4514_string()[:200]
