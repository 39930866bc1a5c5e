from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from evidence import Evidence, exported
from forgery import Bag

from custody.cli.main import run


@pytest.fixture(scope="session")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evidence]:
    """A running ledger and the good package; tests that change something work on a copy."""
    with exported(tmp_path_factory.mktemp("evidence")) as made:
        yield made


@pytest.fixture(scope="session")
def other(evidence: Evidence) -> Path:
    """A second genuine package of the same footage, later and for another case."""
    out = evidence.folder / "other"
    assert run([*evidence.arguments(out), "--case", "ANOTHER-1"]) == 0
    return out


@pytest.fixture
def bag(evidence: Evidence, tmp_path: Path) -> Bag:
    """A copy of the good package to be falsified."""
    folder = tmp_path / "bag"
    shutil.copytree(evidence.package, folder)
    return Bag(folder)
