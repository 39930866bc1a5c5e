"""Checks on one range of the log that need nothing from outside the range: the work that is shared out.

A range is some neighbouring bundles. It is read run by run; what follows from the entries comes back in a
`RangeResult`, small enough to travel between processes, and `log_audit` joins the results in order. Numbers of checks
as in docs/spec/verification.md. No I/O here: bytes come in, findings and hashes go out.

Where an entry is missing, the hash that the tile holds takes its place in the tree, so that the other entries can still
be held against the signed roots; the finding is made all the same.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from itertools import pairwise
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from custody.core.bundle import decode_bundle
from custody.core.chain import Head
from custody.core.entry import Link, ReadEntry
from custody.core.errors import MalformedError
from custody.core.hashing import HASH_BYTES, LEAF_PREFIX
from custody.core.kinds import KINDS
from custody.core.names import CHAIN_KEYS
from custody.core.record import ReadRecord
from custody.core.tile import TILE_WIDTH
from custody.core.tree import EMPTY_FRONTIER, extend
from custody.verifier.chain_column import ChainColumn, ChainEnds, PendingLinks
from custody.verifier.entry_reading import ReadEntries, read_entries
from custody.verifier.finding import Finding, Findings
from custody.verifier.footage_fact import DisposalFact, SegmentFact, disposals_of, segment_of
from custody.verifier.log_reader import DigestSum, StoredRun
from custody.verifier.retelling import Teller, Told
from custody.verifier.seal_check import Covered
from custody.verifier.source_facts import SourceFacts, SourceFactsReader

_HEADS: Final = KINDS["chain_heads"]
_SEGMENT: Final = KINDS["segment"]
_DISPOSAL: Final = KINDS["disposal"]
_ABSENT: Final = bytes(HASH_BYTES)
PREFIX_BYTES: Final = 8
"""What the digest index keeps of a SHA-256."""


class Cut(NamedTuple):
    """A tree size at which a root is wanted, and the peaks of its last, unfinished bundle."""

    size: int
    peaks: tuple[bytes, ...]


class Snapshot(NamedTuple):
    """Heads that moved since the snapshot before (or the begin of the range), and what the record says of all."""

    moved: Mapping[str, Head]
    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody calls
    tree_size: int
    chains: int
    heads_root: bytes


class OpenRun(NamedTuple):
    """Part of an index run that crosses the edge of a range: what the entries on this side of it tell of."""

    chain: str
    first_seq: int
    from_us: int
    to_us: int
    stored: tuple[int, int]
    """The period that the row states."""
    begins: bool
    """True when the run begins on this side."""
    ends: bool
    """True when the run ends on this side."""


class RangeResult(NamedTuple):
    """What the whole needs from a range. Everything is in the order of the log."""

    first: int
    end: int
    bundle_roots: Sequence[bytes]
    """Roots of the full bundles."""
    edge: tuple[bytes, ...]
    """Peaks of the unfinished bundle behind them; empty when there is none."""
    cuts: Sequence[Cut]
    chains: Mapping[str, ChainEnds]
    snapshots: Sequence[Snapshot]
    stamps: tuple[int, int] | None
    """First and last stamp of the range; None when no entry could be read."""
    digests: DigestSum
    open_runs: Sequence[OpenRun]
    segments: Sequence[SegmentFact]
    disposals: Sequence[DisposalFact]
    findings: Findings
    told: Told | None = None
    """What the rules want to know, where it was asked for."""
    record_ids: Sequence[bytes] = ()
    """Ids of the records as `record_ids.cut` gives them, where no index tells of them."""
    sources: SourceFacts = SourceFacts()


class RangeAudit:
    """Reads one range; mutable, used once: `add_bundle` for each bundle in order, then `result`."""

    def __init__(
        self,
        first: int,
        end: int,
        cuts: Iterable[int] = (),
        *,
        footage: bool = False,
        retell: bool = False,
        index: bool = True,
        sealed_sites: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        """Leaf indexes [first, end), `first` a multiple of 256; `cuts` are tree sizes within (first, end].

        `footage`: keep what is said of footage files; `retell`: keep what the rules want to know;
        `index`: keep what the index is held against; `sealed_sites`: sites whose sources must seal, from when on.
        """
        self.first = first
        self.end = end
        self.findings = Findings()
        self.leaves: list[bytes] = []
        self._columns: defaultdict[str, ChainColumn] = defaultdict(ChainColumn)
        self._pending = PendingLinks()
        self.records: list[ReadRecord | None] = []
        self.submitters: defaultdict[str, list[int]] = defaultdict(list)
        """Positions of each submitter's entries."""
        self.stamps: list[int] = []
        """Stamp of every position; of an unreadable entry, the one before."""
        self.digest_pairs: list[tuple[bytes, int]] = []
        self._cuts = frozenset(cuts)
        self._footage = footage
        self._index = index
        self._teller = Teller() if retell else None
        self.sources = SourceFactsReader(sealed_sites)
        self._bundle_roots: list[bytes] = []
        self._edge: tuple[bytes, ...] = ()
        self._cut_peaks: list[Cut] = []
        self._snapshots: list[Snapshot] = []
        self._settled: dict[str, int] = {}
        self._segments: list[SegmentFact] = []
        self._disposals: list[DisposalFact] = []

    def _find(self, code: str, check: int, message: str, **about: Any) -> None:
        self.findings.add(Finding(code, check, message, **about))

    def add_bundle(self, runs: Sequence[StoredRun], tile: bytes | None) -> None:
        """Takes the next bundle as stored runs, and its level 0 tile (None: the medium lacks it)."""
        begin = self.first + len(self.leaves)
        width = min(TILE_WIDTH, self.end - begin)
        slots = self._slots(runs, begin, width)
        held = tile or b""
        hashes = [
            sha256(LEAF_PREFIX + raw).digest() if raw is not None else held[at * 32 : at * 32 + 32] or _ABSENT
            for at, raw in enumerate(slots)
        ]
        self._check_tile(begin, hashes, tile)
        self._grow(begin, hashes)
        present = [at for at, raw in enumerate(slots) if raw is not None]
        read = read_entries([raw for raw in slots if raw is not None])
        for fault in read.faulty:
            index = begin + present[fault.at]
            self._find(fault.error.code, 2, f"entry {index} is malformed: {fault.error}", index=index)
        self._take(begin, width, [present[at] for at in read.at], read)
        self._check_times(begin, width, runs)

    # ---- check 2: the entries are all there, each once -----------------------------------------------------------

    def _slots(self, runs: Sequence[StoredRun], begin: int, width: int) -> list[bytes | None]:
        slots: list[bytes | None] = [None] * width
        following = begin
        for run in runs:
            following = self._lay(run, begin, width, following, slots)
        if following < begin + width:
            self._missing(following, begin + width)
        return slots

    def _lay(self, run: StoredRun, begin: int, width: int, following: int, slots: list[bytes | None]) -> int:
        first, count = run.first_index, run.count
        if type(count) is not int or not 1 <= count <= TILE_WIDTH or first + count > begin + width or first < following:
            self._find(
                "entries-misplaced", 2, f"the run of {count} entries at {first} does not fit its place", index=first
            )
            return following
        if first > following:
            self._missing(following, first)
        try:
            slots[first - begin : first - begin + count] = decode_bundle(run.data, count)
        except MalformedError as error:
            self._find(error.code, 2, f"the run of {count} entries at {first} is malformed: {error}", index=first)
        return first + count

    def _missing(self, first: int, end: int) -> None:
        named = f"entry {first} is" if end == first + 1 else f"entries {first} to {end - 1} are"
        self._find("entries-missing", 2, f"{named} not there", index=first)

    # ---- checks 3 and 4: tree and tiles --------------------------------------------------------------------------

    def _check_tile(self, begin: int, hashes: Sequence[bytes], tile: bytes | None) -> None:
        number = begin // TILE_WIDTH
        if tile is None:
            self._find("tile-missing", 4, f"tile 0/{number} is not there", index=begin)
            return
        if tile == b"".join(hashes):
            return
        if len(tile) != HASH_BYTES * len(hashes):
            self._find(
                "tile-mismatch", 4, f"tile 0/{number} holds {len(tile)} bytes of {32 * len(hashes)}", index=begin
            )
        for at, value in enumerate(hashes):
            if tile[32 * at : 32 * at + 32] != value:
                self._find(
                    "tile-mismatch",
                    4,
                    f"entry {begin + at} does not have the hash that its tile holds",
                    index=begin + at,
                )

    def _grow(self, begin: int, hashes: list[bytes]) -> None:
        self.leaves += hashes
        peaks = extend(EMPTY_FRONTIER, hashes).frontier.hashes
        for size in range(begin + 1, begin + len(hashes) + 1) if self._cuts else ():
            if size in self._cuts:
                width = size - begin
                part = peaks if width == len(hashes) else extend(EMPTY_FRONTIER, hashes[:width]).frontier.hashes
                self._cut_peaks.append(Cut(size, part))
        if len(hashes) == TILE_WIDTH:
            self._bundle_roots.append(peaks[0])
        else:
            self._edge = peaks

    # ---- what the entries say: checks 5 to 8 ---------------------------------------------------------------------

    def _take(self, begin: int, width: int, places: Sequence[int], read: ReadEntries) -> None:
        self._keep(width, places, read)
        base = begin - self.first
        positions = [base + at for at in places]
        heads = [at for at, record in enumerate(read.records) if record.kind is _HEADS]
        # A snapshot speaks of the chains before itself, so the bundle is taken in pieces that begin with one.
        for begins, ends in pairwise([0, *heads, len(positions)]):
            piece = slice(begins, ends)
            if begins < ends and read.records[begins].kind is _HEADS:
                self._snapshot(positions[begins], read.records[begins])
            self._link(positions[piece], read.entries[piece], read.records[piece])
        if self._index:
            self._take_digests(begin, places, read)
        if self._footage:
            self._take_footage(base, places, read)
        if self._teller is not None:
            self._teller.take(begin, places, read)
        self.sources.take(begin, places, read)

    def _link(self, positions: list[int], entries: Sequence[ReadEntry], records: Sequence[ReadRecord]) -> None:
        """Takes the links of neighbouring entries: as columns where each has one, as nearly all have."""
        links = [entry.links for entry in entries]
        names = set(submitters := [entry.submitter for entry in entries])
        if len(names) == 1:
            self.submitters[submitters[0]] += positions
        else:
            for submitter, position in zip(submitters, positions, strict=True):
                self.submitters[submitter].append(position)
        ones = [one for several in links for one in several]
        if len(ones) == len(links):  # each has at least one
            places = positions
        else:
            places = [at for at, several in zip(positions, links, strict=True) for _ in several]
        chains, seqs, prevs = zip(*ones, strict=True) if ones else ((), (), ())
        pending = self._pending
        pending.chains += chains
        pending.seqs += seqs
        pending.prevs += prevs
        pending.at += places
        if places is positions and list(zip(chains, strict=True)) == [record.chains for record in records]:
            return
        for position, several, record in zip(positions, links, records, strict=True):
            if tuple([link.chain for link in several]) != record.chains:
                self._misfiled(self.first + position, several, record.chains)

    @property
    def columns(self) -> Mapping[str, ChainColumn]:
        """The links of each chain, in the order of the log."""
        self._pending.settle(self._columns)
        return self._columns

    def _keep(self, width: int, places: Sequence[int], read: ReadEntries) -> None:
        """Lays records and stamps at their positions; those of unreadable entries stay empty or repeat the one before."""
        if len(places) == width:
            self.records += read.records
            self.stamps += [entry.sequenced_at_us for entry in read.entries]
            return
        records = dict(zip(places, read.records, strict=True))
        stamps = dict(zip(places, (entry.sequenced_at_us for entry in read.entries), strict=True))
        before = self.stamps[-1] if self.stamps else 0
        for at in range(width):
            before = stamps.get(at, before)
            self.records.append(records.get(at))
            self.stamps.append(before)

    def _take_digests(self, begin: int, places: Sequence[int], read: ReadEntries) -> None:
        for at, record in zip(places, read.records, strict=True):
            if record.digests:
                self._digests(begin + at, record.digests)

    def _digests(self, index: int, digests: tuple[bytes, ...]) -> None:
        if len(digests) == 1:
            self.digest_pairs.append((digests[0][:PREFIX_BYTES], index))
        else:
            self.digest_pairs += [(prefix, index) for prefix in {digest[:PREFIX_BYTES] for digest in digests}]

    def _misfiled(self, index: int, links: Sequence[Link], chains: tuple[str, ...]) -> None:
        names = [link.chain for link in links]
        self._find(
            "chains-differ",
            5,
            f"entry {index} is filed under {', '.join(names)}; its record belongs to {', '.join(chains)}",
            index=index,
        )

    def _snapshot(self, position: int, record: ReadRecord) -> None:
        moved: dict[str, Head] = {}
        for chain, column in self.columns.items():
            links = len(column.seqs)
            if self._settled.get(chain) != links:
                self._settled[chain] = links
                moved[chain] = column.head(self.leaves)
        body = record.body
        self._snapshots.append(
            Snapshot(moved, self.first + position, body.tree_size, body.chains, bytes(body.heads_root))
        )

    def _check_times(self, begin: int, width: int, runs: Sequence[StoredRun]) -> None:
        base = begin - self.first
        stamps = self.stamps[max(0, base - 1) : base + width]
        if stamps != sorted(stamps):
            for at in range(1, len(stamps)):
                if stamps[at] < stamps[at - 1]:
                    index = begin + width - len(stamps) + at
                    self._find("time-decreases", 7, f"entry {index} is stamped before its predecessor", index=index)
        for run in runs:
            at = run.first_index - self.first
            if run.sequenced_us is None or type(run.count) is not int or not base <= at < base + width:
                continue
            told = {self.stamps[i] for i in range(at, min(at + max(run.count, 0), base + width)) if self.records[i]}
            if told - {run.sequenced_us}:
                self._find(
                    "run-time",
                    7,
                    f"the run at {run.first_index} is stored under another time than its entries say",
                    index=run.first_index,
                )

    def _take_footage(self, base: int, places: Sequence[int], read: ReadEntries) -> None:
        for at, entry, record in zip(places, read.entries, read.records, strict=True):
            if record.kind is _SEGMENT:
                self._segments.append(segment_of(self.first + base + at, entry.sequenced_at_us, record))
            elif record.kind is _DISPOSAL:
                self._disposals += disposals_of(self.first + base + at, entry.sequenced_at_us, record)

    # ---- the end -------------------------------------------------------------------------------------------------

    def check_chains(self) -> None:
        """Check 5 within the range."""
        for chain, column in self.columns.items():
            column.check(chain, self.first, self.leaves, self.findings)

    def source_facts(self, earlier: Mapping[int, Covered]) -> SourceFacts:
        """What the range tells of its sources; `earlier` are the entries before it that its seals cover."""
        keys = self.columns.get(CHAIN_KEYS)
        for at in keys.at if keys is not None else ():
            record = self.records[at]
            if record is not None and record.kind.family == CHAIN_KEYS:
                self.sources.take_key(self.first + at, self.stamps[at], record.raw)
        return self.sources.facts(self.first, self.records, earlier, self.findings)

    def result(
        self, open_runs: Sequence[OpenRun] = (), earlier: Mapping[int, Covered] = MappingProxyType({})
    ) -> RangeResult:
        """Everything that the whole needs; call `check_chains` and the index checks before. `earlier`: `source_facts`."""
        sources = self.source_facts(earlier)
        readable = [stamp for stamp, record in zip(self.stamps, self.records, strict=True) if record is not None]
        return RangeResult(
            first=self.first,
            end=self.end,
            bundle_roots=self._bundle_roots,
            edge=self._edge,
            cuts=self._cut_peaks,
            chains={chain: column.ends(self.first, self.leaves) for chain, column in self.columns.items()},
            snapshots=self._snapshots,
            stamps=(readable[0], readable[-1]) if readable else None,
            digests=DigestSum(len(self.digest_pairs), sum(map(hash, self.digest_pairs))),
            open_runs=open_runs,
            segments=self._segments,
            disposals=self._disposals,
            findings=self.findings,
            told=self._teller.told() if self._teller is not None else None,
            sources=sources,
        )
