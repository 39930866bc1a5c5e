"""What the agent's state says about its streams, for people and for monitoring. Reads only; the agent may be running."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path

from custody.client.database import beside
from custody.client.errors import ClientStorageError
from custody.client.waiting import Refusal, by_chain, look
from custody.recorder.config import DAY_US, Config, Recorder
from custody.recorder.forecast import Forecast
from custody.recorder.observe import Observed, observe
from custody.recorder.outbox import OUTBOX_FILE
from custody.recorder.rounds import forecast_of
from custody.recorder.state import SCHEMA, StateError
from custody.recorder.today import NO_GAPS, GapsToday, gaps_today
from custody.recorder.troubles import Trouble, read_troubles, shown

RATE_FROM_US = 600_000_000
"""How much footage there must be before its rate says anything: ten minutes. The first files of many cameras come in a burst."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSurvey:
    """One stream."""

    name: str
    recorder: str
    last_number: int
    last_end_us: int
    """End of the newest footage; 0 when there is none."""
    seen_us: int
    stored: int
    """Segments that lie on disk."""
    stored_bytes: int
    oldest_us: int
    altered: int
    open_gap_us: int
    """Begin of the gap that goes on; 0 when none does."""
    waiting: int
    """Records about it that have no receipt yet."""
    gaps: GapsToday
    """In the recorder's time zone; the gap that goes on is one of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecorderSurvey:
    """One recorder: how long its footage can stay."""

    name: str
    observed: Observed | None
    forecast: Forecast
    recorded: bool
    """There is a stream of it."""
    unmatched: int
    """Files that are there and are no footage by its templates; counted only while nothing is recorded."""
    unmatched_example: str
    early: bool
    """There is too little footage yet to know the rate; the forecast has only the recorder's own limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """Everything in one look."""

    alive_us: int
    """The agent's last sign of life; 0 when it never ran."""
    backlog: int
    """Records without a receipt."""
    waiting_since_us: int
    """When the oldest of them was handed over to be sent; 0 when none was."""
    receipt_us: int
    """When the ledger last gave a receipt; 0 when it never did."""
    problem: str
    """Why the ledger does not take them; empty when it does."""
    refusals: Sequence[Refusal]
    """Records that the ledger refused for good."""
    troubles: Sequence[Trouble]
    """What stands in the agent's way."""
    streams: Sequence[StreamSurvey]
    recorders: Sequence[RecorderSurvey]


_STREAMS = """
SELECT name, recorder, last_number, coalesce(end_us, 0), seen_us, stored, stored_bytes,
       coalesce((SELECT min(from_us) FROM segment s WHERE s.stream = stream.id AND gone_us IS NULL AND disposed = 0), 0),
       altered, coalesce(open_gap_us, 0)
FROM stream ORDER BY name
"""
_COLUMNS = StreamSurvey.__slots__[:10]


def take_survey(config: Config, now_us: int) -> Survey:
    """Reads the state and the outbox. Raises StateError when there is none or they cannot be read."""
    with _reading(config.state / "agent.sqlite") as db:
        notes = dict(db.execute("SELECT key, value FROM note"))
        pending = db.execute("SELECT chains, count(*) FROM pending GROUP BY chains").fetchall()
        outbox = look(config.state / OUTBOX_FILE)
        streams = _streams(config, db, now_us, by_chain(pending) + by_chain(outbox.chains.items()))
        recorders = [_recorder(config, recorder, streams, db) for recorder in config.recorders]
    receipt, _, problem = notes.get("ledger", "0 ").partition(" ")
    return Survey(
        alive_us=int(notes.get("alive_us", "0")),
        backlog=sum(count for _, count in pending) + outbox.records,
        waiting_since_us=outbox.oldest_us,
        receipt_us=int(receipt),
        problem=problem,
        refusals=outbox.refusals,
        troubles=read_troubles(notes.get("troubles", "")),
        streams=streams,
        recorders=recorders,
    )


def _streams(config: Config, db: sqlite3.Connection, now_us: int, waiting: Mapping[str, int]) -> list[StreamSurvey]:
    zones = {recorder.name: recorder.zone for recorder in config.recorders}
    gaps = {zone: gaps_today(db, now_us, zone) for zone in {UTC, *zones.values()}}
    found = []
    for row in db.execute(_STREAMS):
        stream = dict(zip(_COLUMNS, row, strict=True))
        name, zone = stream["name"], zones.get(stream["recorder"], UTC)
        found.append(
            StreamSurvey(
                **stream,
                waiting=waiting.get(f"footage/{name}", 0) + waiting.get(f"custody/{name}", 0),
                gaps=gaps[zone].get(name, NO_GAPS),
            )
        )
    return found


_UNMATCHED = """
SELECT count(*), coalesce(min(d.path || '/' || f.name), '') FROM file f JOIN folder d ON d.id = f.folder
WHERE f.segment IS NULL AND d.storage = ?
"""


def _unmatched(recorder: Recorder, db: sqlite3.Connection) -> tuple[int, str]:
    rows = [db.execute(_UNMATCHED, (storage.name,)).fetchone() for storage in recorder.storages]
    return sum(count for count, _ in rows), next((shown(path.lstrip("/")) for _, path in rows if path), "")


def _recorder(
    config: Config, recorder: Recorder, streams: Sequence[StreamSurvey], db: sqlite3.Connection
) -> RecorderSurvey:
    recorded = any(stream.recorder == recorder.name for stream in streams)
    unmatched, example = (0, "") if recorded else _unmatched(recorder, db)
    try:
        observed = observe(recorder)
    except OSError:
        observed = None
    ours = [stream for stream in streams if stream.recorder == recorder.name and stream.stored]
    stored = sum(stream.stored_bytes for stream in ours)
    # What lies there was written since the oldest of it; the rate of the present, without counting every file.
    covered_us = max((one.last_end_us for one in ours), default=0) - min((one.oldest_us for one in ours), default=0)
    early = covered_us < RATE_FROM_US
    per_day = 0.0 if early else stored / covered_us * DAY_US
    return RecorderSurvey(
        name=recorder.name,
        observed=observed,
        forecast=forecast_of(config, recorder, observed, (stored, per_day)),
        recorded=recorded,
        unmatched=unmatched,
        unmatched_example=example,
        early=early,
    )


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    if not path.exists():
        raise StateError(f"no agent has run here yet: there is no {path}")
    try:
        with beside(path) as db:
            (version,) = db.execute("PRAGMA user_version").fetchone()
            if version != len(SCHEMA):
                raise StateError(
                    f"{path} has version {version}, this program wants {len(SCHEMA)}: start the agent anew"
                )
            yield db
    except ClientStorageError as error:
        raise StateError(str(error)) from error
