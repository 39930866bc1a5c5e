"""`custody prove`, `custody verify proof`, `custody verify fork`."""

import hashlib
import re
from contextlib import closing
from pathlib import Path
from typing import Final

import click

from custody.core.errors import CustodyError, MalformedError
from custody.core.fork_proof import MAX_FORK_BYTES, parse_fork, verify_fork
from custody.core.hashing import leaf_hash
from custody.core.limits import MAX_ENTRY_BYTES
from custody.core.tlog_proof import FILE_SUFFIX, MAX_TLOG_PROOF_BYTES, parse_tlog_proof, verify_tlog_proof
from custody.verifier.choose_log import choose_log
from custody.verifier.proving.making import find_file, find_record, prove
from custody.verifier.tiles.options import credential_options, read_credentials
from custody.verifier.trust import load_trust, trust_option

_FILE: Final = click.Path(dir_okay=False, path_type=Path)


@click.command("prove")
@click.argument("place", metavar="PATH|URL|postgresql://...")
@trust_option()
@click.option("--log", "origin", metavar="ORIGIN", help="Which log, where the place holds several.")
@click.option("--index", type=click.IntRange(0), help="The entry at this leaf index.")
@click.option("--record", metavar="ID", help="The record with this id (UUID).")
@click.option("--file", "footage", type=_FILE, metavar="FILE", help="The segment of this footage file, by its SHA-256.")
@click.option(
    "--out",
    type=_FILE,
    required=True,
    metavar="FILE",
    help="Where the entry goes; the proof beside it, as .tlog-proof.",
)
@credential_options
def prove_entry(
    *,
    place: str,
    trust: tuple[str, ...],
    origin: str | None,
    index: int | None,
    record: str | None,
    footage: Path | None,
    out: Path,
    **shown: Path | None,
) -> None:
    """Write one entry and the proof that it is in the log, for somebody who has no access to the log.

    The proof is a C2SP tlog-proof file with the log's last signed checkpoint and its cosignatures.
    """
    if [index, record, footage].count(None) != 2:
        raise click.UsageError("give one of --index, --record and --file")
    trusted = load_trust(trust).keys
    if not trusted:
        raise click.UsageError("give the log's key with --trust: a proof under an unknown key is none")
    with closing(choose_log(place, origin, trusted, read_credentials(**shown))()) as log:
        if record is not None:
            index = find_record(log, _record_id(record))
        elif footage is not None:
            with footage.open("rb") as file:
                index = find_file(log, hashlib.file_digest(file, "sha256").digest())
        assert index is not None
        proven = prove(log, index, trusted)
    proof = out.with_name(out.name + FILE_SUFFIX)
    out.write_bytes(proven.entry)
    proof.write_bytes(proven.proof.encode())
    click.echo(f"entry {index}: {out}, {proof}")


def _record_id(text: str) -> bytes:
    digits = text.replace("-", "")
    if not re.fullmatch(r"[0-9a-f]{32}", digits, re.ASCII):
        raise click.BadParameter("not a UUID in lowercase hexadecimal", param_hint="--record")
    return bytes.fromhex(digits)


@click.command("proof")
@click.argument("proof", type=_FILE, metavar="PROOF")
@click.argument("entry", type=_FILE, metavar="ENTRY")
@trust_option(required=True)
def verify_proof(proof: Path, entry: Path, trust: tuple[str, ...]) -> None:
    """Check offline that ENTRY is in a log: its signature, the witnesses' quorum, the inclusion.

    Without a policy in --trust no witness is asked for. Exit status: 0 proven, 1 not.
    """
    trusted = load_trust(trust)
    data = _read(proof, MAX_TLOG_PROOF_BYTES)
    try:
        read = parse_tlog_proof(data)
        witnessed = verify_tlog_proof(read, leaf_hash(_read(entry, MAX_ENTRY_BYTES)), trusted)
    except CustodyError as error:
        click.echo(f"NOT PROVEN: {error} [{error.code}]")
        raise click.exceptions.Exit(1) from error
    head = witnessed.checkpoint
    names = ", ".join(sorted({one.key.name for one in witnessed.cosignatures})) or "nobody"
    click.echo(
        f"proven: entry {read.index} of {head.origin}, under its checkpoint of size {head.size}, cosigned by {names}"
    )


@click.command("fork")
@click.argument("fork", type=_FILE, metavar="FILE")
@trust_option(required=True)
def verify_fork_file(fork: Path, trust: tuple[str, ...]) -> None:
    """Check a proof that a log signed two histories. Exit status: 0 the fork is proven, 1 it is not."""
    known = load_trust(trust).keys
    try:
        first, second = verify_fork(parse_fork(_read(fork, MAX_FORK_BYTES)), known)
    except CustodyError as error:
        click.echo(f"NOT PROVEN: {error} [{error.code}]")
        raise click.exceptions.Exit(1) from error
    click.echo(f"proven: {first.origin} signed size {first.size} and size {second.size}, and both cannot be true")


def _read(path: Path, maximum: int) -> bytes:
    with path.open("rb") as file:
        data = file.read(maximum + 1)
    if len(data) > maximum:
        raise MalformedError(f"{path} is longer than it may be")
    return data
