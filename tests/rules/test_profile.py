"""Profiles are read strictly: a rule that silently never applies would look like a lawful recording."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.rules.simulator import DAY, LIBRARY, World

from custody.core.errors import MalformedError
from custody.rules import CustodyState, Library, Observation, load_library, parse_profile
from custody.rules.case import Case
from custody.rules.catalogue import CODES
from custody.rules.state import Site

BASE: dict[str, Any] = {
    "id": "house",
    "title_zh": "规则",
    "title_en": "Rules",
    "source": "the house",
    "in_force_from": datetime(2026, 1, 1, tzinfo=UTC),
    "in_force_to": datetime(2026, 2, 1, tzinfo=UTC),
    "default_regime": "a",
    "regime": [{"id": "a", "article": "H-1"}, {"id": "b", "article": "H-1"}],
    "article": [{"id": "H-1", "zh": "一", "en": "one", "text_is": "paraphrase"}],
    "penalty": [{"id": "H-9", "zh": "罚", "en": "fine", "text_is": "quotation", "unit": "CNY", "maximum": 5}],
    "rule": [
        {
            "id": "house.short",
            "code": "disposed-early",
            "articles": ["H-1"],
            "severity": "minor",
            "penalty": "H-9",
            "regimes": ["a"],
            "parameters": {"minimum_days": 3},
            "policy": ["minimum_days"],
        },
        {
            "id": "house.form",
            "code": "register-incomplete",
            "articles": [],
            "severity": "info",
            "requires": [{"kind": "access", "field": "officers.unit", "when": {"accessor": ["court"]}}],
        },
    ],
}


def _with(path: str, value: Any) -> dict[str, Any]:
    data = copy.deepcopy(BASE)
    here: Any = data
    *parts, last = path.split("/")
    for part in parts:
        here = here[int(part) if part.isdigit() else part]
    key: Any = int(last) if last.isdigit() else last
    if value is None:
        del here[key]
    else:
        here[key] = value
    return data


def test_reads_what_is_there() -> None:
    profile = parse_profile(BASE)
    rule = profile.rules[0]
    assert (rule.id, rule.code, rule.parameters["minimum_days"]) == ("house.short", "disposed-early", 3)
    assert rule.penalty is not None
    assert (rule.penalty.minimum, rule.penalty.maximum, rule.penalty.quoted) == (None, 5, True)
    assert not rule.articles[0].quoted
    assert rule.in_force(1_767_225_600_000_000)
    assert not rule.in_force(1_767_225_600_000_000 - 1)
    assert not rule.in_force(1_767_225_600_000_000 + 31 * DAY)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("surprise", 1),
        ("title_en", None),
        ("title_en", 7),
        ("in_force_from", datetime(2026, 1, 1)),  # noqa: DTZ001  the very fault
        ("in_force_from", datetime(2026, 1, 1, 0, 0, 0, 5, tzinfo=UTC)),
        ("default_regime", "c"),
        ("regime/0/article", "H-2"),
        ("regime/0/more", "x"),
        ("article/0/text_is", "rumour"),
        ("article/0/zh", None),
        ("penalty/0/maximum", "much"),
        ("rule/0", "not a table"),
        ("rule/0/surprise", 1),
        ("rule/0/code", "no-such-code"),
        ("rule/0/severity", "grave"),
        ("rule/0/parameters", {}),
        ("rule/0/parameters", {"minimum_days": True}),
        ("rule/0/parameters", {"minimum_days": -1}),
        ("rule/0/parameters", {"minimum_days": 1, "maximum_days": 2}),
        ("rule/0/policy", ["grace"]),
        ("rule/0/policy", [1]),
        ("rule/0/regimes", ["z"]),
        ("rule/0/articles", ["H-3"]),
        ("rule/0/articles", [["H-1"]]),
        ("rule/0/penalty", "H-8"),
        ("rule/0/requires", [{"kind": "access", "field": "act"}]),
        ("rule/1/requires", None),
        ("rule/1/id", "house.short"),
        ("rule/1/requires/0", "not a table"),
        ("rule/1/requires/0/surprise", 1),
        ("rule/1/requires/0/kind", "no_such_kind"),
        ("rule/1/requires/0/kind", "segment"),
        ("rule/1/requires/0/field", "officers.shoe_size"),
        ("rule/1/requires/0/field", "officers.unit.length"),
        ("rule/1/requires/0/field", 4),
        ("rule/1/requires/0/field", "recorded_by"),
        ("rule/1/requires/0/at_least", 0),
        ("rule/1/requires/0/at_least", True),
        ("rule/1/requires/0/document", "pamphlet"),
        ("rule/1/requires/0/one_of", ["court"]),
        ("rule/1/requires/0/one_of", "court"),
        ("rule/1/requires/0/when", ["accessor"]),
        ("rule/1/requires/0/when", {"accessor": ["Court"]}),
        ("rule/1/requires/0/when", {"accessor": ["king"]}),
        ("rule/1/requires/0/when", {"observed": ["yes"]}),
        ("rule/1/requires/0/when", {"nothing": ["court"]}),
    ],
)
def test_refuses(path: str, value: Any) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_profile(_with(path, value))
    assert caught.value.code == "profile-malformed"


def test_without_the_optional_parts() -> None:
    data = {
        key: value for key, value in BASE.items() if key in {"id", "title_zh", "title_en", "source", "in_force_from"}
    }
    profile = parse_profile(data | {"rule": []})
    assert (profile.rules, profile.default_regime) == ((), "")


def test_a_library_has_each_profile_once() -> None:
    profile = parse_profile(BASE)
    with pytest.raises(ValueError, match="two profiles are called house"):
        Library((profile, profile))


def test_the_digest_names_the_law() -> None:
    assert load_library().digest == LIBRARY.digest
    assert Library((parse_profile(BASE),)).digest != Library((parse_profile(_with("title_en", "Other")),)).digest


def test_regimes_choose_rules() -> None:
    library = Library((parse_profile(BASE),))
    assert [rule.id for rule in library.rules(("house",), "disposed-early")] == ["house.short"]
    assert [rule.id for rule in library.rules(("house:a", "house:a"), "disposed-early")] == ["house.short"]
    assert library.rules(("house:b", "house:c", "moon"), "disposed-early") == ()
    assert [(rule.id, len(needs)) for rule, needs in library.asked(("house:b",), "access").needs] == [("house.form", 1)]
    assert library.asked(("house:b",), "filing").needs == ()
    assert library.rule("house.form").code == "register-incomplete"


def test_every_code_has_a_rule_and_every_law_its_texts() -> None:
    rules = [rule for profile in LIBRARY.profiles.values() for rule in profile.rules]
    assert {rule.code for rule in rules} == set(CODES)
    for rule in rules:
        assert rule.profile == "default" or rule.articles, rule.id
    for profile in LIBRARY.profiles.values():
        assert all(article.zh and article.en for article in profile.articles.values())
        used = {article.id for rule in profile.rules for article in rule.articles}
        regimes = {article.id for article in profile.regimes.values()}
        assert set(profile.articles) == used | regimes


def test_an_older_event_is_judged_by_the_law_of_its_day() -> None:
    world = World()
    world.now -= 400 * DAY  # before Order 799 came into force
    world.lawful("cn799")
    world.record(days=20, length=DAY)
    world.dispose(1, 2)
    assert world.codes(at=world.now) == []


def test_an_unknown_base_profile_is_misuse() -> None:
    with pytest.raises(ValueError, match="no profile is called moon"):
        World(base=("moon",))


def test_two_profiles_may_call_a_rule_alike_and_each_is_cited_with_its_own_article() -> None:
    other = _with("id", "home")
    other["article"][0]["en"] = "another"
    profiles = (parse_profile(BASE), parse_profile(other))
    case = Case(CustodyState(Library(profiles), base=["house"]), Site("s"), None, 1, Observation())
    words = {"kept": "1", "minimum": "3"}
    found = [case.find("disposed-early", [one.rules[0]], (1, 1), words=words)[0] for one in profiles]
    assert [[article.en for article in finding.articles] for finding in found] == [["one"], ["another"]]
