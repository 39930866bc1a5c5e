"""Required fields and authorisation: the access register, and every rule that is made of required fields alone.

An access that a system observed needs no fields of its own while an entry in the register, of the same time and at least the
same footage and as far-reaching an act, stands; not one of the recording system itself.
An original whose correction names a replacement of the same kind is not asked for its missing fields again: the
replacement is. Both are listed. The replacement tells of the same event, and of that one alone: within a day of the
original's moment, with its footage, of an act that goes as far. A correction counts only from the party that told the original, or from a custodian,
and only with the original's leaf hash.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from operator import attrgetter
from typing import Any, Final, NamedTuple

from custody.core.errors import MalformedError
from custody.core.roles import Role, role_of
from custody.rules.cameras import changes
from custody.rules.case import Case, Words, span
from custody.rules.field_words import fields_in_words
from custody.rules.finding import Finding
from custody.rules.footage import DAY_US, HOUR_US, MINUTE_US, SECOND_US
from custody.rules.machines import OF_SITE, OF_STREAM, REQUEST, run
from custody.rules.rule import Rule
from custody.rules.spans import Intervals, subtract, union
from custody.rules.state import Note, counted_us
from custody.v1 import record_pb2 as pb

_OWN_STAFF: Final = frozenset({pb.ACCESSOR_KIND_OPERATOR_STAFF, pb.ACCESSOR_KIND_MAINTAINER})
_LOOKING: Final = frozenset({pb.ACCESS_ACT_VIEW, pb.ACCESS_ACT_CONSULT})
_REACH: Final[dict[int, int]] = {
    pb.ACCESS_ACT_VIEW: 1,
    pb.ACCESS_ACT_CONSULT: 2,
    pb.ACCESS_ACT_RETRIEVE: 3,
    pb.ACCESS_ACT_COPY: 3,
    pb.ACCESS_ACT_PROVIDE: 4,
    pb.ACCESS_ACT_PUBLISH: 5,
}
"""Who may do one may do all that go no farther: to look, to look back, to take, to hand on, to make public."""
_FARTHEST: Final = max(_REACH.values())
_AUTHORISING: Final = frozenset({pb.DOCUMENT_KIND_APPROVAL, pb.DOCUMENT_KIND_COURT_ORDER, pb.DOCUMENT_KIND_CONSENT})
_EMERGENCIES: Final = frozenset(
    {
        pb.ACCESS_PURPOSE_STATE_SECURITY,
        pb.ACCESS_PURPOSE_CRIMINAL_CASE,
        pb.ACCESS_PURPOSE_PUBLIC_ORDER_CASE,
        pb.ACCESS_PURPOSE_PUBLIC_EMERGENCY,
        pb.ACCESS_PURPOSE_NATURAL_DISASTER,
        pb.ACCESS_PURPOSE_ACCIDENT_DISASTER,
        pb.ACCESS_PURPOSE_PUBLIC_HEALTH,
        pb.ACCESS_PURPOSE_SOCIAL_SECURITY,
    }
)
_USES: Final = frozenset({"access", "publication", "package_exported", "disclosure_access"})
_NOT_YET: Final = (", dated before the footage that it names", "，且所载时间早于所涉录像")
_LONGEST_US: Final = DAY_US
"""A person's entry answers for what a system observed within a day at most: one endless visit would answer for everything."""
_ROUNDED_US: Final = 10 * MINUTE_US
"""A person writes a time down to some minutes; a system observes it to the second."""
_begin: Final = attrgetter("at_us")
_NOTHING_THERE: Final = frozenset({pb.REFUSAL_REASON_FOOTAGE_DISPOSED, pb.REFUSAL_REASON_FOOTAGE_NEVER_RECORDED})

_ZH: Final = {
    "access_request": "请求", "access_granted": "同意", "access_refused": "拒绝", "hold_placed": "设立保全",
    "hold_released": "解除保全", "stream_registered": "登记", "stream_changed": "变更", "stream_retired": "停用",
    "rectification_order": "责令整改", "rectification_done": "整改完成", "none": "无", "unknown": "未登记", "in use": "使用中",
    "retired": "已停用", "placed": "保全中", "released": "已解除", "open": "待答复", "granted": "已同意", "refused": "已拒绝",
    "sound": "完好", "broken": "故障", "reported": "已报修", "began": "发生", "repaired": "修复", "ordered": "已责令",
    "done": "已完成", "unfiled": "未备案", "filed": "已备案", "accepted": "受理", "changed": "变更", "withdrawn": "撤销",
    "delegated": "已委托", "ended": "已终止",
}  # fmt: skip


