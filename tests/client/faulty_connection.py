"""A SQLite connection that fails when told to: before a commit took effect, or after."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

Plan = dict[str, str]
"""What happens at the next COMMIT: {} nothing, {'commit': 'before'} not persisted, {'commit': 'after'} persisted."""


def faulty(plan: Plan) -> type[sqlite3.Connection]:
    """A connection class that obeys `plan`; each fault happens once."""

    class Faulty(sqlite3.Connection):
        def execute(self, sql: str, *args: Any) -> sqlite3.Cursor:
            fault = plan.pop("commit", None) if sql == "COMMIT" else None
            if fault == "before":
                raise sqlite3.OperationalError("database or disk is full")
            cursor = super().execute(sql, *args)
            if fault == "after":
                raise sqlite3.OperationalError("disk I/O error")
            return cursor

    return Faulty


Factory = Callable[[Plan], type[sqlite3.Connection]]
