"""Drives the audit of a log: shares its ranges out to processes, and joins what comes back in order.

Every process opens the medium for itself and sees one moment of it. When a server writes meanwhile, the moments of two
processes can differ; then all begin again, and at last one process does everything from one moment.
Processes are forked from a small server process: forking this one is unsafe beside threads, and children of one parent
agree on Python's keyed hash, with which the fingerprints of the digest index are made. This process makes none.
"""

import gc
import multiprocessing
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final, NamedTuple, Protocol

from custody.core.bundle import decode_bundle
from custody.core.entry import ReadEntry
from custody.core.errors import CustodyError, MalformedError
from custody.core.names import CHAIN_KEYS
from custody.core.note import VerifierKey
from custody.core.policy import Policy
from custody.core.record import ReadRecord
from custody.core.tile import TILE_WIDTH
from custody.verifier.checkpoint_audit import Examined, examine, open_remembered
from custody.verifier.entry_reading import read_entries
from custody.verifier.finding import Findings
from custody.verifier.index_audit import check_digests, check_index
from custody.verifier.log_audit import LogAudit
from custody.verifier.log_memory import LogMemory
from custody.verifier.log_reader import DigestSum, LogReader, StoredHead, StoredRun
from custody.verifier.log_report import LogReport
from custody.verifier.range_audit import RangeAudit, RangeResult
from custody.verifier.record_ids import RecordIds, cut
from custody.verifier.seal_check import Covered, SealJob, verify_seals
from custody.verifier.source_audit import Deed, find_rights
from custody.verifier.source_facts import KeyRecord

RANGE_BUNDLES: Final = 64
"""Bundles in one range: 16,384 entries, some megabytes and some tens of milliseconds."""
WORTH_SHARING: Final = 40_000
"""Entries below which starting processes takes longer than the work."""
_TRIES: Final = 5

Progress = Callable[[int, int], None]
"""Told how many entries of how many are done."""


class AuditStopped(CustodyError):
    """A process of the audit died: nothing was decided."""

    code = "audit-stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditPlan:
    """What to check and with how many processes. Travels to the processes, so `open_log` must be picklable."""

    open_log: Callable[[], LogReader]
    keys: tuple[VerifierKey, ...] = ()
    policy: Policy | None = None
    """Its quorum must have cosigned the newest checkpoint that counts."""
    since: bytes = b""
    """A remembered signed checkpoint; empty: none."""
    footage: bool = False
    """Whether to bring home what the entries say of footage files."""
    workers: int = 1
    range_bundles: int = RANGE_BUNDLES
    index: bool = True
    """Whether to check the index; whoever does not search through it can leave it out."""
    retell: bool = False
    """Whether to bring home what the rules want to know."""
    start: LogMemory | None = None
    """Where an earlier audit stood; the entries before are not read again."""
    sealed_sites: Mapping[str, int] = field(default_factory=dict)
    """Sites whose sources must seal footage and what devices tell, each with the time (microseconds UTC) from which on."""


class Listener(Protocol):
    """Takes the ranges as they are joined. Runs in the audit's own process, in the order of the log."""

    def begin(self, head: StoredHead, size: int) -> Sequence[int]:
        """The audit begins, or begins again, with `size` entries to read up to; gives multiples of 256 where to cut ranges."""
        ...

    def take(self, result: RangeResult, audit: LogAudit) -> None:
        """The next range was joined."""
        ...


class _RangeDone(NamedTuple):
    head: StoredHead
    result: RangeResult
    checkpoints: list[Examined]


class _MovedOn(Exception):
    """A process saw another moment of the log."""