def check_required(case: Case) -> Iterator[Finding]:
    """Every field that a rule in force requires and a record lacks."""
    excused = {index for index, _ in _corrections(case)} | _doubled(case)
    library = case.state.library
    changed = {} if case.stream is None else changes(case)
    for note in case.notes:
        if note.index in excused:
            continue
        lacking: dict[str, tuple[list[Rule], list[str]]] = {}
        at_us = case.event_us(note)
        for rule, lacks in library.asked(case.bound(at_us), note.kind).lacking(changed.get(note.index, note.body)):
            if rule.in_force(at_us):
                rules, fields = lacking.setdefault(rule.code, ([], []))
                rules.append(rule)
                fields.extend(lacks)
        for code, (rules, fields) in lacking.items():
            period = (note.at_us, note.at_us)
            english, chinese = fields_in_words(fields)
            yield from case.find(code, rules, period, notes=[note], zh={"fields": chinese}, words={"fields": english})


def _doubled(case: Case) -> set[int]:
    """Accesses that a system observed while somebody's entry in the register says who was there and did as much."""
    accesses = [note for note in case.notes if note.kind == "access"]
    observed = [note for note in accesses if note.body.observed]
    if not observed:
        return set()
    entries = sorted(filter(_told_by_somebody, accesses), key=_begin)
    as_far = {reach: [one for one in entries if _reach(one.body.act) >= reach] for reach in range(_FARTHEST + 1)}
    return {
        note.index
        for note in observed
        if not subtract(_spans(case, note.body), _answered(case, note, as_far[_reach(note.body.act)]))
    }


def _answered(case: Case, note: Note, entries: list[Note]) -> Intervals:
    """Footage that those of the entries name that were made for the time of an observed access."""
    # What a system saw is exact, and may be long; what a person writes down is rounded.
    begin_us, end_us = note.at_us - _ROUNDED_US, note.at_us + max(note.body.duration_us, 1) + _ROUNDED_US
    first = bisect_left(entries, begin_us - _LONGEST_US, key=_begin)
    after = bisect_left(entries, end_us, first, key=_begin)
    return union(
        (from_us - _ROUNDED_US, to_us + _ROUNDED_US)
        for one in entries[first:after]
        if _during(one)[1] > begin_us
        for from_us, to_us in _spans(case, one.body)
    )


def _told_by_somebody(note: Note) -> bool:
    """True for an entry in the register; what a recording system says of itself excuses nothing that it observed."""
    return not note.body.observed and _role(note.submitter) is not Role.RECORDER


def _during(note: Note) -> tuple[int, int]:
    return note.at_us, note.at_us + min(max(note.body.duration_us, 1), _LONGEST_US)


def check_told(case: Case) -> Iterator[Finding]:
    """Uses of footage that entered the register long after they happened.

    What replaces a corrected entry is told late by its nature: the entry that it replaces is judged.
    """
    replacing = {other.index for _, other in _corrections(case)}
    for note in case.notes:
        late_us = note.sequenced_us - note.at_us
        if note.kind not in _USES or note.index in replacing:
            continue
        for rule in case.rules("told-late", case.event_us(note)):
            if late_us > rule.parameters["late_seconds"] * SECOND_US:
                english, chinese = _NOT_YET if note.at_us < case.named_us(note) else ("", "")
                words: Words = {"late": span(late_us), "what": english}
                period = (note.at_us, note.sequenced_us)
                yield from case.find("told-late", [rule], period, notes=[note], zh={"what": chinese}, words=words)


def check_corrections(case: Case) -> Iterator[Finding]:
    """Lists corrected entries beside what corrects them, and corrections that do not hold."""
    earlier: dict[int, Note] = {}
    for note in case.notes:
        if note.kind == "correction":
            code, words, zh = "corrected", None, None
            flaw = _flaw(case, note, earlier)
            if flaw is not None:
                code, words, zh = "correction-unfounded", {"entry": note.body.index, "what": flaw[0]}, {"what": flaw[1]}
            yield from case.find(
                code, case.rules(code, case.event_us(note)), (note.at_us, note.at_us), notes=[note],
                indexes=[note.body.index],
                words=words, zh=zh,
            )  # fmt: skip
        earlier[note.index] = note


