"""What a range of the log tells of its sources: keys, seals, who told what, and what should have had a seal and has none.

Small enough to travel between processes; `source_audit` joins the facts of all ranges in order. Entries of parties whom
nobody authenticated are only counted: a log without identities pays nothing here.
"""

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Final, NamedTuple

from custody.core.entry import ReadEntry
from custody.core.limits import MAX_BATCH_RECORDS
from custody.core.record import ReadRecord
from custody.core.rights import is_device, owes_seal
from custody.core.roles import Role
from custody.verifier.entry_reading import ReadEntries
from custody.verifier.finding import Finding, Findings
from custody.verifier.seal_check import CHECK as SEALS
from custody.verifier.seal_check import Covered, SealClaim, claim_seal

UNVERIFIED: Final = f"urn:custody:{Role.UNVERIFIED.value}:"
REACH: Final = MAX_BATCH_RECORDS - 1
"""How many entries before its own a seal can cover."""

Told = tuple[str, str, tuple[str, ...]]
"""Who told, which kind, in which chains."""


class KeyRecord(NamedTuple):
    """An entry of the chain `log/keys`."""

    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody calls
    stamp_us: int
    raw: bytes


class Times(NamedTuple):
    """The first entry that told something in a range, and the stamps of the first and the last one."""

    first: int
    first_us: int
    last_us: int


class SourceFacts(NamedTuple):
    """The facts of one range."""

    keys: tuple[KeyRecord, ...] = ()
    seals: tuple[SealClaim, ...] = ()
    told: Mapping[Told, Times] = {}
    unverified: tuple[int, int] = (0, 0)
    """How many entries nobody authenticated told of, and the first of them."""
    reach: int = 0
    """How many entries before the range its seals cover."""
    open_owed: tuple[tuple[int, str], ...] = ()
    """Entries at the end of the range that must be sealed, if they are not, by the next one: (leaf index, chain)."""


