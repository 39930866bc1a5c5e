"""Who a client is: TLS files, the device key that seals, and the one way in which every configuration file says so.

    [ledger.tls]                               [ledger.seal]
    roots = "ca.pem"                           key = "nvr-1.seal.key"
    certificate = "nvr-1.crt"                  passphrase_file = "passphrase"
    key = "nvr-1.key"                          id = "..."  # else the file beside the key, nvr-1.seal.id
    passphrase_file = "passphrase"

Files as `custody enrol` writes them; paths are below the configuration's folder. Keys are encrypted PKCS#8 and readable
by their owner alone; without a passphrase file the person at the terminal is asked.
"""

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
from custody.private.passphrase import choose

_ID_SUFFIX: Final = ".id"


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

    def credentials(self) -> Any:
        """For `LedgerClient.connect`. Raises PrivateFileError, OSError."""
        key = read_key(self.key, choose(self.passphrase_file, f"the key {self.key.name}"))
        return tls(roots=self.roots.read_bytes(), certificate=self.certificate.read_bytes(), key=key_pem(key))

    def identity(self) -> str:
        """The URN in the certificate, under which every receipt must file what was sent. Raises CredentialsUnusable, OSError."""
        try:
            return identity_in(x509.load_pem_x509_certificate(self.certificate.read_bytes()))
        except (ValueError, x509.ExtensionNotFound, MalformedError) as error:
            raise CredentialsUnusable(f"{self.certificate} names no one identity urn:custody:<role>:<name>") from error


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
        return {"credentials": self.tls.credentials(), "identity": self.tls.identity()}


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
