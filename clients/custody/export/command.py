"""`custody export`: an evidence package out of a running ledger."""

import asyncio
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import click
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import load_pem_x509_certificates

from custody.client import LedgerClient
from custody.client.credentials import Credentials, SealFiles
from custody.client.options import read_tls, tls_options
from custody.core.errors import MalformedError
from custody.core.seal import PrivateKey
from custody.export.content import read_disclosures
from custody.export.errors import ExportError
from custody.export.job import Exported, ExportJob, Stamp
from custody.export.request import ExportRequest
from custody.export.run import run_export
from custody.private.file import write_new
from custody.private.key import read_key, write_key
from custody.private.passphrase import choose
from custody.timestamping.authorities import Stamper
from custody.verifier.package.exporter_key import public_half
from custody.verifier.package.manifest import show_times
from custody.verifier.trust import load_trust, read_checkpoint, trust_option

_FILE: Final = click.Path(dir_okay=False, path_type=Path)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def _moment(text: str) -> int:
    """Microseconds UTC of a time with its offset. Raises click.BadParameter."""
    try:
        at = datetime.fromisoformat(text)
        return (at - _EPOCH) // timedelta(microseconds=1)
    except (ValueError, TypeError) as error:  # TypeError: the time has no offset
        raise click.BadParameter(f"{text!r} is no time with an offset, such as 2026-03-01T08:00:00+08:00") from error


@click.command("export")
@click.argument("out", type=click.Path(path_type=Path), metavar="OUT")
@click.option("--target", required=True, metavar="TARGET", help="The ledger: unix:PATH or HOST:PORT.")
@click.option("--log", "origin", required=True, metavar="ORIGIN", help="The log.")
@trust_option(required=True)
@click.option("--stream", "streams", multiple=True, required=True, metavar="SITE/CAMERA", help="Repeatable.")
@click.option("--from", "from_us", type=_moment, metavar="TIME", required=True, help="Begin, with offset.")
@click.option("--to", "to_us", type=_moment, metavar="TIME", required=True, help="End (not included), with offset.")
@click.option(
    "--footage", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True, metavar="DIR",
    help="Footage folder as the recorder left it.",
)  # fmt: skip
@click.option("--signing-key", type=_FILE, required=True, metavar="FILE", help="The exporter's key, encrypted.")
@click.option("--make-key", is_flag=True, help="Make that key (Ed25519) first when the file is not there.")
@click.option("--passphrase-file", type=_FILE, metavar="FILE", help="Its passphrase; asked for when not given.")
@click.option("--seal-key", type=_FILE, metavar="FILE", help="Device key that seals the record of the export.")
@click.option(
    "--seal-id", default="", metavar="ID", help="Its id in the log; default: the file beside it, as enrol wrote it."
)
@click.option("--seal-passphrase-file", type=_FILE, metavar="FILE", help="Its passphrase; asked for when not given.")
@click.option("--case", "case_number", default="", metavar="TEXT", help="Case number.")
@click.option("--recipient", default="", metavar="TEXT", help="Organisation that gets the package.")
@click.option("--unit", default="", metavar="TEXT", help="Organisation that exports.")
@click.option("--zone", default="+08:00", show_default=True, metavar="OFFSET", help="Offset of local times.")
@click.option(
    "--disclosures", type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="DIR",
    help="Disclosures that the recipient is entitled to, each in a file named by its commitment.",
)  # fmt: skip
@click.option(
    "--derived", type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="DIR",
    help="Redacted copies whose records are in the log: packed as derived.",
)  # fmt: skip
@click.option("--withhold-sources", is_flag=True, help="Give no footage of which a redacted copy is given.")
@click.option("--certificate", type=_FILE, metavar="PEM", help="The signing key's certificate, then its issuers.")
@click.option("--crl", "lists", type=_FILE, multiple=True, metavar="PEM", help="Revocation list to put beside it.")
@click.option("--policy", type=_FILE, metavar="FILE", help="C2SP tlog-policy to put beside the checkpoint.")
@click.option("--since", type=_FILE, metavar="FILE", help="A checkpoint from before: its consistency is proven.")
@click.option("--tsa", "tsas", multiple=True, metavar="URL", help="RFC 3161 time-stamping authority. Repeatable.")
@click.option("--tsa-root", "tsa_roots", type=_FILE, multiple=True, metavar="PEM", help="Its root: checked at once.")
@click.option("--proof-files/--no-proof-files", default=True, show_default=True, help="A C2SP proof for each segment.")
@click.option("--submitter", default="", metavar="NAME", help="Name where the connection authenticates nobody.")
@tls_options
def export(
    *,
    out: Path,
    target: str,
    origin: str,
    trust: tuple[str, ...],
    signing_key: Path,
    make_key: bool,
    passphrase_file: Path | None,
    seal_key: Path | None,
    seal_id: str,
    seal_passphrase_file: Path | None,
    submitter: str,
    tsas: tuple[str, ...],
    tsa_roots: tuple[Path, ...],
    tls_ca: Path | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    tls_passphrase_file: Path | None,
    **asked: Any,
) -> int:
    """Write an evidence package to OUT, a new folder, or a zip file when OUT ends in .zip.

    The export is recorded in the log, and the package holds that entry. When it is interrupted, the same command goes on
    with it. Check the package with: custody verify package OUT --trust LOGKEY --exporter-key PUBLIC-KEY. --make-key writes
    the public key beside the key, as KEY.pub.pem: give it and the log's key to whoever is to check, not with the package.

    Exit status: 0 done, 1 done but recorded footage of the period is absent, 2 could not export.
    """
    believed = load_trust(trust)
    job = _job(out, origin, tuple(key.encode() for key in believed.keys), asked)
    credentials = Credentials(tls=read_tls(target, tls_ca, tls_cert, tls_key, tls_passphrase_file))
    key = read_signing_key(signing_key, passphrase_file, make=make_key)
    seal = None
    if seal_key is not None:
        # What is appended again must carry the same bytes, so the seal must come out the same.
        seal = SealFiles(key=seal_key, passphrase_file=seal_passphrase_file, key_id=seal_id).read().deterministic()
    whole = ExportJob(**job, key=key, stamp=_stamper(tsas, tsa_roots), progress=_progress())

    async def run() -> Exported:
        client = await LedgerClient.connect(
            target,
            log=origin,
            policy=believed,
            submitter=submitter,
            sealing=seal,
            timeout_s=60.0,
            **credentials.settings(),
        )
        async with client:
            return await run_export(client, whole)

    made = asyncio.run(run())
    click.echo(
        f"{out}: {made.files} footage files, {made.footage_bytes} bytes; {made.absent} absent; {made.derived} derived"
    )
    click.echo(f"{made.withheld} items of personal data withheld; content SHA-256 {made.content_sha256}")
    click.echo(f"recorded as entry {made.export_index}; proven under the checkpoint of {made.tree_size} entries")
    if asked["certificate"] is None:
        public = public_file(signing_key)
        whose = public if public.exists() else "PUBLIC-KEY"
        click.echo(f"to check it: custody verify package {out} --trust LOGKEY --exporter-key {whose}", err=True)
    return 1 if made.absent else 0


