"""Offline inclusion proofs in a file: C2SP tlog-proof.

The file holds the entry's index, an inclusion proof, and the checkpoint with its cosignatures. Whoever has the entry's
bytes and a policy can check it without a network. The extra data is not authenticated by anything.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from custody.core.checkpoint import parse_checkpoint
from custody.core.codec import encode_base64, parse_base64, parse_decimal
from custody.core.errors import MalformedError
from custody.core.hashing import HASH_BYTES
from custody.core.note import MAX_NOTE_BYTES
from custody.core.policy import Policy, WitnessedCheckpoint
from custody.core.proof import MAX_PROOF_HASHES, verify_inclusion
from custody.core.tree import MAX_TREE_SIZE

FILE_SUFFIX: Final = ".tlog-proof"
MAX_EXTRA_BYTES: Final = 65_536
"""Context for people and programs, not a place for footage."""
MAX_TLOG_PROOF_BYTES: Final = MAX_NOTE_BYTES + 2 * MAX_EXTRA_BYTES

_HEADER: Final = "c2sp.org/tlog-proof@v1"
_CODE: Final = "tlog-proof-malformed"


@dataclass(frozen=True, slots=True, kw_only=True)
class TlogProof:
    """An inclusion proof with its signed checkpoint, which is kept as the exact bytes of its note.

    `hashes` run from the leaf's sibling upwards. `extra` is None when absent; it is never empty.
    """

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes | None = None

    def encode(self) -> bytes:
        """The file's bytes. Raises ValueError when the values are not those of a proof file."""
        lines = [_HEADER]
        if self.extra is not None:
            lines.append(f"extra {encode_base64(self.extra)}")
        lines += [f"index {self.index}", *map(encode_base64, self.hashes), "", ""]
        data = "\n".join(lines).encode() + self.checkpoint
        try:
            parse_tlog_proof(data)
        except MalformedError as error:
            raise ValueError(f"this is no proof file: {error}") from error
        return data


def encode_tlog_proofs(proofs: Mapping[int, Sequence[bytes]], checkpoint: bytes) -> Iterator[tuple[int, bytes]]:
    """(index, proof file) of many entries under one checkpoint, which is read once. Raises ValueError as `encode` does."""
    for count, (index, hashes) in enumerate(proofs.items()):
        if count == 0:
            yield index, TlogProof(index=index, hashes=tuple(hashes), checkpoint=checkpoint).encode()
            continue
        if not 0 <= index < MAX_TREE_SIZE or len(hashes) > MAX_PROOF_HASHES or any(len(one) != 32 for one in hashes):
            raise ValueError(f"this is no proof of an entry: {index}")
        yield index, "\n".join([_HEADER, f"index {index}", *map(encode_base64, hashes), "", ""]).encode() + checkpoint


def parse_tlog_proof(data: bytes) -> TlogProof:
    """Read a proof file; the checkpoint is read too, but nothing is verified.

    Raises MalformedError: `tlog-proof-malformed`, or the codes of the note and the checkpoint.
    """
    if len(data) > MAX_TLOG_PROOF_BYTES:
        raise MalformedError(f"a proof file has at most {MAX_TLOG_PROOF_BYTES} bytes", code=_CODE)
    head, gap, checkpoint = data.partition(b"\n\n")
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise MalformedError("the head of the proof file is not ASCII", code=_CODE) from error
    if not gap or lines.pop(0) != _HEADER:
        raise MalformedError(
            f"a proof file begins with {_HEADER} and has an empty line before its checkpoint", code=_CODE
        )
    extra = _parse_extra(lines.pop(0)) if lines and lines[0].startswith("extra ") else None
    if not lines or not lines[0].startswith("index "):
        raise MalformedError("the proof file has no index line", code=_CODE)
    index = parse_decimal(lines.pop(0).removeprefix("index "), maximum=MAX_TREE_SIZE - 1, code=_CODE)
    if len(lines) > MAX_PROOF_HASHES:
        raise MalformedError(f"a proof has at most {MAX_PROOF_HASHES} hashes, not {len(lines)}", code=_CODE)
    hashes = tuple(parse_base64(line, code=_CODE) for line in lines)
    if any(len(value) != HASH_BYTES for value in hashes):
        raise MalformedError(f"every hash of a proof has {HASH_BYTES} bytes", code=_CODE)
    parse_checkpoint(checkpoint)
    return TlogProof(index=index, hashes=hashes, checkpoint=checkpoint, extra=extra)


def _parse_extra(line: str) -> bytes:
    extra = parse_base64(line.removeprefix("extra "), code=_CODE)
    if not 1 <= len(extra) <= MAX_EXTRA_BYTES:
        raise MalformedError(
            f"extra data has 1 to {MAX_EXTRA_BYTES} bytes; without any, the line is left out", code=_CODE
        )
    return extra


def verify_tlog_proof(proof: TlogProof, leaf_hash: bytes, policy: Policy) -> WitnessedCheckpoint:
    """Check that the entry with `leaf_hash` is in a log that `policy` knows, under a quorum of witnesses.

    Steps: 1 the log's signature and the cosignatures; 2 the quorum; 3 the inclusion proof. Returns what was proven against.
    Raises MalformedError, SignatureError, PolicyError, InclusionError.
    """
    witnessed = policy.verify(proof.checkpoint)
    head = witnessed.checkpoint
    verify_inclusion(leaf_hash, proof.index, head.size, proof.hashes, head.root)
    return witnessed
