"""The options by which a command shows who it is to a ledger, and their environment variables; the same everywhere.

They stand here because clients and the verifier, which are blind to one another, both have them (docs/adr/0004).
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

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
        help="Passphrase of that key. [env: CUSTODY_TLS_PASSPHRASE_FILE]",
    ),
)  # fmt: skip


def tls_options(command: F) -> F:
    """Adds the options: `tls_ca`, `tls_cert`, `tls_key` and `tls_passphrase_file`, each a path or None."""
    for option in reversed(_TLS):
        command = option(command)
    return command
