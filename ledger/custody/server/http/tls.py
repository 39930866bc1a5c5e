"""TLS of the HTTP side, taken up anew at every handshake without a restart.

TLS 1.3. With authorities a client may bring a certificate: checkpoints and tiles are public, so nobody has to. The
handshake checks the chain and its dates; who it is and whether it was revoked is asked at every request (`access`).
"""

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from custody.server.watched_file import FileUnusable, WatchedFiles


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpTls:
    """Files, all PEM. `passphrase` is asked for once, where the key is encrypted."""

    certificate: Path
    key: Path
    passphrase: Callable[[], bytes]
    client_authorities: Path | None = None
    """Whose certificates clients may bring; None: nobody's."""
    revocation_lists: Path | None = None

    def context(self) -> ssl.SSLContext:
        """For a listening socket; follows the files. Raises FileUnusable, and what `passphrase` raises."""
        known: list[bytes] = []

        def passphrase() -> bytes:
            known[:] = known or [self.passphrase()]  # a key that is replaced keeps its passphrase
            return known[0]

        paths = [self.certificate, self.key]
        if self.client_authorities is not None:
            paths.append(self.client_authorities)
        files = WatchedFiles(paths, lambda: self._read(passphrase))

        def follow(connection: ssl.SSLObject | ssl.SSLSocket, *_: object) -> None:
            files.fresh()
            connection.context = files.value

        listening = files.value
        listening.sni_callback = follow  # called at every handshake, whether the client names a host or not
        return listening

    def _read(self, passphrase: Callable[[], bytes]) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        try:
            context.load_cert_chain(self.certificate, self.key, password=passphrase)
            if self.client_authorities is not None:
                context.load_verify_locations(self.client_authorities)
                context.verify_mode = ssl.CERT_OPTIONAL
        except ssl.SSLError as error:
            raise FileUnusable(f"{self.certificate} and what belongs to it cannot be used: {error}") from error
        return context
