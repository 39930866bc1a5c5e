"""The finding: one named result of a check (DESIGN sections 2 and 7).

A finding never says more than its entries show. `verdict` is from the closed vocabulary of DESIGN section 7 or one of the
neighbouring duties; `code` is finer and never renamed. A finding cites the rules of every profile that was in force
at the time of the event.
"""

from dataclasses import asdict, dataclass, replace
from enum import Enum, IntEnum
from typing import Any


class Severity(IntEnum):
    """How much a finding weighs; ordered. `INFO` lists a fact and blames nobody."""

    INFO = 0
    MINOR = 1
    MAJOR = 2
    CRITICAL = 3


class Verdict(Enum):
    """What a finding or a segment is called in every report."""

    PRESENT = "present"
    ALTERED = "altered"
    MISSING = "missing"
    DISPOSED_LAWFULLY = "disposed lawfully"
    DISPOSED_EARLY = "disposed early"
    OVER_RETAINED = "over-retained"
    INSERTED_LATE = "inserted late"
    DERIVED = "derived (not bit-identical)"
    NOT_CHECKED = "not checked"
    GAP_EXPLAINED = "gap explained"
    GAP_UNEXPLAINED = "gap unexplained"
    CLOCK_SUSPECT = "clock suspect"
    REGISTER_INCOMPLETE = "register incomplete"
    UNDER_TWO_OFFICERS = "under two officers"
    NO_CERTIFYING_DOCUMENT = "no certifying document"
    NO_AUTHORISATION = "no authorisation"
    ACCESS_DURING_HOLD = "access during a hold"
    FILING_LATE = "late"
    FILING_MISMATCH = "mismatch"
    DUTY = "duty not shown"
    LOG = "log"


class LogVerdict(Enum):
    """What the verifier found out about the log itself; it is told to us, we check no signature."""

    CONSISTENT = "consistent"
    TRUNCATED = "truncated"
    FORKED = "forked"
    UNWITNESSED = "unwitnessed"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Subject:
    """Whom a finding concerns: kind 'log', 'site' or 'stream', and its name ('' for the log)."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """One article of a law. `quoted` is False where the Chinese text is our short paraphrase."""

    id: str
    zh: str
    en: str
    quoted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Penalty:
    """Penalty band of an article; amounts in `unit` or None where the source states none or was not at hand."""

    id: str
    minimum: int | None
    maximum: int | None
    unit: str
    zh: str
    en: str
    quoted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One result. Equal findings are one finding.

    `period_us` is half open, two equal moments for an instant. `indexes` are the leaf indexes of the entries that show
    it, ascending and at most `MAX_SHOWN`; `record_ids` those of their records that are no segments. `numbers` is the
    run of segment numbers concerned, both ends included, where it concerns footage files.
    """

    code: str
    verdict: Verdict
    severity: Severity
    subject: Subject
    period_us: tuple[int, int]
    indexes: tuple[int, ...]
    record_ids: tuple[bytes, ...]
    numbers: tuple[int, int] | None
    rules: tuple[str, ...]
    articles: tuple[Article, ...]
    penalties: tuple[Penalty, ...]
    en: str
    zh: str

    def order(self) -> tuple[object, ...]:
        """Sort key: log, sites, streams; then time, code and entries."""
        return (self.subject, self.period_us, self.code, self.numbers or (0, 0), self.indexes, self.en)

    def as_json(self) -> dict[str, Any]:
        """Plain values under stable keys, for `--json` and reports; times in microseconds, ids in hex."""
        return {
            "code": self.code,
            "verdict": self.verdict.value,
            "severity": self.severity.name.lower(),
            "subject": {"kind": self.subject.kind, "name": self.subject.name},
            "period_us": list(self.period_us),
            "indexes": list(self.indexes),
            "record_ids": [record_id.hex() for record_id in self.record_ids],
            "numbers": None if self.numbers is None else list(self.numbers),
            "rules": list(self.rules),
            "articles": [asdict(article) for article in self.articles],
            "penalties": [asdict(penalty) for penalty in self.penalties],
            "en": self.en,
            "zh": self.zh,
        }

    def joined(self, other: "Finding") -> "Finding":
        """This finding with the rules that `other`, the same finding under other rules, cites besides."""
        return replace(
            self,
            severity=max(self.severity, other.severity),
            rules=tuple(dict.fromkeys(self.rules + other.rules)),
            articles=tuple({article.id: article for article in self.articles + other.articles}.values()),
            penalties=tuple({penalty.id: penalty for penalty in self.penalties + other.penalties}.values()),
        )


MAX_SHOWN = 16
"""Entries that one finding names; a run of a million altered segments is named by its ends."""
