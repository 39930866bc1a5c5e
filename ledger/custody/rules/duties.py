"""A site's duties: who it is, who watches, who is trained, what was inspected. D185 Art. 4-7, 12, 13(1), 18.

A duty is done at the moment that the record states, but no earlier than a day before it was told: nobody shows today, with
a date of last year, that he did then what he did not. What is owed for an event may be told as late as the event was.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from custody.core.limits import MAX_TIME_US
from custody.rules.case import Case, Words, span
from custody.rules.filings import first_uses
from custody.rules.finding import Finding
from custody.rules.footage import DAY_US, HOUR_US, IN_TIME_US, MINUTE_US
from custody.rules.machines import DELEGATION, ORDER, STREAM, run
from custody.rules.spans import subtract, union
from custody.rules.state import Note, counted_us

_LONGEST_SHIFT_US: Final = DAY_US
"""One shift answers for a day at most: nobody watches for a year, and one entry shall not say so."""


def check_site(case: Case) -> Iterator[Finding]:
    """That the site is known, and that every place that must be covered has a camera."""
    registered = _of(case, "site_registered")
    uses = first_uses(case)
    if not registered:
        if uses:
            began_us = min(uses.values())
            yield from case.find(
                "site-not-registered", case.rules("site-not-registered", began_us), (began_us, case.at_us)
            )
        return
    last = registered[-1]
    texts = [text for name in uses for text in _described(case.state.streams[name].notes)]
    for place in last.body.required_coverage:
        if not any(place in text for text in texts):
            rules = case.rules("coverage-missing", case.at_us)
            yield from case.find(
                "coverage-missing", rules, (last.at_us, case.at_us), notes=[last], words={"place": place}
            )


def _described(notes: Iterable[Note]) -> tuple[str, ...]:
    texts: tuple[str, ...] = ()
    for step in run(STREAM, notes):
        if step.after == "in use":
            description = step.note.body.description
            texts = (description.title, description.position, description.purpose)
    return texts


def _of(case: Case, kind: str) -> list[Note]:
    return [note for note in case.notes if note.kind == kind]


def _person(person: Any) -> bytes:
    """What names a person in this site: the desk uses one disclosure, so one commitment, for each person."""
    return bytes(person.work_id_commitment or person.name_commitment)


def check_staff(case: Case) -> Iterator[Finding]:
    """People on duty without training, or whose training has run out."""
    trained: dict[bytes, list[Note]] = {}
    for note in _of(case, "training"):
        for person in note.body.people:
            trained.setdefault(_person(person), []).append(note)
    duty: dict[tuple[bytes, int], list[tuple[Note, int]]] = {}
    for note in _of(case, "staff_change"):
        periods = duty.setdefault((_person(note.body.person), note.body.duty), [])
        if periods and periods[-1][1] == MAX_TIME_US:
            if note.body.on_duty:
                continue
            periods[-1] = (periods[-1][0], counted_us(note))
        elif note.body.on_duty:
            periods.append((note, MAX_TIME_US))
    for (person, _), periods in duty.items():
        for begin, end_us in periods:
            yield from _untrained(case, begin, min(end_us, case.at_us), trained.get(person, []))


def _untrained(case: Case, begin: Note, until_us: int, training: list[Note]) -> Iterator[Finding]:
    for rule in case.rules("staff-untrained", case.event_us(begin)):
        limit_us = begin.binds_us + rule.parameters["grace_days"] * DAY_US
        first_us = min((counted_us(note, begin) for note in training), default=MAX_TIME_US)
        if until_us > limit_us and first_us > limit_us:
            period = (limit_us, min(until_us, first_us))
            yield from case.find("staff-untrained", [rule], period, notes=[begin, *training[:1]])
    if training:
        last = training[-1]
        expired_us = last.body.valid_until_us
        if expired_us and expired_us < until_us:
            rules = case.rules("training-expired", max(expired_us, case.event_us(begin)))
            yield from case.find("training-expired", rules, (expired_us, until_us), notes=[begin, last])


def check_maintenance(case: Case) -> Iterator[Finding]:
    """Too long without a check of the installation, and delegations that ran out."""
    uses = first_uses(case)
    if uses:
        checks = sorted(_of(case, "maintenance_check"), key=counted_us)
        ends = [(counted_us(note), [note]) for note in checks] + [(case.at_us, [])]
        since_us, shown = min(uses.values()), list[Note]()
        for end_us, notes in ends:
            for rule in case.rules("check-overdue", max(since_us, case.began_us)):
                limit_us = since_us + rule.parameters["limit_days"] * DAY_US
                if end_us > limit_us:
                    words = {"length": span(end_us - since_us)}
                    yield from case.find("check-overdue", [rule], (limit_us, end_us), notes=shown + notes, words=words)
            since_us, shown = max(since_us, end_us), notes
    standing: dict[str, Note] = {}
    for step in run(DELEGATION, case.notes):
        if step.after == "delegated":
            standing[step.thing] = step.note
        elif step.after == "ended":
            standing.pop(step.thing, None)
    for name, note in standing.items():
        until_us = note.body.valid_until_us
        if until_us and until_us < case.at_us:
            rules = case.rules("delegation-expired", max(until_us, case.event_us(note)))
            yield from case.find(
                "delegation-expired", rules, (until_us, case.at_us), notes=[note], words={"delegate": name}
            )


def check_watch(case: Case) -> Iterator[Finding]:
    """Time without anybody watching, and incidents that were reported late or not at all."""
    registered = _of(case, "site_registered")
    if registered and registered[0].binds_us < case.at_us:
        shifts = [(*_shift(note), note.sequenced_us) for note in _of(case, "watch_shift")]
        watched = union((begin, end) for begin, end, told_us in shifts if told_us <= end + IN_TIME_US)
        for begin, end in subtract([(registered[0].binds_us, case.at_us)], watched):
            rules = [
                rule
                for rule in case.rules("watch-gap", max(begin, case.event_us(registered[0])))
                if end - begin > rule.parameters["limit_minutes"] * MINUTE_US
            ]
            yield from case.find("watch-gap", rules, (begin, end), words={"length": span(end - begin)})
    incidents: dict[str, list[Note]] = {}
    for note in _of(case, "incident_report"):
        incidents.setdefault(note.body.incident_id, []).append(note)
    for name, notes in incidents.items():
        seen_us: int = min(notes[0].body.seen_us, notes[0].sequenced_us)
        # Reported to the police, not to the log: an entry of some days later tells of a report of the same hour.
        heard_us = notes[0].sequenced_us - seen_us + IN_TIME_US
        reports = [max(note.body.reported_us, note.sequenced_us - heard_us) for note in notes if note.body.reported_us]
        reported_us = min(reports, default=case.at_us)
        for rule in case.rules("incident-unreported", max(seen_us, case.event_us(notes[0]))):
            limit_us = rule.parameters["limit_hours"] * HOUR_US
            if reported_us - seen_us > limit_us:
                words: Words = {"incident": name, "limit": span(limit_us)}
                yield from case.find("incident-unreported", [rule], (seen_us, reported_us), notes=notes, words=words)


def _shift(note: Note) -> tuple[int, int]:
    return note.at_us, note.at_us + min(note.body.duration_us, _LONGEST_SHIFT_US)


def check_rectification(case: Case) -> Iterator[Finding]:
    """Orders to put right, against their deadline."""
    ordered: dict[str, Note] = {}
    done: dict[str, Note] = {}
    for step in run(ORDER, case.notes):
        if step.event == "rectification_order" and step.after is not None:
            ordered[step.thing] = step.note
        elif step.after is not None:
            done.setdefault(step.thing, step.note)
    for name, order in ordered.items():
        due_us = order.body.due_us
        end = done.get(name)
        if end is None and case.at_us > due_us:
            rules = case.rules("rectification-overdue", max(due_us, case.event_us(order)))
            yield from case.find(
                "rectification-overdue", rules, (due_us, case.at_us), notes=[order], words={"order": name}
            )
        elif end is not None and (done_us := counted_us(end, order)) > due_us:
            rules = case.rules("rectification-late", max(due_us, case.event_us(order)))
            words: Words = {"order": name, "late": span(done_us - due_us)}
            yield from case.find("rectification-late", rules, (due_us, done_us), notes=[order, end], words=words)
