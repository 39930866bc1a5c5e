"""Which certificates are not to be believed: signed revocation lists (RFC 5280 section 5), taken up without a restart.

Rules: a list counts only when one of the trusted authorities signed it; a list that has expired makes every certificate of
its authority unbelievable, because somebody may have kept the newer one from us; an authority without any list is believed
only when no list is configured at all.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from cryptography import x509

from custody.server.watched_file import FileUnusable, WatchedFiles

_END: Final = b"-----END X509 CRL-----"


class _Lists(NamedTuple):
    expire_us: int
    """When the first of them expires."""
    serials: frozenset[int]


class RevocationLists:
    """One file with one or several lists, PEM. With no file nothing is revoked."""

    def __init__(self, path: Path | None, authorities: Path) -> None:
        """Raises FileUnusable."""
        self._file = None
        if path is not None:
            self._file = WatchedFiles([path], lambda: _read(path, authorities))

    def look(self) -> bool:
        """Takes up a new list; True when there is one."""
        return self._file is not None and self._file.fresh()

    def revoked(self, serial: int) -> bool:
        """Whether a list names this certificate."""
        return self._file is not None and serial in self._file.value.serials

    def expired(self, now_us: int) -> bool:
        """Whether a list is older than its authority allows."""
        return self._file is not None and now_us >= self._file.value.expire_us


def _read(path: Path, authorities: Path) -> _Lists:
    trusted = x509.load_pem_x509_certificates(authorities.read_bytes())
    serials: set[int] = set()
    ends: list[int] = []
    issuers: set[x509.Name] = set()
    for part in path.read_bytes().split(_END)[:-1]:
        try:
            listed = x509.load_pem_x509_crl(part.lstrip() + _END + b"\n")
        except ValueError as error:
            raise FileUnusable(f"{path} is no revocation list") from error
        if not any(_signed(listed, one) for one in trusted):
            raise FileUnusable(f"{path}: no trusted authority signed this revocation list")
        issuers.add(listed.issuer)
        end = listed.next_update_utc
        ends.append(int((end or datetime.max.replace(tzinfo=UTC)).timestamp() * 1e6))
        serials.update(one.serial_number for one in listed)
    if not ends:
        raise FileUnusable(f"{path} holds no revocation list")
    for one in trusted:
        if one.subject not in issuers:
            raise FileUnusable(f"{path} holds no revocation list of {one.subject.rfc4514_string()}")
    return _Lists(min(ends), frozenset(serials))


def _signed(listed: x509.CertificateRevocationList, authority: x509.Certificate) -> bool:
    key: Any = authority.public_key()
    try:
        return listed.issuer == authority.subject and listed.is_signature_valid(key)
    except TypeError:  # a key that signs no lists
        return False
