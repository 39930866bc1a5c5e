"""What a cosigner signs, and how the signature carries its time: C2SP tlog-cosignature.

Two types exist. Ed25519 (0x04) signs two lines and the whole note text. ML-DSA-44 (0x06) signs a structure that names the
cosigner, the log, and the tree head. Times are POSIX seconds, at most 2**63 - 1.
"""

from dataclasses import dataclass
from typing import Final

from custody.core.errors import MalformedError
from custody.core.tree_head import Checkpoint

MAX_TIMESTAMP: Final = (1 << 63) - 1
TIMESTAMP_BYTES: Final = 8
MAX_NAME_BYTES: Final = 255
"""A cosigner's name and a log's origin stand behind one length byte in the ML-DSA-44 message."""

_ED25519_HEADER: Final = b"cosignature/v1\n"
_ML_DSA_LABEL: Final = b"subtree/v1\n\0"


@dataclass(frozen=True, slots=True, kw_only=True)
class TimestampedSignature:
    """The `timestamped_signature` structure: 8 bytes of POSIX seconds, then the signature."""

    timestamp_s: int
    signature: bytes

    def encode(self) -> bytes:
        """The structure's bytes."""
        check_timestamp(self.timestamp_s)
        return self.timestamp_s.to_bytes(TIMESTAMP_BYTES, "big") + self.signature

    @classmethod
    def parse(cls, data: bytes, *, signature_bytes: int) -> "TimestampedSignature":
        """Read the structure. Raises MalformedError `cosignature-malformed` for another length or an impossible time."""
        if len(data) != TIMESTAMP_BYTES + signature_bytes:
            raise MalformedError(
                f"a timestamped signature has {TIMESTAMP_BYTES + signature_bytes} bytes, not {len(data)}",
                code="cosignature-malformed",
            )
        timestamp_s = int.from_bytes(data[:TIMESTAMP_BYTES], "big")
        if timestamp_s > MAX_TIMESTAMP:
            raise MalformedError("the cosignature's time is beyond 2**63 - 1 s", code="cosignature-malformed")
        return cls(timestamp_s=timestamp_s, signature=data[TIMESTAMP_BYTES:])


def check_timestamp(timestamp_s: int) -> None:
    """Raise ValueError unless `timestamp_s` is a time that a cosignature can carry."""
    if not 0 <= timestamp_s <= MAX_TIMESTAMP:
        raise ValueError(f"a cosignature's time is between 0 and {MAX_TIMESTAMP} s, not {timestamp_s}")


def ed25519_message(text: bytes, timestamp_s: int) -> bytes:
    """The message of an Ed25519 cosignature over a note text."""
    check_timestamp(timestamp_s)
    return b"%btime %d\n%b" % (_ED25519_HEADER, timestamp_s, text)


def ml_dsa_44_message(cosigner: str, timestamp_s: int, checkpoint: Checkpoint) -> bytes:
    """The `cosigned_message` structure of an ML-DSA-44 cosignature over a checkpoint (so its start is 0).

    Raises ValueError for a name or an origin of more than 255 bytes.
    """
    check_timestamp(timestamp_s)
    return b"".join(
        (
            _ML_DSA_LABEL,
            _with_length(cosigner),
            timestamp_s.to_bytes(8, "big"),
            _with_length(checkpoint.origin),
            bytes(8),
            checkpoint.size.to_bytes(8, "big"),
            checkpoint.root,
        )
    )


def _with_length(name: str) -> bytes:
    data = name.encode()
    if not 1 <= len(data) <= MAX_NAME_BYTES:
        raise ValueError(f"a cosigner name and an origin have 1 to {MAX_NAME_BYTES} bytes, not {len(data)}")
    return bytes((len(data),)) + data
