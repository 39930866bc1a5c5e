"""Certificates and the revocation list, X.509 (RFC 5280): pure building, the clock and the keys are the caller's.

Rules here: ECDSA P-256 with SHA-256 throughout (gRPC's TLS takes no Ed25519 certificate); a client's certificate carries
exactly one URI, its identity, and is good for nothing but client authentication; a server's carries the names and
addresses under which it is reached, and is good for nothing but that. No personal data stands in a subject.
"""

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

BACKDATED: Final = timedelta(minutes=5)
"""A certificate begins a little earlier than now, because clocks of the parties differ."""
_COMMON_NAME_CHARS: Final = 64
"""RFC 5280, ub-common-name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoked:
    """One line of the revocation list."""

    serial: int
    at: datetime
    reason: x509.ReasonFlags


def new_key() -> ec.EllipticCurvePrivateKey:
    """A fresh P-256 key."""
    return ec.generate_private_key(ec.SECP256R1())


def make_root(key: ec.EllipticCurvePrivateKey, name: str, now: datetime, life: timedelta) -> x509.Certificate:
    """The authority's own certificate; it signs certificates and revocation lists and nothing else."""
    subject = _subject(name)
    builder = _begin(subject, subject, key.public_key(), now, now + life)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(signs_certificates=True), critical=True)
    return builder.sign(key, SHA256())


def make_client(
    root: x509.Certificate, key: ec.EllipticCurvePrivateKey, public: ec.EllipticCurvePublicKey, identity: str,
    now: datetime, life: timedelta,
) -> x509.Certificate:  # fmt: skip
    """A party's certificate; its one URI is the identity."""
    names = [x509.UniformResourceIdentifier(identity)]
    return _leaf(root, key, public, identity, names, ExtendedKeyUsageOID.CLIENT_AUTH, now, life)


def make_server(
    root: x509.Certificate, key: ec.EllipticCurvePrivateKey, public: ec.EllipticCurvePublicKey, identity: str,
    hosts: Sequence[str], now: datetime, life: timedelta,
) -> x509.Certificate:  # fmt: skip
    """A server's certificate for host names and IP addresses."""
    names = [_host(host) for host in hosts]
    return _leaf(root, key, public, identity, names, ExtendedKeyUsageOID.SERVER_AUTH, now, life)


def make_crl(
    root: x509.Certificate, key: ec.EllipticCurvePrivateKey, revoked: Iterable[Revoked], number: int,
    now: datetime, life: timedelta,
) -> bytes:  # fmt: skip
    """The signed revocation list, PEM. Whoever reads it refuses everybody once `now + life` has passed."""
    builder = x509.CertificateRevocationListBuilder(
        issuer_name=root.subject, last_update=now - BACKDATED, next_update=now + life
    ).add_extension(x509.CRLNumber(number), critical=False)
    for one in revoked:
        line = x509.RevokedCertificateBuilder(serial_number=one.serial, revocation_date=one.at)
        builder = builder.add_revoked_certificate(
            line.add_extension(x509.CRLReason(one.reason), critical=False).build()
        )
    return builder.sign(key, SHA256()).public_bytes(Encoding.PEM)


def _leaf(
    root: x509.Certificate, key: ec.EllipticCurvePrivateKey, public: ec.EllipticCurvePublicKey, identity: str,
    names: Sequence[x509.GeneralName], use: x509.ObjectIdentifier, now: datetime, life: timedelta,
) -> x509.Certificate:  # fmt: skip
    # Nobody's certificate may outlive the one that vouches for it.
    end = min(now + life, root.not_valid_after_utc)
    builder = _begin(_subject(identity), root.subject, public, now, end)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(signs_certificates=False), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([use]), critical=True)
    builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())
    return builder.add_extension(identifier, critical=False).sign(key, SHA256())


def _begin(
    subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey, now: datetime, end: datetime
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder(
        subject_name=subject,
        issuer_name=issuer,
        public_key=public,
        serial_number=x509.random_serial_number(),
        not_valid_before=now - BACKDATED,
        not_valid_after=end,
    )
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _subject(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[-_COMMON_NAME_CHARS:])])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
