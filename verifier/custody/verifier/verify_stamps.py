"""`custody verify stamps`: the ledger's archive of time stamps, checked offline (docs/spec/timestamps.md, "Archive").

Each stamped checkpoint is opened with the trusted keys, each token held against what it must be over and the pinned roots,
each renewal against the generations before it. Consistency of the checkpoints is `verify log`'s matter.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click
from cryptography.x509 import Certificate

from custody.core.checkpoint import open_checkpoint
from custody.core.errors import CustodyError, MalformedError, SignatureError
from custody.core.note import MAX_NOTE_BYTES, VerifierKey
from custody.core.timestamp import MAX_TOKEN_BYTES, read_generations, read_token, renewal_data
from custody.verifier.log_output import printable
from custody.verifier.pem_file import read_certificates
from custody.verifier.trust import load_trust, trust_option

_NAME: Final = re.compile(r"(0|[1-9][0-9]{0,18})\.(0|[1-9][0-9]{0,3})", re.ASCII)
MAX_GENERATIONS: Final = 10_000


@click.command("stamps")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="DIR")
@trust_option(required=True)
@click.option(
    "--tsa-root", "roots", type=click.Path(dir_okay=False, path_type=Path), multiple=True, required=True, metavar="PEM",
    help="Root of a time-stamping authority. Repeatable.",
)  # fmt: skip
def verify_stamps(folder: Path, trust: tuple[str, ...], roots: tuple[Path, ...]) -> int:
    """List and check the time stamps in DIR, the folder of one log below what `custody serve --timestamps` was given.

    Exit status: 0 all are good, 1 something is wrong, 2 could not check.
    """
    keys = [one.vkey for one in load_trust(trust).logs]
    pinned = [certificate for path in roots for certificate in read_certificates(path, code="tsa-root")]
    sizes = sorted(_generations(folder))
    if not sizes:
        raise MalformedError(
            f"{folder} holds no time stamp, so nothing was checked; give the folder of one log",
            code="timestamp-archive",
        )
    wrong = 0
    for size in sizes:
        try:
            click.echo(_check(folder, size, keys, pinned))
        except (CustodyError, OSError) as error:
            wrong += 1
            click.echo(f"{size}: {printable(str(error))} [{getattr(error, 'code', 'timestamp-archive')}]")
    return 1 if wrong else 0


def _check(folder: Path, size: int, keys: list[VerifierKey], roots: list[Certificate]) -> str:
    """One line on the stamps of one checkpoint. Raises CustodyError, OSError."""
    numbers = sorted(_generations(folder)[size])
    if numbers != list(range(len(numbers))) or len(numbers) > MAX_GENERATIONS:
        raise MalformedError("a generation is missing", code="timestamp-archive")
    generations: list[list[bytes]] = []
    note = b""
    for number in numbers:
        place = folder / f"{size}.{number}"
        tokens = sorted(place.glob("*.tsr"), key=lambda path: int(path.stem) if path.stem.isdecimal() else 0)
        data = _read(place / "data", MAX_NOTE_BYTES if not number else 1 << 26)
        note = note or data
        if number and data != renewal_data(note, generations):
            raise SignatureError("a renewal is not over the tokens before it", code="timestamp-other")
        generations.append([_read(path, MAX_TOKEN_BYTES) for path in tokens])
    opened = open_checkpoint(note, keys)
    if opened.size != size:
        raise MalformedError(f"the stamped checkpoint is of {opened.size} entries", code="timestamp-archive")
    times = [token.at for token in read_generations(note, generations, roots)]
    until = min(read_token(raw).expires for raw in generations[-1])
    return (
        f"{size}: existed at {min(times[: len(generations[0])]).isoformat()}; {len(times)} tokens, {len(numbers) - 1} renewals;"
        f" good until {until.isoformat()}"
    )


def _generations(folder: Path) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for match in _names(folder):
        found.setdefault(int(match[1]), []).append(int(match[2]))
    return found


def _names(folder: Path) -> Iterator[re.Match[str]]:
    for path in folder.iterdir():
        if match := _NAME.fullmatch(path.name):
            yield match


def _read(path: Path, limit: int) -> bytes:
    with path.open("rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise MalformedError(f"{path.name} is much too long", code="timestamp-archive")
    return data
