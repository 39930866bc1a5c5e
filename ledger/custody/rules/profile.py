"""Rule profiles: law as data, read strictly (docs/spec/rules.md).

A profile is a mapping as tomllib gives it. Unknown keys, unknown codes, missing parameters and dangling references are
errors: a misspelt rule that silently never applies would look like a lawful recording. A site names its profiles in
SiteRegistered.profiles, a stream in StreamDescription.profiles; `id:regime` chooses one of a profile's regimes.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Final, TypeVar

from custody.core.errors import MalformedError
from custody.core.limits import MAX_TIME_US
from custody.rules.asked import Asked
from custody.rules.catalogue import CODES
from custody.rules.finding import Article, Penalty, Severity
from custody.rules.requirement import parse_names, parse_requirement
from custody.rules.rule import Rule

_T = TypeVar("_T")

_PROFILE: Final = {
    "id": str, "title_zh": str, "title_en": str, "source": str, "in_force_from": datetime, "in_force_to": datetime,
    "default_regime": str, "regime": list, "article": list, "penalty": list, "rule": list,
}  # fmt: skip
_REGIME: Final = {"id": str, "article": str}
_ARTICLE: Final = {"id": str, "zh": str, "en": str, "text_is": str}
_PENALTY: Final = {"id": str, "zh": str, "en": str, "text_is": str, "unit": str, "minimum": int, "maximum": int}
_RULE: Final = {
    "id": str, "code": str, "articles": list, "severity": str, "penalty": str, "regimes": list,
    "parameters": dict, "policy": list, "requires": list,
}  # fmt: skip
_SEVERITIES: Final = {severity.name.lower(): severity for severity in Severity}


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A law, or the neutral default. In force from `from_us` until before `to_us`."""

    id: str
    title_zh: str
    title_en: str
    source: str
    from_us: int
    to_us: int
    default_regime: str
    regimes: Mapping[str, Article]
    articles: Mapping[str, Article]
    penalties: Mapping[str, Penalty]
    rules: tuple[Rule, ...]
    digest: bytes
    """SHA-256 over the data that it was read from, in one spelling."""


class Library:
    """Profiles by id, and what binds under a list of them. ValueError when two have one id."""

    __slots__ = ("_asked", "_cache", "_rules", "digest", "profiles")

    def __init__(self, profiles: Iterable[Profile]) -> None:
        self.profiles: dict[str, Profile] = {}
        for profile in profiles:
            if profile.id in self.profiles:
                raise ValueError(f"two profiles are called {profile.id}")
            self.profiles[profile.id] = profile
        self._rules = {rule.id: rule for profile in self.profiles.values() for rule in profile.rules}
        self._cache: dict[tuple[str, ...], dict[str, tuple[Rule, ...]]] = {}
        self._asked: dict[tuple[tuple[str, ...], str], Asked] = {}
        self.digest = sha256(b"".join(self.profiles[name].digest for name in sorted(self.profiles))).digest()
        """Names the law that a saved state was made under."""

    def rules(self, bound: tuple[str, ...], code: str) -> tuple[Rule, ...]:
        """Rules with `code` of the named profiles, at whatever time; unknown profile names bind nothing."""
        table = self._cache.get(bound)
        if table is None:
            table = self._cache[bound] = self._gather(bound)
        return table.get(code, ())

    def asked(self, bound: tuple[str, ...], kind: str) -> Asked:
        """What the named profiles require of a kind of record."""
        found = self._asked.get((bound, kind))
        if found is None:
            found = self._asked[bound, kind] = Asked(
                (rule, tuple(need for need in rule.requires if need.kind == kind))
                for rule in self.rules(bound, f"requires {kind}")
            )
        return found

    def rule(self, rule_id: str) -> Rule:
        """A rule by its id, as findings cite it; KeyError when there is none."""
        return self._rules[rule_id]

    def known(self, name: str) -> bool:
        """True when `name` is a profile, or a profile and one of its regimes."""
        profile, colon, regime = name.partition(":")
        return profile in self.profiles and (not colon or regime in self.profiles[profile].regimes)

    def parameter(self, code: str, name: str) -> list[int]:
        """All values that any profile gives a parameter of a code."""
        rules = (rule for profile in self.profiles.values() for rule in profile.rules if rule.code == code)
        return [rule.parameters[name] for rule in rules]

    def _gather(self, bound: tuple[str, ...]) -> dict[str, tuple[Rule, ...]]:
        table: dict[str, list[Rule]] = {}
        for name in dict.fromkeys(bound):
            if not self.known(name):
                continue
            profile = self.profiles[name.partition(":")[0]]
            regime = name.partition(":")[2] or profile.default_regime
            for rule in profile.rules:
                if not rule.regimes or regime in rule.regimes:
                    table.setdefault(rule.code, []).append(rule)
                    for kind in dict.fromkeys(need.kind for need in rule.requires):
                        table.setdefault(f"requires {kind}", []).append(rule)
        return {code: tuple(rules) for code, rules in table.items()}


