"""Names of a log that look like one that it does not have: most often somebody mistyped."""

from collections.abc import Iterable
from difflib import get_close_matches


def near(name: str, known: Iterable[str]) -> list[str]:
    """At most three of the known names, the most alike first."""
    return get_close_matches(name, sorted(known))
