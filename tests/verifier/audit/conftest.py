"""Stories of the rules' simulator written into a log of their own, and `custody audit` over it."""

import json
from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from tests.rules.simulator import World

from custody.cli.main import run

Audit = Callable[..., tuple[int, dict[str, Any]]]


class Told:
    """A world whose entries are written to a log as it goes on; `log` is a LogWriter of tests/verifier."""

    def __init__(self, log: Any) -> None:
        self.world = World()
        self.log = log
        self._written = 0
        # The story begins before the writer's own clock.
        log.db.execute("UPDATE log SET created_us = 1")

    @property
    def key(self) -> str:
        return str(self.log.key.vkey.encode())

    def write(self) -> None:
        """Appends what was told since the last time, one batch for each moment."""
        self.world.watch(self.world.now)
        fresh = self.world.entries[self._written :]
        self._written += len(fresh)
        for at_us, group in groupby(fresh, lambda one: one[1].sequenced_at_us):
            self.log.now_us = at_us - 1_000_000  # the writer moves its clock before each batch
            self.log.append([record.raw for _, _, record in group], publish=False)
        self.log.publish()


@pytest.fixture
def told(writer: Any) -> Told:
    return Told(writer)


@pytest.fixture
def audit(capsys: pytest.CaptureFixture[str]) -> Audit:
    """Runs `custody audit ... --json` in this process; gives its exit status and its report."""

    def run_audit(*arguments: object) -> tuple[int, dict[str, Any]]:
        capsys.readouterr()
        status = run(["audit", *map(str, arguments), "--workers", "1", "--json"])
        return status, json.loads(capsys.readouterr().out or "{}")

    return run_audit


@pytest.fixture
def memory(tmp_path: Path) -> Path:
    return tmp_path / "audit-state"
