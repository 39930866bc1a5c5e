"""Options that several commands of the authority share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from custody.client.credentials import TlsFiles
from custody.enrol.telling import Telling

FILE: Final = click.Path(dir_okay=False, path_type=Path)
FOLDER: Final = click.Path(file_okay=False, path_type=Path)
F = TypeVar("F", bound=Callable[..., Any])

folder_argument = click.argument("folder", type=FOLDER, metavar="DIR")
authority_option = click.option(
    "--ca", "folder", type=FOLDER, required=True, metavar="DIR", help="Folder of the authority (custody ca init)."
)
ca_passphrase_option = click.option(
    "--ca-passphrase-file",
    type=FILE,
    metavar="FILE",
    help="Passphrase of the authority's key. Asked for when not given.",
)

_TELLING: Final = (
    click.option("--ledger", "ledger", metavar="TARGET", help="Tell this ledger's log: unix:PATH or HOST:PORT."),
    click.option("--log", "origin", metavar="ORIGIN", help="The log to tell."),
    click.option("--log-key", "vkeys", multiple=True, metavar="VKEY|FILE", help="Key of the log. Repeatable."),
    click.option("--tls-ca", type=FILE, metavar="PEM", help="Whom to believe that the ledger is the ledger."),
    click.option("--tls-cert", type=FILE, metavar="PEM", help="The administrator's certificate."),
    click.option("--tls-key", type=FILE, metavar="PEM", help="Its encrypted key."),
    click.option("--tls-passphrase-file", type=FILE, metavar="FILE", help="Passphrase of that key."),
)


def telling_options(command: F) -> F:
    """Adds the options by which the log is told."""
    for option in reversed(_TELLING):
        command = option(command)
    return command


def read_telling(
    *, ledger: str | None, origin: str | None, vkeys: tuple[str, ...], tls_ca: Path | None, tls_cert: Path | None,
    tls_key: Path | None, tls_passphrase_file: Path | None,
) -> Telling | None:  # fmt: skip
    """What the options say; None when no ledger is to be told. Raises click.UsageError when they are not whole."""
    if ledger is None:
        return None
    if origin is None or not vkeys:
        raise click.UsageError("--ledger needs --log and --log-key")
    given = (tls_ca, tls_cert, tls_key)
    tls = None
    if tls_ca is not None and tls_cert is not None and tls_key is not None:
        tls = TlsFiles(roots=tls_ca, certificate=tls_cert, key=tls_key, passphrase_file=tls_passphrase_file)
    elif any(given) or not ledger.startswith("unix:"):
        raise click.UsageError("a ledger on the network needs --tls-ca, --tls-cert and --tls-key")
    return Telling(target=ledger, log=origin, vkeys=tuple(line for text in vkeys for line in _vkeys(text)), tls=tls)


def _vkeys(text: str) -> list[str]:
    path = Path(text)
    if "+" in text and not path.exists():
        return [text]
    lines = [line.strip() for line in path.read_text(encoding="ascii").splitlines()]
    return [line for line in lines if line and not line.startswith("#")]