class Ranges:
    """The work on ranges with one open medium; lives in each process."""

    def __init__(self, plan: AuditPlan, log: LogReader) -> None:
        self._plan = plan
        self._log = log
        self.head = log.head()
        self._index = log.index() if plan.index else None
        self._numbers = {chain.name: chain.number for chain in self._index.chains()} if self._index is not None else {}

    def audit(self, first: int, end: int, cuts: Sequence[int]) -> _RangeDone:
        """All checks on the leaf indexes [first, end) and the checkpoints filed there."""
        findings = Findings()
        # The first range also takes a checkpoint of the empty tree.
        stored = self._log.checkpoints(first or -1, end)
        examined = examine(stored, self._plan.keys, self.head.origin, findings)
        wanted = {*cuts, *(one.checkpoint.size for one in examined)}
        within = (size for size in wanted if first < size <= end)
        plan = self._plan
        audit = RangeAudit(
            first, end, within, footage=plan.footage, retell=plan.retell, index=plan.index,
            sealed_sites=plan.sealed_sites,
        )  # fmt: skip
        self._read(audit)
        audit.check_chains()
        open_runs = check_index(audit, self._index, self._numbers) if self._index is not None else []
        audit.findings.merge(findings)
        reach = audit.sources.reach(first)
        earlier = self._covered(max(0, first - reach), first) if reach else {}
        result = audit.result(open_runs, earlier)
        if self._index is None:
            result = result._replace(record_ids=cut(first, audit.records))
        return _RangeDone(self.head, result, examined)

    def _entries(self, first: int, end: int) -> Iterator[tuple[int, ReadEntry, ReadRecord]]:
        """Readable entries of [first, end), `first` a multiple of 256; what is wrong with the others is found elsewhere."""
        for run in self._log.runs(first, end):
            try:
                raws = decode_bundle(run.data, run.count)
            except (MalformedError, TypeError, ValueError):
                continue
            read = read_entries(raws)
            for at, entry, record in zip(read.at, read.entries, read.records, strict=True):
                yield run.first_index + at, entry, record

    def _covered(self, low: int, first: int) -> dict[int, Covered]:
        """Entries before a range that a seal in it covers."""
        return {
            index: Covered(entry.record, entry.submitter, entry.seal is not None)
            for index, entry, _ in self._entries(low // TILE_WIDTH * TILE_WIDTH, first)
        }

    def rights(self, first: int, end: int, before: Sequence[KeyRecord]) -> Findings:
        """Looks at the rights of every entry of a range."""
        deeds: list[Deed] = []
        own: dict[int, KeyRecord] = {}
        for index, entry, record in self._entries(first, end):
            kind = record.kind
            deeds.append(Deed(index, entry.sequenced_at_us, entry.submitter, kind.name, record.chains))
            if kind.family == CHAIN_KEYS:
                own[index] = KeyRecord(index, entry.sequenced_at_us, record.raw)
        return find_rights(deeds, before, own)

    def seals(self, jobs: Sequence[SealJob]) -> Findings:
        """Verifies signatures of sources."""
        return verify_seals(jobs)

    def _read(self, audit: RangeAudit) -> None:
        first, end = audit.first, audit.end
        tiles = self._log.tiles(0, first // TILE_WIDTH, -(-end // TILE_WIDTH))
        runs = self._log.runs(first, end)
        run = next(runs, None)
        for begin in range(first, end, TILE_WIDTH):
            bundle: list[StoredRun] = []
            while run is not None and run.first_index < begin + TILE_WIDTH:
                bundle.append(run)
                run = next(runs, None)
            audit.add_bundle(bundle, tiles.get(begin // TILE_WIDTH))

    def digests(self, low: bytes, high: bytes | None) -> DigestSum:
        """Fingerprint of a part of the digest index."""
        return self._index.digest_sum(low, high) if self._index is not None else DigestSum(0, 0)

    def find_digests(self, first: int, end: int) -> Findings:
        """Names the entries of a range whose file digests are not in the index."""
        audit = RangeAudit(first, end)
        self._read(audit)
        audit.findings = Findings()
        if self._index is not None:
            check_digests(audit, self._index)
        return audit.findings


_ranges: list[Ranges] = []
"""In a process of the pool: its one `Ranges`."""


def _open_in_process(plan: AuditPlan) -> None:
    # Records make no reference cycles, and looking for some among them costs a tenth of the time.
    gc.disable()
    _ranges[:] = [Ranges(plan, plan.open_log())]


def _in_process(method: str, *values: Any) -> Any:
    return getattr(_ranges[0], method)(*values)


class _Pool:
    """Runs jobs in processes, a bounded number ahead, and gives the results in order."""

    digest_parts: Final = 16

    def __init__(self, plan: AuditPlan) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([__name__])
        self._pool = ProcessPoolExecutor(
            plan.workers, mp_context=context, initializer=_open_in_process, initargs=(plan,)
        )
        self._ahead = 2 * plan.workers + 1

    def map(self, method: str, jobs: Sequence[tuple[Any, ...]]) -> Iterator[Any]:
        waiting: deque[Future[Any]] = deque()
        try:
            for job in jobs:
                waiting.append(self._pool.submit(_in_process, method, *job))
                if len(waiting) > self._ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool as error:
            raise AuditStopped("a process of the audit could not open the log, or died") from error

    def start(self, method: str, *values: Any) -> Callable[[], Any]:
        """Begins one job; gives what waits for its result."""
        future = self._pool.submit(_in_process, method, *values)

        def wait() -> Any:
            try:
                return future.result()
            except BrokenProcessPool as error:
                raise AuditStopped("a process of the audit could not open the log, or died") from error

        return wait

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)


class _Alone:
    """Runs jobs here, one after the other."""

    digest_parts: Final = 1

    def __init__(self, plan: AuditPlan, log: LogReader) -> None:
        self._ranges = Ranges(plan, log)

    def map(self, method: str, jobs: Sequence[tuple[Any, ...]]) -> Iterator[Any]:
        for job in jobs:
            yield getattr(self._ranges, method)(*job)

    def start(self, method: str, *values: Any) -> Callable[[], Any]:
        """Does one job and gives its result when asked."""
        result = getattr(self._ranges, method)(*values)
        return lambda: result

    def close(self) -> None:
        """Holds nothing."""


def audit_log(plan: AuditPlan, progress: Progress | None = None, listener: Listener | None = None) -> LogReport:
    """Checks a whole log.

    Raises LogUnreadable when the medium fails, AuditStopped when a process dies, and what `open_remembered` raises.
    """
    for attempt in range(_TRIES):
        log = plan.open_log()
        try:
            todo = log.head().size - (plan.start.first if plan.start is not None else 0)
            share = plan.workers > 1 and attempt < _TRIES - 1 and todo >= WORTH_SHARING
            runner: _Pool | _Alone = _Pool(plan) if share else _Alone(plan, log)
            try:
                with RecordIds() as ids:
                    return _audit(plan, log, runner, ids, progress, listener)
            except OSError as error:
                raise AuditStopped(f"there is no room to compare record ids: {error}") from error
            finally:
                runner.close()
        except _MovedOn:
            continue
        finally:
            log.close()
    raise AssertionError("one process sees one moment")


def _audit(
    plan: AuditPlan,
    log: LogReader,
    runner: _Pool | _Alone,
    ids: RecordIds,
    progress: Progress | None,
    listener: Listener | None,
) -> LogReport:
    head = log.head()
    since = open_remembered(plan.since, plan.keys, head.origin) if plan.since else None
    audit = LogAudit(
        head,
        keys=plan.keys,
        policy=plan.policy,
        end=log.end(),
        read_tile=lambda level, index: log.tiles(level, index, index + 1).get(index),
        since=since,
        start=plan.start,
        sealed_sites=plan.sealed_sites.keys(),
    )
    sources = _SourceJobs(audit, runner, 2 * plan.workers + 1)
    size = audit.size
    audit.begin(log.runs_outside(max(size, head.size)), log.checkpoints_outside(size))
    spans = _spans(plan, size, listener.begin(head, size) if listener is not None else ())
    cuts = audit.cuts()
    jobs = [(first, end, [cut for cut in cuts if first < cut <= end]) for first, end in spans]
    for done in runner.map("audit", jobs):
        if done.head != head:
            raise _MovedOn
        audit.add(done.result, done.checkpoints)
        ids.add(done.result.record_ids)
        sources.take(done.result)
        if listener is not None:
            listener.take(done.result, audit)
        if progress is not None:
            progress(done.result.end, size)
    sources.finish()
    audit.finish_tiles(log.tile_count())
    for earlier, later in ids.repeated():
        audit.repeated(earlier, later)
    if plan.index:
        _finish_index(audit, log, runner, spans)
    else:
        audit.no_index("the index proves nothing and was not used; see: custody verify log")
    return audit.report()


class _SourceJobs:
    """Checks 11 and 12 beside the reading: signatures and closer looks run ahead, a bounded number at once."""

    def __init__(self, audit: LogAudit, runner: _Pool | _Alone, ahead: int) -> None:
        self._audit = audit
        self._runner = runner
        self._ahead = ahead
        self._waiting: deque[tuple[Findings, Callable[[], Findings]]] = deque()

    def take(self, result: RangeResult) -> None:
        """The next range was joined."""
        sources = self._audit.sources
        work = sources.add(result.first, result.end, result.sources)
        if work.seals:
            self._waiting.append((self._audit.findings, self._runner.start("seals", work.seals)))
        for look in work.closer:
            self._waiting.append((sources.rights, self._runner.start("rights", *look)))
            self._bound()
        self._bound()

    def _bound(self) -> None:
        while len(self._waiting) > self._ahead:
            self._settle()

    def finish(self) -> None:
        """Waits for the rest."""
        while self._waiting:
            self._settle()

    def _settle(self) -> None:
        findings, wait = self._waiting.popleft()
        findings.merge(wait())


def _spans(plan: AuditPlan, size: int, edges: Sequence[int]) -> list[tuple[int, int]]:
    """The ranges: of equal length, cut at the edges too."""
    begin = plan.start.first if plan.start is not None else 0
    inner = {*range(begin, size, plan.range_bundles * TILE_WIDTH), *(edge for edge in edges if begin < edge < size)}
    cuts = sorted({begin, size, *inner})
    return list(pairwise(cuts)) or [(begin, begin)]


def _finish_index(audit: LogAudit, log: LogReader, runner: _Pool | _Alone, spans: Sequence[tuple[int, int]]) -> None:
    index = log.index()
    if index is None:
        audit.no_index()
        return
    sums = list(runner.map("digests", _parts(runner.digest_parts)))
    digests = DigestSum(sum(one.count for one in sums), sum(one.total for one in sums))
    if not audit.finish_index(index.totals(), index.chains(), index.chain_totals(), digests):
        for findings in runner.map("find_digests", spans):
            audit.findings.merge(findings)


def _parts(count: int) -> list[tuple[bytes, bytes | None]]:
    """Cuts the space of prefixes into `count` neighbouring parts."""
    bounds = [b"", *(bytes((256 * part // count,)) for part in range(1, count))]
    return list(zip(bounds, [*bounds[1:], None], strict=True))
