"""The body of the witness call `add-checkpoint`: C2SP tlog-witness.

A log offers a checkpoint together with the size that it believes the witness holds and a consistency proof from there.
"""

from dataclasses import dataclass
from typing import Final

from custody.core.codec import encode_base64, parse_base64, parse_decimal
from custody.core.errors import MalformedError
from custody.core.hashing import HASH_BYTES
from custody.core.note import MAX_NOTE_BYTES, parse_note
from custody.core.tree import MAX_TREE_SIZE

MAX_PROOF_LINES: Final = 63
"""The specification's limit."""
MAX_REQUEST_BYTES: Final = MAX_NOTE_BYTES + 4096
"""A note and 63 lines of 45 bytes."""
SIZE_CONTENT_TYPE: Final = "text/x.tlog.size"
"""Content type of a 409 answer whose body is the size that the witness holds."""

_CODE: Final = "add-checkpoint-malformed"


@dataclass(frozen=True, slots=True, kw_only=True)
class AddCheckpoint:
    """One offer: the old size, the consistency proof from it, and the exact bytes of the signed checkpoint."""

    old_size: int
    proof: tuple[bytes, ...]
    checkpoint: bytes

    def encode(self) -> bytes:
        """The request body. Raises ValueError when the values are not those of a request."""
        lines = [f"old {self.old_size}", *map(encode_base64, self.proof), "", ""]
        data = "\n".join(lines).encode() + self.checkpoint
        try:
            parse_add_checkpoint(data)
        except MalformedError as error:
            raise ValueError(f"this is no add-checkpoint request: {error}") from error
        return data


def parse_add_checkpoint(data: bytes) -> AddCheckpoint:
    """Read a request body; the note's frame is read too, its text and signatures are the witness's matter.

    Raises MalformedError `add-checkpoint-malformed` or `note-malformed`.
    """
    if len(data) > MAX_REQUEST_BYTES:
        raise MalformedError(f"a request has at most {MAX_REQUEST_BYTES} bytes", code=_CODE)
    head, gap, checkpoint = data.partition(b"\n\n")
    try:
        first, *lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise MalformedError("the head of the request is not ASCII", code=_CODE) from error
    if not gap or not first.startswith("old "):
        raise MalformedError(
            "a request begins with the old size and has an empty line before the checkpoint", code=_CODE
        )
    if len(lines) > MAX_PROOF_LINES:
        raise MalformedError(f"a request has at most {MAX_PROOF_LINES} proof lines, not {len(lines)}", code=_CODE)
    proof = tuple(parse_base64(line, code=_CODE) for line in lines)
    if any(len(value) != HASH_BYTES for value in proof):
        raise MalformedError(f"every hash of a proof has {HASH_BYTES} bytes", code=_CODE)
    parse_note(checkpoint)
    old_size = parse_decimal(first.removeprefix("old "), maximum=MAX_TREE_SIZE, code=_CODE)
    return AddCheckpoint(old_size=old_size, proof=proof, checkpoint=checkpoint)


def encode_size(size: int) -> bytes:
    """Body of a 409 answer: the size that the witness holds."""
    return b"%d\n" % size


def parse_size(data: bytes) -> int:
    """Read the body of a 409 answer. Raises MalformedError `witness-size-malformed`."""
    code = "witness-size-malformed"
    if not data.endswith(b"\n") or not data.isascii():
        raise MalformedError("a witness's size is one line of ASCII", code=code)
    return parse_decimal(data[:-1].decode("ascii"), maximum=MAX_TREE_SIZE, code=code)
