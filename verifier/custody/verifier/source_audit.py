"""Checks 11 and 12: seals of sources, and whether everybody told only what was theirs to tell.

Joins the facts of the ranges in order. Keys and scopes are replayed from the log's own chain `log/keys`, so that every
entry is held against what was registered before it; a registration that comes later, or says that it counts from earlier
on, changes nothing before it. Administrators come before the log's first registration and are known by their role alone.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from custody.core.errors import MalformedError
from custody.core.keyring import Keyring
from custody.core.record import read_record
from custody.core.rights import NotAllowed, check_told
from custody.core.roles import role_of
from custody.v1 import record_pb2
from custody.verifier.finding import Finding, Findings, Severity
from custody.verifier.seal_check import SealClaim, SealJob, resolve
from custody.verifier.source_facts import REACH, KeyRecord, SourceFacts, Times, Told, unsealed

SEALS, RIGHTS = 11, 12


class Deed(NamedTuple):
    """An entry, as far as rights go."""

    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody calls
    stamp_us: int
    submitter: str
    kind: str
    chains: tuple[str, ...]


class CloserLook(NamedTuple):
    """The leaf indexes [first, end) whose rights must be looked at entry by entry (`find_rights`)."""

    first: int
    end: int
    before: tuple[KeyRecord, ...]
    """The keys before them."""


class SourceWork(NamedTuple):
    """What is left to do, by whoever has a processor to spare."""

    seals: tuple[SealJob, ...]
    closer: tuple[CloserLook, ...]
    """In the order of the log; the first registration of an identity brings those of all ranges before it."""


def replayed(records: Iterable[KeyRecord]) -> Keyring:
    """The keys after these records."""
    ring = Keyring()
    for one in records:
        record = read_record(one.raw)
        ring.apply(record.kind.name, record.body)
    return ring


def find_rights(deeds: Iterable[Deed], before: Sequence[KeyRecord], own: Mapping[int, KeyRecord]) -> Findings:
    """Names every entry of a range that was not its submitter's to tell; `own` are the keys in the range by index."""
    ring, findings = replayed(before), Findings()
    for deed in deeds:
        code_and_text = _refusal(ring, (deed.submitter, deed.kind, deed.chains), deed.stamp_us, deed.stamp_us)
        if code_and_text is not None:
            code, text = code_and_text
            message = f"entry {deed.index} of {deed.submitter}: {text}"
            findings.add(Finding(code, RIGHTS, message, index=deed.index))
        if deed.index in own:
            record = read_record(own[deed.index].raw)
            ring.apply(record.kind.name, record.body)
    return findings


def _refusal(ring: Keyring, told: Told, first_us: int, last_us: int) -> tuple[str, str] | None:
    submitter, kind, chains = told
    try:
        check_told(role_of(submitter), ring.scope_of(submitter, first_us, last_us), kind, chains)
    except (NotAllowed, MalformedError) as error:
        return error.code, str(error)
    return None


class SourceAudit:
    """Joins the facts of ranges; mutable, one owner. `add` each range in order, then `finish`."""

    def __init__(
        self, origin: str, findings: Findings, *, demanded: bool = False, keys: Sequence[KeyRecord] = ()
    ) -> None:
        """`demanded`: some site's sources must seal; `keys`: those before the first range that is read."""
        self._origin = origin
        self._findings = findings
        self._demanded = demanded
        self.keys = list(keys)
        self._ring = replayed(keys)
        self.rights = Findings()
        """Findings of check 12; they count only where the log registers identities at all."""
        self._identities = any(_registers_identity(one) for one in keys)
        self._put_off: list[CloserLook] = []
        """Closer looks at ranges before any identity was registered: without one nobody ever reads them a second time."""
        self._sealed = 0
        self._last_sealed: dict[str, tuple[int, int]] = {}
        self._owed: list[tuple[int, str]] = []
        self._unverified = (0, 0)

    def add(self, first: int, end: int, facts: SourceFacts) -> SourceWork:
        """Takes the facts of the next range, the leaf indexes [first, end)."""
        if facts.told and (facts.keys or not self._allowed(facts.told)):
            self._put_off.append(CloserLook(first, end, tuple(self.keys)))
        jobs = self._join(facts)
        self._settle(first, end, facts)
        if facts.unverified[0]:
            count, earliest = self._unverified
            self._unverified = (count + facts.unverified[0], earliest if count else facts.unverified[1])
        return SourceWork(tuple(jobs), self._closer())

    def _closer(self) -> tuple[CloserLook, ...]:
        if not self._identities:
            return ()
        looks = tuple(self._put_off)
        self._put_off.clear()
        return looks

    def _allowed(self, told: Mapping[Told, Times]) -> bool:
        return all(_refusal(self._ring, what, one.first_us, one.last_us) is None for what, one in told.items())

    def _join(self, facts: SourceFacts) -> list[SealJob]:
        """Keys and seals in the order of the log: each seal meets the keys that were registered before it."""
        events: list[KeyRecord | SealClaim] = sorted([*facts.keys, *facts.seals], key=lambda one: one.index)
        jobs = []
        for event in events:
            if isinstance(event, KeyRecord):
                self._take_key(event)
                continue
            self._sealed += 1
            self._last_sealed[event.key_id] = (event.index, event.stamp_us)
            job = resolve(event, self._ring, self._origin, self._findings)
            jobs += [job] if job is not None else []
        return jobs

    def _take_key(self, one: KeyRecord) -> None:
        self.keys.append(one)
        self._identities = self._identities or _registers_identity(one)
        record = read_record(one.raw)
        self._ring.apply(record.kind.name, record.body)
        if record.kind.name != "key_revoked":
            return
        for key_id in self._ring.revoked_with(record.body.key_id):
            index, stamp_us = self._last_sealed.get(key_id, (0, -1))
            if stamp_us >= record.body.from_us:
                message = f"entry {one.index} revokes the seal key {key_id!r} for a time before; it sealed up to entry {index}"
                self._findings.add(Finding("seal-doubtful", SEALS, message, Severity.INFO, index=index))

    def _settle(self, first: int, end: int, facts: SourceFacts) -> None:
        """What a later range had to seal."""
        left = [one for one in self._owed if one[0] < first - facts.reach]
        for index, chain in left:
            if index < end - REACH:
                unsealed(index, chain, self._findings)
        self._owed = [*(one for one in left if one[0] >= end - REACH), *facts.open_owed]

    def finish(self) -> dict[int, str]:
        """Closes the checks; gives those that could not be made, and why."""
        for index, chain in self._owed:
            unsealed(index, chain, self._findings)
        left = {}
        if not self._sealed and not self._demanded:
            left[SEALS] = "no entry that was read is sealed by its source"
        if not self._identities:
            left[RIGHTS] = "the log registers no identities: nobody can say who was allowed what"
            return left
        self._findings.merge(self.rights)
        count, index = self._unverified
        if count:
            message = f"{count} entries were told by parties whom nobody authenticated, the first is {index}"
            self._findings.add(Finding("submitter-unverified", RIGHTS, message, Severity.INFO, index=index))
        return left


def _registers_identity(one: KeyRecord) -> bool:
    record = read_record(one.raw)
    return record.kind.name == "key_registered" and bool(record.body.use == record_pb2.KEY_USE_IDENTITY)
