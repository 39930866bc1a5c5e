"""`custody signer`: init, add-key, retire-key, serve, status. Results go to stdout, the log and everything else to stderr."""

import asyncio
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click
import structlog

from custody.core.codec import encode_base64
from custody.core.note import MAX_NOTE_BYTES, SignatureType
from custody.core.record_id import RANDOM_BYTES
from custody.private.passphrase import choose
from custody.signer.app import Settings, SignerApp, create_signer, now_us
from custody.signer.errors import SignerStateError
from custody.signer.report import Report, ask, read
from custody.signer.rotation import Moment, Told
from custody.signer.rotation import add_key as add_key_to
from custody.signer.rotation import retire_key as retire_key_of
from custody.signer.unix_socket import parse_address

FINDINGS: Final = 1

_FOLDER: Final = click.Path(file_okay=False, path_type=Path)
_FILE: Final = click.Path(dir_okay=False, path_type=Path)

_Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def _state_option(*, required: bool = True) -> _Decorator:
    return click.option(
        "--state", "state", type=_FOLDER, required=required, metavar="DIR", help="Folder of the signer's own state."
    )


_passphrase_option = click.option(
    "--passphrase-file",
    type=_FILE,
    metavar="FILE",
    help="File with the keys' passphrase, one line, readable by its owner alone. Asked for when not given.",
)
_WHAT: Final = "the signing key"


@click.command("init")
@click.option("--origin", required=True, metavar="NAME", help="Name of the log, as its checkpoints will carry it.")
@_state_option()
@click.option(
    "--key", "key_uri", metavar="URI", help="Where to make the key, file:/absolute/path. [default: key.pem in DIR]"
)
@click.option("--ml-dsa", is_flag=True, help="Make an ML-DSA-44 key too: every checkpoint gets a second signature.")
@_passphrase_option
def init(
    origin: str,
    state: Path,
    key_uri: str | None,
    ml_dsa: bool,  # noqa: FBT001 - click
    passphrase_file: Path | None,
) -> None:
    """Make a new key and its empty state, and print the key's public half (vkey).

    The two belong together for ever: a state that got lost is not made again for a key that may have signed.
    """
    for vkey in create_signer(
        origin=origin,
        key_uri=key_uri or f"file:{state.absolute() / 'key.pem'}",
        state=state.absolute(),
        passphrase=choose(passphrase_file, _WHAT, confirm=True),
        ml_dsa=ml_dsa,
    ):
        click.echo(vkey)


@click.command("add-key")
@_state_option()
@click.option("--key", "key_uri", metavar="URI", help="Where to make the key, file:/absolute/path. [default: in DIR]")
@click.option("--ml-dsa", is_flag=True, help="An ML-DSA-44 key; otherwise an Ed25519 one, to take over from the old.")
@_passphrase_option
def add_key(state: Path, key_uri: str | None, ml_dsa: bool, passphrase_file: Path | None) -> None:  # noqa: FBT001 - click
    """Make one more key, which signs beside the others from the next start on. The signer must be stopped.

    Prints the new vkey, and on stderr where the record lies that announces it in the log; see: custody keys tell
    """
    kind = SignatureType.ML_DSA_44 if ml_dsa else SignatureType.ED25519
    _tell(add_key_to(state.absolute(), kind, choose(passphrase_file, _WHAT), _moment(), uri=key_uri))


@click.command("retire-key")
@_state_option()
@click.argument("key_id", metavar="KEY-ID")
def retire_key(state: Path, key_id: str) -> None:
    """Let the key with this id (eight hex digits of its vkey) sign no more. The signer must be stopped.

    Prints its vkey, and on stderr where the record lies that tells the log; see: custody keys tell
    """
    _tell(retire_key_of(state.absolute(), key_id, _moment()))


def _moment() -> Moment:
    return Moment(now_us=now_us(), random=os.urandom(RANDOM_BYTES))


def _tell(told: Told) -> None:
    click.echo(told.vkey)
    click.echo(f"now start the signer again, and tell the log: custody keys tell {told.record} --ledger ...", err=True)


@click.command("serve")
@_state_option()
@click.option(
    "--socket", "address", required=True, metavar="PATH", help="Unix socket to listen on, in a folder of mode 0700."
)
@click.option(
    "--key", "key_uris", metavar="URI", multiple=True, help="Where a key is now, when it was moved. May be repeated."
)
@_passphrase_option
@click.option(
    "--floor",
    "floors",
    type=_FILE,
    multiple=True,
    metavar="NOTE",
    help="A signed checkpoint that somebody else holds; refuse to start when the state is older. May be repeated.",
)
def serve(
    state: Path, address: str, key_uris: tuple[str, ...], passphrase_file: Path | None, floors: tuple[Path, ...]
) -> None:
    """Sign consistent growth of one log until SIGTERM.

    Prints `signer ready ORIGIN VKEY...` when it listens.
    """
    _log_to_stderr()
    settings = Settings(
        state=state.absolute(),
        socket=parse_address(address if ":" in address else str(Path(address).absolute())),
        passphrase=choose(passphrase_file, _WHAT),
        key_uris=key_uris,
        floors=tuple(_read_floor(path) for path in floors),
    )
    asyncio.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    async with SignerApp(settings) as app:
        click.echo(" ".join(("signer ready", app.signer.origin, *(key.encode() for key in app.signer.vkeys))))
        sys.stdout.flush()
        await app.run()


@click.command("status")
@_state_option(required=False)
@click.option("--socket", "address", metavar="PATH", help="Ask the signer that listens here; needs --origin.")
@click.option("--origin", metavar="NAME", help="Name of the log to ask for.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON; with --state it holds the evidence of a fork too.")
def status(state: Path | None, address: str | None, origin: str | None, as_json: bool) -> int:  # noqa: FBT001 - click
    """Show what was signed last and whether the signer latched shut.

    Ask a running signer with --socket and --origin, or read a stopped one's folder with --state.
    Exit status 1 when it latched.
    """
    if (state is None) == (address is None) or (address is None) != (origin is None):
        raise click.UsageError("give either --state, or --socket and --origin")
    if state is not None:
        report = read(state.absolute())
    else:
        report = asyncio.run(ask(parse_address(str(Path(address or "").absolute())), origin or ""))
    click.echo(json.dumps(report.as_json(), indent=2) if as_json else _text(report))
    return FINDINGS if report.latched else 0


def _text(report: Report) -> str:
    signed = "nothing yet" if not report.checkpoint else f"size {report.size}, root {encode_base64(report.root)}"
    state = "LATCHED SHUT: two roots of one size were asked for" if report.latched else "open"
    rows = [("origin", report.origin), *(("vkey", vkey) for vkey in report.vkeys)]
    rows += [*(("ended", vkey) for vkey in report.retired), ("signed", signed), ("state", state)]
    return "\n".join(f"{name:8}{value}" for name, value in rows)


def _read_floor(path: Path) -> bytes:
    with path.open("rb") as file:
        data = file.read(MAX_NOTE_BYTES + 1)
    if len(data) > MAX_NOTE_BYTES:
        raise SignerStateError(f"{path} is too long for a checkpoint", code="signer-floor-invalid")
    return data


def _log_to_stderr() -> None:
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        # Looked up at every line and not kept: refusals are rare, and stderr may be replaced.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )
