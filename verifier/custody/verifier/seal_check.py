"""Check 11: seals of sources, verified offline (docs/spec/seal.md, "Checking offline").

The root over the covered records is computed where they are read; the key is found where the log's keys are replayed;
the signature, which costs most, is verified here, wherever there is a processor to spare.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from custody.core.entry import ReadEntry
from custody.core.errors import MalformedError, SignatureError
from custody.core.keyring import Keyring
from custody.core.record import ReadRecord
from custody.core.seal import SealKey, seal_root, seal_text
from custody.verifier.finding import Finding, Findings

CHECK: Final = 11


class SealClaim(NamedTuple):
    """A seal as it stands in the log, with the root over the records that it says to cover."""

    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody calls
    stamp_us: int
    submitter: str
    key_id: str
    count: int  # type: ignore[assignment]  # hides tuple.count, which nobody calls
    signature: bytes
    root: bytes
    """Empty where the covered entries are not what a seal can cover; `fault` says why."""
    fault: str = ""


class SealJob(NamedTuple):
    """A signature to verify: everything that it takes."""

    index: int  # type: ignore[assignment]
    algorithm: int
    raw_key: bytes
    text: bytes
    signature: bytes


class Covered(NamedTuple):
    """What a seal wants to know of an entry that it covers."""

    record: bytes
    submitter: str
    sealed: bool


def claim_seal(index: int, entry: ReadEntry, covered: Sequence[Covered]) -> SealClaim:
    """The claim of the sealed `entry`; `covered` are the entries before it that it covers, fewer where they are missing."""
    assert entry.seal is not None
    seal = entry.seal
    fault = ""
    if len(covered) != seal.count - 1:
        fault = f"of the {seal.count} entries that it covers {seal.count - 1 - len(covered)} are not there"
    elif any(one.sealed for one in covered):
        fault = "it covers an entry that has a seal of its own"
    elif any(one.submitter != entry.submitter for one in covered):
        fault = f"it covers entries of others than {entry.submitter}"
    root = b"" if fault else seal_root([*(one.record for one in covered), entry.record])
    return SealClaim(
        index, entry.sequenced_at_us, entry.submitter, seal.key_id, seal.count, bytes(seal.signature), root, fault
    )


def resolve(claim: SealClaim, ring: Keyring, origin: str, findings: Findings) -> SealJob | None:
    """Finds the key of a claim among those that the log had registered before it; None: found wrong already."""
    if claim.fault:
        message = f"the seal on entry {claim.index}: {claim.fault}"
        findings.add(Finding("seal-count", CHECK, message, index=claim.index))
        return None
    try:
        key = ring.seal_key_for(claim.key_id, claim.submitter, claim.stamp_us)
    except (SignatureError, MalformedError) as error:
        findings.add(Finding(error.code, CHECK, f"the seal on entry {claim.index}: {error}", index=claim.index))
        return None
    text = seal_text(origin, claim.count, claim.root)
    return SealJob(claim.index, int(key.algorithm), key.raw, text, claim.signature)


def verify_seals(jobs: Iterable[SealJob]) -> Findings:
    """Verifies signatures; every bad one is named."""
    findings = Findings()
    for job in jobs:
        key = SealKey(algorithm=job.algorithm, raw=job.raw_key)  # type: ignore[arg-type]  # an enum's number
        try:
            key.verify(job.text, job.signature)
        except SignatureError as error:
            findings.add(Finding(error.code, CHECK, f"the seal on entry {job.index}: {error}", index=job.index))
    return findings


class SealTally(NamedTuple):
    """What became of the seals among some entries of a log."""

    good: int
    partial: tuple[int, ...]
    """Leaf indexes of seals that cover entries which were not given: nothing can be said of them."""
    findings: Findings


def check_slice(origin: str, entries: Iterable[tuple[int, ReadEntry, ReadRecord]]) -> SealTally:
    """Checks the seals among entries of a log that need not be neighbours, as an evidence package holds them.

    `entries` are (leaf index, entry, record) in the order of the log, with the whole chain `log/keys` among them.
    """
    ring, findings = Keyring(), Findings()
    run: list[tuple[int, Covered]] = []
    jobs: list[SealJob] = []
    partial: list[int] = []
    for index, entry, record in entries:
        ring.apply(record.kind.name, record.body)
        if run and run[-1][0] != index - 1:
            run.clear()
        if entry.seal is not None:
            count = entry.seal.count - 1
            if count > len(run):
                partial.append(index)
            else:
                covered = [one for _, one in run[len(run) - count :]]
                job = resolve(claim_seal(index, entry, covered), ring, origin, findings)
                jobs += [job] if job is not None else []
        run.append((index, Covered(entry.record, entry.submitter, entry.seal is not None)))
        del run[:-1_024]
    wrong = verify_seals(jobs)
    findings.merge(wrong)
    return SealTally(len(jobs) - sum(wrong.counts.values()), tuple(partial), findings)
