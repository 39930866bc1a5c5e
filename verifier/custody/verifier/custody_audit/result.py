"""The result of a custody audit: what every form of the report is made from."""

from dataclasses import dataclass
from typing import Final

from custody.rules import CustodyState, Finding, LogVerdict, Scope, Severity, Verdict
from custody.verifier.custody_audit.footage_seen import FootageSeen
from custody.verifier.custody_audit.not_checked import ASKED_FOR, Unchecked
from custody.verifier.log_report import INDEX, OPTIONAL, LogReport, Status, overall

OPTIONAL_CHECKS: Final = OPTIONAL | {INDEX}
"""Checks of the log without which an audit can still be fine. The index is no evidence and is not used here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CustodyAudit:
    """One audit of one log."""

    log: LogReport
    log_verdict: LogVerdict | None
    """None where the log has findings of which the rules have no word."""
    state: CustodyState
    scope: Scope
    at_us: int
    """The moment at which duties are judged."""
    audited_us: int
    """When the audit was made."""
    judged: int
    """How many entries were judged: those under the last checkpoint."""
    begun_at: int
    """Entries before this one were read by an earlier audit."""
    findings: tuple[Finding, ...]
    footage: FootageSeen | None
    unchecked: tuple[Unchecked, ...]
    place: str
    """Where the log was read."""

    @property
    def version(self) -> str:
        """Version of this software."""
        from importlib.metadata import version  # imported only for a report that names it

        return version("evidence-ledger")

    @property
    def log_status(self) -> Status:
        """Status of the log itself."""
        return log_status(self.log)

    @property
    def blaming(self) -> tuple[Finding, ...]:
        """Findings of the rules that are more than a fact or a gap of the check."""
        return tuple(
            one for one in self.findings if one.severity > Severity.INFO and one.verdict is not Verdict.NOT_CHECKED
        )

    @property
    def status(self) -> Status:
        """The whole: a finding outweighs all, and what was not checked is never fine."""
        footage = self.footage.findings.checks if self.footage is not None else set()
        if self.blaming or self.log_status is Status.FINDINGS or footage:
            return Status.FINDINGS
        unread = self.footage is not None and self.footage.counts.unreadable
        if self.log_status is Status.NOT_CHECKED or unread or self._unknown():
            return Status.NOT_CHECKED
        return Status.FINE

    def _unknown(self) -> bool:
        if any(row.code in ASKED_FOR for row in self.unchecked):
            return True
        return any(one.verdict is Verdict.NOT_CHECKED for one in self.findings)

    def streams(self) -> list[str]:
        """Names of the streams in scope, sorted."""
        return sorted(name for name, stream in self.state.streams.items() if self.scope.stream(stream))

    def sites(self) -> list[str]:
        """Names of the sites in scope, and of the streams in scope, sorted."""
        own = {name for name, site in self.state.sites.items() if self.scope.site(site)}
        return sorted(own | {self.state.streams[name].site for name in self.streams()})


def log_status(log: LogReport) -> Status:
    """Status of a log that was read without its index."""
    return overall({check.number: check.status for check in log.checks}, OPTIONAL_CHECKS)


def log_verdict(log: LogReport) -> LogVerdict | None:
    """The rules' word for what was found out about the log; None where they have none."""
    codes = {finding.code for finding in log.findings.blaming()}
    mismatched = {finding.size for finding in log.findings.kept if finding.code == "root-mismatch"}
    # Where the entries do not even have the root that the log itself shows, they are damaged: that proves no second history.
    if any(one.code == "fork" and one.size not in mismatched for one in log.findings.kept):
        return LogVerdict.FORKED
    if codes & {"rollback", "log-truncated"}:
        return LogVerdict.TRUNCATED
    if log_status(log) is Status.NOT_CHECKED:
        return LogVerdict.NOT_CHECKED
    return LogVerdict.CONSISTENT if log_status(log) is Status.FINE else None
