"""Filing (备案): in time, and true. D185 Art. 11; SCO799 Art. 14.

A time limit runs from acceptance or from first use, as the rule says; an installation that is older than the law has
the limit that the law gives to older ones, from the day on which it came into force. A filing counts from when it was
made, but no earlier than a day before it was told, unless it was told in time from when the log first heard of the site. Acceptance is known only from the
filing itself; while nothing is filed the limit runs from first use, which comes later.
"""

from collections.abc import Iterator

from custody.rules.case import Case, moment, span
from custody.rules.finding import Finding
from custody.rules.footage import DAY_US
from custody.rules.machines import FILING, STREAM, run
from custody.rules.retention import days
from custody.rules.rule import Rule
from custody.rules.state import Note, counted_us


def first_uses(case: Case) -> dict[str, int]:
    """When each stream of the site that is in use was first used; retired ones are left out."""
    found: dict[str, int] = {}
    for name in case.site.streams:
        for step in run(STREAM, case.state.streams[name].notes):
            if step.after == "retired":
                found.pop(name, None)
            elif step.after == "in use" and step.before != "in use":
                found[name] = step.note.body.in_use_from_us or step.note.at_us
    return found


def check_filing(case: Case) -> Iterator[Finding]:
    """Late, missing and untrue filings."""
    first: Note | None = None
    standing: Note | None = None
    for step in run(FILING, case.notes):
        if step.after == "unfiled":
            standing = None
        elif step.after == "filed":
            first = first or step.note
            standing = step.note if step.event != "accepted" else standing
    uses = first_uses(case)
    began_us = min(uses.values(), default=0)
    if first is not None:
        yield from _late(case, first, began_us)
    if first is None and began_us:
        for rule in case.rules("filing-missing", case.at_us):
            limit_us = _limit(rule, began_us)
            if case.at_us > limit_us:
                words = {"late": span(case.at_us - limit_us)}
                yield from case.find("filing-missing", [rule], (limit_us, case.at_us), words=words)
    if standing is not None:
        yield from _mismatch(case, standing, uses)


def _limit(rule: Rule, since_us: int) -> int:
    if since_us >= rule.from_us:
        return since_us + rule.parameters["limit_days"] * DAY_US
    return rule.from_us + rule.parameters["older_limit_days"] * DAY_US


def _late(case: Case, first: Note, began_us: int) -> Iterator[Finding]:
    body = first.body
    for rule in case.rules("filing-late", case.event_us(first)):
        used_us = min((at_us for at_us in (body.first_use_us, began_us) if at_us), default=0)
        since_us = used_us if rule.parameters["from_first_use"] else body.accepted_us
        if not since_us:
            continue
        limit_us = _limit(rule, since_us)
        # Who takes a site into the log that was filed long ago has as long to tell of it as he would have to file it.
        in_time = counted_us(first) <= max(limit_us, _limit(rule, _heard(case)))
        filed_us = first.at_us if in_time else counted_us(first)
        if filed_us > limit_us:
            words = {"late": span(filed_us - limit_us)}
            yield from case.find("filing-late", [rule], (limit_us, filed_us), notes=[first], words=words)


def _heard(case: Case) -> int:
    """When the log first heard of the site or of one of its cameras."""
    notes = (case.notes, *(case.state.streams[name].notes for name in case.site.streams))
    return min(every[0].sequenced_us for every in notes if every)


def _mismatch(case: Case, standing: Note, uses: dict[str, int]) -> Iterator[Finding]:
    body = standing.body
    for rule in case.rules("filing-mismatch", case.at_us):
        settled_us = case.at_us - rule.parameters["limit_days"] * DAY_US
        filed = set(body.streams)
        unfiled = sorted(name for name, since_us in uses.items() if name not in filed and since_us < settled_us)
        gone = sorted(filed - set(uses) - _retired_since(case, settled_us))
        texts = []
        if filed and unfiled:
            texts.append((f"not filed: {_some(unfiled)}", f"未备案：{_some(unfiled)}"))
        if gone:
            texts.append((f"filed but not in use: {_some(gone)}", f"已备案但未使用：{_some(gone)}"))
        for name in sorted(filed & set(uses)):
            set_us, since_us = _configured(case.state.streams[name].notes)
            if body.retention_us > set_us > 0:
                said, real = days(body.retention_us), days(set_us)
                since = moment(since_us)
                texts.append(
                    (
                        f"{name} keeps {real} days since {since}, filed were {said}",
                        f"{name} 自 {since} 起保存 {real} 日，备案为 {said} 日",
                    )
                )
        for english, chinese in texts:
            period = (standing.at_us, case.at_us)
            yield from case.find(
                "filing-mismatch", [rule], period, notes=[standing], zh={"what": chinese}, words={"what": english}
            )


def _configured(notes: list[Note]) -> tuple[int, int]:
    found = (0, 0)
    for note in notes:
        if note.kind == "recorder_configuration":
            found = (note.body.retention_us, note.at_us)
    return found


def _some(names: list[str]) -> str:
    return ", ".join(names[:8]) + (f" (+{len(names) - 8})" if len(names) > 8 else "")


def _retired_since(case: Case, moment_us: int) -> set[str]:
    """Streams of the site that were retired after a moment: the filing may still follow."""
    return {
        name
        for name in case.site.streams
        for step in run(STREAM, case.state.streams[name].notes)
        if step.after == "retired" and step.note.frees_us >= moment_us
    }
