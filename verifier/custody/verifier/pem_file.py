"""Certificates that the caller trusts, from PEM files. Apart from `trust`, so that only who needs X.509 loads it."""

from pathlib import Path
from typing import Final

from cryptography.x509 import Certificate, load_pem_x509_certificates

from custody.verifier.trust import TrustError, read_bounded

MAX_PEM_BYTES: Final = 1 << 20


def read_certificates(path: Path, *, code: str = TrustError.code) -> list[Certificate]:
    """The certificates in a file. Raises TrustError, with this code where there are none."""
    try:
        return load_pem_x509_certificates(read_bounded(path, MAX_PEM_BYTES))
    except ValueError as error:
        raise TrustError(f"{path} has no certificates in PEM", code=code) from error
