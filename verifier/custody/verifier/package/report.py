"""The result of checking a package: numbered checks, findings, and what could not be checked."""

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from custody.core.errors import CustodyError
from custody.verifier.finding import Finding, Findings, Severity
from custody.verifier.log_report import Check, Status, overall
from custody.verifier.package.derived import BroughtFile
from custody.verifier.package.manifest import DerivedRow

(
    FORM, BAG, SIGNATURES, GROWTH, ENTRIES, CHAINS, HEADS, SEGMENTS, PROOF_FILES, EXPORT, SIGNER, DISCLOSED, STAMPED, BROUGHT,
    SEALS,
) = range(1, 16)  # fmt: skip
"""Numbers of the checks of `verify package` (docs/spec/verification.md)."""

OPTIONAL: Final = frozenset({GROWTH, PROOF_FILES, STAMPED, BROUGHT, SEALS})
"""Checks that need something which not every package or reader has: left out, they are named beside the verdict."""


NO_PACKAGE: Final = "this is no evidence package"
EXPORTER_REVOCATION: Final = "exporter-revocation"
STAMP_REVOCATION: Final = "timestamp-revocation"
"""What was not looked at though its check was made, because nobody brought what it needs."""


class DerivedCopy(NamedTuple):
    """A proven row, and which of its sources are whole in the package."""

    row: DerivedRow
    given: tuple[bool, ...]


@dataclass(slots=True)
class PackageReport:
    """Filled by the checks as they go; mutable, one owner until it is handed out."""

    path: str
    nothing: str = ""
    """Why this is no package at all (`package-none`): then no check is made."""
    findings: Findings = field(default_factory=Findings)
    unchecked: dict[int, str] = field(default_factory=dict)
    done: set[int] = field(default_factory=set)
    """Numbers of the checks that were made."""
    demanded: set[int] = field(default_factory=set)
    """Checks that the reader brought something for: they count, though they are among `OPTIONAL`."""
    limits: set[str] = field(default_factory=set)
    """EXPORTER_REVOCATION, STAMP_REVOCATION: whose certificates were not held against a revocation list."""
    log: str = ""
    case_number: str = ""
    recipient: str = ""
    size: int = 0
    files: int = 0
    absent: int = 0
    footage_bytes: int = 0
    entries: int = 0
    trust: str = "none"
    """`key`, `policy`, or `package`: whose keys opened the checkpoint."""
    keys: tuple[str, ...] = ()
    cosigners: tuple[str, ...] = ()
    signers: tuple[str, ...] = ()
    stamps: tuple[str, ...] = ()
    early_size: int = 0
    early: str = ""
    """By when the footage was recorded, as the earliest verified time stamp over all of it says; ISO 8601."""
    derived: "tuple[DerivedCopy, ...]" = ()
    sealed: int = 0
    brought: tuple[BroughtFile, ...] = ()

    def find(self, check: int, code: str, message: str, *, path: str | None = None, index: int | None = None) -> None:
        """One finding that blames."""
        self.findings.add(Finding(code, check, message, Severity.FINDING, index=index, path=path))

    def caught(self, check: int, error: CustodyError, *, path: str | None = None, index: int | None = None) -> None:
        """An error of a parser or a verification as a finding."""
        self.find(check, error.code, str(error), path=path, index=index)

    @property
    def checks(self) -> tuple[Check, ...]:
        """All checks by number."""
        return tuple(self._check(number) for number in range(FORM, SEALS + 1))

    def _check(self, number: int) -> Check:
        if number in self.findings.checks:
            return Check(number=number, status=Status.FINDINGS)
        if number in self.unchecked or number not in self.done:
            default = NO_PACKAGE if self.nothing else "an earlier check left nothing to hold it against"
            reason = self.unchecked.get(number, default)
            return Check(number=number, status=Status.NOT_CHECKED, reason=reason)
        return Check(number=number, status=Status.FINE)

    @property
    def formless(self) -> bool:
        """True when no check but the first could be made: what it found is then all that there is to say."""
        return not self.done - {FORM}

    @property
    def status(self) -> Status:
        """The status of the whole."""
        return overall({check.number: check.status for check in self.checks}, self.optional)

    @property
    def optional(self) -> frozenset[int]:
        """Checks that change nothing of the whole when they were not made."""
        return OPTIONAL - self.demanded
