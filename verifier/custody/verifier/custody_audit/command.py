"""`custody audit`: what the law minds in a log, for somebody who trusts only the key that he brings."""

import gc
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Final

import click

from custody.core.errors import MalformedError
from custody.core.names import check_site, check_stream
from custody.rules import Library, Scope, load_library
from custody.verifier.choose_log import choose_log
from custody.verifier.custody_audit.custody_run import CustodyPlan, audit_custody
from custody.verifier.custody_audit.json_report import audit_json
from custody.verifier.custody_audit.result import CustodyAudit
from custody.verifier.custody_audit.text_report import audit_lines
from custody.verifier.custody_audit.words import LINES
from custody.verifier.custody_audit.zone import BEIJING, Zone
from custody.verifier.progress import progress_bar
from custody.verifier.texts import LANGUAGES
from custody.verifier.tiles.options import credential_options, read_credentials
from custody.verifier.trust import load_trust, trust_option
from custody.verifier.verify_log import cores

_FILE: Final = click.Path(path_type=Path)


@click.command("audit")
@click.argument("place", metavar="PATH|URL|postgresql://...")
@trust_option()
@click.option("--log", "origin", metavar="ORIGIN", help="Which log, where the file holds several.")
@credential_options
@click.option("--site", "sites", multiple=True, metavar="SITE", help="Only this site and its cameras. Repeatable.")
@click.option("--stream", "streams", multiple=True, metavar="SITE/CAMERA", help="Only this camera. Repeatable.")
@click.option("--from", "from_text", metavar="TIME", help="Only findings that touch the time from here on.")
@click.option("--to", "to_text", metavar="TIME", help="Only findings that touch the time before.")
@click.option("--at", "at_text", metavar="TIME|now", help="Judge duties as of this moment; default: of the last entry.")
@click.option("--footage", type=_FILE, metavar="DIR", help="Footage folder: hash the files and compare them too.")
@click.option(
    "--profile", "profiles", multiple=True, metavar="NAME", help="Rules that bind everybody here. Repeatable."
)
@click.option(
    "--state", "memory", type=_FILE, metavar="FILE", help="Remember here, and read only what is new next time."
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option("--html", "page", type=_FILE, metavar="FILE", help="Write the report as one HTML file besides.")
@click.option("--lang", type=click.Choice(LANGUAGES), default="en", show_default=True, help="Language of the report.")
@click.option(
    "--utc-offset", "offset", default=BEIJING, show_default=True, metavar="+HH:MM", help="For times without one."
)
@click.option("--workers", type=click.IntRange(1, 256), default=None, help="Processes; default: one per processor.")
def audit(
    *,
    place: str,
    trust: tuple[str, ...],
    origin: str | None,
    sites: tuple[str, ...],
    streams: tuple[str, ...],
    from_text: str | None,
    to_text: str | None,
    at_text: str | None,
    footage: Path | None,
    profiles: tuple[str, ...],
    memory: Path | None,
    as_json: bool,
    page: Path | None,
    lang: str,
    offset: str,
    workers: int | None,
    **shown: Path | None,
) -> int:
    """Audit custody: check a log, replay it, and say which rules its records break.

    PATH is the ledger's database file, or a folder with the log's tiles; URL is where a ledger or a mirror serves its
    tiles; a ledger on PostgreSQL is named by its address. It is only read. The log is checked as `custody verify log` does (without its
    search index), and every entry under its last signed checkpoint is judged by the rules that its site and cameras
    declare, and by those of --profile. Without --trust nothing is proven, and the verdict is "not checked" at best.

    TIME is an ISO 8601 date or time, e.g. 2026-03-01 or 2026-03-01T08:00.

    Exit status: 0 fine, 1 findings, 2 could not check.
    """
    trusted = load_trust(trust)
    library = load_library()
    zone = _zone(offset)
    now_us = time.time_ns() // 1000
    plan = CustodyPlan(
        place=place,
        open_log=choose_log(place, origin, trusted.keys, read_credentials(**shown)),
        keys=trusted.keys,
        policy=trusted,
        library=library,
        base=_base(library, profiles),
        scope=_scope(sites, streams, _moment(zone, from_text, "--from"), _moment(zone, to_text, "--to")),
        now_us=now_us,
        at_us=now_us if at_text == "now" else _moment(zone, at_text, "--at"),
        footage=footage,
        memory=memory,
        workers=workers or cores(),
        zone=zone,
    )
    with _without_cycles():
        result = audit_custody(plan, progress_bar)
    if as_json:
        click.echo(json.dumps(audit_json(result), indent=2, ensure_ascii=True))
    else:
        click.echo("\n".join(audit_lines(result, lang, zone)))
    if page is not None:
        _write_page(page, result, lang, zone)
    return result.status.exit_status


@contextmanager
def _without_cycles() -> Iterator[None]:
    """Records and findings make no reference cycles, and looking for some among them costs a fifth of the time.

    Nor does anybody look among them when the process ends: they are kept out of the collector's sight for good.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was:
            gc.enable()


def _write_page(path: Path, result: CustodyAudit, lang: str, zone: Zone) -> None:
    # Templates are loaded only when somebody wants a page.
    from custody.verifier.report.page import render_page

    data = render_page(result, lang=lang, zone=zone).encode()
    path.write_bytes(data)
    click.echo(LINES[lang]["written"].format(path=path, digest=sha256(data).hexdigest()), err=True)


def _zone(text: str) -> Zone:
    try:
        return Zone(text)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--utc-offset") from error


def _moment(zone: Zone, text: str | None, option: str) -> int | None:
    if text is None:
        return None
    try:
        return zone.read(text)
    except ValueError as error:
        raise click.BadParameter(f"{text} is no ISO 8601 date or time", param_hint=option) from error


def _base(library: Library, profiles: tuple[str, ...]) -> tuple[str, ...]:
    for name in profiles:
        if not library.known(name):
            known = ", ".join(sorted(library.profiles))
            raise click.BadParameter(f"no profile is called {name}; there are: {known}", param_hint="--profile")
    return tuple(dict.fromkeys(("default", *profiles)))


def _scope(sites: tuple[str, ...], streams: tuple[str, ...], from_us: int | None, to_us: int | None) -> Scope:
    try:
        for site in sites:
            check_site(site)
        for stream in streams:
            check_stream(stream)
    except MalformedError as error:
        raise click.UsageError(str(error)) from error
    if from_us is not None and to_us is not None and from_us >= to_us:
        raise click.UsageError("no time lies from --from to --to: nothing would be checked")
    return Scope(sites=frozenset(sites), streams=frozenset(streams), from_us=from_us or 0, to_us=to_us)
