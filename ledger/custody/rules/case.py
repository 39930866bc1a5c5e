"""One subject at one moment: what binds it, and how a breach becomes a finding.

Rules are looked up at the time of the event. That is the moment that the record states, but for what was told late never
one before the footage that it names: else a date before the law came into force would free of it. Where no rule in force minds a fact, there is no finding.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Final, NamedTuple

from custody.rules.catalogue import CODES
from custody.rules.finding import MAX_SHOWN, Finding, Subject
from custody.rules.observation import Observation
from custody.rules.rule import Rule
from custody.rules.state import CustodyState, Note, Site, Stream, counted_us

_PRIORITY_PROFILE: Final = "ctl32"
"""Binds sites that declare themselves priority targets, whether or not they name it."""


class Length(NamedTuple):
    """A length of time in the reader's words."""

    en: str
    zh: str


Words = Mapping[str, str | int | Length]
"""What a check puts into the texts of its code."""


class _Declared(NamedTuple):
    """Profiles that one record declares: they bind from `from_us`; from `alone_us` on, earlier ones bind no more."""

    from_us: int
    alone_us: int
    names: tuple[str, ...]


def _declared(every: list[_Declared], at_us: int) -> list[str]:
    """Names that bind at a moment, `every` in the order of the log; before the first declaration those of the first."""
    alone = [one for one in every if one.alone_us <= at_us][-1:]
    besides = [one for one in every if one.from_us <= at_us < one.alone_us]
    if not alone and not besides and every:
        alone = [min(every, key=lambda one: one.from_us)]
    return [name for one in (*alone, *besides) for name in one.names]


