"""Worlds in which nothing has happened yet."""

from __future__ import annotations

import pytest
from tests.rules.simulator import World


@pytest.fixture
def world() -> World:
    return World()
