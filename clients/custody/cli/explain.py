"""What an error says to a person: a message, a stable code, and where we know it, what to do next."""

from __future__ import annotations

from collections.abc import Mapping

import click

from custody.cli.lazy import MissingExtraError
from custody.core.errors import CustodyError

HINTS: Mapping[str, str] = {
    "fork": "two signed histories exist; keep both checkpoints, stop using this log, tell its operator and its witnesses",
    "internal-error": "this is a fault of custody itself; run again as `custody --debug ...` and report what it prints",
    "ledger-unavailable": "see whether the ledger runs, at that address, and with certificates if it demands them; sending again is safe",
    "rollback": "the log shows less than it signed before, perhaps from a restored backup; keep both checkpoints",
    "signer-fork": "keep the signer's state folder and find out who asked: custody signer status --state DIR --json",
    "signature-missing": "the log may have changed its key; get the new one from somebody else than the ledger's operator (docs/spec/verification.md, Rotation)",
    "signer-key-unused": "start the signer, let it sign a checkpoint with all keys, and call this again",
    "signer-latched": "two trees were asked for; both are shown by: custody signer status --state DIR --json",
    "signer-state-behind": "the signer's state is an old copy; stop it and put the current one back (docs/ops/signer.md)",
    "signer-state-missing": "point --state at the folder that `custody signer init` made, or restore it (docs/ops/signer.md)",
    "signer-unavailable": "start it (custody signer serve), or give the socket on which it listens",
    "signer-unreachable": "start it (custody signer serve), or give the socket on which it listens",
    "token-needed": "ask the operator for an inspector's token and give it with --token-file",
    "witness-ahead": "a witness has seen more than is stored here: put back the newest storage (docs/ops/witness.md)",
}
"""Hints by error code. A code without a line here gets no hint."""


def hint_for(code: str) -> str | None:
    """Return what to do about an error of this code, or None where we have no advice."""
    return HINTS.get(code)


def explain(error: BaseException) -> tuple[str, str]:
    """Return the message and the stable code that a person is shown for any error."""
    match error:
        case CustodyError():
            return str(error), error.code
        case BaseExceptionGroup():
            return explain(_telling(error))
        case MissingExtraError():
            return f'{error}; install it with: pip install "evidence-ledger[{error.extra}]"', "extra-missing"
        case click.ClickException():
            return error.format_message(), "usage"
        case OSError():
            place = f"{error.filename}: " if error.filename is not None else ""
            return f"{place}{error.strerror or error}", "os-error"
        case _:
            return f"{type(error).__name__}: {error}", "internal-error"


def _telling(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the error of a task group that explains most: ours before others, else the first."""
    ours = group.subgroup(CustodyError)
    leaf: BaseException = ours if ours is not None else group
    while isinstance(leaf, BaseExceptionGroup):
        leaf = leaf.exceptions[0]
    return leaf
