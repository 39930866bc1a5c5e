from __future__ import annotations

from collections.abc import Iterator

import pytest
from engine_page import Engine, running


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """One browser for all tests of a worker process; the engine keeps nothing between runs."""
    with running() as made:
        yield made
