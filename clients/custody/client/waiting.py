"""What waits in an outbox, and what the ledger refused for good: read beside the process that has the outbox open."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from custody.client.database import beside


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """The dead letters that have one code."""

    code: str
    count: int
    example: str
    """What the ledger said of the oldest of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """One look."""

    records: int = 0
    """Records without a receipt."""
    oldest_us: int = 0
    """When the oldest of them was put; 0 when none waits."""
    chains: Mapping[str, int] = field(default_factory=dict)
    """How many of them belong to each chain; a record of several chains counts in each."""
    refusals: tuple[Refusal, ...] = ()


def look(path: Path) -> Waiting:
    """Reads the outbox at `path`; without a file nothing waits. Raises ClientStorageError."""
    if not path.exists():
        return Waiting()
    with beside(path) as connection:
        groups = connection.execute("SELECT chains, count(*), min(put_us) FROM item GROUP BY chains").fetchall()
        # SQLite takes the other columns from the row that has the minimum.
        refusals = connection.execute(
            "SELECT code, count(*), message, min(item) FROM dead GROUP BY code ORDER BY code"
        ).fetchall()
    return Waiting(
        records=sum(count for _, count, _ in groups),
        oldest_us=min((put_us for *_, put_us in groups), default=0),
        chains=by_chain((chains, count) for chains, count, _ in groups),
        refusals=tuple(Refusal(code=code, count=count, example=example) for code, count, example, _ in refusals),
    )


def by_chain(groups: Iterable[tuple[str, int]]) -> Counter[str]:
    """Counts of records by chain, from counts by the chains of a record (their names, one a line)."""
    counts: Counter[str] = Counter()
    for chains, count in groups:
        for chain in filter(None, chains.split("\n")):
            counts[chain] += count
    return counts
