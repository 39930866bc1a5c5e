"""`custody keys ...`: what an administrator tells the log of keys that no authority of ours has issued, and of any others.

Certificates of an authority that exists already, device keys that were made elsewhere, and revocations of both: each is a
record in the chain `log/keys`, with who it is for, since when, and why.
"""

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path

import click
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from custody.authority.folder import seal_key_id
from custody.authority.registration import certificate_registered, key_revoked, seal_key_registered
from custody.client.credentials import CredentialsUnusable, identity_in
from custody.core.errors import MalformedError
from custody.core.names import check_key_id
from custody.core.record_id import RANDOM_BYTES
from custody.core.roles import CERTIFIED, check_scope, role_of
from custody.core.seal import SealKey
from custody.enrol.options import FILE, REASONS, reason_option, since_option, telling_options
from custody.enrol.telling import Telling
from custody.private.file import write_new


def _now_us() -> int:
    return int(datetime.now(UTC).timestamp()) * 1_000_000


@click.command("register")
@click.argument("certificate", type=FILE, metavar="CERTIFICATE")
@click.option("--scope", "scopes", multiple=True, metavar="SITE/CAMERA|SITE/*", help="What it speaks for. Repeatable.")
@click.option("--seal-key", type=FILE, metavar="PEM", help="Public device key with which the party seals its batches.")
@click.option(
    "--out", type=FILE, required=True, metavar="FILE", help="Where the record goes; with --seal-key FILE.seal too."
)
@telling_options
def register(
    *, certificate: Path, scopes: tuple[str, ...], seal_key: Path | None, out: Path,
    telling: Telling | None,
) -> None:  # fmt: skip
    """Say in the log what the holder of a CERTIFICATE (PEM) of your own authority may speak for.

    Its key must be ECDSA P-256, and it must name one URI, urn:custody:<role>:<name>. Prints the key ids. With --ledger the
    records are appended at once, else later (custody keys tell).
    """
    try:
        holder, spki, until_us = _read_certificate(certificate.read_bytes())
        scopes = tuple(map(check_scope, scopes))
        device = _read_device(seal_key.read_bytes()) if seal_key is not None else None
    except (ValueError, MalformedError, UnsupportedAlgorithm, x509.ExtensionNotFound) as error:
        raise CredentialsUnusable(f"{certificate}: {error}") from error
    now_us = _now_us()
    key_id, record = certificate_registered(spki, holder, scopes, until_us, now_us, os.urandom(RANDOM_BYTES))
    records = [(out, record)]
    click.echo(key_id)
    if device is not None:
        seal_id = seal_key_id(key_id)
        made = seal_key_registered(seal_id, device, holder, now_us, os.urandom(RANDOM_BYTES))
        records.append((out.with_name(f"{out.name}.seal"), made))
        click.echo(seal_id)
    for path, raw in records:
        write_new(path, raw, mode=0o644)
    if telling is not None:
        index, *_ = asyncio.run(telling.append([raw for _, raw in records]))
        click.echo(f"entry {index} of {telling.log}", err=True)


def _read_certificate(pem: bytes) -> tuple[str, bytes, int]:
    """Identity, SubjectPublicKeyInfo, end. Raises ValueError, MalformedError, ExtensionNotFound."""
    certificate = x509.load_pem_x509_certificate(pem)
    holder = identity_in(certificate)
    if role_of(holder) not in CERTIFIED:
        raise ValueError("no certificate makes anybody that role")
    key = certificate.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ValueError("the log registers certificates with ECDSA P-256 keys only")  # noqa: TRY004  a wrong value
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return holder, spki, int(certificate.not_valid_after_utc.timestamp()) * 1_000_000


def _read_device(pem: bytes) -> SealKey:
    """The algorithm follows from the one encoding that fits. Raises ValueError, UnsupportedAlgorithm."""
    spki = load_pem_public_key(pem).public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    try:
        return SealKey.of_spki(spki)
    except MalformedError as error:
        raise ValueError("a device key is Ed25519, ECDSA P-256 or ML-DSA-44") from error


@click.command("revoke")
@click.argument("key_id", metavar="KEY-ID")
@reason_option
@since_option
@click.option("--out", type=FILE, required=True, metavar="FILE", help="Where the record goes.")
@telling_options
def revoke_key(
    *, key_id: str, reason: str, since: int | None, out: Path, telling: Telling | None,
) -> None:  # fmt: skip
    """Say in the log that a key is not to be believed any more: a device key, or one of a foreign certificate.

    The ledger then refuses what the key admits or seals, at once and for ever; a new key gets a new id.
    """
    _, number = REASONS[reason]
    record = key_revoked(check_key_id(key_id), number, _now_us(), os.urandom(RANDOM_BYTES), from_us=since)
    write_new(out, record, mode=0o644)
    if telling is not None:
        (index,) = asyncio.run(telling.append([record], revoked=key_id))
        click.echo(f"entry {index} of {telling.log}", err=True)


@click.command("tell")
@click.argument("records", nargs=-1, required=True, type=FILE, metavar="FILE...")
@telling_options
def tell(
    *, records: tuple[Path, ...], telling: Telling | None,
) -> None:  # fmt: skip
    """Append records that enrol or revoke has written, as an administrator. Repeating it is harmless."""
    if telling is None:
        raise click.UsageError("--ledger says whom to tell")
    indexes = asyncio.run(telling.append([path.read_bytes() for path in records]))
    for path, index in zip(records, indexes, strict=True):
        click.echo(f"{path}: entry {index} of {telling.log}")
