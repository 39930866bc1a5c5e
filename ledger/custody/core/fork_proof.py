"""A fork in one file: two checkpoints that a log signed and that cannot both be true.

Two roots of one size speak for themselves. For different sizes the file also holds what the larger tree really has as
its first entries: their root, and the consistency proof from it. That proof binds this root to the larger checkpoint
(RFC 9162 section 2.1.4, collisions aside); when the log signed another root for that size, both signatures stand against
each other. Nobody has to be believed, and nothing but the log's key is needed to check it.

The form:

    custody-fork/v1
    first <bytes of the first note>
    second <bytes of the second note>
    root <base64>              only for different sizes: root of the larger tree's first entries
    <base64>                   the consistency proof, one hash a line

    <first note><second note>

The first note has the smaller size.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from custody.core.checkpoint import Checkpoint, open_checkpoint
from custody.core.codec import encode_base64, parse_base64, parse_decimal
from custody.core.errors import ConsistencyError, MalformedError, VerificationError
from custody.core.hashing import HASH_BYTES
from custody.core.note import MAX_NOTE_BYTES, VerifierKey, parse_note
from custody.core.proof import MAX_PROOF_HASHES, verify_consistency

MAX_FORK_BYTES: Final = 2 * MAX_NOTE_BYTES + 8_192
_HEADER: Final = "custody-fork/v1"
_CODE: Final = "fork-malformed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ForkProof:
    """The content of the file. `root` is None and `proof` empty for two checkpoints of one size."""

    first: bytes
    second: bytes
    root: bytes | None = None
    proof: tuple[bytes, ...] = ()

    def encode(self) -> bytes:
        """The file's bytes. Raises ValueError when the values are not those of such a file."""
        lines = [_HEADER, f"first {len(self.first)}", f"second {len(self.second)}"]
        if self.root is not None:
            lines += [f"root {encode_base64(self.root)}", *map(encode_base64, self.proof)]
        data = "\n".join([*lines, "", ""]).encode() + self.first + self.second
        try:
            faithful = parse_fork(data) == self
        except MalformedError as error:
            raise ValueError(f"this is no proof of a fork: {error}") from error
        if not faithful:
            raise ValueError("a proof without a root would be lost")
        return data


def parse_fork(data: bytes) -> ForkProof:
    """Reads the file; nothing is verified. Raises MalformedError `fork-malformed` or `note-malformed`."""
    if len(data) > MAX_FORK_BYTES:
        raise MalformedError(f"a proof of a fork has at most {MAX_FORK_BYTES} bytes", code=_CODE)
    head, gap, notes = data.partition(b"\n\n")
    if not gap or not head.isascii():
        raise MalformedError("the file has no empty line behind an ASCII head", code=_CODE)
    lines = head.decode("ascii").split("\n")
    if len(lines) < 3 or lines[0] != _HEADER or not lines[1].startswith("first ") or not lines[2].startswith("second "):
        raise MalformedError(f"the file does not begin with {_HEADER} and the two lengths", code=_CODE)
    first, second = (parse_decimal(line.partition(" ")[2], maximum=MAX_NOTE_BYTES, code=_CODE) for line in lines[1:3])
    if first + second != len(notes):
        raise MalformedError("the two notes are not as long as the file says", code=_CODE)
    root, proof = _parse_root(lines[3:])
    for note in (notes[:first], notes[first:]):
        parse_note(note)
    return ForkProof(first=notes[:first], second=notes[first:], root=root, proof=proof)


def _parse_root(lines: list[str]) -> tuple[bytes | None, tuple[bytes, ...]]:
    if not lines:
        return None, ()
    if not lines[0].startswith("root ") or len(lines) - 1 > MAX_PROOF_HASHES:
        raise MalformedError("behind the lengths come one root and at most a proof", code=_CODE)
    hashes = [parse_base64(text, code=_CODE) for text in (lines[0].removeprefix("root "), *lines[1:])]
    if any(len(value) != HASH_BYTES for value in hashes):
        raise MalformedError(f"every hash has {HASH_BYTES} bytes", code=_CODE)
    return hashes[0], tuple(hashes[1:])


def verify_fork(fork: ForkProof, keys: VerifierKey | Iterable[VerifierKey]) -> tuple[Checkpoint, Checkpoint]:
    """Checks that the log that owns `keys` signed two checkpoints that contradict each other, and returns them.

    Steps: 1 both signatures, one origin; 2 for one size, two roots; for two sizes, the larger tree's beginning by its
    proof, and that it is not what the first checkpoint says. Raises MalformedError, SignatureError, VerificationError
    `fork-not-proven`.
    """
    known = (keys,) if isinstance(keys, VerifierKey) else tuple(keys)
    first = open_checkpoint(
        fork.first, known, any_type=True
    )  # one key's signature is one lie, whatever else is missing
    second = open_checkpoint(fork.second, known, origin=first.origin, any_type=True)
    if first.size > second.size:
        raise VerificationError("the first checkpoint is the larger one", code="fork-not-proven")
    beginning = second.root
    if first.size < second.size:
        beginning = _beginning(fork, first, second)
    elif fork.root is not None:
        raise VerificationError("two checkpoints of one size need no further root", code="fork-not-proven")
    if beginning == first.root:
        raise VerificationError("the two checkpoints do not contradict each other", code="fork-not-proven")
    return first, second


def _beginning(fork: ForkProof, first: Checkpoint, second: Checkpoint) -> bytes:
    if fork.root is None or not first.size:
        raise VerificationError("nothing binds the larger tree's beginning to another root", code="fork-not-proven")
    try:
        verify_consistency(first.size, fork.root, second.size, second.root, fork.proof)
    except ConsistencyError as error:
        raise VerificationError(
            f"the larger tree's beginning is not proven: {error}", code="fork-not-proven"
        ) from error
    return fork.root
