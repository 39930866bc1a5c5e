"""One round of a monitor: the log's checkpoint against the one that is held, then everything that is new.

The order, and what a crash leaves:

1. The checkpoint is signed by a given key, and cosigned by the policy's quorum where there is a policy.
2. It is held against the last good one: smaller is a rollback; another root at the same size, or growth that its own
   tiles refute, is a fork. A fork becomes one file that convinces a third party (`custody.core.fork_proof`).
3. What is new is recomputed: entries, tree, chains, heads snapshots, times, and the rules' findings (`custody audit`).
4. The checkpoint is held only when the log itself is fine. A crash before: the round is made again.

What is held never goes back, so a log that lied once is told of at every round until a person has looked.
"""

import json
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from custody.core.checkpoint import Checkpoint
from custody.core.errors import CheckpointConflictError, ConsistencyError, CustodyError, VerificationError
from custody.core.fork_proof import ForkProof, verify_fork
from custody.core.note import VerifierKey
from custody.core.policy import Policy
from custody.core.proof import consistency_plan, verify_consistency
from custody.core.tree import peaks, root_from_peaks
from custody.core.watch import Watch
from custody.rules import Scope, load_library
from custody.verifier.custody_audit.custody_run import CustodyPlan, audit_custody
from custody.verifier.custody_audit.result import CustodyAudit
from custody.verifier.custody_audit.zone import BEIJING, Zone
from custody.verifier.log_report import Status
from custody.verifier.progress import progress_bar
from custody.verifier.tiles.credentials import NOBODY, Credentials
from custody.verifier.tiles.tile_log import TileLog
from custody.verifier.trust import remember

CHECKPOINT_FILE: Final = "checkpoint"
AUDIT_FILE: Final = "audit"
ALARMS_FILE: Final = "alarms.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """Something that a person has to see. `evidence`: the file that proves it."""

    code: str
    message: str
    evidence: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What one round found. `size`: how far the log is known to be good."""

    origin: str
    size: int
    alarms: tuple[Alarm, ...]
    new_entries: int = 0

    @property
    def exit_status(self) -> int:
        """0 fine, 1 alarm, 2 the log could not be read."""
        codes = {one.code for one in self.alarms}
        return 0 if not codes else 2 if codes == {"log-unreadable"} else 1


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorPlan:
    """What to watch. `state` is a folder of the monitor's own."""

    place: str
    keys: tuple[VerifierKey, ...]
    state: Path
    credentials: Credentials = NOBODY
    policy: Policy | None = None
    profiles: tuple[str, ...] = ()
    workers: int = 1


def watch_once(plan: MonitorPlan, now_us: int) -> Round:
    """Makes one round. Raises LogUnreadable when the log is not reached, and errors of the monitor's own state."""
    plan.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    held_note = _held(plan.state)
    with closing(TileLog.open(plan.place, plan.credentials)) as log:
        watch = Watch(log.checkpoint.origin if not held_note else plan.keys[0].name, plan.keys, held_note)
        try:
            checkpoint = watch.open(log.note)
            if plan.policy is not None:
                plan.policy.verify(log.note)
            same = watch.compare(log.note, checkpoint)
            if not same:
                _check_growth(watch, log, checkpoint)
        except CheckpointConflictError as conflict:
            return _caught(plan, watch, log, conflict)
        except VerificationError as error:
            alarm = Alarm(code=error.code, message=str(error))
            return Round(origin=watch.origin, size=watch.held.size, alarms=(alarm,))
        if same and log.checkpoint.size and (alarms := _remembered(plan.state, watch.held)) is not None:
            return Round(origin=watch.origin, size=watch.held.size, alarms=alarms)
    return _audited(plan, watch, log, now_us)


def _held(state: Path) -> bytes:
    path = state / CHECKPOINT_FILE
    return path.read_bytes() if path.exists() else b""


def _check_growth(watch: Watch, log: TileLog, new: Checkpoint) -> None:
    """Raises ForkError when the log does not show that it grew from what is held."""
    watch_copy = Watch(watch.origin, watch.keys, watch.note)
    watch_copy.advance(log.note, consistency_plan(watch.held.size, new.size).assemble(log.node))


