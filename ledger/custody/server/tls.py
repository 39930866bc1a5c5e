"""The server's own certificate and whom it believes, taken up anew at every handshake without a restart.

Mutual TLS 1.3 (see `custody.server`): the handshake checks the chain of the peer's certificate and its dates; who the peer
is and whether it was revoked is asked at every call (`gate`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from custody.private.key import key_pem, read_key
from custody.server.watched_file import FileUnusable, WatchedFiles


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsSettings:
    """Files, all PEM; the key is encrypted and its owner's alone."""

    certificate: Path
    key: Path
    passphrase: Callable[[], bytes]
    client_authorities: Path
    revocation_lists: Path | None


def server_credentials(settings: TlsSettings) -> Any:
    """For `add_secure_port`. Raises FileUnusable, PrivateFileError."""
    passphrase = settings.passphrase()  # asked for once; a key that is replaced keeps its passphrase
    files = WatchedFiles(
        [settings.certificate, settings.key, settings.client_authorities], lambda: _read(settings, passphrase)
    )

    def fetch() -> Any:
        return files.value if files.fresh() else None

    return grpc.dynamic_ssl_server_credentials(files.value, fetch, require_client_authentication=True)


def _read(settings: TlsSettings, passphrase: bytes) -> Any:
    chain = settings.certificate.read_bytes()
    roots = settings.client_authorities.read_bytes()
    try:
        certificate = x509.load_pem_x509_certificate(chain)
        x509.load_pem_x509_certificates(roots)
    except ValueError as error:
        raise FileUnusable(f"{settings.certificate} or {settings.client_authorities} holds no certificates") from error
    key = read_key(settings.key, lambda: passphrase)
    if not isinstance(certificate.public_key(), ec.EllipticCurvePublicKey):
        raise FileUnusable(f"{settings.certificate}: the server's certificate must be ECDSA", code="tls-not-ecdsa")
    if key.public_key() != certificate.public_key():
        raise FileUnusable(f"{settings.key} is not the key of {settings.certificate}")
    return grpc.ssl_server_certificate_configuration([(key_pem(key), chain)], root_certificates=roots)
