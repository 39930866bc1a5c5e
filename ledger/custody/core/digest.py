"""Digests of footage files (docs/spec/digests.md): SHA-256 always, others by algorithm id, and the chunk root.

The chunk root is the RFC 6962 Merkle root over the file cut into chunks of 8 MiB, so that damage is localized and a
part of a file can be verified alone.
"""

import hashlib
from collections.abc import Sequence
from typing import Any, Final, Protocol

from custody.core.tree import EMPTY_FRONTIER, extend
from custody.v1 import record_pb2

CHUNK_BYTES: Final = 8 * 1024 * 1024

_HASHLIB: Final = {
    record_pb2.DIGEST_ALGORITHM_SM3: "sm3",
    record_pb2.DIGEST_ALGORITHM_SHA384: "sha384",
    record_pb2.DIGEST_ALGORITHM_SHA512: "sha512",
    record_pb2.DIGEST_ALGORITHM_SHA3_256: "sha3_256",
    record_pb2.DIGEST_ALGORITHM_BLAKE2B_512: "blake2b",
}


class Hash(Protocol):
    """A digest under way, as hashlib's are."""

    def update(self, data: bytes | memoryview, /) -> None:
        """Takes the next piece."""

    def digest(self) -> bytes:
        """The digest of all pieces."""


class FileHasher:
    """Hashes a file in one pass. Feed any pieces with `update`; then read the results once.

    `algorithms` are record_pb2.DIGEST_ALGORITHM_* numbers to compute besides SHA-256. ValueError for an unknown one,
    also where the machine's OpenSSL lacks it (SM3 in some builds). `sha256` takes the place of hashlib's.
    """

    def __init__(self, algorithms: Sequence[int] = (), *, chunks: bool = False, sha256: Hash | None = None) -> None:
        self._sha256: Hash = sha256 or hashlib.sha256()
        self._others: list[tuple[int, Any]] = []
        for algorithm in set(algorithms):
            name = _HASHLIB.get(record_pb2.DigestAlgorithm.ValueType(algorithm))
            if name is None:
                raise ValueError(f"unknown digest algorithm {algorithm}")
            self._others.append((algorithm, hashlib.new(name)))
        self._chunks = chunks
        self._chunk = hashlib.sha256(b"\x00")
        self._room = CHUNK_BYTES
        self._leaves: list[bytes] = []
        self.size_bytes = 0

    def update(self, data: bytes | memoryview) -> None:
        """Takes the next piece of the file."""
        self.size_bytes += len(data)
        self._sha256.update(data)
        for _, other in self._others:
            other.update(data)
        if self._chunks:
            self._update_chunks(memoryview(data))

    def _update_chunks(self, data: memoryview) -> None:
        while data:
            piece = data[: self._room]
            self._chunk.update(piece)
            self._room -= len(piece)
            data = data[len(piece) :]
            if not self._room:
                self._close_chunk()

    def _close_chunk(self) -> None:
        self._leaves.append(self._chunk.digest())
        self._chunk = hashlib.sha256(b"\x00")
        self._room = CHUNK_BYTES

    def sha256(self) -> bytes:
        """SHA-256 of all pieces, 32 bytes."""
        return self._sha256.digest()

    def digests(self) -> list[record_pb2.Digest]:
        """The further digests, sorted by algorithm as a record must have them."""
        return [
            record_pb2.Digest(algorithm=record_pb2.DigestAlgorithm.ValueType(number), value=other.digest())
            for number, other in sorted(self._others, key=lambda pair: pair[0])
        ]

    def chunk_root(self) -> bytes:
        """Merkle root over the chunks, 32 bytes; ValueError when chunks were not asked for."""
        if not self._chunks:
            raise ValueError("this hasher was made without chunks")
        if self._room != CHUNK_BYTES:
            self._close_chunk()
        return extend(EMPTY_FRONTIER, self._leaves).root


def media_root(unit_digests: Sequence[bytes]) -> bytes:
    """Merkle root over the SHA-256 digests of the coded-picture NAL units in decoding order, 32 bytes.

    The leaves are `H(0x00 || digest)`, so that a range of units is proven like a range of the log. ValueError when
    there is no unit.
    """
    if not unit_digests:
        raise ValueError("a stream without coded pictures has no media root")
    return extend(EMPTY_FRONTIER, [hashlib.sha256(b"\x00" + digest).digest() for digest in unit_digests]).root