class Case:
    """A stream, or a site, of a state, looked at at `at_us`."""

    def __init__(self, state: CustodyState, site: Site, stream: Stream | None, at_us: int, seen: Observation) -> None:
        self.state = state
        self.site = site
        self.stream = stream
        self.at_us = at_us
        self.seen = seen
        name = site.name if stream is None else stream.name
        self.subject = Subject(kind="site" if stream is None else "stream", name=name)

    @property
    def notes(self) -> Sequence[Note]:
        """Notes of the subject itself."""
        return self.site.notes if self.stream is None else self.stream.notes

    @cached_property
    def began_us(self) -> int:
        """When the first footage of the subject begins; where there is none, when the log first heard of the subject."""
        names = self.site.streams if self.stream is None else [self.stream.name]
        begins = (row[2] for name in names for row in self.state.streams[name].footage.runs.rows())
        return min(begins, default=self.notes[0].sequenced_us if self.notes else 0)

    def named_us(self, note: Note) -> int:
        """Begin of the earliest footage that a note names, as far as there is such footage; of the subject's where it names none."""
        spans = [one.from_us for one in getattr(note.body, "spans", ()) if one.stream == self.subject.name]
        return max(self.began_us, min(spans, default=self.began_us))

    def event_us(self, note: Note) -> int:
        """When what a note tells of happened: the moment whose law binds it; never later than it was told."""
        if note.at_us >= counted_us(note):
            return note.binds_us
        return min(max(note.at_us, self.named_us(note)), note.sequenced_us)

    @cached_property
    def bindings(self) -> list[tuple[int, tuple[str, ...]]]:
        """(from_us, profiles) in the order of time: what the site and the stream declared to be bound by.

        A declaration binds from the moment that it names, but frees from what bound before only from when it was told.
        """
        site: list[_Declared] = []
        stream: list[_Declared] = []
        for note in [*self.site.notes, *([] if self.stream is None else self.stream.notes)]:
            if note.kind == "site_registered":
                names = tuple(note.body.profiles) + ((_PRIORITY_PROFILE,) if note.body.priority_target else ())
                site.append(_Declared(note.at_us, note.frees_us, names))
            elif note.kind in {"stream_registered", "stream_changed"}:
                names = tuple(note.body.description.profiles)
                stream.append(_Declared(note.at_us, note.frees_us, names))
        moments = sorted({moment for one in site + stream for moment in (one.from_us, one.alone_us)})
        return [
            (at_us, tuple(dict.fromkeys((*self.state.base, *_declared(site, at_us), *_declared(stream, at_us)))))
            for at_us in moments
        ]

    def bound(self, at_us: int) -> tuple[str, ...]:
        """Names of the profiles at a moment; before the first declaration those of the first: law does not wait for it."""
        bound = self.bindings[0][1] if self.bindings else self.state.base
        for from_us, names in self.bindings:
            if from_us > at_us:
                break
            bound = names
        return bound

    def rules(self, code: str, at_us: int) -> tuple[Rule, ...]:
        """Rules of a code that bind the subject and are in force at a moment."""
        rules = self.state.library.rules(self.bound(at_us), code)
        # Not in_force() and no generator: this runs some times for every note and gap.
        return tuple([rule for rule in rules if rule.from_us <= at_us < rule.to_us])

    def rules_during(self, code: str, from_us: int, to_us: int) -> tuple[Rule, ...]:
        """Rules of a code that bound the subject and were in force at any time of a period, both ends included."""
        moments = [from_us, *(at_us for at_us, _ in self.bindings if from_us < at_us <= to_us)]
        found: dict[str, Rule] = {}
        for place, moment in enumerate(moments):
            until = moments[place + 1] if place + 1 < len(moments) else to_us
            for rule in self.state.library.rules(self.bound(moment), code):
                if rule.from_us <= until and moment < rule.to_us:
                    found[rule.id] = rule
        return tuple(found.values())

    def find(
        self,
        code: str,
        rules: Iterable[Rule],
        period_us: tuple[int, int],
        *,
        notes: Iterable[Note] = (),
        indexes: Iterable[int] = (),
        numbers: tuple[int, int] | None = None,
        words: Words | None = None,
        zh: Mapping[str, str] | None = None,
    ) -> list[Finding]:
        """The finding, when there is a rule that minds; `words` fill the texts, `zh` replaces them in Chinese."""
        broken = tuple(rules)
        if not broken:
            return []
        row = CODES[code]
        shown = {note.index: note for note in notes}
        every = sorted({*indexes, *shown})
        kept = every if len(every) <= MAX_SHOWN else every[: MAX_SHOWN - 1] + every[-1:]
        given = {"numbers": _numbers(numbers), **(words or {})}
        english = {name: word.en if isinstance(word, Length) else word for name, word in given.items()}
        chinese = {name: word.zh if isinstance(word, Length) else word for name, word in given.items()}
        return [
            Finding(
                code=code,
                verdict=row.verdict,
                severity=max(rule.severity for rule in broken),
                subject=self.subject,
                period_us=period_us,
                indexes=tuple(kept),
                record_ids=tuple(shown[index].record_id for index in kept if index in shown),
                numbers=numbers,
                rules=tuple(dict.fromkeys(rule.id for rule in broken)),
                articles=tuple({article.id: article for rule in broken for article in rule.articles}.values()),
                penalties=tuple({rule.penalty.id: rule.penalty for rule in broken if rule.penalty}.values()),
                en=row.en.format_map(english),
                zh=row.zh.format_map({**chinese, **(zh or {})}),
            )
        ]


def _numbers(numbers: tuple[int, int] | None) -> str:
    if numbers is None:
        return ""
    return str(numbers[0]) if numbers[0] == numbers[1] else f"{numbers[0]}-{numbers[1]}"


def span(length_us: int) -> Length:
    """A length of time for people: `3 d 04:05:06`, `3 天 4 小时 5 分 6 秒`; whole seconds, rounded down."""
    days, rest = divmod(length_us // 1_000_000, 86_400)
    hours, minutes, seconds = rest // 3600, rest // 60 % 60, rest % 60
    clock = f"{hours:02}:{minutes:02}:{seconds:02}"
    parts = ((days, "天"), (hours, "小时"), (minutes, "分"), (seconds, "秒"))
    told = " ".join(f"{amount} {unit}" for amount, unit in parts if amount)
    return Length(f"{days} d {clock}" if days else clock, told or "0 秒")


def moment(at_us: int) -> str:
    """A time for people: ISO 8601, UTC, whole seconds."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=at_us // 1_000_000)).strftime("%Y-%m-%dT%H:%M:%SZ")
