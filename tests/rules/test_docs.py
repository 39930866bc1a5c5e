"""The pages on rules and law say what the catalogue and the profiles say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.rules.simulator import LIBRARY

from custody.rules.catalogue import CODES

DOCS = Path(__file__).parents[2] / "docs"
PAGES = {name: DOCS / "law" / f"{name}.md" for name in ("bj185", "cn799", "ctl32")} | {
    "default": DOCS / "spec" / "rules.md"
}


def _rows(path: Path, columns: int) -> list[list[str]]:
    lines = re.findall(r"^\| (`[^|]+`) \| (.+) \|$", path.read_text(encoding="utf-8"), re.MULTILINE)
    rows = [[first.strip("`"), *(cell.strip() for cell in rest.split("|"))] for first, rest in lines]
    return [row for row in rows if len(row) >= columns]


def test_every_code_has_its_row() -> None:
    rows = [row for row in _rows(PAGES["default"], 5) if row[0] in CODES]
    assert [row[0] for row in rows] == sorted(CODES)
    for code, verdict, text, parameters, profiles in rows:
        rules = [rule for profile in LIBRARY.profiles.values() for rule in profile.rules if rule.code == code]
        assert (verdict, text) == (CODES[code].verdict.value, CODES[code].en)
        assert set(re.findall(r"`(\w+)`", parameters)) == CODES[code].parameters
        assert profiles == ", ".join(sorted({rule.profile for rule in rules}))


@pytest.mark.parametrize("name", sorted(PAGES))
def test_every_rule_has_its_row(name: str) -> None:
    rules = {rule.id: rule for rule in LIBRARY.profiles[name].rules}
    rows = [row for row in _rows(PAGES[name], 6) if row[0] in rules]
    assert [row[0] for row in rows] == list(rules)
    for row in rows:
        rule = rules[row[0]]
        assert row[1:4] == [
            f"`{rule.code}`",
            rule.severity.name.lower(),
            ", ".join(article.id for article in rule.articles) or "-",
        ]
        assert row[4] == (rule.penalty.id if rule.penalty else "-")
        for parameter, value in rule.parameters.items():
            policy = " (policy)" if parameter in rule.policy else ""
            assert f"{parameter} = {value}{policy}" in row[5]
        for need in rule.requires:
            assert f"{need.kind}.{need.field}" in row[5]
        assert row[6:7] == ([", ".join(sorted(rule.regimes))] if LIBRARY.profiles[name].regimes else [])
