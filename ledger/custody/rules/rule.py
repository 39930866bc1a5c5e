"""One rule of a profile: what it demands, of whom, since when, and which article says so."""

from collections.abc import Mapping
from dataclasses import dataclass

from custody.rules.finding import Article, Penalty, Severity
from custody.rules.requirement import Requirement


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule. `parameters` are whole numbers whose unit is in the name; `policy` names those that no law states."""

    id: str
    profile: str
    code: str
    articles: tuple[Article, ...]
    severity: Severity
    penalty: Penalty | None
    regimes: frozenset[str]
    parameters: Mapping[str, int]
    policy: frozenset[str]
    requires: tuple[Requirement, ...]
    from_us: int
    to_us: int

    def in_force(self, at_us: int) -> bool:
        """True when the profile of this rule was in force at that moment."""
        return self.from_us <= at_us < self.to_us
