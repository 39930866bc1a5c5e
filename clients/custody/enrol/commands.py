"""The commands of the authority. Secrets come from files or from a person, never from the command line."""

import asyncio
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import click
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from custody.authority.certificate import new_key
from custody.authority.folder import Enrolled, check_party, make_authority, open_authority, seal_key_id
from custody.authority.registration import identity_registered, key_revoked, seal_key_registered
from custody.core.errors import CustodyError
from custody.core.record_id import RANDOM_BYTES
from custody.core.rights import TABLE, Scoping
from custody.core.roles import CERTIFIED, Role
from custody.core.seal import ED25519, SealKey
from custody.enrol.options import (
    FILE,
    FOLDER,
    REASONS,
    authority_option,
    ca_passphrase_option,
    folder_argument,
    reason_option,
    since_option,
    telling_options,
)
from custody.enrol.telling import Telling
from custody.private.file import replace_file, write_new
from custody.private.key import write_key
from custody.private.passphrase import Passphrase, choose

_ROLES: Final = (*(role.value for role in CERTIFIED), Role.LEDGER.value)


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def _us(now: datetime) -> int:
    return int(now.timestamp()) * 1_000_000


@click.command("init")
@folder_argument
@click.option("--name", default="Custody authority", show_default=True, help="Name in the authority's certificate.")
@click.option("--days", default=3_650, show_default=True, type=click.IntRange(1, 36_500), help="How long it lasts.")
@ca_passphrase_option
def ca_init(folder: Path, name: str, days: int, ca_passphrase_file: Path | None) -> None:
    """Make a new certificate authority in DIR.

    Give DIR/ca.pem to every party and DIR/crl.pem to every server; DIR/ca.key stays here, encrypted.
    """
    passphrase = choose(ca_passphrase_file, "the authority's key", confirm=True)
    make_authority(folder, name, passphrase, _now(), timedelta(days=days))
    click.echo(folder / "ca.pem")


@click.command("crl")
@folder_argument
@ca_passphrase_option
def ca_crl(folder: Path, ca_passphrase_file: Path | None) -> None:
    """Make the revocation list anew, at least once a year: servers believe nobody after a list has expired."""
    with open_authority(folder, choose(ca_passphrase_file, "the authority's key")) as authority:
        authority.renew_list(_now())
    click.echo(folder / "crl.pem")


