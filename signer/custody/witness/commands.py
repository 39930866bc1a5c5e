"""`custody witness`: init, add-log, serve, status. Results go to stdout, the log and everything else to stderr."""

import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import Final

import click
import structlog

from custody.asgi.serving import HttpAddress, HttpServer
from custody.core.codec import encode_base64
from custody.core.errors import MalformedError
from custody.core.note import VerifierKey
from custody.core.policy import MAX_POLICY_BYTES, parse_policy
from custody.private.passphrase import choose
from custody.witness.app import WitnessApp
from custody.witness.decide import Held
from custody.witness.errors import WitnessStateError
from custody.witness.folder import check_private, create_witness, open_witness
from custody.witness.state import Memory, open_memory
from custody.witness.witness import Witness

FINDINGS: Final = 1
_FILE: Final = click.Path(dir_okay=False, path_type=Path)
_STATE: Final = click.option(
    "--state",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    metavar="DIR",
    help="The witness's folder.",
)
_PASSPHRASE: Final = click.option(
    "--passphrase-file", type=_FILE, metavar="FILE", help="File with the keys' passphrase; asked for when not given."
)


@click.command("init")
@click.option("--name", required=True, metavar="NAME", help='Name of the witness, e.g. "witness.example/authority".')
@_STATE
@_PASSPHRASE
@click.option("--ml-dsa", is_flag=True, help="Cosign with ML-DSA-44 too.")
def init(name: str, state: Path, passphrase_file: Path | None, ml_dsa: bool) -> None:  # noqa: FBT001 - click
    """Make a witness's keys and its empty memory, and print its vkeys.

    Give them to the logs that are to be witnessed, and to everybody who checks those logs.
    """
    for vkey in create_witness(
        state.absolute(), name, choose(passphrase_file, "the witness's keys", confirm=True), ml_dsa=ml_dsa
    ):
        click.echo(vkey)


@click.command("add-log")
@_STATE
@click.argument("vkeys", nargs=-1, required=True, metavar="VKEY...")
def add_log(state: Path, vkeys: tuple[str, ...]) -> None:
    """Begin to watch the log whose keys these are (all of one name). The witness must not be running.

    From then on only what extends the log's first offered checkpoint is cosigned. When the log gets a new key, give the
    old and the new one; when the old one has ended, the new one alone.
    """
    keys = tuple(VerifierKey.parse(vkey) for vkey in vkeys)
    if len({key.name for key in keys}) != 1:
        raise click.UsageError("the keys are of different logs")
    check_private(state.absolute())
    with open_memory(state.absolute()) as memory:
        memory.add_log(Held(origin=keys[0].name, keys=keys))
    click.echo(keys[0].name)


@click.command("serve")
@_STATE
@_PASSPHRASE
@click.option("--listen", required=True, metavar="HOST:PORT", help="Where logs reach this witness.")
@click.option("--tls-cert", type=_FILE, metavar="FILE", help="Certificate chain, PEM.")
@click.option("--tls-key", type=_FILE, metavar="FILE", help="Private key of that certificate, PEM.")
@click.option("--policy", type=_FILE, metavar="FILE", help="C2SP tlog-policy file: its logs are watched too.")
def serve(
    state: Path,
    passphrase_file: Path | None,
    listen: str,
    tls_cert: Path | None,
    tls_key: Path | None,
    policy: Path | None,
) -> None:
    """Cosign consistent growth of the known logs until SIGTERM.

    Prints `witness ready URL VKEY...` when it listens. Offers are checked by the log's own signature, so the address may
    be open to everybody.
    """
    _log_to_stderr()
    address = HttpAddress.parse(listen, tls_cert, tls_key)
    with open_witness(state.absolute(), choose(passphrase_file, "the witness's keys")) as witness:
        if policy is not None:
            add_policy(witness.memory, policy)
        asyncio.run(_serve(witness, address))


def add_policy(memory: Memory, path: Path) -> None:
    """Watches every log of a policy file. Raises MalformedError, WitnessStateError `witness-log-exists`."""
    with path.open("rb") as file:
        policy = parse_policy(file.read(MAX_POLICY_BYTES + 1))
    keys: dict[str, tuple[VerifierKey, ...]] = {}
    for one in policy.logs:
        keys[one.vkey.name] = (*keys.get(one.vkey.name, ()), one.vkey)
    if not keys:
        raise MalformedError(f"{path} names no log", code="policy-malformed")
    for origin, known in keys.items():
        memory.add_log(Held(origin=origin, keys=known))


async def _serve(witness: Witness, address: HttpAddress) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    server = HttpServer(WitnessApp(witness), address)
    url = await server.start()
    click.echo(" ".join(("witness ready", url, *witness.memory.vkeys)))
    sys.stdout.flush()
    await stop.wait()
    await server.stop()


@click.command("status")
@_STATE
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with both checkpoints of a fork.")
def status(state: Path, as_json: bool) -> int:  # noqa: FBT001 - click
    """Show what is held of every log. The witness must not be running. Exit status 1 when a log offered a fork."""
    check_private(state.absolute())
    rows = []
    with open_memory(state.absolute()) as memory:
        for origin in memory.logs():
            held, fork = memory.held(origin), memory.fork(origin)
            if held is None:
                raise WitnessStateError(f"the row of {origin} is gone")
            row = {"origin": origin, "size": held.size, "root": encode_base64(held.root), "fork": None}
            if fork is not None:
                row["fork"] = [note.decode() for note in fork]
            rows.append(row)
    if as_json:
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
    else:
        for row in rows:
            click.echo(
                f"{row['origin']}  size {row['size']}  root {row['root']}{'  FORK OFFERED' if row['fork'] else ''}"
            )
    return FINDINGS if any(row["fork"] for row in rows) else 0


def _log_to_stderr() -> None:
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )
