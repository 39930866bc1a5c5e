"""The audit of a whole log: a state machine that takes the results of its ranges in order and does no I/O of its own.

What a range cannot know is checked here: the roots under the checkpoints, the upper tiles, chains and times across the
ranges, heads snapshots, totals of the index, the unsigned tail and the remembered checkpoint. `audit_run` drives it.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from custody.core.chain import START, Head
from custody.core.checkpoint import Checkpoint
from custody.core.errors import VerificationError
from custody.core.heads import check_heads
from custody.core.names import site_of
from custody.core.note import VerifierKey
from custody.core.policy import Policy
from custody.core.tile import TILE_WIDTH
from custody.v1 import record_pb2
from custody.verifier.chain_column import follow
from custody.verifier.checkpoint_audit import Examined
from custody.verifier.finding import Finding, Findings, Severity
from custody.verifier.footage_fact import DisposalFact, SegmentFact
from custody.verifier.log_memory import LogMemory
from custody.verifier.log_reader import ChainTotals, DigestSum, IndexTotals, StoredChain, StoredHead
from custody.verifier.log_report import (
    ENTRIES,
    HEADS,
    INDEX,
    OPTIONAL,
    REMEMBERED,
    RIGHTS,
    SEALS,
    SIGNATURES,
    TAIL,
    TILES,
    TIMES,
    TREE,
    Check,
    LogReport,
    Status,
)
from custody.verifier.near_names import near
from custody.verifier.range_audit import OpenRun, RangeResult, Snapshot
from custody.verifier.signature_audit import SignatureAudit
from custody.verifier.source_audit import SourceAudit
from custody.verifier.tree_audit import ReadTile, TreeAudit, tiles_of


class LogAudit:
    """Joins ranges; mutable, one owner. `begin`, then `add` for each range in order, the totals, then `report`."""

    def __init__(
        self,
        head: StoredHead,
        *,
        keys: Sequence[VerifierKey],
        end: int,
        read_tile: ReadTile,
        since: Checkpoint | None = None,
        start: LogMemory | None = None,
        policy: Policy | None = None,
        sealed_sites: Collection[str] = (),
    ) -> None:
        """`end` is where the stored entries end; `since` the checkpoint that the caller remembers; `sealed_sites` are those
        whose sources must seal.

        With `start` the entries before it are not read again, and the remembered checkpoint counts as verified.
        """
        self.findings = Findings()
        self.size = max(0, min(head.size, end))
        """How far the entries are audited."""
        self._head = head
        self._keys = tuple(keys)
        self._since = since
        self._tree = TreeAudit(read_tile, self.findings)
        self._edge: tuple[bytes, ...] = ()
        self._heads: dict[str, Head] = {}
        self._stamp_us = 0
        self._snapshots = 0
        self._checkpoints = 0
        self._last_filed = 0
        self._verified = (0, b"")
        self._digests = DigestSum(0, 0)
        self._open: dict[tuple[str, int], tuple[int, int]] = {}
        self._segments: list[SegmentFact] = []
        self._disposals: list[DisposalFact] = []
        self._not_checked: dict[int, str] = {}
        self._optional = OPTIONAL
        self._sealed_sites = sealed_sites
        keys_before = start.keys if start is not None else ()
        self.sources = SourceAudit(head.origin, self.findings, demanded=bool(sealed_sites), keys=keys_before)
        """Checks 11 and 12; whoever drives the audit hands it what the ranges tell of their sources."""
        self._policy = policy
        self._signatures = SignatureAudit(head.origin, self._keys, head.vkeys, self.findings)
        self._signatures.learn(keys_before)
        if start is not None:
            self._tree.resume(start.bundles)
            self._heads.update(start.heads)
            self._stamp_us = start.stamp_us

    def memory(self) -> LogMemory:
        """Where the audit stands, at the edge of a bundle."""
        return LogMemory(self._tree.frontier, dict(self._heads), self._stamp_us, tuple(self.sources.keys))

    def _find(self, code: str, check: int, message: str, **about: Any) -> None:
        self.findings.add(Finding(code, check, message, **about))

    def cuts(self) -> list[int]:
        """Tree sizes besides the checkpoints' at which a root is wanted."""
        wanted = {self.size}
        if self._since is not None:
            wanted.add(self._since.size)
        return sorted(size for size in wanted if 0 < size <= self.size)

    def begin(self, runs_outside: Sequence[int], checkpoints_outside: Sequence[int]) -> None:
        """Takes what lies outside the log as its head describes it."""
        head = self._head
        if head.size > self.size:
            self._find(
                "entries-missing", ENTRIES, f"entries {self.size} to {head.size - 1} are not there", index=self.size
            )
        for first in runs_outside:
            self._find("entries-outside", ENTRIES, f"entries are stored at {first}, outside the log", index=first)
        for size in checkpoints_outside:
            message = f"a checkpoint of size {size} is stored, but the log says that it has {head.size} entries"
            self._find("log-truncated", TREE, message, size=size)
        if head.created_us is not None and head.created_us < 0:
            self._find("log-row", TIMES, "the log was created at no time")
        if head.epoch is not None and head.epoch < 0:
            self._find("log-row", INDEX, "the log has a negative epoch")
        if not self._keys:
            self._not_checked[SIGNATURES] = "no key was given; a key that stands in the log itself proves nothing"

    def add(self, result: RangeResult, checkpoints: Sequence[Examined]) -> None:
        """Takes the next range and the checkpoints that are filed in it."""
        self.findings.merge(result.findings)
        self._signatures.learn(result.sources.keys)
        self._join_tree(result, checkpoints)
        self._join_chains(result)
        if result.stamps is not None:
            first_us, last_us = result.stamps
            if first_us < self._stamp_us:
                message = f"entry {result.first} is stamped before its predecessor"
                self._find("time-decreases", TIMES, message, index=result.first)
            created_us = self._head.created_us
            if not self._stamp_us and created_us is not None and created_us > first_us:
                self._find("log-row", TIMES, "the log was created after its first entry")
            self._stamp_us = last_us
        self._digests = DigestSum(
            self._digests.count + result.digests.count, self._digests.total + result.digests.total
        )
        for run in result.open_runs:
            self._join_run(run, result.first)
        self._segments += result.segments
        self._disposals += result.disposals

    # ---- checks 1 and 3 ------------------------------------------------------------------------------------------

    def _join_tree(self, result: RangeResult, checkpoints: Sequence[Examined]) -> None:
        roots = self._roots(result)
        self._edge = result.edge
        for one in checkpoints:
            self._checkpoints += 1
            size, root = one.checkpoint.size, one.checkpoint.root
            if root != roots.get(size):
                message = f"the signed root at size {size} is not the root of the entries"
                self._find("root-mismatch", TREE, message, size=size)
            elif self._signatures.counts(one) and size >= self._verified[0]:
                self._verified = (size, one.note)
            self._last_filed = max(self._last_filed, size)
        if self._since is not None and self._since.size in roots and roots[self._since.size] != self._since.root:
            self._fork(self._since)
        if result.end == self.size and roots[self.size] != self._head.root and self.size == self._head.size:
            self._find("head-mismatch", TREE, "the unsigned head's root is not the root of the entries")

    def _roots(self, result: RangeResult) -> dict[int, bytes]:
        """Roots at the range's cuts; grows the tree by the range."""
        roots = {result.first: self._tree.root()}
        cuts = iter(result.cuts)
        cut = next(cuts, None)
        for bundle in (*result.bundle_roots, None):
            end = (self._tree.bundles + 1) * TILE_WIDTH
            while cut is not None and cut.size <= end:
                roots[cut.size] = self._tree.root(cut.peaks)
                cut = next(cuts, None)
            if bundle is not None:
                self._tree.add(bundle)
        return roots

    def _fork(self, since: Checkpoint) -> None:
        message = f"the log signed another root at size {since.size} than the one that its entries have now"
        self._find("fork", REMEMBERED, message, size=since.size)

    # ---- checks 5, 6 and 8 across ranges -------------------------------------------------------------------------

    def _join_chains(self, result: RangeResult) -> None:
        heads = self._heads
        for chain, ends in result.chains.items():
            follow(chain, heads.get(chain, START), (ends.first_seq, ends.first_prev), ends.first_index, self.findings)
        for snapshot in result.snapshots:
            self._snapshots += 1
            heads.update(snapshot.moved)
            self._check_snapshot(snapshot)
        heads.update({chain: ends.last for chain, ends in result.chains.items()})

    def _check_snapshot(self, snapshot: Snapshot) -> None:
        told = record_pb2.ChainHeads(
            tree_size=snapshot.tree_size, chains=snapshot.chains, heads_root=snapshot.heads_root
        )
        try:
            check_heads(told, snapshot.index, self._heads)
        except VerificationError as error:
            self._find(error.code, HEADS, str(error), index=snapshot.index)

    def _join_run(self, run: OpenRun, first: int) -> None:
        place = (run.chain, run.first_seq)
        from_us, to_us = run.from_us, run.to_us
        if not run.begins:
            before = self._open.pop(place, (from_us, to_us))
            from_us, to_us = min(from_us, before[0]), max(to_us, before[1])
        if not run.ends:
            self._open[place] = (from_us, to_us)
        elif run.stored != (from_us, to_us):
            message = f"{run.chain}: the run at number {run.first_seq} is indexed under another period"
            self._find("index-period", INDEX, message, index=first, chain=run.chain)

    # ---- totals --------------------------------------------------------------------------------------------------

    def finish_tiles(self, stored: int | None) -> None:
        """Compares the right edge's tiles; `stored` is how many tiles the medium has in all, if it can tell."""
        self._tree.finish()
        if stored is not None and stored != tiles_of(self._head.size):
            message = f"the log has {stored} tiles; a tree of its size has {tiles_of(self._head.size)}"
            self._find("tile-count", TILES, message)

    def repeated(self, earlier: int, later: int) -> None:
        """Takes two leaf indexes whose records have one id, where no index told of them."""
        self._find("record-repeated", TIMES, f"entries {earlier} and {later} have the same record id", index=later)

    def no_index(self, reason: str | None = None) -> None:
        """Says why the index is not checked. Without a reason: the medium has none, so that nobody is missing one."""
        self._not_checked[INDEX] = reason or "this form of the log has no index"
        if reason is None:
            self._optional |= {INDEX}

    def finish_index(
        self, totals: IndexTotals, chains: Sequence[StoredChain], runs: Mapping[int, ChainTotals], digests: DigestSum
    ) -> bool:
        """Compares the index's totals, so that no row is left over. False: the file digests differ somewhere."""
        for stray in totals.strays:
            self._find("index-stray", INDEX, f"there are rows that belong to nothing: {stray}")
        if totals.records != self.size:
            self._find(
                "index-record", INDEX, f"the index has {totals.records} records; the log has {self.size} entries"
            )
        if totals.submitted != self.size:
            message = f"the index counts {totals.submitted} submitted entries; the log has {self.size}"
            self._find("index-submission", INDEX, message)
        if len({chain.name for chain in chains}) != len(chains) or len({chain.number for chain in chains}) != len(
            chains
        ):
            self._find("index-chain", INDEX, "the index has a chain twice")
        for chain in chains:
            self._check_totals(chain, runs.get(chain.number))
        for name, seq in self._open:
            self._find("index-run", INDEX, f"{name}: the run at number {seq} of the index has no end", chain=name)
        if digests == self._digests:
            return True
        message = (
            f"the index has {digests.count} file digests that differ from the {self._digests.count} of the entries"
        )
        self._find("index-digest", INDEX, message)
        return False

    def _check_totals(self, chain: StoredChain, runs: ChainTotals | None) -> None:
        head = self._heads.get(chain.name)
        if head is None or runs is None:
            self._find("index-chain", INDEX, f"the index has a chain {chain.name!r} without entries", chain=chain.name)
            return
        if (runs.entries, runs.first_seq, runs.end_seq) != (head.seq, 1, head.seq + 1):
            message = (
                f"{chain.name}: the index counts {runs.entries} entries up to number {runs.end_seq - 1} of {head.seq}"
            )
            self._find("index-run", INDEX, message, chain=chain.name)
        if chain.longest_us != runs.longest_us:
            message = f"{chain.name}: the index states another longest run than it has"
            self._find("index-chain", INDEX, message, chain=chain.name)

    # ---- the end -------------------------------------------------------------------------------------------------

    def report(self) -> LogReport:
        """Closes the audit."""
        head = self._head
        if head.published != self._last_filed:
            message = (
                f"the log says that size {head.published} is published; its last checkpoint is of {self._last_filed}"
            )
            self._find("published-mismatch", SIGNATURES, message, size=head.published)
        if head.sequenced_us is not None and head.sequenced_us != self._stamp_us:
            self._find("log-row", TIMES, "the log states another time of its last entry than the entry does")
        self._signatures.finish(self._verified[1], self._policy)
        self._check_tail()
        self._check_remembered()
        self._not_checked |= self.sources.finish()
        self._check_demands()
        if not self._checkpoints and SIGNATURES not in self._not_checked:
            self._not_checked[SIGNATURES] = "no checkpoint is published: nothing is signed"
        if not self._checkpoints:
            self._not_checked[TREE] = "no checkpoint is published: there is no signed root to compare with"
        return LogReport(
            origin=head.origin,
            keys=tuple(key.encode() for key in self._keys),
            claimed_keys=head.vkeys,
            size=head.size,
            published=head.published,
            verified=self._verified[0],
            verified_note=self._verified[1],
            checkpoints=self._checkpoints,
            chains=len(self._heads),
            snapshots=self._snapshots,
            checks=tuple(self._check(number) for number in range(SIGNATURES, RIGHTS + 1)),
            findings=self.findings,
            optional=self._optional,
            segments=self._segments,
            disposals=self._disposals,
        )

    def _check_demands(self) -> None:
        """A demand that meets no entry was mistyped, or nobody has told of the site yet: then nothing is fine by it."""
        known = {site_of(chain.partition("/")[2]) for chain in self._heads if not chain.startswith("log/")}
        for site in sorted(set(self._sealed_sites) - known):
            like = near(site, known)
            hint = f"; did you mean {' or '.join(like)}?" if like else ""
            self._not_checked[SEALS] = f"no entry tells of the site {site}, whose seals are demanded{hint}"
            self._optional -= {SEALS}

    def _check_tail(self) -> None:
        tail = self.size - self._last_filed
        if tail > 0:
            message = (
                f"{tail} entries from {self._last_filed} on are sequenced and not yet under a published checkpoint"
            )
            self._find("unsigned-tail", TAIL, message, index=self._last_filed, severity=Severity.INFO)

    def _check_remembered(self) -> None:
        since = self._since
        if since is None:
            self._not_checked[REMEMBERED] = "no earlier checkpoint was given: a rollback would not be seen"
        elif since.size > self._last_filed:
            message = f"the log signed size {since.size} before; now its last checkpoint is of size {self._last_filed}"
            self._find("rollback", REMEMBERED, message, size=since.size)

    def _check(self, number: int) -> Check:
        if number in self.findings.checks:
            return Check(number=number, status=Status.FINDINGS)
        reason = self._not_checked.get(number)
        if reason is not None:
            return Check(number=number, status=Status.NOT_CHECKED, reason=reason)
        return Check(number=number, status=Status.FINE)