@click.command("enrol")
@authority_option
@ca_passphrase_option
@click.option("--role", required=True, type=click.Choice(_ROLES), help="What the party is.")
@click.option("--name", required=True, help="Its name, for ever; no natural person's.")
@click.option("--scope", "scopes", multiple=True, metavar="SITE/CAMERA|SITE/*", help="What it speaks for. Repeatable.")
@click.option("--host", "hosts", multiple=True, metavar="NAME|IP", help="Where a server is reached. Repeatable.")
@click.option("--days", default=825, show_default=True, type=click.IntRange(1, 3_650), help="How long it lasts.")
@click.option("--out", type=FOLDER, required=True, metavar="DIR", help="Where certificate, key and records go.")
@click.option(
    "--passphrase-file", type=FILE, metavar="FILE", help="Passphrase of the new key. Asked for when not given."
)
@click.option("--seal", "with_seal", is_flag=True, help="Make an Ed25519 key too, with which the party seals batches.")
@telling_options
def enrol(
    *, folder: Path, ca_passphrase_file: Path | None, role: str, name: str, scopes: tuple[str, ...],
    hosts: tuple[str, ...], days: int, out: Path, passphrase_file: Path | None, with_seal: bool,
    telling: Telling | None,
) -> None:  # fmt: skip
    """Give a party a certificate and say in the log what it may speak for.

    Writes NAME.crt and NAME.key (encrypted) into DIR, and the records for the log: NAME.identity.record, with --seal also
    NAME.seal.key and NAME.seal.record. With --ledger the records are appended at once, else an administrator appends
    them later (custody keys tell). Prints the key ids.
    """
    check_party(Role(role), name, scopes, hosts)
    if not scopes and TABLE[Role(role)].scoping is Scoping.REGISTERED:
        click.echo(f"{name} is given no --scope: until it has one, it can tell the log nothing", err=True)
    passphrase = choose(passphrase_file, "the new key", confirm=True)
    now = _now()
    out.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open_authority(folder, choose(ca_passphrase_file, "the authority's key")) as authority:
        # The key first: a crash leaves a key without a certificate, never a certificate whose key is lost.
        key = new_key()
        write_key(out / f"{name}.key", key, passphrase)
        made = authority.enrol(
            Role(role), name, key.public_key(), scopes=scopes, hosts=hosts, now=now, life=timedelta(days=days),
            seals=with_seal,
        )  # fmt: skip
    write_new(out / f"{name}.crt", made.certificate, mode=0o644)
    records = [] if role == Role.LEDGER.value else [(f"{name}.identity.record", _identity(made, now))]
    click.echo(made.key_id)
    if with_seal:
        key_id, record = _seal_key(out / f"{name}.seal.key", made, passphrase, now)
        records.append((f"{name}.seal.record", record))
        click.echo(key_id)
    for file_name, record in records:
        write_new(out / file_name, record, mode=0o644)
    if telling is not None and records:
        try:
            index, *_ = asyncio.run(telling.append([record for _, record in records]))
        except CustodyError:
            made_here = " ".join(str(out / file_name) for file_name, _ in records)
            click.echo(
                f"{name} is enrolled, and the log was not told; tell it later: custody keys tell {made_here}", err=True
            )
            raise
        click.echo(f"entry {index} of {telling.log}", err=True)


def _identity(made: Enrolled, now: datetime) -> bytes:
    return identity_registered(made, _us(now), os.urandom(RANDOM_BYTES))


def _seal_key(path: Path, made: Enrolled, passphrase: Passphrase, now: datetime) -> tuple[str, bytes]:
    key = Ed25519PrivateKey.generate()
    write_key(path, key, passphrase)
    public = SealKey(algorithm=ED25519, raw=key.public_key().public_bytes_raw())
    key_id = seal_key_id(made.key_id)
    write_new(path.with_suffix(".id"), f"{key_id}\n".encode(), mode=0o644)
    return key_id, seal_key_registered(key_id, public, made.identity, _us(now), os.urandom(RANDOM_BYTES))


@click.command("revoke")
@authority_option
@ca_passphrase_option
@click.argument("whom", metavar="IDENTITY|SERIAL|KEY-ID")
@reason_option
@since_option
@click.option("--out", type=FOLDER, metavar="DIR", help="Where the records for the log go. [default: the authority's]")
@telling_options
def revoke(
    *, folder: Path, ca_passphrase_file: Path | None, whom: str, reason: str, since: int | None, out: Path | None,
    telling: Telling | None,
) -> None:  # fmt: skip
    """Believe a party's certificates no more, and its device keys: a new revocation list, and records for the log.

    Servers take the list up by themselves as soon as DIR/crl.pem reaches them; open streams of the party end then too.
    A device key alone, or the key of a foreign certificate, is revoked by: custody keys revoke.
    """
    now = _now()
    flag, number = REASONS[reason]
    with open_authority(folder, choose(ca_passphrase_file, "the authority's key")) as authority:
        found = authority.revoke(whom, flag, now)
    records = []
    for one in found:
        for end, key_id in (("", one.key_id), (".seal", one.seal_key_id)):
            if key_id:
                random = os.urandom(RANDOM_BYTES)
                records.append(key_revoked(key_id, number, _us(now), random, from_us=since))
                replace_file((out or folder) / f"revoked-{one.serial}{end}.record", records[-1], mode=0o644)
                click.echo(key_id)
    if telling is not None and records:
        asyncio.run(telling.append(records))
