"""A custody audit as an object for JSON (docs/audit.md, "The form of --json")."""

from typing import Any, Final

from custody.rules import segment_verdicts, timeline
from custody.verifier.custody_audit.result import CustodyAudit
from custody.verifier.log_output import checks_json, finding_json
from custody.verifier.texts import LOG_CHECKS

SCHEMA: Final = "custody.audit/1"


def audit_json(audit: CustodyAudit) -> dict[str, Any]:
    """Everything that was found; times in microseconds since 1970 UTC."""
    log, scope = audit.log, audit.scope
    return {
        "schema": SCHEMA,
        "verdict": audit.status.value,
        "exit_status": audit.status.exit_status,
        "version": audit.version,
        "audited_us": audit.audited_us,
        "at_us": audit.at_us,
        "log": {
            "place": audit.place,
            "origin": log.origin,
            "verdict": audit.log_status.value,
            "size": log.size,
            "published": log.published,
            "verified": log.verified,
            "checkpoint": log.verified_note.decode("utf-8", "replace"),
            "trusted_keys": list(log.keys),
            "checks": checks_json(log.checks, LOG_CHECKS),
            "findings": [finding_json(finding) for finding in log.findings.kept],
            "omitted": log.findings.omitted(),
        },
        "scope": {
            "sites": sorted(scope.sites),
            "streams": sorted(scope.streams),
            "from_us": scope.from_us,
            "to_us": scope.to_us,
        },
        "judged": audit.judged,
        "read_from": audit.begun_at,
        "profiles": {name: profile.digest.hex() for name, profile in audit.state.library.profiles.items()},
        "base": list(audit.state.base),
        "findings": [finding.as_json() for finding in audit.findings],
        "not_checked": [row._asdict() for row in audit.unchecked],
        "streams": {name: _stream(audit, name) for name in audit.streams()},
        "footage": _footage(audit),
    }


def _stream(audit: CustodyAudit, name: str) -> dict[str, Any]:
    observation = audit.footage.observation() if audit.footage is not None else None
    return {
        "timeline": [
            {"from_us": one.from_us, "to_us": one.to_us, "kind": one.kind.value}
            | ({"reason": {"en": one.reason_en, "zh": one.reason_zh}} if one.reason_en else {})
            for one in timeline(audit.state, name, audit.at_us)
        ],
        "segments": [
            {"first": run.first, "last": run.last, "verdict": run.verdict.value, "period_us": list(run.period_us)}
            for run in segment_verdicts(audit.state, name, audit.at_us, observation)
        ],
    }


def _footage(audit: CustodyAudit) -> dict[str, Any] | None:
    seen = audit.footage
    if seen is None:
        return None
    return {
        "folder": seen.folder,
        "files": seen.files,
        "hashed_bytes": seen.hashed_bytes,
        "counts": seen.counts._asdict(),
        "findings": [finding_json(finding) for finding in seen.findings.kept],
        "omitted": seen.findings.omitted(),
    }
