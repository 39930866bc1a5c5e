"""Check 1: published checkpoints, each by itself.

Trust comes from the keys that the caller gives and from nowhere else; a key that the log brings along proves nothing.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from custody.core.checkpoint import Checkpoint, check_every_type, open_checkpoint, parse_checkpoint
from custody.core.errors import CustodyError, MalformedError, SignatureError, VerificationError
from custody.core.note import VerifierKey, parse_note, verify_note
from custody.verifier.finding import Finding, Findings
from custody.verifier.log_reader import StoredCheckpoint

CHECK: Final = 1
_MISSING: Final = "signature-missing"
_ORIGIN: Final = "checkpoint-origin"


class Examined(NamedTuple):
    """A published checkpoint that could be read."""

    checkpoint: Checkpoint
    signed: bool
    """Whether it has every signature that the given keys demand."""
    note: bytes
    keys: tuple[VerifierKey, ...] = ()
    """The given keys that signed it."""
    lacks: str = ""
    """What it lacks, where a demanded signature is not there; a wrong one is a finding by itself."""


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
    if not keys:
        return Examined(checkpoint, signed=False, note=note)
    try:
        verified = verify_note(parse_note(note), keys)
        if checkpoint.origin not in {one.key.name for one in verified}:
            raise VerificationError(f"it is of {checkpoint.origin!r}, and that log's key did not sign", code=_ORIGIN)
    except VerificationError as error:
        if error.code == _MISSING:
            return Examined(checkpoint, signed=False, note=note, lacks=str(error))
        findings.add(Finding(error.code, CHECK, f"the checkpoint of size {size}: {error}", size=size))
        return Examined(checkpoint, signed=False, note=note)
    signers = tuple(one.key for one in verified if one.key.name == checkpoint.origin)
    try:
        check_every_type(verified, keys, checkpoint.origin)
    except SignatureError as error:
        return Examined(checkpoint, signed=False, note=note, keys=signers, lacks=str(error))
    return Examined(checkpoint, signed=checkpoint.origin == origin, note=note, keys=signers)


def open_remembered(note: bytes, keys: Sequence[VerifierKey], origin: str) -> Checkpoint:
    """The checkpoint that the caller remembers; verified when keys are given.

    Raises MalformedError or VerificationError: then the caller's own file is wrong, and nothing is compared.
    """
    if keys:
        return open_checkpoint(note, keys, origin=origin, any_type=True)
    checkpoint = parse_checkpoint(note).checkpoint
    if checkpoint.origin != origin:
        raise CustodyError(
            f"the remembered checkpoint is of {checkpoint.origin!r}, not of {origin!r}", code="checkpoint-origin"
        )
    return checkpoint
