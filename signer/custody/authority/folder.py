"""The authority as a folder: its key, its certificate, the index, the revocation list.

    ca.pem  the certificate, for everybody        ca.key  the key, encrypted, 0600
    crl.pem the revocation list, for every server index.jsonl what was issued and revoked

One command at a time works on it (`lock`); nothing listens, and the key is in memory only while a command runs.
"""

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from custody.authority.certificate import Revoked, make_client, make_crl, make_root, make_server, new_key
from custody.authority.errors import AuthorityError
from custody.authority.index import Index, Issued, RevokedLine
from custody.core.roles import Role, check_scope, identity_of
from custody.private.file import replace_file, write_new
from custody.private.key import read_key, write_key
from custody.private.passphrase import Passphrase

CRL_LIFE: Final = timedelta(days=370)
"""A year and some days: whoever revokes nobody still makes a new list once a year (`custody ca crl`)."""

_PUBLIC: Final = 0o644


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolled:
    """What a party is given, and what the log is told of it."""

    identity: str
    key_id: str
    certificate: bytes
    """PEM."""
    spki: bytes
    """DER."""
    not_after_us: int
    scopes: tuple[str, ...]


def check_party(role: Role, name: str, scopes: Sequence[str], hosts: Sequence[str]) -> str:
    """Whether somebody can be enrolled like this, before any key is made for him; returns his identity.

    Raises MalformedError for a name or scope without form, AuthorityError 'authority-hosts'.
    """
    identity = identity_of(role, name)
    for scope in scopes:
        check_scope(scope)
    if role is Role.LEDGER and not hosts:
        raise AuthorityError("a server needs host names, under which it is reached: --host", code="authority-hosts")
    if hosts and role is not Role.LEDGER:
        raise AuthorityError("only a server is enrolled with host names", code="authority-hosts")
    return identity


def make_authority(folder: Path, name: str, passphrase: Passphrase, now: datetime, life: timedelta) -> None:
    """Makes a new authority in a new or empty folder. Raises AuthorityError 'authority-exists'."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise AuthorityError(f"{folder} is not empty; an authority is never replaced", code="authority-exists")
    key = new_key()
    root = make_root(key, name, now, life)
    write_key(folder / "ca.key", key, passphrase)
    write_new(folder / "index.jsonl", b"")
    write_new(folder / "crl.pem", make_crl(root, key, [], 1, now, CRL_LIFE), mode=_PUBLIC)
    # Last: a folder with a certificate is a whole authority.
    write_new(folder / "ca.pem", root.public_bytes(Encoding.PEM), mode=_PUBLIC)


class Authority:
    """An opened authority; made by `open_authority`."""

    def __init__(self, folder: Path, root: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        self._folder = folder
        self._root = root
        self._key = key
        self.index = Index(folder / "index.jsonl")

    def enrol(
        self, role: Role, name: str, key: ec.EllipticCurvePublicKey, *,
        scopes: Sequence[str] = (), hosts: Sequence[str] = (), now: datetime, life: timedelta, seals: bool = False,
    ) -> Enrolled:  # fmt: skip
        """Issues a certificate; with role LEDGER a server's, for `hosts`. `seals`: a device key is made with it.

        Raises as `check_party`.
        """
        identity = check_party(role, name, scopes, hosts)
        if role is Role.LEDGER:
            made = make_server(self._root, self._key, key, identity, hosts, now, life)
        else:
            made = make_client(self._root, self._key, key, identity, now, life)
        spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        digest = sha256(spki).hexdigest()
        key_id = key_id_of(identity, spki)
        self.index.add(
            Issued(
                serial=f"{made.serial_number:x}",
                identity=identity,
                key_id=key_id,
                spki_sha256=digest,
                issued_at=now.isoformat(),
                not_after=made.not_valid_after_utc.isoformat(),
                scopes=tuple(scopes),
                seal_key_id=seal_key_id(key_id) if seals else "",
            )
        )
        return Enrolled(
            identity=identity,
            key_id=key_id,
            certificate=made.public_bytes(Encoding.PEM),
            spki=spki,
            not_after_us=int(made.not_valid_after_utc.timestamp()) * 1_000_000,
            scopes=tuple(scopes),
        )

    def revoke(self, name: str, reason: x509.ReasonFlags, now: datetime) -> list[Issued]:
        """Revokes every certificate of an identity, or the one with a serial or key id; makes a new revocation list.

        Repeating it is harmless and makes the list anew. Raises AuthorityError 'authority-unknown' when there is no such
        certificate at all.
        """
        found = self.index.find(name)
        if not found and name not in {one for issued in self.index.issued.values() for one in _names(issued)}:
            raise AuthorityError(f"no certificate was issued to {name!r}", code="authority-unknown")
        for one in found:
            self.index.add(RevokedLine(serial=one.serial, revoked_at=now.isoformat(), reason=reason.value))
        self.renew_list(now)
        return found

    def renew_list(self, now: datetime) -> None:
        """Makes the revocation list anew from the index; servers take it up without a restart."""
        path = self._folder / "crl.pem"
        held = x509.load_pem_x509_crl(path.read_bytes())
        number = held.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number + 1
        revoked = [
            Revoked(
                serial=int(one.serial, 16),
                at=datetime.fromisoformat(one.revoked_at),
                reason=x509.ReasonFlags(one.reason),
            )
            for one in self.index.revoked.values()
        ]
        replace_file(path, make_crl(self._root, self._key, revoked, number, now, CRL_LIFE), mode=_PUBLIC)


def key_id_of(identity: str, spki: bytes) -> str:
    """Under which the log knows a certificate's key: role, name, and the beginning of the key's SHA-256."""
    _, _, role, name = identity.split(":", 3)
    return f"{role}/{name}/{sha256(spki).hexdigest()[:16]}"


def seal_key_id(key_id: str) -> str:
    """Id of the device key that belongs to a certificate's key."""
    return f"seal/{key_id}"


def _names(issued: Issued) -> tuple[str, str, str]:
    return issued.serial, issued.identity, issued.key_id


@contextmanager
def open_authority(folder: Path, passphrase: Passphrase) -> Iterator[Authority]:
    """Opens the authority for one command. Raises AuthorityError, PrivateFileError."""
    try:
        root = x509.load_pem_x509_certificate((folder / "ca.pem").read_bytes())
    except (OSError, ValueError) as error:
        raise AuthorityError(f"{folder} holds no authority; make one with: custody ca init") from error
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        key = read_key(folder / "ca.key", passphrase)
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != root.public_key():
            raise AuthorityError(f"{folder / 'ca.key'} is not the key of ca.pem", code="authority-damaged")
        yield Authority(folder, root, key)
    finally:
        os.close(descriptor)
