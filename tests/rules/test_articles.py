"""Every article that the ledger can record or check has a rule, and its penalty band where the law has one."""

from __future__ import annotations

import pytest
from tests.rules.simulator import LIBRARY
from tests.rules.stories import STORIES

from custody.rules.field_words import FIELD_WORDS

D185 = "4 5 6 7 9 11 12(1) 12(2) 12(3) 12(4) 12 13(1) 13(2) 13(3) 14 15 16 17(1) 17(2) 17(3) 18"
SCO799 = "13 14 15 16(2)(1) 16(2)(2) 16(2)(3) 17 20 21 22 23(1) 23(2) 23(5) 24 33"


@pytest.mark.parametrize(
    "article", [*(f"D185-{one}" for one in D185.split()), *(f"SCO799-{one}" for one in SCO799.split()), "CTL-32"]
)
def test_an_article_has_a_rule_with_two_stories(article: str) -> None:
    rules = {
        rule.id
        for profile in LIBRARY.profiles.values()
        for rule in profile.rules
        if article in {one.id for one in rule.articles}
    }
    assert rules
    assert rules <= {rule for story in STORIES for rule in story.rules.split()}


@pytest.mark.parametrize(
    ("rule", "band"),
    [
        ("bj185.filing-late", ("D185-19..26", None, 30_000)),
        ("bj185.no-authorisation", ("D185-19..26", None, 30_000)),
        ("cn799.sign-missing", ("SCO799-13", None, None)),
        ("cn799.filing-missing", ("SCO799-29", 0, 10_000)),
        ("cn799.change-unapproved", ("SCO799-30", 5_000, 10_000)),
        ("cn799.modified", ("SCO799-31", None, None)),
        ("cn799.state-access-unfounded", ("SCO799-32", None, None)),
        ("ctl32.disposed-early", ("CTL-88", 0, 100_000)),
    ],
)
def test_penalty_bands(rule: str, band: tuple[str, int | None, int | None]) -> None:
    penalty = LIBRARY.rule(rule).penalty
    assert penalty is not None
    assert (penalty.id, penalty.minimum, penalty.maximum) == band


def test_regimes_leave_out_what_article_9_leaves_out() -> None:
    left_out = {"SCO799-14", "SCO799-15", "SCO799-16(2)(1)", "SCO799-16(2)(2)", "SCO799-16(2)(3)", "SCO799-17"}
    for rule in LIBRARY.profiles["cn799"].rules:
        articles = {article.id for article in rule.articles}
        assert ("9" in rule.regimes) == (not articles & (left_out | {"SCO799-23(2)", "SCO799-33"})), rule.id


def test_what_is_not_quoted_says_so() -> None:
    assert all(article.quoted for article in LIBRARY.profiles["cn799"].articles.values())
    quoted = {article.id for article in LIBRARY.profiles["bj185"].articles.values() if article.quoted}
    assert {one.partition("(")[0] for one in quoted} == {"D185-4", "D185-5", "D185-11", "D185-12"}
    assert LIBRARY.profiles["ctl32"].articles["CTL-32"].quoted
    assert not LIBRARY.profiles["ctl32"].penalties["CTL-88"].quoted


def test_required_fields_have_words() -> None:
    """A finding names what a record lacks in the reader's language, not by the path in the form."""
    required = {need.field for profile in LIBRARY.profiles.values() for rule in profile.rules for need in rule.requires}
    assert required == set(FIELD_WORDS)
