"""Cosignatures on checkpoints: C2SP tlog-cosignature.

A cosignature says that a witness saw the log grow consistently up to this checkpoint, at that time. What exactly is signed
is in `custody.core.cosigned_message`.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from custody.core.errors import SignatureError
from custody.core.note import NoteSignature, NoteSigner, SignedNote, VerifierKey, sign_text, verify_note
from custody.core.tree_head import parse_body


@dataclass(frozen=True, slots=True, kw_only=True)
class Cosignature:
    """A verified cosignature: whose, and when in POSIX seconds (0: an ML-DSA-44 cosigner that states no time)."""

    key: VerifierKey
    timestamp_s: int


def cosign(text: bytes, signer: NoteSigner, *, timestamp_s: int) -> NoteSignature:
    """Cosign the checkpoint with note text `text`.

    The caller has verified consistency and persisted the new state *before*: a crash after signing must not forget it.
    Raises MalformedError when the text is no checkpoint, ValueError for a key that is no cosigner's.
    """
    if not signer.vkey.signature_type.timestamped:
        raise ValueError(f"the {signer.vkey.signature_type.name} key {signer.vkey.name} makes no cosignatures")
    parse_body(text)
    return sign_text(text, signer, timestamp_s=timestamp_s)


def verify_cosignatures(note: SignedNote, keys: Iterable[VerifierKey]) -> tuple[Cosignature, ...]:
    """The good cosignatures of the witnesses that own `keys` on a checkpoint; none is no error here (see `Policy`).

    Raises MalformedError when the text is no checkpoint, SignatureError `signature-invalid` when a known witness's
    cosignature is wrong, ValueError for a key that is no cosigner's.
    """
    parse_body(note.text)
    cosigners = tuple(keys)
    for key in cosigners:
        if not key.signature_type.timestamped:
            raise ValueError(f"the {key.signature_type.name} key {key.name} makes no cosignatures")
    try:
        verified = verify_note(note, cosigners)
    except SignatureError as error:
        if error.code == "signature-missing":  # nobody known has cosigned: the quorum decides what that means
            return ()
        raise
    return tuple(
        Cosignature(key=one.key, timestamp_s=one.timestamp_s) for one in verified if one.timestamp_s is not None
    )
