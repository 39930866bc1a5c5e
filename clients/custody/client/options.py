"""What the TLS options of a command say (`custody.private.tls_options`), as the client library wants it."""

from pathlib import Path

import click

from custody.client.credentials import TlsFiles
from custody.private.tls_options import tls_options

__all__ = ["read_tls", "tls_options"]


def read_tls(
    target: str, tls_ca: Path | None, tls_cert: Path | None, tls_key: Path | None, tls_passphrase_file: Path | None
) -> TlsFiles | None:
    """What the options say; None for a Unix socket. Raises click.UsageError when they are not whole."""
    if target.startswith("unix:"):
        return None
    if tls_ca is None or tls_cert is None or tls_key is None:
        raise click.UsageError("a ledger on the network needs --tls-ca, --tls-cert and --tls-key")
    return TlsFiles(roots=tls_ca, certificate=tls_cert, key=tls_key, passphrase_file=tls_passphrase_file)
