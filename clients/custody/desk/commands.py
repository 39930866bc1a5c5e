"""`custody desk`: the access register's command line. One command for each act, made from the table in `act`.

Results go to stdout, everything else to stderr. Exit status: 0 recorded, 1 rules would be broken and nobody said to
record it all the same, 2 could not do it.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import click

from custody.client.errors import LedgerUnavailable, RefusedError
from custody.core.errors import CustodyError
from custody.core.record import ReadRecord
from custody.desk.act import ACTS, GROUPS, Act
from custody.desk.composing import compose, look_up, site_of_form
from custody.desk.config import LANGUAGES, DeskConfig, read_config
from custody.desk.disclosing import export, shown
from custody.desk.disclosures import Draft
from custody.desk.form import Form, read_form
from custody.desk.prompt import ask_form
from custody.desk.schema import schema_of
from custody.desk.session import Desk, open_desk
from custody.desk.show import blaming, predicted_json, receipt_json, show_forecast, show_receipt
from custody.desk.texts import say
from custody.rules import Preview

FINDINGS: Final = 1


@click.group()
@click.option(
    "--config", type=click.Path(path_type=Path, dir_okay=False), default="desk.toml", envvar="CUSTODY_DESK",
    show_default=True, help="The desk's configuration; also $CUSTODY_DESK.",
)  # fmt: skip
@click.option("--lang", type=click.Choice(LANGUAGES), help="Language; else the configuration's.")
@click.pass_context
def desk(context: click.Context, config: Path, lang: str | None) -> None:
    """Record what is done to footage: who asked, who had access, what is held, deleted, filed and checked.

    Before a record is sent it shows which rules the record would break. It never refuses to record what happened.
    """
    context.obj = (config, lang)


def _configured(context: click.Context) -> DeskConfig:
    path, lang = context.obj
    config = read_config(path)
    return config if lang is None else replace(config, lang=lang)


def _command(act: Act) -> click.Command:
    @click.pass_context
    def run(context: click.Context, /, **options: Any) -> int:
        return perform(act, _configured(context), **options)

    options: list[click.Parameter] = [
        click.Option(["--from", "source"], type=click.File("rb"), help="Read the form from a JSON file; - is stdin."),
        click.Option(["--dry-run"], is_flag=True, help="Show what would follow; record and store nothing."),
        click.Option(["--yes"], is_flag=True, help="Record it even if rules would be broken; ask nothing."),
        click.Option(["--json", "as_json"], is_flag=True, help="Write the result as JSON."),
    ]
    if act.name == "disclose":
        path = click.Path(path_type=Path, dir_okay=False, writable=True)
        options.append(click.Option(["--export", "target"], type=path, help="Write the disclosures into a new file."))
    summary = act.summary("en")
    return click.Command(
        act.name.split()[-1], callback=run, params=options, help=f"{summary}\n\n{act.zh}", short_help=summary
    )


def _register() -> None:
    groups = {name: click.Group(name, help=f"{en}\n\n{zh}", short_help=en) for name, (en, zh) in GROUPS.items()}
    for act in ACTS.values():
        first, _, second = act.name.partition(" ")
        (groups[first] if second else desk).add_command(_command(act))
    for group in groups.values():
        desk.add_command(group)


_register()


@desk.command()
@click.argument("act", nargs=-1)
@click.pass_context
def schema(context: click.Context, act: tuple[str, ...]) -> None:
    """Print the JSON Schema of a command's form; without a command, list the commands."""
    lang = context.obj[1] or "en"
    if not act:
        for one in ACTS.values():
            click.echo(f"{one.name:18} {one.summary(lang)}")
        return
    name = " ".join(act)
    if name not in ACTS:
        raise click.UsageError(f"there is no such command; the list: {context.command_path}")
    click.echo(json.dumps(schema_of(ACTS[name], lang), ensure_ascii=False, indent=2))


@desk.command()
@click.pass_context
def send(context: click.Context) -> None:
    """Send records that an interrupted command left behind."""
    config = _configured(context)
    with open_desk(config) as opened:
        count = opened.send_waiting()
    click.echo(say(config.lang, "sent", count=count) if count else say(config.lang, "nothing-waits"))


# ---- one act


