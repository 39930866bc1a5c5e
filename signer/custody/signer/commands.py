"""`custody signer`: init, serve, status. Results go to stdout, the log and everything else to stderr."""

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click
import structlog

from custody.core.codec import encode_base64
from custody.core.note import MAX_NOTE_BYTES
from custody.signer.app import Settings, SignerApp, create_signer
from custody.signer.errors import SignerKeyError, SignerStateError
from custody.signer.keys import Passphrase
from custody.signer.keys.passphrase import from_file
from custody.signer.report import Report, ask, read
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
    help="File with the key's passphrase, one line, readable by its owner alone. Asked for when not given.",
)


@click.command("init")
@click.option("--origin", required=True, metavar="NAME", help="Name of the log, as its checkpoints will carry it.")
@_state_option()
@click.option(
    "--key", "key_uri", metavar="URI", help="Where to make the key, file:/absolute/path. [default: key.pem in DIR]"
)
@_passphrase_option
def init(origin: str, state: Path, key_uri: str | None, passphrase_file: Path | None) -> None:
    """Make a new key and its empty state, and print the key's public half (vkey).

    The two belong together for ever: a state that got lost is not made again for a key that may have signed.
    """
    click.echo(
        create_signer(
            origin=origin,
            key_uri=key_uri or f"file:{state.absolute() / 'key.pem'}",
            state=state.absolute(),
            passphrase=_passphrase(passphrase_file, confirm=True),
        )
    )


@click.command("serve")
@_state_option()
@click.option(
    "--socket", "address", required=True, metavar="PATH", help="Unix socket to listen on, in a folder of mode 0700."
)
@click.option("--key", "key_uri", metavar="URI", help="Where the key is now, when it was moved since `init`.")
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
    state: Path, address: str, key_uri: str | None, passphrase_file: Path | None, floors: tuple[Path, ...]
) -> None:
    """Sign consistent growth of one log until SIGTERM.

    Prints `signer ready ORIGIN VKEY` when it listens.
    """
    _log_to_stderr()
    settings = Settings(
        state=state.absolute(),
        socket=parse_address(address if ":" in address else str(Path(address).absolute())),
        passphrase=_passphrase(passphrase_file, confirm=False),
        key_uri=key_uri,
        floors=tuple(_read_floor(path) for path in floors),
    )
    asyncio.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    async with SignerApp(settings) as app:
        click.echo(f"signer ready {app.signer.origin} {app.signer.vkey}")
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
    rows = [("origin", report.origin), *(("vkey", vkey) for vkey in report.vkeys), ("signed", signed), ("state", state)]
    return "\n".join(f"{name:8}{value}" for name, value in rows)


def _passphrase(path: Path | None, *, confirm: bool) -> Passphrase:
    if path is not None:
        return from_file(path)

    def ask_person() -> bytes:
        if not sys.stdin.isatty():
            raise SignerKeyError(
                "there is no terminal to ask for the passphrase; use --passphrase-file",
                code="signer-passphrase-missing",
            )
        answer: str = click.prompt(
            "Passphrase of the signing key", hide_input=True, confirmation_prompt=confirm, err=True
        )
        return answer.encode()

    return ask_person


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
