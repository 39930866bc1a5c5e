"""Signed checkpoints: C2SP tlog-checkpoint. The text is `custody.core.tree_head`, the envelope `custody.core.note`."""

from collections.abc import Iterable
from dataclasses import dataclass

from custody.core.errors import VerificationError
from custody.core.note import NoteSigner, SignedNote, VerifierKey, parse_note, sign_note, verify_note
from custody.core.tree_head import Checkpoint, encode_body, parse_body

__all__ = [
    "Checkpoint",
    "SignedCheckpoint",
    "encode_body",
    "open_checkpoint",
    "parse_body",
    "parse_checkpoint",
    "sign_checkpoint",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedCheckpoint:
    """A checkpoint with its note. Parsing makes one too: only `open_checkpoint` says that the log signed it."""

    checkpoint: Checkpoint
    note: SignedNote


def parse_checkpoint(data: bytes) -> SignedCheckpoint:
    """Read a signed checkpoint *without verifying it*. Raises MalformedError."""
    note = parse_note(data)
    return SignedCheckpoint(checkpoint=parse_body(note.text), note=note)


def sign_checkpoint(
    checkpoint: Checkpoint, signers: Iterable[NoteSigner], *, timestamp_s: int | None = None
) -> SignedCheckpoint:
    """Sign a checkpoint with each signer in order; `timestamp_s` as in `sign_note`.

    Consistency with earlier checkpoints is the caller's duty: this is arithmetic, not a signer.
    """
    return SignedCheckpoint(
        checkpoint=checkpoint, note=sign_note(encode_body(checkpoint), signers, timestamp_s=timestamp_s)
    )


def open_checkpoint(data: bytes, keys: VerifierKey | Iterable[VerifierKey], *, origin: str | None = None) -> Checkpoint:
    """Read and verify a signed checkpoint of the log that owns `keys`.

    The origin must be the name of a key that signed, and `origin` if it is given: another log's checkpoint, even under a
    good signature, is not this log's, and among several trusted keys one log's key cannot speak for another log. Raises
    MalformedError, SignatureError, VerificationError `checkpoint-origin`.
    """
    signed = parse_checkpoint(data)
    verified = verify_note(signed.note, (keys,) if isinstance(keys, VerifierKey) else keys)
    names = {one.key.name for one in verified}
    found = signed.checkpoint.origin
    if found not in names or origin not in (None, found):
        wanted = origin if origin not in (None, found) else " or ".join(sorted(names))
        raise VerificationError(f"the checkpoint is of {found!r}, not of {wanted}", code="checkpoint-origin")
    return signed.checkpoint