def _caught(plan: MonitorPlan, watch: Watch, log: TileLog, conflict: CheckpointConflictError) -> Round:
    """Keeps both checkpoints, as a proof where they are one."""
    fork = _fork_proof(watch, log, conflict)
    if fork is not None:
        path = plan.state / f"fork-{watch.held.size}-{log.checkpoint.size}.custody-fork"
        code, data = "fork", fork.encode()
    else:
        path = plan.state / f"{conflict.code}-{watch.held.size}-{log.checkpoint.size}.notes"
        code, data = conflict.code, conflict.held + b"\n" + conflict.offered
    remember(path, data)
    alarm = Alarm(code=code, message=str(conflict), evidence=path)
    return Round(origin=watch.origin, size=watch.held.size, alarms=(alarm,))


def _fork_proof(watch: Watch, log: TileLog, conflict: CheckpointConflictError) -> ForkProof | None:
    """The proof for a third party; None where the two checkpoints alone do not contradict each other."""
    held, new = watch.held, log.checkpoint
    if not held.size or new.size < held.size:
        return None
    fork = ForkProof(first=conflict.held, second=conflict.offered)
    try:
        if new.size > held.size:
            root = root_from_peaks([log.node(node) for node in peaks(held.size)])
            proof = consistency_plan(held.size, new.size).assemble(log.node)
            verify_consistency(held.size, root, new.size, new.root, proof)
            fork = ForkProof(first=conflict.held, second=conflict.offered, root=root, proof=proof)
        verify_fork(fork, watch.keys)
    except (ConsistencyError, CustodyError):
        return None  # the tiles are not those of the signed tree either: the log proves nothing at all
    return fork


def _audited(plan: MonitorPlan, watch: Watch, log: TileLog, now_us: int) -> Round:
    result = audit_custody(_custody_plan(plan, log.note, now_us), progress_bar)
    alarms = tuple(_alarms(result))
    good = result.log_status is Status.FINE and result.log.verified == log.checkpoint.size
    if good or not log.checkpoint.size:
        remember(plan.state / CHECKPOINT_FILE, log.note)
        _remember_alarms(plan.state, log.checkpoint, alarms)
    size = log.checkpoint.size if good else watch.held.size
    return Round(
        origin=watch.origin, size=size, alarms=alarms, new_entries=max(0, log.checkpoint.size - watch.held.size)
    )


def _remembered(state: Path, held: Checkpoint) -> tuple[Alarm, ...] | None:
    """What the rules said of the held checkpoint; None when that is not known. The file is a cache: it is made again."""
    try:
        told = json.loads((state / ALARMS_FILE).read_bytes())
        if told["root"] == held.root.hex():
            return tuple(Alarm(code=str(code), message=str(message)) for code, message in told["alarms"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return None


def _remember_alarms(state: Path, held: Checkpoint, alarms: tuple[Alarm, ...]) -> None:
    told = {"root": held.root.hex(), "alarms": [(one.code, one.message) for one in alarms]}
    remember(state / ALARMS_FILE, json.dumps(told).encode())


def _custody_plan(plan: MonitorPlan, note: bytes, now_us: int) -> CustodyPlan:
    return CustodyPlan(
        place=plan.place,
        open_log=partial(TileLog.open, plan.place, plan.credentials, note),
        keys=plan.keys,
        library=load_library(),
        base=tuple(dict.fromkeys(("default", *plan.profiles))),
        scope=Scope(),
        now_us=now_us,
        memory=plan.state / AUDIT_FILE,
        workers=plan.workers,
        zone=Zone(BEIJING),
    )


def _alarms(result: CustodyAudit) -> list[Alarm]:
    found = [Alarm(code=one.code, message=one.message) for one in result.log.findings.blaming()]
    for one in result.blaming:
        place = f"{one.subject.kind} {one.subject.name}".strip()
        found.append(Alarm(code=one.code, message=f"{place}: {one.code}"))
    return found
