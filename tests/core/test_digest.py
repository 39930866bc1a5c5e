from __future__ import annotations

from hashlib import sha256

import pytest

from custody.core.digest import CHUNK_BYTES, FileHasher, media_root
from custody.core.hashing import EMPTY_ROOT
from custody.v1 import record_pb2


def leaf(data: bytes) -> bytes:
    return sha256(b"\x00" + data).digest()


def node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


@pytest.mark.parametrize("piece", [CHUNK_BYTES, CHUNK_BYTES - 1, 3 * CHUNK_BYTES, 1 << 20])
def test_the_chunk_root_does_not_depend_on_how_the_file_is_fed(piece: int) -> None:
    data = bytes(range(251)) * (20 * 1024 * 1024 // 251)
    hasher = FileHasher(chunks=True)
    for at in range(0, len(data), piece):
        hasher.update(memoryview(data)[at : at + piece])
    chunks = [leaf(data[at : at + CHUNK_BYTES]) for at in range(0, len(data), CHUNK_BYTES)]
    assert hasher.chunk_root() == node(node(chunks[0], chunks[1]), chunks[2])
    assert hasher.sha256() == sha256(data).digest()
    assert hasher.size_bytes == len(data)


def test_an_empty_file_has_the_root_of_no_chunks() -> None:
    assert FileHasher(chunks=True).chunk_root() == EMPTY_ROOT


def test_further_digests_come_sorted_with_the_values_of_their_standards() -> None:
    hasher = FileHasher([record_pb2.DIGEST_ALGORITHM_SHA512, record_pb2.DIGEST_ALGORITHM_SM3])
    hasher.update(b"abc")
    first, second = hasher.digests()
    assert first.algorithm == record_pb2.DIGEST_ALGORITHM_SM3
    # GB/T 32905-2016, example 1
    assert first.value.hex() == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    assert second.value.hex().startswith("ddaf35a193617aba")


def test_an_unknown_algorithm_is_misuse() -> None:
    with pytest.raises(ValueError, match="unknown digest algorithm"):
        FileHasher([99])
    with pytest.raises(ValueError, match="without chunks"):
        FileHasher().chunk_root()


def test_the_media_root_is_the_merkle_root_of_the_unit_digests() -> None:
    units = [bytes([number]) * 32 for number in range(3)]
    assert media_root(units) == node(node(leaf(units[0]), leaf(units[1])), leaf(units[2]))
    with pytest.raises(ValueError, match="no media root"):
        media_root([])
