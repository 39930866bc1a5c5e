"""`custody verify package`: checks an evidence package offline."""

import json
from pathlib import Path
from typing import Final

import click

from custody.core.errors import MalformedError
from custody.core.seal import SealKey
from custody.verifier.package.certificate import CertificateTrust, read_crl
from custody.verifier.package.checkpoint_check import LogTrust, open_held
from custody.verifier.package.exporter_key import read_public_key
from custody.verifier.package.output import package_json, package_lines
from custody.verifier.package.page import package_page
from custody.verifier.package.run import PackagePlan, verify_package
from custody.verifier.pem_file import MAX_PEM_BYTES, read_certificates
from custody.verifier.progress import progress_bar
from custody.verifier.texts import LANGUAGES
from custody.verifier.trust import load_trust, read_bounded, read_checkpoint, trust_option
from custody.verifier.verify_log import cores

_FILE: Final = click.Path(path_type=Path)


@click.command("package")
@click.argument("path", type=_FILE, metavar="PATH")
@trust_option()
@click.option("--exporter-key", "exporters", type=_FILE, multiple=True, metavar="PEM", help="Whose signature counts.")
@click.option(
    "--exporter-ca",
    "authorities",
    type=_FILE,
    multiple=True,
    metavar="PEM",
    help="Authority of exporters' certificates.",
)
@click.option(
    "--crl",
    "lists",
    type=_FILE,
    multiple=True,
    metavar="PEM",
    help="Revocation list, of it or of a time-stamping authority. Repeatable.",
)
@click.option(
    "--tsa-root", "roots", type=_FILE, multiple=True, metavar="PEM", help="Root of a time-stamping authority."
)
@click.option("--since", type=_FILE, metavar="FILE", help="A checkpoint of this log that you hold.")
@click.option("--footage", type=_FILE, multiple=True, metavar="FILE", help="Footage brought separately. Repeatable.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option("--html", "page", type=_FILE, metavar="FILE", help="Write the report as one HTML page, too.")
@click.option("--lang", type=click.Choice(LANGUAGES), default="en", show_default=True, help="Language of the report.")
@click.option("--workers", type=click.IntRange(1, 256), default=None, help="Threads; default: one per processor.")
def package(
    *,
    path: Path,
    trust: tuple[str, ...],
    exporters: tuple[Path, ...],
    authorities: tuple[Path, ...],
    lists: tuple[Path, ...],
    roots: tuple[Path, ...],
    since: Path | None,
    footage: tuple[Path, ...],
    as_json: bool,
    page: Path | None,
    lang: str,
    workers: int | None,
) -> int:
    """Check the evidence package at PATH, a folder or a zip file. Never touches the network.

    Trust comes from --trust. Without it the package is held against the keys that it names itself, which
    whoever made it could choose; then the verdict can be no better than NOT CHECKED.

    Exit status: 0 fine, 1 findings, 2 could not check.
    """
    trusted = LogTrust.of(load_trust(trust))
    plan = PackagePlan(
        trust=trusted,
        exporters=[_exporter(one) for one in exporters],
        certified=CertificateTrust(
            authorities=[one for path in authorities for one in read_certificates(path)],
            lists=[read_crl(read_bounded(one, MAX_PEM_BYTES)) for one in lists],
        ),
        tsa_roots=[root for one in roots for root in read_certificates(one)],
        since=open_held(read_checkpoint(since), trusted) if since is not None else None,
        footage=footage,
        workers=workers or cores(),
    )
    report = verify_package(path, plan, progress_bar)
    if page is not None:
        page.write_text(package_page(report, lang), encoding="utf-8")
    if as_json:
        click.echo(json.dumps(package_json(report), indent=2, ensure_ascii=True))
    else:
        for line in package_lines(report, lang):
            click.echo(line)
    return report.status.exit_status


def _exporter(path: Path) -> SealKey:
    """Raises MalformedError ('exporter-key') that names the file; the private key and a certificate are none."""
    try:
        return read_public_key(read_bounded(path, MAX_PEM_BYTES))
    except MalformedError as error:
        raise MalformedError(
            f"{path}: {error}; a certificate's authority is given with --exporter-ca", code=error.code
        ) from None
