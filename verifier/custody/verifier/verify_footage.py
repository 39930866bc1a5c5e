"""`custody verify footage`: hashes files again and holds them against what a signed log says of them."""

import json
from pathlib import Path
from typing import Final

import click

from custody.verifier.audit_run import AuditPlan
from custody.verifier.choose_log import choose_log
from custody.verifier.footage_output import footage_json, footage_lines
from custody.verifier.footage_run import audit_footage
from custody.verifier.progress import progress_bar
from custody.verifier.texts import LANGUAGES
from custody.verifier.trust import load_trust, read_checkpoint, trust_option
from custody.verifier.verify_log import cores

_FILE: Final = click.Path(path_type=Path)
LATE_AFTER_S: Final = 86_400
"""A recorder that was cut off for a day still tells of its footage in good faith; the law asks no shorter term."""


@click.command("footage")
@click.argument("folder", type=_FILE, metavar="DIR")
@click.option("--log-file", "path", type=_FILE, required=True, metavar="PATH", help="Database file of the ledger.")
@trust_option(required=True)
@click.option("--log", "origin", metavar="ORIGIN", help="Which log, where the file holds several.")
@click.option(
    "--since", type=_FILE, metavar="FILE", help="A checkpoint of this log from before: finds rollback and fork."
)
@click.option("--stream", "streams", multiple=True, metavar="SITE/CAMERA", help="Only this stream. Repeatable.")
@click.option(
    "--late-after",
    type=click.IntRange(0),
    default=LATE_AFTER_S,
    show_default=True,
    metavar="SECONDS",
    help="Name segments that were recorded later than this after they ended.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option("--lang", type=click.Choice(LANGUAGES), default="en", show_default=True, help="Language of the report.")
@click.option("--workers", type=click.IntRange(1, 256), default=None, help="Threads; default: one per processor.")
def verify_footage(
    *,
    folder: Path,
    path: Path,
    trust: tuple[str, ...],
    origin: str | None,
    since: Path | None,
    streams: tuple[str, ...],
    late_after: int,
    as_json: bool,
    lang: str,
    workers: int | None,
) -> int:
    """Hash the files in DIR again and compare them with a log.

    Only entries under a checkpoint that the given key signed count. Each recorded segment is present, moved, altered,
    missing or disposed of; files that no entry names are unknown; segments recorded long after they ended are late.
    Symbolic links are not followed.

    Exit status: 0 fine, 1 findings, 2 could not check.
    """
    trusted = load_trust(trust)
    plan = AuditPlan(
        open_log=choose_log(path, origin, trusted.keys),
        keys=trusted.keys,
        policy=trusted,
        since=read_checkpoint(since) if since is not None else b"",
        footage=True,
        workers=workers or cores(),
    )
    report = audit_footage(folder, plan, streams=streams, late_us=late_after * 1_000_000, bar=progress_bar)
    if as_json:
        click.echo(json.dumps(footage_json(report), indent=2, ensure_ascii=True))
    else:
        for line in footage_lines(report, lang):
            click.echo(line)
    return report.status.exit_status
