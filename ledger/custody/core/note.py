"""Signed notes: C2SP signed-note.

A note is UTF-8 text that ends in a newline, an empty line, and one or more signature lines. The text means nothing until
`verify_note` has found a good signature of a known key on it.

Strictness beyond the specification: a signature is spelled in one way (base64 without stray bits), and a note has caps.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from custody.core.codec import encode_base64, parse_base64
from custody.core.errors import MalformedError, SignatureError
from custody.core.signer_key import SignerKey
from custody.core.vkey import KEY_ID_BYTES, SignatureType, VerifierKey, check_key_name, signature_with_time

__all__ = [
    "MAX_NOTE_BYTES",
    "MAX_SIGNATURES",
    "NoteSignature",
    "NoteSigner",
    "SignatureType",
    "SignedNote",
    "SignerKey",
    "VerifiedSignature",
    "VerifierKey",
    "encode_note",
    "encode_signatures",
    "parse_note",
    "parse_signatures",
    "sign_note",
    "verify_note",
]

MAX_SIGNATURES: Final = 100
"""The specification asks for at least 16; this is what the Go implementation accepts too."""
MAX_NOTE_BYTES: Final = 1_000_000
"""Room for 100 ML-DSA-44 signature lines and a long text."""

_NAMED_SIGNERS: Final = 4
"""Signers that an error message names."""

_SIGNATURE_MARK: Final = "\u2014 "
_CONTROLS: Final = frozenset(range(0x20)) - {0x0A}


class NoteSigner(Protocol):
    """A key that can sign, wherever it lives. `sign` returns the bare signature over exactly the message it is given."""

    @property
    def vkey(self) -> VerifierKey:
        """The public half, with its name and signature type."""

    def sign(self, message: bytes) -> bytes:
        """Sign `message`: 64 bytes for Ed25519, 2,420 for ML-DSA-44."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteSignature:
    """One signature line: the key's name and id (4 bytes), and the bytes behind the id."""

    name: str
    key_id: bytes
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedNote:
    """A note as parsed, verified or not. `text` ends in a newline."""

    text: bytes
    signatures: tuple[NoteSignature, ...]

    def encode(self) -> bytes:
        """The note's bytes; the same as `encode_note`."""
        return encode_note(self)

    def with_signatures(self, more: Iterable[NoteSignature]) -> "SignedNote":
        """The same text with further signature lines behind the present ones; lines that stand there already are left out."""
        fresh = dict.fromkeys(one for one in more if one not in self.signatures)
        return replace(self, signatures=(*self.signatures, *fresh))


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedSignature:
    """A signature that a known key verified; `timestamp_s` are POSIX seconds, None for plain Ed25519."""

    key: VerifierKey
    timestamp_s: int | None


def encode_note(note: SignedNote) -> bytes:
    """The bytes of a note. Raises ValueError when no parser would read the same note from them."""
    data = note.text + b"\n" + encode_signatures(note.signatures)
    try:
        faithful = parse_note(data) == note
    except MalformedError as error:
        raise ValueError(f"this is no note: {error}") from error
    if not faithful:
        raise ValueError("the text of this note would be read as another note")
    return data


def parse_note(data: bytes) -> SignedNote:
    """Read a note without verifying it. Raises MalformedError `note-malformed`."""
    if len(data) > MAX_NOTE_BYTES:
        raise MalformedError(f"a note has at most {MAX_NOTE_BYTES} bytes, not {len(data)}", code="note-malformed")
    end = data.rfind(b"\n\n")
    if end < 0:
        raise MalformedError("the note has no empty line before its signatures", code="note-malformed")
    text = data[: end + 1]
    try:
        text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedError("the note is not UTF-8", code="note-malformed") from error
    if not _CONTROLS.isdisjoint(text):
        raise MalformedError("the note has control characters", code="note-malformed")
    return SignedNote(text=text, signatures=parse_signatures(data[end + 2 :]))