def _flaw(case: Case, note: Note, earlier: Mapping[int, Note]) -> tuple[str, str] | None:
    """Why a correction does not hold; `earlier` are the notes of the subject before it.

    An index of which nothing is known here is footage, or lies outside of a slice: nothing is excused there.
    """
    index = note.body.index
    if index >= note.index:
        return "there is no such earlier entry", "此前没有这一条登记"
    wrong = earlier.get(index)
    if wrong is None:
        place = bisect_left(case.state.notes, index, key=attrgetter("index"))
        if place < len(case.state.notes) and case.state.notes[place].index == index:
            return "the entry is about something else", "该登记与此无关"
        return None
    if note.body.leaf_sha256 != wrong.leaf:
        return "its leaf hash is another entry's", "叶哈希与该登记不符"
    if note.submitter != wrong.submitter and _role(note.submitter) is not Role.CUSTODIAN:
        return "the entry is another party's", "该登记由他人提交"
    return None


def _role(submitter: str) -> Role | None:
    try:
        return role_of(submitter)
    except MalformedError:
        return None


def _corrections(case: Case) -> Iterator[tuple[int, Note]]:
    """Entries that a correction excuses, each with its replacement; a replacement replaces one entry."""
    by_id = {note.record_id: note for note in case.notes}
    earlier: dict[int, Note] = {}
    replacing: dict[int, int] = {}
    for note in case.notes:
        if note.kind == "correction" and _flaw(case, note, earlier) is None:
            wrong, other = earlier.get(note.body.index), by_id.get(note.body.replacement_id)
            if (
                wrong is not None
                and other is not None
                and _replaces(case, other, wrong)
                and replacing.setdefault(other.index, wrong.index) == wrong.index
            ):
                yield wrong.index, other
        earlier[note.index] = note


def _replaces(case: Case, other: Note, wrong: Note) -> bool:
    """True when a record tells of the same event as an earlier one; what was done is undone by no correction.

    Only what came afterwards replaces: else two wrong entries could excuse each other, or one itself.
    """
    if other.index <= wrong.index or other.kind != wrong.kind or abs(other.at_us - wrong.at_us) > _LONGEST_US:
        return False
    if other.kind == "access" and _reach(other.body.act) < _reach(wrong.body.act):
        return False
    return not hasattr(wrong.body, "spans") or _spans(case, other.body) == _spans(case, wrong.body)


def check_order(case: Case) -> Iterator[Finding]:
    """Events that cannot follow what was told before."""
    for machine in OF_SITE if case.stream is None else OF_STREAM:
        for step in run(machine, case.notes):
            if step.after is None:
                rules = case.rules("out-of-order", case.event_us(step.note))
                zh = {
                    "machine": machine.zh,
                    "event": _ZH.get(step.event, step.event),
                    "state": _ZH.get(step.before, step.before),
                }
                yield from case.find(
                    "out-of-order", rules, (step.note.at_us, step.note.at_us), notes=[step.note], zh=zh,
                    words={"machine": machine.name, "name": step.thing, "event": step.event, "state": step.before},
                )  # fmt: skip


class _Request(NamedTuple):
    """A request as it stands: its state, what was asked, and the last answer (the request itself while there is none)."""

    state: str
    asked: Note
    answer: Note


def check_authorisation(case: Case) -> Iterator[Finding]:
    """Access without a grant that covers it and without an authorising document. Own staff may look on duty."""
    requests: dict[str, _Request] = {}
    steps = {step.note.index: step for step in run(REQUEST, case.notes)}
    doubled = _doubled(case)
    for note in case.notes:
        step = steps.get(note.index)
        if step is not None and step.after is not None:
            earlier = requests.get(step.thing)
            requests[step.thing] = _Request(step.after, note if earlier is None else earlier.asked, note)
        elif note.kind == "access" and note.index not in doubled:
            request = requests.get(note.body.request_id)
            found = _unauthorised(case, note, request)
            if found is not None:
                shown = [note] + ([] if request is None else [request.answer])
                rules = case.rules("no-authorisation", case.event_us(note))
                yield from case.find(
                    "no-authorisation",
                    rules,
                    (note.at_us, note.at_us),
                    notes=shown,
                    zh={"what": found[1]},
                    words={"what": found[0]},
                )


