"""Who a client is: TLS files, the device key that seals, and the one way in which every configuration file says so.

    [ledger.tls]                               [ledger.seal]
    roots = "ca.pem"                           key = "nvr-1.seal.key"
    certificate = "nvr-1.crt"                  passphrase_file = "passphrase"
    key = "nvr-1.key"                          id = "..."  # else the file beside the key, nvr-1.seal.id
    passphrase_file = "passphrase"

Files as `custody enrol` writes them; paths are below the configuration's folder. Keys are encrypted PKCS#8 and readable
by their owner alone; without a passphrase file the person at the terminal is asked.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cryptography import x509

from custody.client.sealing import SealingKey
from custody.client.wire import tls
from custody.core.errors import CustodyError, MalformedError
from custody.core.names import check_identity
from custody.private.key import key_pem, read_key
from custody.private.passphrase import Passphrase, choose

_ID_SUFFIX: Final = ".id"
_LOG: Final = logging.getLogger("custody.client")


class CredentialsUnusable(CustodyError):
    """A certificate, a key or a configuration of them that cannot be used."""

    code = "credentials-unusable"


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """Paths; the key is encrypted PKCS#8 and readable by its owner alone."""

    roots: Path
    certificate: Path
    key: Path
    passphrase_file: Path | None
    """None: the person at the terminal is asked."""

    def credentials(self, passphrase: Passphrase | None = None) -> Any:
        """For `LedgerClient.connect`; without `passphrase` it comes from the file or the person. Raises PrivateFileError, OSError."""
        key = read_key(self.key, passphrase or self.passphrase())
        return tls(roots=self.roots.read_bytes(), certificate=self.certificate.read_bytes(), key=key_pem(key))

    def passphrase(self) -> Passphrase:
        """Where the key's passphrase comes from."""
        return choose(self.passphrase_file, f"the key {self.key.name}")

    def identity(self) -> str:
        """The URN in the certificate, under which every receipt must file what was sent. Raises CredentialsUnusable, OSError."""
        try:
            return identity_in(x509.load_pem_x509_certificate(self.certificate.read_bytes()))
        except (ValueError, x509.ExtensionNotFound, MalformedError) as error:
            raise CredentialsUnusable(f"{self.certificate} names no one identity urn:custody:<role>:<name>") from error


class Renewal:
    """New credentials when the files were replaced: asked after a call that failed, so that it costs nothing while all is well.

    What cannot be used (half of it replaced, or another party's) is passed over, and looked at again at the next failure.
    """

    def __init__(self, files: TlsFiles) -> None:
        """Reads them. Raises CredentialsUnusable, PrivateFileError, OSError."""
        self._files = files
        secret = files.passphrase()()  # asked for once; a key that is replaced keeps its passphrase
        self._passphrase: Passphrase = lambda: secret
        self._used = self._look()
        self.identity = files.identity()
        self.first = files.credentials(self._passphrase)
        """Of the files as they are now."""

    def __call__(self) -> Any | None:
        """Credentials, or None when there are no others than before."""
        try:
            found = self._look()
            if found == self._used:
                return None
            if self._files.identity() != self.identity:
                raise CredentialsUnusable(f"{self._files.certificate} is not {self.identity}'s any more")
            made = self._files.credentials(self._passphrase)
        except (CustodyError, OSError) as error:
            _LOG.warning("renewed credentials are not taken up: %s", error)
            return None
        self._used = found
        _LOG.info("renewed credentials are taken up")
        return made

    def _look(self) -> tuple[bytes, ...]:
        files = self._files
        return tuple(path.read_bytes() for path in (files.roots, files.certificate, files.key))


def identity_in(certificate: x509.Certificate) -> str:
    """The one URI of a certificate. Raises ValueError, ExtensionNotFound, MalformedError ('identity-malformed')."""
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    (uri,) = names.get_values_for_type(x509.UniformResourceIdentifier)
    return check_identity(uri)


@dataclass(frozen=True, slots=True, kw_only=True)
class SealFiles:
    """The device key of `custody enrol --seal`."""

    key: Path
    passphrase_file: Path | None
    key_id: str = ""
    """Empty: what the file beside the key says."""

    def read(self) -> SealingKey:
        """Raises PrivateFileError, MalformedError ('key-id-malformed'), OSError."""
        key_id = self.key_id or self.key.with_suffix(_ID_SUFFIX).read_text(encoding="utf-8").removesuffix("\n")
        return SealingKey.read(self.key, key_id, choose(self.passphrase_file, f"the key {self.key.name}"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Both, as a configuration file says them; None where the file has no such table."""

    tls: TlsFiles | None = None
    seal: SealFiles | None = None

    @classmethod
    def take(cls, ledger: dict[str, Any], base: Path) -> "Credentials":
        """Takes the tables `tls` and `seal` out of a configuration's table [ledger]. Raises CredentialsUnusable."""
        # Whoever gives [ledger.tls] itself would speak plain text without knowing.
        if stray := sorted({"roots", "certificate", "key", "passphrase_file"} & set(ledger)):
            raise CredentialsUnusable(f"{stray[0]!r} belongs into the table tls or seal of [ledger]")
        tls_table = _paths(ledger.pop("tls", None), "[ledger.tls]", ("roots", "certificate", "key"), base)
        seal_table = _paths(ledger.pop("seal", None), "[ledger.seal]", ("key",), base)
        return cls(
            tls=TlsFiles(**tls_table) if tls_table is not None else None,
            seal=SealFiles(**seal_table) if seal_table is not None else None,
        )

    def settings(self) -> dict[str, Any]:
        """Arguments of `LedgerClient.connect`, without `sealing`. Raises CredentialsUnusable, PrivateFileError, OSError."""
        if self.tls is None:
            return {}
        renewal = Renewal(self.tls)
        return {"credentials": renewal.first, "identity": renewal.identity, "renew": renewal}


def _paths(table: object, where: str, needed: tuple[str, ...], base: Path) -> dict[str, Any] | None:
    if table is None:
        return None
    allowed = {*needed, "passphrase_file", *(("id",) if where == "[ledger.seal]" else ())}
    if not isinstance(table, Mapping) or not all(isinstance(value, str) and value for value in table.values()):
        raise CredentialsUnusable(f"{where} is no table of texts")
    if missing := [name for name in needed if name not in table]:
        raise CredentialsUnusable(f"{where} lacks {missing[0]!r}")
    if unknown := sorted(set(table) - allowed):
        raise CredentialsUnusable(f"{where}: unknown {', '.join(map(repr, unknown))}")
    read: dict[str, Any] = {name: base / value for name, value in table.items() if name != "id"}
    if "id" in table:
        read["key_id"] = table["id"]
    return {"passphrase_file": None, **read}
