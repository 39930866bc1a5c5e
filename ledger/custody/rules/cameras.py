"""A camera's own duties: that it is registered, under known rules, and mended when it breaks. D185 Art. 12."""

from collections.abc import Iterator
from typing import Final

from custody.rules.case import Case, span
from custody.rules.finding import Finding
from custody.rules.footage import HOUR_US
from custody.rules.machines import FAULT, STREAM, run
from custody.rules.state import Note, counted_us
from custody.v1 import record_pb2 as pb

_ASPECTS: Final = (
    ("title", pb.STREAM_ASPECT_TITLE),
    ("position", pb.STREAM_ASPECT_POSITION),
    ("angle", pb.STREAM_ASPECT_ANGLE),
    ("purpose", pb.STREAM_ASPECT_PURPOSE),
    ("filing_number", pb.STREAM_ASPECT_FILING),
    ("device", pb.STREAM_ASPECT_DEVICE),
    ("classification", pb.STREAM_ASPECT_CLASSIFICATION),
)
"""Texts of a description, each with the aspect that a change of it is."""


def check_registration(case: Case) -> Iterator[Finding]:
    """Footage of a stream that was never registered."""
    assert case.stream is not None
    rows = case.stream.footage.ordered_runs()
    registered = any(step.event == "stream_registered" for step in run(STREAM, case.notes))
    if rows and not registered:
        begin_us = min(row[2] for row in rows)
        indexes = [case.stream.footage.index_of(rows[0][0])]
        rules = case.rules("stream-not-registered", begin_us)
        yield from case.find("stream-not-registered", rules, (begin_us, begin_us), indexes=indexes)


def changes(case: Case) -> dict[int, pb.StreamChanged]:
    """The stream's changes by index, with the aspects in which descriptions differ beside those that they claim.

    A text that is not said is not changed, and one that is said for the first time was not changed either.
    """
    known: dict[str, str] = {}
    found: dict[int, pb.StreamChanged] = {}
    for step in run(STREAM, case.notes):
        if step.event == "stream_retired":
            continue
        body = step.note.body
        said = {name: text for name, _ in _ASPECTS if (text := getattr(body.description, name))}
        if step.event == "stream_changed":
            differ = {
                aspect for name, aspect in _ASPECTS if known.get(name) and said.get(name, known[name]) != known[name]
            }
            change = pb.StreamChanged()
            change.CopyFrom(body)
            change.aspects.extend(sorted(differ.difference(body.aspects)))
            found[step.note.index] = change
        elif step.after is not None:
            known = {}
        if step.after is not None:
            known |= said
    return found


def check_profiles(case: Case) -> Iterator[Finding]:
    """Profiles that a registration names and nobody knows: what they ask for was not checked."""
    for note in case.notes:
        if note.kind == "site_registered":
            names = note.body.profiles
        elif note.kind in {"stream_registered", "stream_changed"}:
            names = note.body.description.profiles
        else:
            continue
        for name in names:
            if not case.state.library.known(name):
                rules = case.rules("profile-unknown", case.event_us(note))
                yield from case.find(
                    "profile-unknown", rules, (note.at_us, note.at_us), notes=[note], words={"profile": name}
                )


def check_faults(case: Case) -> Iterator[Finding]:
    """Faults that were reported or repaired too late, or not at all."""
    open_faults: dict[str, tuple[Note, bool]] = {}
    for step in run(FAULT, case.notes):
        if step.after == "broken":
            open_faults[step.thing] = (step.note, False)
        elif step.after == "reported":
            begin, _ = open_faults[step.thing]
            open_faults[step.thing] = (begin, True)
            yield from _late(case, "fault-unreported", begin, step.note)
        elif step.after == "sound":
            begin, reported = open_faults.pop(step.thing)
            yield from _ended(case, begin, step.note, reported=reported)
    for begin, reported in open_faults.values():
        yield from _ended(case, begin, None, reported=reported)


def _ended(case: Case, begin: Note, end: Note | None, *, reported: bool) -> Iterator[Finding]:
    if not reported:
        yield from _late(case, "fault-unreported", begin, end)
    yield from _late(case, "fault-unrepaired", begin, end)


def _late(case: Case, code: str, begin: Note, end: Note | None) -> Iterator[Finding]:
    until_us = case.at_us if end is None else counted_us(end, begin)
    for rule in case.rules(code, case.event_us(begin)):
        limit_us = rule.parameters["limit_hours"] * HOUR_US
        if until_us - begin.binds_us > limit_us:
            shown = [begin] if end is None else [begin, end]
            yield from case.find(code, [rule], (begin.binds_us, until_us), notes=shown, words={"limit": span(limit_us)})
