"""A house with mutual TLS; what the server writes into its log."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import LogCapture
from tests.security.parties import House, house

from custody.server import sequencer


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequencer, "FIRST_PAUSE_S", 0.0)
    monkeypatch.setattr(sequencer, "LONGEST_PAUSE_S", 0.0)


@pytest.fixture
def written() -> Any:
    """Every line that the server logs, as dictionaries."""
    capture = LogCapture()
    before = structlog.get_config()["processors"]
    structlog.configure(processors=[capture])
    yield capture.entries
    structlog.configure(processors=before)


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path) as made:
        yield made