def _job(out: Path, origin: str, vkeys: tuple[str, ...], asked: dict[str, Any]) -> dict[str, Any]:
    """What the options say. Raises click.UsageError for a period that ends before it begins."""
    if asked["from_us"] >= asked["to_us"] or asked["from_us"] < 0:
        raise click.UsageError("--from must lie before --to")
    show_times(0, asked["zone"])  # refuses a bad offset before anything is asked of the ledger
    names = ("from_us", "to_us", "case_number", "recipient", "unit", "zone", "proof_files")
    request = ExportRequest(
        log=origin, streams=tuple(sorted(set(asked["streams"]))), **{name: asked[name] for name in names}
    )
    return {
        "request": request,
        "footage": asked["footage"],
        "out": out,
        "vkeys": vkeys,
        "disclosures": read_disclosures(asked["disclosures"]),
        "policy": asked["policy"].read_bytes() if asked["policy"] is not None else b"",
        "derived": asked["derived"],
        "withhold_sources": asked["withhold_sources"],
        "certificates": asked["certificate"].read_bytes() if asked["certificate"] is not None else b"",
        "lists": [path.read_bytes() for path in asked["lists"]],
        "earlier": read_checkpoint(asked["since"]) if asked["since"] is not None else b"",
    }


def _stamper(urls: tuple[str, ...], roots: tuple[Path, ...]) -> Stamp:
    try:
        pinned = [one for path in roots for one in load_pem_x509_certificates(path.read_bytes())]
    except ValueError as error:
        raise ExportError("--tsa-root has no certificates in PEM", code="tsa-root") from error
    return Stamper(urls, roots=pinned) if urls else lambda _: ()


def read_signing_key(path: Path, passphrase_file: Path | None, *, make: bool) -> PrivateKey:
    """An exporter's or officer's key. Raises ExportError ('export-key') and what `custody.private` raises.

    With `make`, its public half lies beside it as PEM: what whoever checks the package must be given elsewhere.
    """
    passphrase = choose(passphrase_file, "the signing key", confirm=make and not path.exists())
    if make and not path.exists():
        write_key(path, Ed25519PrivateKey.generate(), passphrase)
    key: PrivateKey = read_key(path, passphrase)
    try:
        public_half(key)
    except MalformedError as error:
        raise ExportError(f"{path} holds no Ed25519, P-256 or ML-DSA-44 key", code="export-key") from error
    public = public_file(path)
    if make and not public.exists():
        write_new(public, key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), mode=0o644)
    return key


def public_file(path: Path) -> Path:
    """Where the public half of a key lies that was made here."""
    return path.with_name(f"{path.name}.pub.pem")


def _progress() -> Callable[[str, int, int], None]:
    """One line on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        return lambda _stage, _done, _total: None
    shown = ""

    def show(stage: str, done: int, total: int) -> None:
        nonlocal shown
        line = f"{stage} {done * 100 // total} %" if total else stage
        if line != shown:
            click.echo(f"\r\x1b[K{line}", err=True, nl=False)
            shown = line

    return show
