"""TLS from files: trusted roots, the client's certificate, its encrypted key."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from custody.client.wire import tls
from custody.private.key import key_pem, read_key
from custody.private.passphrase import choose


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
