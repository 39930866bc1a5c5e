"""Who a certificate says that its holder is: exactly one URI, `urn:custody:<role>:<name>`, of a role that exists."""

from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from custody.core.errors import MalformedError
from custody.core.roles import CERTIFIED, Role, role_of
from custody.server.identity import Unauthenticated


class Peer(NamedTuple):
    """A party at the other end of a connection; without a certificate on a plain socket."""

    identity: str
    role: Role
    serial: int = 0
    spki: bytes = b""
    """SubjectPublicKeyInfo of the certificate, DER; empty without one."""
    from_us: int = 0
    until_us: int = 0


# Every call of a connection shows the same certificate; the cache is a cap, not a growing set.
@lru_cache(maxsize=4_096)
def read_peer(pem: bytes) -> Peer:
    """Reads a peer's certificate, which TLS has checked. Raises Unauthenticated 'certificate-unusable'."""
    try:
        certificate = x509.load_pem_x509_certificate(pem)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        (uri,) = names.get_values_for_type(x509.UniformResourceIdentifier)
        role = role_of(uri)
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension, MalformedError) as error:
        raise Unauthenticated(
            "the certificate names no one identity urn:custody:<role>:<name>", code="certificate-unusable"
        ) from error
    if role not in CERTIFIED:
        raise Unauthenticated(f"no certificate makes anybody {role.value}", code="certificate-unusable")
    spki = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return Peer(uri, role, certificate.serial_number, spki, _us(begin), _us(end))


def _us(at: datetime) -> int:
    return int(at.timestamp()) * 1_000_000
