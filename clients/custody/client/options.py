"""The options by which a command shows who it is to a ledger, and their environment variables; the same everywhere."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from custody.client.credentials import TlsFiles

_FILE: Final = click.Path(dir_okay=False, path_type=Path)
F = TypeVar("F", bound=Callable[..., Any])

# An environment variable names a file, never a secret.
_TLS: Final = (
    click.option(
        "--tls-ca", type=_FILE, metavar="PEM", envvar="CUSTODY_TLS_CA",
        help="Whom to believe that the ledger is the ledger. [env: CUSTODY_TLS_CA]",
    ),
    click.option(
        "--tls-cert", type=_FILE, metavar="PEM", envvar="CUSTODY_TLS_CERT",
        help="Your certificate. [env: CUSTODY_TLS_CERT]",
    ),
    click.option(
        "--tls-key", type=_FILE, metavar="PEM", envvar="CUSTODY_TLS_KEY",
        help="Its encrypted key. [env: CUSTODY_TLS_KEY]",
    ),
    click.option(
        "--tls-passphrase-file", type=_FILE, metavar="FILE", envvar="CUSTODY_TLS_PASSPHRASE_FILE",
        help="Passphrase of that key; asked for when not given. [env: CUSTODY_TLS_PASSPHRASE_FILE]",
    ),
)  # fmt: skip


def tls_options(command: F) -> F:
    """Adds the options; `read_tls` takes what they were given."""
    for option in reversed(_TLS):
        command = option(command)
    return command


def read_tls(
    target: str, tls_ca: Path | None, tls_cert: Path | None, tls_key: Path | None, tls_passphrase_file: Path | None
) -> TlsFiles | None:
    """What the options say; None for a Unix socket. Raises click.UsageError when they are not whole."""
    if target.startswith("unix:"):
        return None
    if tls_ca is None or tls_cert is None or tls_key is None:
        raise click.UsageError("a ledger on the network needs --tls-ca, --tls-cert and --tls-key")
    return TlsFiles(roots=tls_ca, certificate=tls_cert, key=tls_key, passphrase_file=tls_passphrase_file)
