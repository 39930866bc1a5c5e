"""Every code that can stand in a report has words in English and Chinese: web/code_texts.json, which the page shares."""

from __future__ import annotations

import re
from pathlib import Path

from custody.verifier.web import code_texts

ROOT = Path(__file__).parents[2]
CODE = re.compile(r'\b_?(?:code|CODE)(?:: str|: Final)? ?= ?"([a-z][a-z0-9]*(?:-[a-z0-9]+)*)"(?! if)')
CHINESE = re.compile(r"[\u4e00-\u9fff]")
ELSEWHERE = {
    "asyncpg-missing", "audit-stopped", "internal", "mirror-mismatch", "not-checked", "outbox-full", "profile-malformed",
    "secret-in-argv", "state-law", "state-malformed", "tlog-policy", "webhook-failed",
}  # fmt: skip
"""Ends of a command, told on stderr alone, and words that are no codes."""


def codes() -> set[str]:
    """Of the forms, of the tables of checks, and of what verifier and exporter raise."""
    errors = (ROOT / "docs/spec/errors.md").read_text(encoding="utf-8").partition("## The programs")[0]
    found = set(re.findall(r"^\| `([a-z0-9-]+)` \| .+ \|$", errors, re.MULTILINE))
    checks = (ROOT / "docs/spec/verification.md").read_text(encoding="utf-8")
    for row in re.findall(r"^\| \d+ \|.*\|(.*)\|$", checks, re.MULTILINE):
        found |= set(re.findall(r"`([a-z-]+)`", row))
    for folder in ("ledger/custody/core", "verifier/custody/verifier", "clients/custody/export"):
        for path in (ROOT / folder).rglob("*.py"):
            found |= set(CODE.findall(path.read_text(encoding="utf-8")))
    return found - ELSEWHERE


def test_every_code_has_words_in_both_languages() -> None:
    table = code_texts()
    assert codes() - table.keys() == set()
    for code, words in table.items():
        assert words.keys() == {"en", "zh"}, code
        assert CHINESE.search(words["zh"]), code
        assert words["en"].isascii(), code
        assert words["en"] != code


def test_no_words_are_left_over() -> None:
    """A code that nothing raises any more has no words either; those of entries are told by the forms' own fields."""
    errors = (ROOT / "docs/spec/errors.md").read_text(encoding="utf-8")
    known = codes() | set(re.findall(r"^\| `([a-z0-9-]+)` \|", errors, re.MULTILINE))
    assert code_texts().keys() - known == set()


def test_no_two_codes_say_the_same() -> None:
    for language in ("en", "zh"):
        said = [words[language] for words in code_texts().values()]
        assert sorted({one for one in said if said.count(one) > 1}) == []