def encode_signatures(signatures: Sequence[NoteSignature]) -> bytes:
    """Signature lines, each with its newline: the end of a note, or a witness's whole answer."""
    return "".join(
        f"{_SIGNATURE_MARK}{one.name} {encode_base64(one.key_id + one.signature)}\n" for one in signatures
    ).encode()


def parse_signatures(data: bytes) -> tuple[NoteSignature, ...]:
    """Read one or more signature lines. Raises MalformedError `note-malformed`."""
    if len(data) > MAX_NOTE_BYTES:
        raise MalformedError(f"signatures have at most {MAX_NOTE_BYTES} bytes", code="note-malformed")
    try:
        lines = data.decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise MalformedError("the signature lines are not UTF-8", code="note-malformed") from error
    if lines.pop():
        raise MalformedError("the last signature line has no newline", code="note-malformed")
    if not 1 <= len(lines) <= MAX_SIGNATURES:
        raise MalformedError(f"a note has 1 to {MAX_SIGNATURES} signatures, not {len(lines)}", code="note-malformed")
    return tuple(_parse_signature(line) for line in lines)


def _parse_signature(line: str) -> NoteSignature:
    name, space, encoded = line.removeprefix(_SIGNATURE_MARK).partition(" ")
    if not line.startswith(_SIGNATURE_MARK) or not space:
        raise MalformedError(f"not a signature line: {line[:64]!r}", code="note-malformed")
    try:
        check_key_name(name)
    except ValueError as error:
        raise MalformedError(str(error), code="note-malformed") from error
    data = parse_base64(encoded, code="note-malformed")
    if len(data) <= KEY_ID_BYTES:
        raise MalformedError("the signature line has no signature", code="note-malformed")
    return NoteSignature(name=name, key_id=data[:KEY_ID_BYTES], signature=data[KEY_ID_BYTES:])


def sign_text(text: bytes, signer: NoteSigner, *, timestamp_s: int | None = None) -> NoteSignature:
    """One signature line on a note with `text`. Raises ValueError when a timestamped type lacks its time."""
    key = signer.vkey
    return NoteSignature(
        name=key.name, key_id=key.key_id, signature=signature_with_time(key, timestamp_s, signer.sign, text)
    )


def sign_note(text: bytes, signers: Iterable[NoteSigner], *, timestamp_s: int | None = None) -> SignedNote:
    """A note with `text`, signed by each signer in order.

    `timestamp_s` (POSIX seconds) goes into the timestamped signature types and is ignored by plain Ed25519. Raises
    ValueError when it is missing for one that needs it, or the text can be no note's.
    """
    note = SignedNote(
        text=text, signatures=tuple(sign_text(text, signer, timestamp_s=timestamp_s) for signer in signers)
    )
    encode_note(note)
    return note


def verify_note(note: SignedNote, keys: Iterable[VerifierKey]) -> list[VerifiedSignature]:
    """The good signatures of known keys on a note, in the note's order.

    Signatures of unknown keys are ignored, as the specification demands. Raises SignatureError `signature-invalid` when a
    known key's signature is wrong (the whole note is then refused), `signature-missing` when there is none of a known key,
    `vkey-collision` when two different known keys share name and id: nobody could say which of them is meant.
    """
    known = _by_name_and_id(keys)
    verified = [
        VerifiedSignature(key=key, timestamp_s=key.verify(note.text, one.signature))
        for one in note.signatures
        if (key := known.get((one.name, one.key_id))) is not None
    ]
    if not verified:
        signers = ", ".join(f"{one.name[:64]}+{one.key_id.hex()}" for one in note.signatures[:_NAMED_SIGNERS])
        raise SignatureError(
            f"no signature on the note is from a known key; it is signed by {signers}", code="signature-missing"
        )
    return verified


def _by_name_and_id(keys: Iterable[VerifierKey]) -> dict[tuple[str, bytes], VerifierKey]:
    known: dict[tuple[str, bytes], VerifierKey] = {}
    for key in keys:
        if known.setdefault((key.name, key.key_id), key) != key:
            raise SignatureError(
                f"two known keys share the name {key.name} and the key id {key.key_id.hex()}", code="vkey-collision"
            )
    return known
