"""RFC 6962 section 2.1 hashing with SHA-256.

Leaves and inner nodes carry different one-byte prefixes, so that no inner node can be presented as an entry
(second-preimage protection).
"""

from hashlib import sha256
from typing import Final

HASH_BYTES: Final = 32
LEAF_PREFIX: Final = b"\x00"
NODE_PREFIX: Final = b"\x01"

EMPTY_ROOT: Final = sha256(b"").digest()
"""Root of the tree with no entries: SHA-256 of nothing (RFC 6962 section 2.1)."""


def leaf_hash(entry: bytes) -> bytes:
    """Hash of one entry as a leaf: SHA-256(0x00 || entry)."""
    return sha256(LEAF_PREFIX + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node over its two children: SHA-256(0x01 || left || right)."""
    return sha256(NODE_PREFIX + left + right).digest()


def parents(row: bytes) -> bytes:
    """Inner nodes over each pair of neighbouring hashes of a row, all concatenated; a last one without a partner has none."""
    pair = 2 * HASH_BYTES
    return b"".join([sha256(NODE_PREFIX + row[at : at + pair]).digest() for at in range(0, len(row) - pair + 1, pair)])
