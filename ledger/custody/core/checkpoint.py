"""Signed checkpoints: C2SP tlog-checkpoint. The text is `custody.core.tree_head`, the envelope `custody.core.note`."""

from collections.abc import Iterable
from dataclasses import dataclass

from custody.core.errors import SignatureError, VerificationError
from custody.core.note import NoteSigner, SignedNote, VerifiedSignature, VerifierKey, parse_note, sign_note, verify_note
from custody.core.tree_head import Checkpoint, encode_body, parse_body

__all__ = [
    "Checkpoint",
    "SignedCheckpoint",
    "check_every_type",
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


def open_checkpoint(
    data: bytes, keys: VerifierKey | Iterable[VerifierKey], *, origin: str | None = None, any_type: bool = False
) -> Checkpoint:
    """Read and verify a signed checkpoint of the log that owns `keys`.

    The origin must be the name of a key that signed, and `origin` if it is given: another log's checkpoint, even under a
    good signature, is not this log's, and among several trusted keys one log's key cannot speak for another log.

    Of every signature type among that log's keys one key must have signed (docs/spec/verification.md, Trust). `any_type`
    waives this: one good signature is enough. That is for checkpoints that prove something against the log, and for
    earlier ones, which a newer checkpoint with all types covers.

    Raises MalformedError, SignatureError, VerificationError `checkpoint-origin`.
    """
    known = (keys,) if isinstance(keys, VerifierKey) else tuple(keys)
    signed = parse_checkpoint(data)
    verified = verify_note(signed.note, known)
    names = {one.key.name for one in verified}
    found = signed.checkpoint.origin
    if found not in names or origin not in (None, found):
        wanted = origin if origin not in (None, found) else " or ".join(sorted(names))
        raise VerificationError(f"the checkpoint is of {found!r}, not of {wanted}", code="checkpoint-origin")
    if not any_type:
        check_every_type(verified, known, found)
    return signed.checkpoint


def check_every_type(verified: Iterable[VerifiedSignature], keys: Iterable[VerifierKey], origin: str) -> None:
    """Check that of every signature type among the keys of the log `origin` one has signed.

    Several keys of one type are alternatives, as in a rotation; several types are not, for then the weakest would decide.
    Raises SignatureError `signature-missing`.
    """
    wanted = {key.signature_type for key in keys if key.name == origin}
    missing = wanted - {one.key.signature_type for one in verified if one.key.name == origin}
    if missing:
        names = ", ".join(sorted(kind.name for kind in missing))
        raise SignatureError(
            f"the checkpoint has no signature of a given {names} key of {origin}, though such a key is demanded",
            code="signature-missing",
        )
