"""What is in the footage folder, in the words of the rules: an observation for every segment under the signed root."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from custody.rules import Observation, Status
from custody.rules.observation import Seen
from custody.verifier.finding import Finding, Findings
from custody.verifier.footage_audit import Disposed, FootageAudit, FootageCounts
from custody.verifier.footage_fact import SegmentFact
from custody.verifier.footage_files import hash_files, walk
from custody.verifier.footage_run import Bar, NoFolderError, sort_out
from custody.verifier.log_report import LogReport

_NO_LIMIT: Final = 1 << 62
_NEVER_LATE: Final = 1 << 62
"""Late segments are a matter of the rules."""
_STATUS: Final = {
    "segment-altered": Status.ALTERED,
    "segment-missing": Status.MISSING,
    "segment-disposed": Status.MISSING,
    "file-unreadable": Status.NOT_CHECKED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FootageSeen:
    """What was seen in one folder."""

    folder: str
    streams: dict[str, list[Seen]]
    compared: int
    """How many segments were looked for."""
    counts: FootageCounts
    files: int
    hashed_bytes: int
    findings: Findings
    """What is no matter of the rules: files that no entry names, swapped names, files that could not be read."""

    def observation(self) -> Observation:
        """For the rules."""
        return Observation(streams=self.streams)


def see(
    folder: Path, log: LogReport, end: int, asked: Callable[[SegmentFact], bool], *, workers: int, bar: Bar
) -> FootageSeen:
    """Hashes the files of `folder` and holds them against the segments below leaf index `end` that are `asked` for.

    Raises NoFolderError.
    """
    try:
        tree = walk(folder)
    except OSError as error:
        raise NoFolderError(f"{folder}: {error.strerror}") from error
    facts = [fact for fact in log.segments if fact.index < end]
    chosen = [fact for fact in facts if asked(fact)]
    narrowed = {fact.stream for fact in chosen} != {fact.stream for fact in facts}
    wanted, _ = sort_out(tree.files, facts, chosen, narrowed=narrowed)
    with bar("bytes") as progress:
        hashed = {file.path: file for file in hash_files(folder, wanted, workers, progress)}
    audit = FootageAudit(hashed, Disposed(one for one in log.disposals if one.index < end), _NEVER_LATE)
    audit.findings = Findings(limit=_NO_LIMIT)  # every state is read off the findings, so none may be left out
    audit.compare(chosen, facts)
    audit.look_for_unknown(sorted(hashed), {fact.sha256: fact.stream for fact in facts})
    odd = {one.index: _STATUS[one.code] for one in audit.findings.kept if one.code in _STATUS and one.index is not None}
    return FootageSeen(
        folder=str(folder),
        streams=_runs(chosen, odd),
        compared=len(chosen),
        counts=audit.counts(),
        files=len(tree.files),
        hashed_bytes=sum(file.size_bytes for file in hashed.values()),
        findings=_others(audit.findings.kept),
    )


def _runs(facts: Sequence[SegmentFact], odd: dict[int, Status]) -> dict[str, list[Seen]]:
    """Runs by stream; of a number that was told twice the last one counts, as a finding of the rules says."""
    told: dict[str, dict[int, Status]] = {}
    for fact in facts:
        told.setdefault(fact.stream, {})[fact.number] = odd.get(fact.index, Status.PRESENT)
    streams: dict[str, list[Seen]] = {}
    for stream, numbers in told.items():
        runs: list[Seen] = []
        for number in sorted(numbers):
            status = numbers[number]
            if runs and runs[-1].last + 1 == number and runs[-1].status is status:
                runs[-1] = runs[-1]._replace(last=number)
            else:
                runs.append(Seen(number, number, status))
        streams[stream] = runs
    return streams


def _others(findings: Iterable[Finding]) -> Findings:
    kept = Findings(limit=1_000)
    for finding in findings:
        if finding.code in {"file-unknown", "file-unreadable", "segment-swapped"}:
            kept.add(finding)
    return kept
