"""Drives a custody audit: one pass over the log checks it and replays it, then the rules judge.

With a remembered audit only the new entries are read. When they, or the memory, do not fit the log, the increment cannot
say what is wrong: then the whole log is read, held against the remembered checkpoint.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from custody.core.checkpoint import parse_checkpoint
from custody.core.note import VerifierKey
from custody.core.policy import Policy
from custody.rules import CustodyState, Library, Observation, Scope, findings
from custody.verifier.audit_run import RANGE_BUNDLES, AuditPlan, audit_log
from custody.verifier.custody_audit.asked_for import unmet
from custody.verifier.custody_audit.footage_seen import FootageSeen, see
from custody.verifier.custody_audit.listening import NOTHING_READ, Replay
from custody.verifier.custody_audit.memory_file import Remembered, pack, read_memory, write_memory
from custody.verifier.custody_audit.not_checked import Unchecked, unchecked
from custody.verifier.custody_audit.result import CustodyAudit, log_status, log_verdict
from custody.verifier.custody_audit.zone import Zone
from custody.verifier.footage_fact import SegmentFact
from custody.verifier.footage_run import Bar
from custody.verifier.log_memory import LogMemory
from custody.verifier.log_reader import LogReader
from custody.verifier.log_report import REMEMBERED, RIGHTS, SEALS, SIGNATURES, LogReport, Status

_LEFT: Final = Status.NOT_CHECKED


@dataclass(frozen=True, slots=True, kw_only=True)
class CustodyPlan:
    """What to audit, and how. `now_us` is when; `at_us` the moment of judgement, None: that of the last entry."""

    place: str
    """Where the log is, for the report."""
    open_log: Callable[[], LogReader]
    keys: tuple[VerifierKey, ...]
    library: Library
    base: tuple[str, ...]
    scope: Scope
    now_us: int
    at_us: int | None = None
    footage: Path | None = None
    memory: Path | None = None
    workers: int = 1
    range_bundles: int = RANGE_BUNDLES
    zone: Zone
    policy: Policy | None = None
    """Its quorum must have cosigned the newest checkpoint."""


class _Pass(NamedTuple):
    """One reading of the log."""

    log: LogReport
    replay: Replay
    begun_at: int


def audit_custody(plan: CustodyPlan, bar: Bar) -> CustodyAudit:
    """Audits a log and keeps the memory, where the plan names one and the log is fine.

    Raises LogUnreadable, AuditStopped, NoFolderError, MemoryUnusable, and what `open_remembered` raises.
    """
    held = read_memory(plan.memory) if plan.memory is not None else None
    done = _continue(plan, held, bar) if held is not None and plan.footage is None else None
    if done is None:
        done = _read(plan, bar, since=held.checkpoint if held is not None else b"")
    footage = None
    if plan.footage is not None:
        footage = see(plan.footage, done.log, _proven(done), _asked(plan, done), workers=plan.workers, bar=bar)
    # Both only read the state. A crash in between leaves the memory of before, and the next audit reads more.
    with ThreadPoolExecutor(1) as beside:
        keeping = beside.submit(_keep, plan, done, held)
        judged = _judge(plan, done, footage, held)
        keeping.result()
    return judged


def _continue(plan: CustodyPlan, held: Remembered, bar: Bar) -> _Pass | None:
    """Reads what is new; None when the whole log has to be read."""
    if held.keys != _vkeys(plan.keys):
        return None
    state = held.restore(plan.library, plan.base)
    if state is None:
        return None
    log = plan.open_log()
    try:
        head = log.head()
    finally:
        log.close()
    remembered = parse_checkpoint(held.checkpoint).checkpoint.size if held.checkpoint else held.log.first
    if head.origin != held.origin or min(head.size, head.published) < max(remembered, state.size):
        return None
    first = [state]
    done = _read(
        plan,
        bar,
        since=held.checkpoint,
        start=held.log,
        new_state=lambda: first.pop() if first else _restored(plan, held),
    )
    return done if log_status(done.log) is Status.FINE else None


def _restored(plan: CustodyPlan, held: Remembered) -> CustodyState:
    state = held.restore(plan.library, plan.base)
    assert state is not None
    return state


def _read(
    plan: CustodyPlan,
    bar: Bar,
    *,
    since: bytes,
    start: LogMemory | None = None,
    new_state: Callable[[], CustodyState] | None = None,
) -> _Pass:
    audit = AuditPlan(
        open_log=plan.open_log,
        keys=plan.keys,
        policy=plan.policy,
        since=since,
        footage=plan.footage is not None,
        workers=plan.workers,
        range_bundles=plan.range_bundles,
        index=False,
        retell=True,
        start=start,
    )

    def keep(log: LogMemory) -> None:
        _write(plan, listener, b"", log)

    listener = Replay(
        new_state or (lambda: CustodyState(plan.library, base=plan.base)),
        start=start or NOTHING_READ,
        keep=keep if plan.memory is not None and plan.keys and not since else None,
    )
    try:
        with bar("entries") as progress:
            report = audit_log(audit, progress, listener)
    except KeyboardInterrupt:
        listener.keep()
        raise
    return _Pass(report, listener, start.first if start is not None else 0)


def _vkeys(keys: Sequence[VerifierKey]) -> tuple[str, ...]:
    return tuple(key.encode() for key in keys)


def _write(plan: CustodyPlan, replay: Replay, checkpoint: bytes, log: LogMemory) -> None:
    assert plan.memory is not None
    held = pack(
        origin=replay.origin,
        keys=_vkeys(plan.keys),
        checkpoint=checkpoint,
        audited_us=plan.now_us,
        log=log,
        state=replay.state,
    )
    write_memory(plan.memory, held)


def _keep(plan: CustodyPlan, done: _Pass, held: Remembered | None) -> None:
    """Remembers a fine log only: what was found wrong must be found again."""
    log, edge = done.log, done.replay.edge
    whole = log.verified == done.replay.end > 0
    if held is not None and held.checkpoint == log.verified_note and done.begun_at:
        return  # nothing is new
    if plan.memory is not None and edge is not None and whole and log_status(log) is Status.FINE:
        _write(plan, done.replay, log.verified_note, edge)


def _proven(done: _Pass) -> int:
    """Size of what was judged and stands under a good signature."""
    return min(done.log.verified, done.replay.end)


def _asked(plan: CustodyPlan, done: _Pass) -> Callable[[SegmentFact], bool]:
    """Whether a segment is within the scope of the audit."""
    scope = plan.scope
    streams = {name for name, stream in done.replay.state.streams.items() if scope.stream(stream)}
    return lambda fact: fact.stream in streams and scope.holds((fact.begin_us, fact.end_us))


def _judge(plan: CustodyPlan, done: _Pass, footage: FootageSeen | None, held: Remembered | None) -> CustodyAudit:
    state, at_us = done.replay.state, _moment(plan, done)
    streams = footage.streams if footage is not None else {}
    observation = Observation(streams=streams, log=log_verdict(done.log))
    return CustodyAudit(
        log=done.log,
        log_verdict=observation.log,
        state=state,
        scope=plan.scope,
        at_us=at_us,
        audited_us=plan.now_us,
        judged=done.replay.end,
        begun_at=done.begun_at,
        findings=findings(state, at_us, observation, plan.scope),
        footage=footage,
        unchecked=tuple(_unchecked(plan, done, footage, held)),
        place=plan.place,
    )


def _moment(plan: CustodyPlan, done: _Pass) -> int:
    return plan.at_us if plan.at_us is not None else done.replay.state.sequenced_us


def _unseen(footage: FootageSeen | None) -> Iterator[Unchecked]:
    if footage is None:
        yield unchecked("no-footage")
    elif not footage.compared:
        yield unchecked("nothing-compared")
    elif footage.counts.unreadable:
        yield unchecked("unreadable", count=footage.counts.unreadable)


def _unchecked(
    plan: CustodyPlan, done: _Pass, footage: FootageSeen | None, held: Remembered | None
) -> Sequence[Unchecked]:
    log, end, state = done.log, done.replay.end, done.replay.state
    statuses = {check.number: check.status for check in log.checks}
    rows = list(unmet(state, plan.scope, _moment(plan, done), plan.zone)) if end else []
    if not log.keys:
        rows.append(unchecked("no-key"))
    if not end:
        rows.append(unchecked("nothing-signed"))
    elif log.keys and (log.verified < end or statuses[SIGNATURES] is Status.NOT_CHECKED):
        rows.append(unchecked("unproven", first=log.verified, last=end - 1))
    if log.size > end > 0:
        rows.append(unchecked("unsigned-tail", count=log.size - end))
    if statuses[REMEMBERED] is Status.NOT_CHECKED:
        rows.append(unchecked("no-memory"))
    if done.begun_at and held is not None:
        rows.append(unchecked("read-before", last=done.begun_at - 1, when=plan.zone.show(held.audited_us)))
    rows += _unseen(footage)
    rows += [unchecked(code) for code in ("witnesses", "documents", "disclosures", "index")]
    rows += [unchecked(code) for number, code in ((SEALS, "seals"), (RIGHTS, "rights")) if statuses[number] is _LEFT]
    if state.sequenced_us:
        rows.append(unchecked("afterwards", when=plan.zone.show(state.sequenced_us)))
    rows.append(unchecked("never-told"))
    return rows