def parse_profile(data: Mapping[str, Any]) -> Profile:
    """Reads a profile; raises MalformedError ('profile-malformed') with the place of the fault."""
    name = str(data.get("id"))[:64]
    _check(data, _PROFILE, {"in_force_to", "default_regime", "regime", "penalty", "article"}, f"profile {name}")
    articles = {article.id: article for article in (_article(row, name) for row in data.get("article", []))}
    regimes = {}
    for row in data.get("regime", []):
        _check(row, _REGIME, set(), f"{name}: regime")
        regimes[row["id"]] = _find(articles, row["article"], name)
    penalties = {penalty.id: penalty for penalty in (_penalty(row, name) for row in data.get("penalty", []))}
    default_regime = data.get("default_regime", "")
    if default_regime:
        _find(regimes, default_regime, name)
    from_us = _time_us(data["in_force_from"], name)
    to_us = _time_us(data["in_force_to"], name) if "in_force_to" in data else MAX_TIME_US
    rules = tuple(_rule(row, name, articles, penalties, regimes, (from_us, to_us)) for row in data["rule"])
    if len({rule.id for rule in rules}) != len(rules):
        raise MalformedError(f"{name}: two rules have one id", code="profile-malformed")
    return Profile(
        id=name, title_zh=data["title_zh"], title_en=data["title_en"], source=data["source"], from_us=from_us, to_us=to_us,
        default_regime=default_regime, regimes=regimes, articles=articles, penalties=penalties, rules=rules,
        digest=sha256(json.dumps(data, sort_keys=True, default=str).encode()).digest(),
    )  # fmt: skip


def _rule(
    row: Mapping[str, Any],
    name: str,
    articles: Mapping[str, Article],
    penalties: Mapping[str, Penalty],
    regimes: Mapping[str, Article],
    force: tuple[int, int],
) -> Rule:
    where = f"{name}: rule {row.get('id')}" if isinstance(row, dict) else f"{name}: rule"
    _check(row, _RULE, {"penalty", "regimes", "parameters", "policy", "requires"}, where)
    code = CODES.get(row["code"])
    parameters = row.get("parameters", {})
    if code is None or row["severity"] not in _SEVERITIES:
        raise MalformedError(f"{where}: unknown code or severity", code="profile-malformed")
    if set(parameters) != code.parameters or not all(
        type(value) is int and value >= 0 for value in parameters.values()
    ):
        raise MalformedError(
            f"{where}: {code.code} takes the parameters {sorted(code.parameters)}", code="profile-malformed"
        )
    policy, chosen = parse_names(row.get("policy", []), where), parse_names(row.get("regimes", []), where)
    if code.requires != bool(row.get("requires")) or not set(policy) <= set(parameters):
        raise MalformedError(f"{where}: requires or policy do not fit the code", code="profile-malformed")
    for regime in chosen:
        _find(regimes, regime, where)
    return Rule(
        id=row["id"], profile=name, code=code.code,
        articles=tuple(_find(articles, article, where) for article in parse_names(row["articles"], where)),
        severity=_SEVERITIES[row["severity"]],
        penalty=_find(penalties, row["penalty"], where) if "penalty" in row else None,
        regimes=frozenset(chosen), parameters=dict(parameters), policy=frozenset(policy),
        requires=tuple(parse_requirement(item, where) for item in row.get("requires", [])),
        from_us=force[0], to_us=force[1],
    )  # fmt: skip


def _article(row: Mapping[str, Any], name: str) -> Article:
    _check(row, _ARTICLE, set(), f"{name}: article")
    return Article(id=row["id"], zh=row["zh"], en=row["en"], quoted=_quoted(row, name))


def _penalty(row: Mapping[str, Any], name: str) -> Penalty:
    _check(row, _PENALTY, {"minimum", "maximum"}, f"{name}: penalty")
    return Penalty(
        id=row["id"], minimum=row.get("minimum"), maximum=row.get("maximum"), unit=row["unit"], zh=row["zh"], en=row["en"],
        quoted=_quoted(row, name),
    )  # fmt: skip


def _quoted(row: Mapping[str, Any], name: str) -> bool:
    if row["text_is"] not in {"quotation", "paraphrase"}:
        raise MalformedError(f"{name}: {row['id']}: text_is is quotation or paraphrase", code="profile-malformed")
    return bool(row["text_is"] == "quotation")


def _check(row: Any, schema: Mapping[str, type], optional: set[str], where: str) -> None:
    if not isinstance(row, dict) or not set(schema) - optional <= set(row) <= set(schema):
        raise MalformedError(f"{where}: keys are {sorted(schema)}", code="profile-malformed")
    for key, value in row.items():
        if type(value) is not schema[key]:
            raise MalformedError(f"{where}: {key} is not a {schema[key].__name__}", code="profile-malformed")


def _find(table: Mapping[str, _T], key: str, where: str) -> _T:
    if key not in table:
        raise MalformedError(f"{where}: {key} is not defined", code="profile-malformed")
    return table[key]


def _time_us(value: datetime, name: str) -> int:
    if value.tzinfo is None or value.microsecond:
        raise MalformedError(f"{name}: a time in force without offset or with a fraction", code="profile-malformed")
    return round(value.timestamp()) * 1_000_000