def perform(
    act: Act,
    config: DeskConfig,
    *,
    source: Any,
    dry_run: bool,
    yes: bool,
    as_json: bool,
    target: Path | None = None,
) -> int:
    """Carries out one command; returns its exit status. Raises CustodyError, OSError, click.ClickException."""
    form = _form(act, config, source)
    if act.name == "disclose":
        if target is not None and target.exists():
            raise click.UsageError("the file to export to exists already")
        act = replace(act, fixed={"act": "read" if target is None else "exported"})
    with open_desk(config) as opened:
        site = site_of_form(form, config.site)
        draft = opened.store.draft(site)
        if not dry_run and opened.store.pending():
            click.echo(say(config.lang, "waiting", count=opened.send_waiting()), err=True)
        said = look_up(act, form, opened.store, opened.client, site)
        record = compose(act, said, draft, config.clock, opened.environment)
        forecast = _forecast(opened, record, quiet=as_json)
        if dry_run:
            if as_json:
                click.echo(json.dumps({"recorded": False, "predicted": predicted_json(forecast)}, ensure_ascii=False))
            click.echo(say(config.lang, "dry-run"), err=True)
            return 0
        if not yes and not _agreed(config, forecast, typed=source is None):
            return FINDINGS
        return _record(act, opened, record, draft, forecast, as_json=as_json, target=target)


def _form(act: Act, config: DeskConfig, source: Any) -> Form:
    if source is not None:
        return read_form(source.read())
    if not sys.stdin.isatty():
        raise click.UsageError("no terminal to ask at; give the form with --from")
    return ask_form(act, config.lang, config.site)


def _forecast(opened: Desk, record: ReadRecord, *, quiet: bool) -> Preview | None:
    lang = opened.config.lang
    try:
        forecast = opened.forecast(record)
    except (LedgerUnavailable, RefusedError) as error:
        # A desk that may write but not read, or a ledger that is away, must not keep a fact from being told.
        click.secho(say(lang, "unchecked", code=error.code), err=True, fg="yellow")
        return None
    if not quiet:
        show_forecast(forecast, lang)
    return forecast


def _agreed(config: DeskConfig, forecast: Preview | None, *, typed: bool) -> bool:
    """Asks the person, where there is one. A script without --yes does not record what breaks rules."""
    doubtful = forecast is None or bool(blaming(forecast))
    if not doubtful and not typed:
        return True
    if not sys.stdin.isatty():
        click.echo(say(config.lang, "needs-yes"), err=True)
        return False
    question = say(config.lang, "ask-all-the-same" if doubtful else "ask-record")
    if click.confirm(question, default=not doubtful, err=True):
        return True
    click.echo(say(config.lang, "not-recorded"), err=True)
    return False


def _record(
    act: Act,
    opened: Desk,
    record: ReadRecord,
    draft: Draft,
    forecast: Preview | None,
    *,
    as_json: bool,
    target: Path | None,
) -> int:
    lang = opened.config.lang
    opening = list(record.body.opened_commitments) if act.kind == "disclosure_access" else []
    erasing = opening if act.name == "erase" else []
    if opening:
        # Look before the record says that they were opened: an unknown commitment is refused, not recorded.
        opened.store.find(opening)
    try:
        entry = opened.submit(record, draft, erasing=erasing)
    except CustodyError as error:
        if any(record_id == record.record_id for record_id, _ in opened.store.pending()):
            click.echo(say(lang, "kept"), err=True)
        raise error from None
    result = receipt_json(entry, record.record_id, forecast)
    if erasing:
        click.echo(say(lang, "erased", count=len(erasing)), err=True)
    elif opening and target is not None:
        export(opened.store, opening, target)
        click.echo(say(lang, "exported", count=len(opening), path=target), err=True)
    elif opening:
        result["disclosures"] = shown(opened.store, opening)
    if as_json:
        click.echo(json.dumps(result, ensure_ascii=False))
        return 0
    show_receipt(entry, record.record_id, lang)
    _print_disclosures(result.get("disclosures", ()))
    return 0


def _print_disclosures(disclosures: Sequence[dict[str, str]]) -> None:
    for one in disclosures:
        click.echo(f"  {one['commitment'][:16]}…  {one['name']}: {one['value']}")
