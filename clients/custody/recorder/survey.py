"""What the agent's state says about its streams, for people and for monitoring. Reads only; the agent may be running."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from custody.recorder.config import DAY_US, Config
from custody.recorder.forecast import Forecast
from custody.recorder.observe import Observed, observe
from custody.recorder.rounds import forecast_of
from custody.recorder.state import StateError

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


@dataclass(frozen=True, slots=True, kw_only=True)
class RecorderSurvey:
    """One recorder: how long its footage can stay."""

    name: str
    observed: Observed | None
    forecast: Forecast
    early: bool
    """There is too little footage yet to know the rate; the forecast has only the recorder's own limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """Everything in one look."""

    alive_us: int
    """The agent's last sign of life; 0 when it never ran."""
    pending: int
    """Records that the agent has not handed over yet."""
    outbox: int
    """Records without a receipt."""
    refused: int
    """Files that cannot be registered."""
    refused_example: str
    problem: str
    """Why the ledger does not take them; empty when it does."""
    streams: Sequence[StreamSurvey]
    recorders: Sequence[RecorderSurvey]

    def findings(self, now_us: int, silent_us: int) -> list[tuple[str, str]]:
        """What a person should look at: (stable code, text)."""
        found = []
        if now_us - self.alive_us > silent_us:
            found.append(("agent-down", "the agent gave no sign of life"))
        if self.problem:
            found.append(("ledger-unreachable", f"records wait: {self.problem}"))
        if self.refused:
            found.append(("footage-refused", f"{self.refused} files cannot be registered, e.g. {self.refused_example}"))
        for stream in self.streams:
            if stream.open_gap_us:
                found.append(("stream-silent", f"{stream.name}: no footage comes"))
            if stream.altered:
                found.append(("footage-altered", f"{stream.name}: {stream.altered} stored segments were changed"))
        for recorder in self.recorders:
            retention = recorder.observed.retention_us if recorder.observed else 0
            if retention and retention < recorder.forecast.required_us:
                days = retention / DAY_US
                found.append(
                    ("retention-too-short", f"{recorder.name}: deletes after {days:.3g} days by its own setting")
                )
            elif recorder.forecast.breach:
                found.append(
                    ("disk-too-small", f"{recorder.name}: the disk forces deletion inside the retention period")
                )
        return found


_STREAMS = """
SELECT name, recorder, last_number, coalesce(end_us, 0), seen_us, stored, stored_bytes,
       coalesce((SELECT min(from_us) FROM segment s WHERE s.stream = stream.id AND gone_us IS NULL AND disposed = 0), 0),
       altered, coalesce(open_gap_us, 0)
FROM stream ORDER BY name
"""


def take_survey(config: Config) -> Survey:
    """Reads the state. Raises StateError when there is none or it cannot be read."""
    with _reading(config.state / "agent.sqlite") as db:
        notes = dict(db.execute("SELECT key, value FROM note"))
        streams = [StreamSurvey(**dict(zip(StreamSurvey.__slots__, row, strict=True))) for row in db.execute(_STREAMS)]
        (pending,) = db.execute("SELECT count(*) FROM pending").fetchone()
    refused, _, example = notes.get("refused", "0 ").partition(" ")
    backlog, _, problem = notes.get("outbox", "0 ").partition(" ")
    return Survey(
        alive_us=int(notes.get("alive_us", "0")),
        pending=pending,
        outbox=int(backlog),
        refused=int(refused),
        refused_example=example,
        problem=problem,
        streams=streams,
        recorders=[_recorder(config, at, streams) for at in range(len(config.recorders))],
    )


def _recorder(config: Config, at: int, streams: Sequence[StreamSurvey]) -> RecorderSurvey:
    recorder = config.recorders[at]
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
        early=early,
    )


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    if not path.exists():
        raise StateError(f"no agent has run here yet: there is no {path}")
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5)) as db:
            db.execute("BEGIN")  # one snapshot for all questions
            yield db
    except sqlite3.Error as error:
        raise StateError(f"{path}: {error}") from error
