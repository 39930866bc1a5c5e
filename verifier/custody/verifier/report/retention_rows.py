"""Retention by camera: what is due, on what basis, what the recorder is set to, and what is still there."""

from collections.abc import Sequence
from dataclasses import dataclass

from custody.rules.case import Case
from custody.rules.disposal import Disposals
from custody.rules.observation import Observation
from custody.rules.retention import Policy, days, due, policies
from custody.rules.rule import Rule
from custody.verifier.custody_audit.result import CustodyAudit
from custody.verifier.custody_audit.zone import Zone
from custody.verifier.report.names import Words


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """Cameras of which the same is to be said."""

    streams: tuple[str, ...]
    minimum: str
    """Days, for footage that begins at the moment of judgement."""
    maximum: str
    bases: tuple[Words, ...]
    recorder: str
    """Days that the recorder is set to; empty: not told."""
    oldest: str
    """Begin of the oldest footage that was not disposed of; empty: there is none."""
    disposed: int
    """Segments that were disposed of."""
    holds: tuple[str, ...]


def retention_rows(audit: CustodyAudit, zone: Zone) -> list[Retention]:
    """One row for cameras that agree in everything."""
    rows: dict[tuple[object, ...], list[str]] = {}
    kept: dict[tuple[object, ...], Retention] = {}
    for name in audit.streams():
        row = _row(audit, name, zone)
        key = (row.minimum, row.maximum, row.bases, row.recorder, row.oldest, row.disposed, row.holds)
        rows.setdefault(key, []).append(name)
        kept[key] = row
    return [_with(kept[key], names) for key, names in rows.items()]


def _with(row: Retention, names: Sequence[str]) -> Retention:
    return Retention(
        streams=tuple(names), minimum=row.minimum, maximum=row.maximum, bases=row.bases, recorder=row.recorder,
        oldest=row.oldest, disposed=row.disposed, holds=row.holds,
    )  # fmt: skip


def _row(audit: CustodyAudit, name: str, zone: Zone) -> Retention:
    stream = audit.state.streams[name]
    case = Case(audit.state, audit.state.sites[stream.site], stream, audit.at_us, Observation())
    disposals = Disposals(case)
    every = policies(case)
    now = due(case, every, audit.at_us, audit.at_us)
    set_us = [note.body.retention_us for note in stream.notes if note.kind == "recorder_configuration"][-1:]
    kept = [part for run in stream.footage.ordered_runs() for part in disposals.claims.free(run[0], run[1])]
    oldest_us = min((stream.footage.times(*part)[0] for part in kept), default=None)
    return Retention(
        streams=(name,),
        minimum=days(now.minimum_us),
        maximum=days(now.maximum_us) if now.maximum_us else "",
        bases=tuple(dict.fromkeys(_bases(now.laws, every))),
        recorder=days(set_us[0]) if set_us and set_us[0] else "",
        oldest=zone.show(oldest_us) if oldest_us is not None else "",
        disposed=sum(last - first + 1 for first, last, _ in disposals.claims),
        holds=tuple(dict.fromkeys(hold.id for hold in disposals.holds if hold.active(audit.at_us))),
    )


def _bases(laws: Sequence[Rule], every: Sequence[Policy]) -> list[Words]:
    found = []
    for rule in laws:
        ids = ", ".join(article.id for article in rule.articles)
        number = rule.parameters["minimum_days"]
        if number and ids:
            found.append(Words(f"{ids}: {number} days", f"{ids}：{number} 日"))
    for policy in every[-1:]:
        basis = policy.note.body.basis
        length = days(policy.minimum_us)
        found.append(Words(f"policy: {length} days {basis}".rstrip(), f"保存规定：{length} 日 {basis}".rstrip()))
    return found
