"""Check 1: published checkpoints, each by itself.

Trust comes from the keys that the caller gives and from nowhere else; a key that the log brings along proves nothing.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from custody.core.checkpoint import Checkpoint, open_checkpoint, parse_checkpoint
from custody.core.errors import CustodyError, MalformedError, VerificationError
from custody.core.note import VerifierKey
from custody.verifier.finding import Finding, Findings
from custody.verifier.log_reader import StoredCheckpoint

CHECK: Final = 1


class Examined(NamedTuple):
    """A published checkpoint that could be read."""

    checkpoint: Checkpoint
    signed: bool
    """Whether a given key signed it."""
    note: bytes


def examine(
    stored: Iterable[StoredCheckpoint], keys: Sequence[VerifierKey], origin: str, findings: Findings
) -> list[Examined]:
    """Reads checkpoints and verifies their signatures; without keys they are only read."""
    return [one for item in stored if (one := _examine(item, keys, origin, findings)) is not None]


def _examine(stored: StoredCheckpoint, keys: Sequence[VerifierKey], origin: str, findings: Findings) -> Examined | None:
    size, note = stored
    try:
        checkpoint = parse_checkpoint(note).checkpoint
    except MalformedError as error:
        findings.add(
            Finding(error.code, CHECK, f"the checkpoint filed at size {size} is malformed: {error}", size=size)
        )
        return None
    if checkpoint.size != size:
        message = f"a checkpoint of size {checkpoint.size} is filed at size {size}"
        findings.add(Finding("checkpoint-misfiled", CHECK, message, size=size))
    if checkpoint.origin != origin:
        message = f"the checkpoint of size {size} is of {checkpoint.origin!r}, not of {origin!r}"
        findings.add(Finding("checkpoint-origin", CHECK, message, size=size))
    signed = False
    if keys:
        try:
            open_checkpoint(note, keys, origin=checkpoint.origin)
            signed = checkpoint.origin == origin
        except VerificationError as error:
            findings.add(Finding(error.code, CHECK, f"the checkpoint of size {size}: {error}", size=size))
    return Examined(checkpoint, signed, note)


def open_remembered(note: bytes, keys: Sequence[VerifierKey], origin: str) -> Checkpoint:
    """The checkpoint that the caller remembers; verified when keys are given.

    Raises MalformedError or VerificationError: then the caller's own file is wrong, and nothing is compared.
    """
    if keys:
        return open_checkpoint(note, keys, origin=origin)
    checkpoint = parse_checkpoint(note).checkpoint
    if checkpoint.origin != origin:
        raise CustodyError(
            f"the remembered checkpoint is of {checkpoint.origin!r}, not of {origin!r}", code="checkpoint-origin"
        )
    return checkpoint
