"""The options by which a command shows who it is to a log over HTTP."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click

from custody.private.passphrase import from_file
from custody.private.tls_options import tls_options
from custody.verifier.tiles.credentials import Credentials
from custody.verifier.trust import read_token

_FILE: Final = click.Path(dir_okay=False, path_type=Path)
_TOKEN: Final = click.option("--token-file", type=_FILE, metavar="FILE", help="Inspector's token, for the entries.")


def credential_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options; `read_credentials` takes what they were given."""
    return _TOKEN(tls_options(command))


def read_credentials(
    token_file: Path | None,
    tls_ca: Path | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    tls_passphrase_file: Path | None,
) -> Credentials:
    """What the options say. Raises TrustError, PrivateFileError."""
    return Credentials(
        token=read_token(token_file),
        authorities=tls_ca,
        certificate=tls_cert,
        key=tls_key,
        passphrase=from_file(tls_passphrase_file)() if tls_passphrase_file is not None else b"",
    )
