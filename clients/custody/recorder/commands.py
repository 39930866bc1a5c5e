"""`custody record ...`: run the agent, look at it, and tell it what only a recorder or a person knows."""

import json
import logging
import os
import secrets
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from custody.core.errors import MalformedError
from custody.recorder import spool
from custody.recorder.clock import system_now_us
from custody.recorder.config import PRESETS, read_config, read_preset
from custody.recorder.findings import findings
from custody.recorder.hook_event import check_event
from custody.recorder.place import Places
from custody.recorder.screen import as_table, show
from custody.recorder.survey import take_survey

FINDINGS = 1
_config = click.option(
    "--config",
    "-c",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    required=True,
    help="The agent's TOML file.",
)


@click.command()
@_config
@click.option("--verbose", "-v", is_flag=True, help="Say more on stderr.")
def run(config: Path, *, verbose: bool) -> None:
    """Watch a recorder's folders and record every segment, gap and deletion until stopped."""
    from custody.recorder.serving import serve
    from custody.recorder.uplink import Uplink

    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING, format="%(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("custody.recorder").setLevel(logging.INFO)
    read = read_config(config)
    serve(read, lambda: closing(Uplink(read.state, read.ledger, config.parent)))


@click.command()
@_config
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a table.")
def check(config: Path, *, as_json: bool) -> int:
    """Show every stream in one screen. Exit status 1 when something needs a person."""
    read = read_config(config)
    now_us = system_now_us()
    survey = take_survey(read, now_us)
    found = findings(survey, now_us, 3 * read.heartbeat_us)
    if as_json:
        click.echo(json.dumps(as_table(survey, found), indent=2))
    else:
        show(survey, found, now_us)
    return FINDINGS if found else 0


@click.command()
@_config
@click.argument("event", type=click.Choice(spool.EVENTS))
@click.option(
    "--path", "path", type=click.Path(path_type=Path), help="The footage file (segment-complete, segment-deleted)."
)
@click.option("--camera", help="The camera as the recorder names it; none: every camera (cause-begin, cause-end).")
@click.option(
    "--reason", help="Why footage is missing (gap, cause-begin, cause-end), e.g. maintenance, camera-offline."
)
@click.option("--kind", help="Kind of disposal (segment-deleted) or fault (fault).")
@click.option("--state", help="began, reported or repaired (fault).")
@click.option("--from", "begin", help="Begin of a gap, ISO 8601 with offset.")
@click.option("--to", "end", help="End of a gap, ISO 8601 with offset.")
def hook(config: Path, event: str, path: Path | None, begin: str | None, end: str | None, **said: str | None) -> None:
    """Tell the agent one thing; for the hooks of recorders. Returns as soon as it is safe on disk.

    send-refused is for a person: what the ledger refused for good is sent once more.
    """
    message: dict[str, Any] = {"event": event} | {key: value for key, value in said.items() if value}
    if path is not None:
        # Not resolved: a link in the footage is the agent's to judge. But `..` in what a person typed means what it says.
        message["path"] = os.path.abspath(path)  # noqa: PTH100 - Path.resolve follows links
    for key, text in (("from_us", begin), ("to_us", end)):
        if text is not None:
            message[key] = _moment(text)
    if event == "segment-deleted":
        message.setdefault("kind", "planned")
    read = read_config(config)
    try:
        check_event(message)
    except MalformedError as error:
        raise click.UsageError(str(error)) from None
    if path is not None and Places(read).place(message["path"]) is None:
        raise click.UsageError(f"{message['path']} is in no storage of this agent")
    spool.leave(read.state / "spool", message, system_now_us(), f"{os.getpid()}-{secrets.token_hex(4)}")


@click.command()
@click.argument("name", required=False, type=click.Choice(PRESETS))
def presets(name: str | None) -> None:
    """List the recording systems that are known, or show what one preset says."""
    for one in [name] if name else PRESETS:
        preset = read_preset(one)
        click.echo(f"{one}: {preset['about']}")
        if name:
            for key, value in preset.items():
                click.echo(f"  {key} = {json.dumps(value)}")


def _moment(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f"not an ISO 8601 time: {text}") from None
    if moment.tzinfo is None:
        raise click.BadParameter(f"{text} has no offset from UTC")
    return int(moment.timestamp()) * 1_000_000 + moment.microsecond