class SourceFactsReader:
    """Gathers the facts of one range; mutable, used once: `take` each bundle, then `facts`."""

    def __init__(self, demanded: Mapping[str, int]) -> None:
        """`demanded` are the sites whose footage and devices' words must be sealed, each with the time from which on."""
        self._demanded = demanded
        self._whats: list[Told] = []
        """What was told, with indexes and stamps beside it, in the order of the log."""
        self._indexes: list[int] = []
        self._stamps: list[int] = []
        self._sealed: list[tuple[int, ReadEntry]] = []
        self._keys: list[KeyRecord] = []
        self._owed: list[tuple[int, str]] = []
        self._unverified = (0, 0)
        self._submitters: list[tuple[int, Sequence[int], list[str]]] = []

    def take(self, begin: int, places: Sequence[int], read: ReadEntries) -> None:
        """Takes the entries of the bundle that begins at leaf index `begin`; `places` are theirs within it."""
        entries = read.entries
        submitters = [entry.submitter for entry in entries]
        self._submitters.append((begin, places, submitters))
        seals = [at for at, entry in enumerate(entries) if entry.seal is not None]
        self._sealed += [(begin + places[at], entries[at]) for at in seals]
        if self._demanded:
            self._owe(begin, places, read)
        self._take_told(begin, places, read, submitters)

    def take_key(self, index: int, stamp_us: int, raw: bytes) -> None:
        """Takes an entry of the chain of keys."""
        self._keys.append(KeyRecord(index, stamp_us, raw))

    def _take_told(self, begin: int, places: Sequence[int], read: ReadEntries, submitters: Sequence[str]) -> None:
        unknown = {submitter for submitter in set(submitters) if submitter.startswith(UNVERIFIED)}
        known = [at for at, submitter in enumerate(submitters) if submitter not in unknown] if unknown else None
        if known is not None:
            count, first = self._unverified
            earliest = next(at for at, submitter in enumerate(submitters) if submitter in unknown)
            self._unverified = (count + len(submitters) - len(known), first if count else begin + places[earliest])
            if not known:
                return
        entries, records = read.entries, read.records
        if known is not None:
            submitters, places = [submitters[at] for at in known], [places[at] for at in known]
            entries, records = [entries[at] for at in known], [records[at] for at in known]
        kinds = [record.kind.name for record in records]
        self._whats += zip(submitters, kinds, [record.chains for record in records], strict=True)
        self._indexes += [begin + at for at in places]
        self._stamps += [entry.sequenced_at_us for entry in entries]

    def _settled_told(self) -> dict[Told, Times]:
        whats, stamps = self._whats, self._stamps
        # Read backwards, the first one of each stays; read by time, the last one.
        firsts = dict(zip(reversed(whats), reversed(self._indexes), strict=True))
        timed = sorted(zip(stamps, whats, strict=True), key=itemgetter(0)) if stamps != sorted(stamps) else None
        if timed is not None:
            stamps, whats = [stamp for stamp, _ in timed], [what for _, what in timed]
        begins, ends = dict(zip(reversed(whats), reversed(stamps), strict=True)), dict(zip(whats, stamps, strict=True))
        return {what: Times(first, begins[what], ends[what]) for what, first in firsts.items()}

    def _owe(self, begin: int, places: Sequence[int], read: ReadEntries) -> None:
        devices = {submitter for submitter in {entry.submitter for entry in read.entries} if is_device(submitter)}
        for at, entry, record in zip(places, read.entries, read.records, strict=True):
            for chain in record.chains:
                since_us = self._demanded.get(owes_seal(chain, device=entry.submitter in devices))
                if since_us is not None and entry.sequenced_at_us >= since_us:
                    self._owed.append((begin + at, chain))
                    break

    def reach(self, first: int) -> int:
        """How many entries before the range, which begins at `first`, its seals cover."""
        # A seal on the entry i with count n covers i - n + 1 and on.
        return max([0, *(first - (at - entry.seal.count + 1) for at, entry in self._sealed if entry.seal is not None)])

    def _own(self, first: int, records: Sequence[ReadRecord | None]) -> dict[int, Covered]:
        """The range's entries as seals may cover them, by leaf index."""
        sealed = {index for index, _ in self._sealed}
        own = {}
        for begin, places, submitters in self._submitters:
            for at, submitter in zip(places, submitters, strict=True):
                record = records[begin + at - first]
                if record is not None:
                    own[begin + at] = Covered(record.raw, submitter, begin + at in sealed)
        return own

    def facts(
        self,
        first: int,
        records: Sequence[ReadRecord | None],
        earlier: Mapping[int, Covered],
        findings: Findings,
    ) -> SourceFacts:
        """Everything. `records` are those of the whole range, which begins at `first`, None where one cannot be read;
        `earlier` the entries before it, by leaf index, that seals cover.
        """
        own = self._own(first, records) if self._sealed else {}
        end = first + len(records)
        claims = []
        covered_indexes: set[int] = set()
        for index, entry in self._sealed:
            assert entry.seal is not None
            wanted = range(index - entry.seal.count + 1, index)
            known = (own.get(at) or earlier.get(at) for at in wanted)
            claims.append(claim_seal(index, entry, [one for one in known if one is not None]))
            if self._demanded:
                covered_indexes.update(wanted, (index,))
        owed = [one for one in self._owed if one[0] not in covered_indexes]
        for index, chain in owed:
            if index < end - REACH:
                unsealed(index, chain, findings)
        return SourceFacts(
            keys=tuple(self._keys),
            seals=tuple(claims),
            told=self._settled_told(),
            unverified=self._unverified,
            reach=self.reach(first),
            open_owed=tuple(one for one in owed if one[0] >= end - REACH),
        )


def unsealed(index: int, chain: str, findings: Findings) -> None:
    """Finds an entry that should have been sealed."""
    message = f"entry {index} is not sealed, and its site demands it"
    findings.add(Finding("seal-required", SEALS, message, index=index, chain=chain))
