"""`custody monitor`."""

import json
import signal
import threading
import time
from pathlib import Path
from typing import Final

import click

from custody.core.errors import CustodyError
from custody.verifier.audit_run import AuditStopped
from custody.verifier.log_reader import LogUnreadable
from custody.verifier.monitor.alarm import check_webhook, metrics_text, post, round_json, write_metrics
from custody.verifier.monitor.watching import Alarm, MonitorPlan, Round, watch_once
from custody.verifier.tiles.options import credential_options, read_credentials
from custody.verifier.trust import load_trust, trust_option
from custody.verifier.verify_log import cores

_FILE: Final = click.Path(dir_okay=False, path_type=Path)
_WORSE: Final = (0, 2, 1)
"""Exit statuses from good to bad: an alarm outweighs a log that was not reached."""


@click.command("monitor")
@click.argument("place", metavar="URL|DIR")
@trust_option(required=True)
@click.option(
    "--state",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    metavar="DIR",
    help="The monitor's memory.",
)
@click.option(
    "--profile", "profiles", multiple=True, metavar="NAME", help="Rules that bind everybody here. Repeatable."
)
@credential_options
@click.option("--interval", type=click.FloatRange(1.0), metavar="SECONDS", help="Go on, a round every so often.")
@click.option("--webhook", metavar="URL", help="Post every round with new alarms here, as JSON.")
@click.option("--metrics", type=_FILE, metavar="FILE", help="Write Prometheus metrics here, for a textfile collector.")
@click.option("--json", "as_json", is_flag=True, help="Print rounds as JSON, one a line.")
@click.option("--workers", type=click.IntRange(1, 256), default=None, help="Processes; default: one per processor.")
def monitor(
    *,
    place: str,
    trust: tuple[str, ...],
    state: Path,
    profiles: tuple[str, ...],
    interval: float | None,
    webhook: str | None,
    metrics: Path | None,
    as_json: bool,
    workers: int | None,
    **shown: Path | None,
) -> int:
    """Follow a log: every checkpoint, every entry, every rule; raise an alarm when something is wrong.

    Without --interval one round is made. What was checked is remembered in --state, so that a round reads only what is
    new. A fork is kept there as one file that anybody can check with: custody verify fork FILE --trust VKEY.

    Exit status: 0 fine, 1 alarm, 2 could not check. With --interval: the worst round's, at SIGTERM.
    """
    trusted = load_trust(trust)
    plan = MonitorPlan(
        place=place,
        keys=trusted.keys,
        state=state,
        credentials=read_credentials(**shown),
        policy=trusted,
        profiles=profiles,
        workers=workers or cores(),
    )
    voice = _Voice(check_webhook(webhook) if webhook else None, metrics, as_json=as_json)
    stop = threading.Event()
    if interval is not None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
    worst = 0
    while True:
        worst = max(worst, _round(plan, voice), key=_WORSE.index)
        if interval is None or stop.wait(interval):
            return worst


def _round(plan: MonitorPlan, voice: "_Voice") -> int:
    begun = time.monotonic()
    now_us = time.time_ns() // 1000
    try:
        done = watch_once(plan, now_us)
    except (LogUnreadable, AuditStopped) as error:  # nothing was decided: the next round begins anew
        alarm = Alarm(code="log-unreadable", message=str(error))
        done = Round(origin=plan.keys[0].name, size=0, alarms=(alarm,))
    voice.tell(done, now_us, time.monotonic() - begun)
    return done.exit_status


class _Voice:
    """Tells of rounds; the webhook hears of an alarm once, until it is over."""

    def __init__(self, webhook: str | None, metrics: Path | None, *, as_json: bool) -> None:
        self._webhook = webhook
        self._metrics = metrics
        self._as_json = as_json
        self._told: frozenset[Alarm] = frozenset()

    def tell(self, done: Round, now_us: int, seconds: float) -> None:
        """Prints, writes and posts. A webhook that fails is said, and tried again with the next round."""
        if self._as_json:
            click.echo(json.dumps(round_json(done), ensure_ascii=False))
        else:
            click.echo(f"{done.origin}: size {done.size}, {done.new_entries} new, {len(done.alarms)} alarms")
            for one in done.alarms:
                evidence = f" (kept in {one.evidence})" if one.evidence else ""
                click.echo(f"  ALARM {one.message} [{one.code}]{evidence}")
        if self._metrics is not None:
            write_metrics(self._metrics, metrics_text(done, now_us, seconds))
        alarms = frozenset(done.alarms)
        if self._webhook is not None and alarms - self._told:
            try:
                post(self._webhook, done)
            except CustodyError as error:
                click.echo(f"error: {error} [{error.code}]", err=True)
                return
        self._told = alarms
