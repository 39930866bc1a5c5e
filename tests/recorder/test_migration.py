"""A state of an older version is brought up when the agent starts, with what it had."""

import sqlite3
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from custody.recorder.state import SCHEMA, State, StateError
from custody.recorder.survey import take_survey
from custody.v1 import record_pb2

NOW_US = 1_790_000_000_000_000


def old_state(path: Path, version: int) -> None:
    db = sqlite3.connect(path)
    for name in SCHEMA[:version]:
        db.executescript(files("custody.recorder").joinpath("schema", f"{name}.sql").read_text(encoding="utf-8"))
    db.execute("INSERT INTO stream (name, recorder, seen_us, open_gap_us) VALUES ('site-12/east', 'nvr', 1, 2)")
    db.execute("INSERT INTO pending (record) VALUES (x'00')")
    db.execute(f"PRAGMA user_version = {version}")
    db.commit()
    db.close()


@pytest.mark.parametrize("version", range(1, len(SCHEMA)))
def test_every_older_version_is_brought_up(tmp_path: Path, version: int) -> None:
    path = tmp_path / "agent.sqlite"
    old_state(path, version)
    state = State(path)
    assert state._db.execute("PRAGMA user_version").fetchone() == (len(SCHEMA),)
    assert state._db.execute("SELECT open_gap_us, open_gap_reason FROM stream").fetchone() == (
        2,
        record_pb2.GAP_REASON_UNKNOWN,
    )
    assert state.pending(10) == [(1, b"\0")]
    assert state.drop_forgotten(1) == 0
    state.close()


def test_the_same_schema_new_or_brought_up(tmp_path: Path) -> None:
    old_state(tmp_path / "old.sqlite", 1)
    schemas = []
    for name in ("old.sqlite", "new.sqlite"):
        state = State(tmp_path / name)
        schemas.append(state._db.execute("SELECT type, name, sql FROM sqlite_schema ORDER BY type, name").fetchall())
        state.close()
    assert schemas[0] == schemas[1]


def test_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "agent.sqlite"
    State(path).close()
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA user_version = {len(SCHEMA) + 1}")
    db.close()
    with pytest.raises(StateError, match="this agent knows"):
        State(path)


def test_a_look_at_an_older_state_says_what_to_do(make_site: Callable[..., Any]) -> None:
    site = make_site()
    site.state._db.execute("PRAGMA user_version = 2")
    with pytest.raises(StateError, match="start the agent anew"):
        take_survey(site.config, NOW_US)
