"""docs/security.md names the test that shows each of its lines; this holds it to that."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[2]
NOTES = (HOUSE / "docs" / "security.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(?:[\w/]+/)?(test_\w+(?:\.py)?)`", NOTES)))


@pytest.fixture(scope="module")
def tests() -> set[str]:
    found: set[str] = set()
    for path in (HOUSE / "tests").rglob("test_*.py"):
        found |= {path.name, *re.findall(r"^(?:async )?def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)}
    return found


@pytest.mark.parametrize("name", NAMED)
def test_a_test_that_the_security_notes_name_exists(name: str, tests: set[str]) -> None:
    assert name in tests


@pytest.mark.parametrize(
    "line", [line for line in NOTES.split("## Attackers")[1].splitlines() if line.startswith("| ")]
)
def test_every_attacker_has_a_test(line: str) -> None:
    _, attacker, _, _, shown, _ = line.split("|")
    assert attacker.strip() == "attacker" or "test_" in shown, attacker
