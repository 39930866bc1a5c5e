"""What the rules that bind somebody require of one kind of record, answered once for each shape of record.

A month of a site has thousands of accesses of a few dozen shapes: the enum values, and which fields are filled. Whether a
record lacks what is required depends on nothing else.
"""

from collections.abc import Iterable
from typing import Any

from custody.rules.requirement import Requirement, looker
from custody.rules.rule import Rule

Need = tuple[Rule, tuple[Requirement, ...]]
"""A rule, and what it requires of the kind of record."""
Lack = tuple[Rule, tuple[str, ...]]
"""A rule, and the fields that a record lacks by it."""


class Asked:
    """`lacking` tells what a record lacks, by whatever rule, in force or not. Mutable: it remembers its answers."""

    __slots__ = ("_answers", "_shape", "needs")

    def __init__(self, needs: Iterable[Need]) -> None:
        self.needs = tuple(needs)
        self._shape = looker(dict.fromkeys(look for _, rows in self.needs for row in rows for look in row.looks()))
        self._answers: dict[tuple[object, ...], tuple[Lack, ...]] = {}

    def lacking(self, body: Any) -> tuple[Lack, ...]:
        """Rules by which the record lacks something."""
        shape = self._shape(body)
        found = self._answers.get(shape)
        if found is None:
            found = self._answers[shape] = tuple(self._lacking(body))
        return found

    def _lacking(self, body: Any) -> Iterable[Lack]:
        for rule, needs in self.needs:
            lacks = tuple(need.field for need in needs if need.applies(body) and not need.holds(body))
            if lacks:
                yield rule, lacks
