"""The text of a checkpoint: C2SP tlog-checkpoint, "Note text".

Three lines: origin, size in decimal, root hash in base64. The specification allows extension lines behind them; no
auditor can check what they say and ML-DSA-44 cosignatures do not cover them, so here they are refused
(`checkpoint-extension`).

The origin is any non-empty line, as in the specification: strangers' logs carry spaces in theirs. What we demand of our
own logs is `custody.core.vkey.check_key_name`, because their origin is also their key name.
"""

from dataclasses import dataclass
from typing import Final

from custody.core.codec import encode_base64, parse_base64, parse_decimal
from custody.core.errors import MalformedError
from custody.core.hashing import HASH_BYTES
from custody.core.tree import MAX_TREE_SIZE, check_size

MAX_BODY_BYTES: Final = 8192
"""Far more than an origin needs; keeps hostile text out of logs and messages."""

FIRST_PRINTABLE: Final = " "
"""Characters below this one are ASCII control characters, which no signed note may contain except the newline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """What a log states: its tree of `size` entries has this `root` (32 bytes).

    Raises ValueError for an origin, size or root that no checkpoint can carry.
    """

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        check_size(self.size)
        if len(self.root) != HASH_BYTES:
            raise ValueError(f"a root hash has {HASH_BYTES} bytes, not {len(self.root)}")
        if not self.origin or min(self.origin) < FIRST_PRINTABLE:
            raise ValueError("an origin is one non-empty line without control characters")

    def encode(self) -> bytes:
        """The note text of this checkpoint, with its final newline; the same as `encode_body`."""
        return encode_body(self)


def encode_body(checkpoint: Checkpoint) -> bytes:
    """The note text of a checkpoint, with its final newline."""
    return f"{checkpoint.origin}\n{checkpoint.size}\n{encode_base64(checkpoint.root)}\n".encode()


def parse_body(text: bytes) -> Checkpoint:
    """Read the note text of a checkpoint.

    Raises MalformedError: `checkpoint-extension` for lines beyond the third, else `checkpoint-malformed`.
    """
    if len(text) > MAX_BODY_BYTES:
        raise MalformedError(f"a checkpoint has at most {MAX_BODY_BYTES} bytes of text", code="checkpoint-malformed")
    try:
        lines = text.decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise MalformedError("the checkpoint is not UTF-8", code="checkpoint-malformed") from error
    if len(lines) < 4 or lines[-1]:
        raise MalformedError("a checkpoint has three lines, each with its newline", code="checkpoint-malformed")
    if len(lines) > 4:
        raise MalformedError("the checkpoint has extension lines", code="checkpoint-extension")
    origin, size, root, _ = lines
    root_hash = parse_base64(root, code="checkpoint-malformed")
    if not origin or min(origin) < FIRST_PRINTABLE or len(root_hash) != HASH_BYTES:
        raise MalformedError("the checkpoint's origin or root hash is not one", code="checkpoint-malformed")
    return Checkpoint(
        origin=origin,
        size=parse_decimal(size, maximum=MAX_TREE_SIZE, code="checkpoint-malformed"),
        root=root_hash,
    )
