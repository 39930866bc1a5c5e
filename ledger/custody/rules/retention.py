"""Effective retention: the longest of all bases in force during the footage's life (DESIGN section 7).

Bases are laws (rules of code 'disposed-early' with `minimum_days`) that bound the stream at any time between the
begin of the footage and the moment in question, and the operator's own policies. A policy binds footage that begins at
or after its effective_from. The last policy known when footage began replaces the earlier ones for it; a policy told
later can lengthen its retention but never shorten what was promised.
"""

from collections.abc import Iterator
from typing import NamedTuple

from custody.rules.case import Case
from custody.rules.finding import Finding
from custody.rules.footage import DAY_US
from custody.rules.rule import Rule
from custody.rules.state import Note


class Policy(NamedTuple):
    """One RetentionPolicy; `maximum_us` 0 promises none."""

    known_us: int
    from_us: int
    minimum_us: int
    maximum_us: int
    note: Note


class Due(NamedTuple):
    """How long footage must and may be kept after its end (maximum 0: no promise), and the laws that bound it."""

    minimum_us: int
    maximum_us: int
    laws: tuple[Rule, ...]

    def same(self, other: "Due") -> bool:
        """True when the same is due for the same reasons."""
        return self[:2] == other[:2] and [rule.id for rule in self.laws] == [rule.id for rule in other.laws]

    def broken(self, kept_us: int) -> tuple[Rule, ...]:
        """The rules that a disposal after `kept_us` breaks. A rule of 0 days asks for whatever else is due."""
        return tuple(
            rule
            for rule in self.laws
            if kept_us < (rule.parameters["minimum_days"] * DAY_US or self.minimum_us)
        )  # fmt: skip


def policies(case: Case) -> list[Policy]:
    """Policies of the case's stream in the order of the log."""
    return [
        Policy(note.sequenced_us, note.body.effective_from_us, note.body.minimum_us, note.body.maximum_us, note)
        for note in case.notes
        if note.kind == "retention_policy"
    ]


def due(case: Case, every: list[Policy], begin_us: int, until_us: int) -> Due:
    """What is due for footage that began at `begin_us`, as known at `until_us`."""
    bound = [policy for policy in every if policy.from_us <= begin_us and policy.known_us <= until_us]
    then = [policy for policy in bound if policy.known_us <= begin_us]
    later = [policy for policy in bound if policy.known_us > begin_us]
    counting = (*then[-1:], *later)
    laws = case.rules_during("disposed-early", begin_us, until_us)
    promised_us = max((policy.minimum_us for policy in counting), default=0)
    legal_us = max((rule.parameters["minimum_days"] for rule in laws), default=0) * DAY_US
    maxima = [policy.maximum_us for policy in counting]
    maximum_us = max(maxima) if maxima and all(maxima) else 0
    minimum_us = max(promised_us, legal_us)
    return Due(minimum_us, max(maximum_us, minimum_us) if maximum_us else 0, laws)


def moments(case: Case, every: list[Policy]) -> list[int]:
    """Begins of footage at which `due` can change; between two of them it is the same for one `until_us`."""
    found = {at_us for at_us, _ in case.bindings}
    for policy in every:
        found |= {policy.from_us, policy.known_us}
    for profile in case.state.library.profiles.values():
        found |= {profile.from_us, profile.to_us}
    return sorted(found)


def check_settings(case: Case) -> Iterator[Finding]:
    """Retention that is set, or promised, shorter than what is due: seen before anything is lost."""
    every = policies(case)
    for note in case.notes:
        # What is set, or promised, is so when it is told: a moment before the law was would ask for nothing.
        told_us = note.sequenced_us
        rules = case.rules("retention-short", told_us)
        if note.kind == "recorder_configuration":
            set_us, minimum_us = note.body.retention_us, due(case, every, told_us, told_us).minimum_us
        elif note.kind == "retention_policy":
            set_us, minimum_us = note.body.minimum_us, due(case, [], told_us, told_us).minimum_us
        else:
            continue
        if 0 < set_us < minimum_us:
            words = {"set": days(set_us), "minimum": days(minimum_us)}
            yield from case.find("retention-short", rules, (note.at_us, note.at_us), notes=[note], words=words)


def days(length_us: int) -> str:
    """A length in days for people, with two decimals where it is not whole, rounded down."""
    whole, rest = divmod(length_us, DAY_US)
    return f"{whole}.{rest * 100 // DAY_US:02}" if rest else str(whole)