def _unauthorised(case: Case, note: Note, request: _Request | None) -> tuple[str, str] | None:
    body: Any = note.body
    if body.accessor in _OWN_STAFF and body.act in _LOOKING:
        return None
    if any(document.kind in _AUTHORISING and document.document_sha256 for document in body.documents):
        return None
    if request is None:
        return (
            ("request unknown", "请求不存在")
            if body.request_id
            else ("neither grant nor approval", "既无同意也无批准文件")
        )
    if request.state == "refused":
        return "the request was refused", "请求已被拒绝"
    if request.state == "open":
        return "the request was not answered", "请求尚未答复"
    if request.answer.at_us > note.at_us:
        return "it was granted only afterwards", "事后才同意"
    valid_until_us = request.answer.body.valid_until_us
    if valid_until_us and case.event_us(note) >= valid_until_us:
        return "the grant had expired", "同意已过期"
    return _beyond(case, body, request.asked.body)


_HANDED_OVER: Final = frozenset({pb.ACCESS_ACT_RETRIEVE, pb.ACCESS_ACT_COPY, pb.ACCESS_ACT_PROVIDE})
"""Acts by which somebody gets files."""


def _beyond(case: Case, access: Any, asked: Any) -> tuple[str, str] | None:
    """What of an access the grant of a request does not cover: what is granted is what was asked."""
    if _reach(access.act) > _reach(asked.act or pb.ACCESS_ACT_CONSULT):
        return "the grant is for less than this act", "使用方式超出同意的范围"
    if access.accessor != asked.accessor:
        return "it was granted to another kind of accessor", "使用人类别与获准的请求人不符"
    covered = _spans(case, asked)
    if subtract(_spans(case, access), _whole_files(case, covered) if access.act in _HANDED_OVER else covered):
        return "the grant is for less than this footage", "录像时段超出同意的范围"
    return None


def _whole_files(case: Case, spans: Intervals) -> Intervals:
    """Footage as it can be handed over: the files that the spans touch are given whole, for a file that is cut is no original."""
    if case.stream is None:
        return spans
    footage, whole = case.stream.footage, list(spans)
    for first, last, begin_us, end_us, _ in footage.runs.rows():
        for from_us, to_us in spans:
            if from_us < end_us and begin_us < to_us:
                low, high = footage.split(first, last, from_us), footage.split_begin(first, last, to_us) - 1
                whole += [footage.times(low, high)] if low <= high else []
    return union(whole)


def _reach(act: int) -> int:
    """How far an act goes; one that is not known here goes farthest."""
    return _REACH.get(act, _FARTHEST)


def _spans(case: Case, body: Any) -> Intervals:
    """Footage of the case's stream that a record names; an instant counts as one microsecond."""
    return union(
        (one.from_us, max(one.to_us, one.from_us + 1)) for one in body.spans if one.stream == case.subject.name
    )


def check_requests(case: Case) -> Iterator[Finding]:
    """Requests that nobody answered in time, and emergencies that were refused although they were documented."""
    answered: dict[str, Note] = {}
    asked: dict[str, Note] = {}
    for step in run(REQUEST, case.notes):
        if step.event == "access_request" and step.after is not None:
            asked[step.thing] = step.note
        elif step.after is not None:
            answered.setdefault(step.thing, step.note)
            if step.event == "access_refused" and _hindered(asked[step.thing], step.note):
                rules = case.rules("emergency-refused", case.event_us(step.note))
                period = (asked[step.thing].at_us, step.note.at_us)
                shown = [asked[step.thing], step.note]
                yield from case.find("emergency-refused", rules, period, notes=shown, words={"request": step.thing})
    for name, note in asked.items():
        answer = answered.get(name)
        until_us = case.at_us if answer is None else counted_us(answer, note)
        for rule in case.rules("request-unanswered", case.event_us(note)):
            limit_us = rule.parameters["limit_hours"] * HOUR_US
            if until_us - note.binds_us > limit_us:
                shown = [note] if answer is None else [note, answer]
                words: Words = {"request": name, "limit": span(limit_us)}
                period = (note.binds_us, until_us)
                yield from case.find("request-unanswered", [rule], period, notes=shown, words=words)


def _hindered(request: Note, refusal: Note) -> bool:
    body = request.body
    if body.purpose not in _EMERGENCIES or refusal.body.reason in _NOTHING_THERE:
        return False
    if refusal.body.reason == pb.REFUSAL_REASON_ONE_OFFICER_ONLY:
        return len(body.officers) >= 2
    return any(doc.kind == pb.DOCUMENT_KIND_CERTIFYING and doc.document_sha256 for doc in body.documents)
