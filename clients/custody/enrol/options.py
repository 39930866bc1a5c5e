"""Options that several commands of the authority share."""

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import Any, Final, TypeVar

import click
from cryptography import x509

from custody.client.options import read_tls, tls_options
from custody.enrol.telling import Telling
from custody.v1 import record_pb2
from custody.verifier.trust import load_trust, trust_option

FILE: Final = click.Path(dir_okay=False, path_type=Path)
FOLDER: Final = click.Path(file_okay=False, path_type=Path)
F = TypeVar("F", bound=Callable[..., Any])

folder_argument = click.argument("folder", type=FOLDER, metavar="DIR")
REASONS: Final = {
    "superseded": (x509.ReasonFlags.superseded, record_pb2.REVOCATION_REASON_SUPERSEDED),
    "compromised": (x509.ReasonFlags.key_compromise, record_pb2.REVOCATION_REASON_COMPROMISED),
    "retired": (x509.ReasonFlags.cessation_of_operation, record_pb2.REVOCATION_REASON_RETIRED),
}
"""Why a key is revoked, as revocation lists (RFC 5280 section 5.3.1) and as the log say it."""
reason_option = click.option("--reason", type=click.Choice(list(REASONS)), default="compromised", show_default=True)


def _moment(_: object, __: object, text: str | None) -> int | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter(f"not an ISO 8601 time: {text}") from error
    if moment.tzinfo is None:
        raise click.BadParameter(f"{text} has no offset from UTC")
    return int(moment.timestamp()) * 1_000_000


since_option = click.option(
    "--since",
    callback=_moment,
    metavar="TIME",
    help="From when on the key is not to be believed, if that was earlier (ISO 8601 with offset). [default: now]",
)
authority_option = click.option(
    "--ca", "folder", type=FOLDER, required=True, metavar="DIR", help="Folder of the authority (custody ca init)."
)
ca_passphrase_option = click.option(
    "--ca-passphrase-file",
    type=FILE,
    metavar="FILE",
    help="Passphrase of the authority's key. Asked for when not given.",
)

_TlsPaths = tuple[Path | None, Path | None, Path | None, Path | None]
_TELLING: Final = (
    click.option("--ledger", "ledger", metavar="TARGET", help="Tell this ledger's log: unix:PATH or HOST:PORT."),
    click.option("--log", "origin", metavar="ORIGIN", help="The log to tell."),
    trust_option(),
)


def telling_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options by which the log is told, as the administrator whose certificate is given.

    The command gets what they say together as `telling`; None when no ledger is to be told.
    """

    @wraps(command)
    def run(
        *, ledger: str | None, origin: str | None, trust: tuple[str, ...], tls_ca: Path | None, tls_cert: Path | None,
        tls_key: Path | None, tls_passphrase_file: Path | None, **others: Any,
    ) -> Any:  # fmt: skip
        tls = (tls_ca, tls_cert, tls_key, tls_passphrase_file)
        return command(telling=_read_telling(ledger, origin, trust, tls), **others)

    run = tls_options(run)
    for option in reversed(_TELLING):
        run = option(run)
    return run


def _read_telling(ledger: str | None, origin: str | None, trust: tuple[str, ...], tls: "_TlsPaths") -> Telling | None:
    """Raises click.UsageError when the options are not whole."""
    if ledger is None:
        return None
    if origin is None or not trust:
        raise click.UsageError("--ledger needs --log and --trust")
    return Telling(target=ledger, log=origin, trust=load_trust(trust), tls=read_tls(ledger, *tls))
