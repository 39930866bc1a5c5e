"""`custody verify log`: checks a whole log, offline, for somebody who trusts only the key that he brings."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import click

from custody.core.errors import MalformedError
from custody.core.names import check_site
from custody.verifier.audit_run import AuditPlan, audit_log
from custody.verifier.choose_log import choose_log
from custody.verifier.log_output import log_json, log_lines
from custody.verifier.log_report import LogReport, Status
from custody.verifier.progress import progress_bar
from custody.verifier.texts import LANGUAGES
from custody.verifier.tiles.options import credential_options, read_credentials
from custody.verifier.trust import load_trust, read_checkpoint, remember, trust_option

_FILE = click.Path(path_type=Path)


def cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0))


@click.command("log")
@click.argument("place", metavar="PATH|URL|postgresql://...")
@trust_option()
@click.option("--log", "origin", metavar="ORIGIN", help="Which log, where the file holds several.")
@click.option(
    "--since", type=_FILE, metavar="FILE", help="A checkpoint of this log from before: finds rollback and fork."
)
@click.option(
    "--remember",
    "memory",
    type=_FILE,
    metavar="FILE",
    help="As --since if FILE exists; a fine log's newest checkpoint is kept there.",
)
@credential_options
@click.option(
    "--demand-seals",
    "sealed_sites",
    multiple=True,
    metavar="SITE[@TIME]",
    help="Find footage of this site, and what else a recorder told, that its source did not seal, from the time on (ISO 8601"
    " with offset). Repeatable.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option("--lang", type=click.Choice(LANGUAGES), default="en", show_default=True, help="Language of the report.")
@click.option("--workers", type=click.IntRange(1, 256), default=None, help="Processes; default: one per processor.")
def verify_log(
    *,
    place: str,
    trust: tuple[str, ...],
    origin: str | None,
    since: Path | None,
    memory: Path | None,
    sealed_sites: tuple[str, ...],
    as_json: bool,
    lang: str,
    workers: int | None,
    **shown: Path | None,
) -> int:
    """Check a whole log: entries, tree, signatures, chains, index.

    PATH is the ledger's database file, or a folder with the log's tiles (see: custody mirror); URL is where a ledger or
    a mirror serves its tiles; a ledger on PostgreSQL is named by its address. It is only read; a running ledger is not
    disturbed. Give the log's key as you got it from somebody else than the operator of the ledger: without --trust no
    signature is checked, and the verdict is "not checked" at best.

    Exit status: 0 fine, 1 findings, 2 could not check.
    """
    if since is not None and memory is not None:
        raise click.UsageError("--since and --remember exclude each other")
    trusted = load_trust(trust)
    held = memory if memory is not None and memory.exists() else since
    plan = AuditPlan(
        open_log=choose_log(place, origin, trusted.keys, read_credentials(**shown)),
        keys=trusted.keys,
        policy=trusted,
        since=read_checkpoint(held) if held is not None else b"",
        workers=workers or cores(),
        sealed_sites=dict(map(_demand, sealed_sites)),
    )
    with progress_bar("entries") as progress:
        report = audit_log(plan, progress)
    if as_json:
        click.echo(json.dumps(log_json(report), indent=2, ensure_ascii=True))
    else:
        for line in log_lines(report, lang):
            click.echo(line)
    _remember(memory, report)
    return report.status.exit_status


def _demand(text: str) -> tuple[str, int]:
    """A site, and the time from which on its sources must seal. Raises click.BadParameter."""
    site, _, since = text.partition("@")
    try:
        moment = datetime.fromisoformat(since) if since else datetime.fromtimestamp(0, UTC)
        if moment.tzinfo is None:
            raise click.BadParameter(f"{since} has no offset from UTC", param_hint="--demand-seals")
        return check_site(site), int(moment.timestamp() * 1_000_000)
    except (ValueError, MalformedError) as error:
        raise click.BadParameter(f"{text} is no site, or no site and time", param_hint="--demand-seals") from error


def _remember(memory: Path | None, report: LogReport) -> None:
    if memory is None:
        return
    if report.status is Status.FINE and report.verified_note:
        remember(memory, report.verified_note)
    else:
        click.echo("the checkpoint was not remembered, because the log is not fine", err=True)
