"""Who asks for entries: a bearer token, a client certificate, or nobody in particular."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from custody.verifier.trust import TrustError

if TYPE_CHECKING:
    import ssl


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What is shown to a server over HTTP. Travels to the processes of an audit."""

    token: str = field(default="", repr=False)
    """Goes with requests for entries only."""
    authorities: Path | None = None
    """PEM: whom to believe that the server is the server; None: whom this machine believes."""
    certificate: Path | None = None
    """PEM: the client's certificate chain."""
    key: Path | None = None
    """PEM: its key."""
    passphrase: bytes = field(default=b"", repr=False)
    """Of the key, where it is encrypted."""

    def __post_init__(self) -> None:
        if (self.certificate is None) != (self.key is None):
            raise TrustError("a client certificate and its key go together")

    def context(self) -> ssl.SSLContext:
        """For a connection to the server. Raises TrustError for files that cannot be used."""
        import ssl  # costs commands that open no connection nothing

        try:
            context = ssl.create_default_context(cafile=self.authorities)
            if self.certificate is not None:
                # Without a passphrase OpenSSL would ask the terminal; an empty one is refused instead.
                context.load_cert_chain(self.certificate, self.key, password=lambda: self.passphrase)
        except OSError as error:  # ssl.SSLError is one
            raise TrustError(f"the TLS files cannot be used: {error}") from error
        return context


NOBODY = Credentials()
