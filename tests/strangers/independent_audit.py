"""A full audit of a log in tiles, written from C2SP tlog-tiles, tlog-checkpoint, signed-note and RFC 6962 alone.

It shares no code with the product and imports nothing of it: the standard library, and `cryptography` for the one
Ed25519 verification. It keeps whole levels in memory and proceeds otherwise than the product on purpose.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

Fetch = Callable[[str], bytes]


class Wrong(Exception):
    """The log is not what it must be."""


def name_of(number: int) -> str:
    """ "tile index encoded into zero-padded 3-digit path elements, all but the last begin with an x"."""
    digits = str(number)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    return "/".join(["x" + group for group in groups[:-1]] + groups[-1:])


def open_note(note: bytes, vkey: str) -> list[str]:
    """The lines of a note that the key of `vkey` signed."""
    text, _, signatures = note.decode().rpartition("\n\n")
    text += "\n"
    name, key_id, material = vkey.split("+", 2)
    key = base64.b64decode(material)
    if key[0] != 1 or hashlib.sha256(name.encode() + b"\n" + key).digest()[:4].hex() != key_id:
        raise Wrong("the vkey contradicts itself")
    for line in signatures.splitlines():
        dash, signer, encoded = line.split(" ")
        data = base64.b64decode(encoded)
        if dash == "\u2014" and signer == name and data[:4].hex() == key_id:
            Ed25519PublicKey.from_public_bytes(key[1:]).verify(data[4:], text.encode())
            return text.splitlines()
    raise Wrong("the log has not signed its checkpoint")


def split_bundle(data: bytes, count: int) -> list[bytes]:
    """The entries of a bundle: big-endian uint16 length, then the entry."""
    entries = []
    while data:
        length = int.from_bytes(data[:2], "big")
        entry, data = data[2 : 2 + length], data[2 + length :]
        if len(entry) != length:
            raise Wrong("an entry is cut off")
        entries.append(entry)
    if len(entries) != count:
        raise Wrong(f"a bundle has {len(entries)} entries, not {count}")
    return entries


def root_of(hashes: list[bytes]) -> bytes:
    """MTH of RFC 6962, section 2.1, over leaf hashes; recursive, as the text has it."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    split = 1
    while 2 * split < len(hashes):
        split *= 2
    return hashlib.sha256(b"\x01" + root_of(hashes[:split]) + root_of(hashes[split:])).digest()


def audit(fetch: Fetch, vkey: str) -> tuple[str, int, list[bytes]]:
    """Origin, size and all entries of a log that is right in every byte; raises otherwise."""
    origin, size_line, root_line = open_note(fetch("checkpoint"), vkey)[:3]
    size = int(size_line)
    if str(size) != size_line or origin != vkey.split("+", maxsplit=1)[0]:
        raise Wrong("the checkpoint is of another log, or its size is misspelt")
    entries: list[bytes] = []
    for index in range(-(-size // 256)):
        count = min(256, size - 256 * index)
        partial = f".p/{count}" if count < 256 else ""
        entries += split_bundle(fetch(f"tile/entries/{name_of(index)}{partial}"), count)
    row = [hashlib.sha256(b"\x00" + entry).digest() for entry in entries]
    if root_of(row) != base64.b64decode(root_line):
        raise Wrong("the entries do not have the signed root")
    level = 0
    while row:
        for index in range(-(-len(row) // 256)):
            held = row[256 * index : 256 * (index + 1)]
            partial = f".p/{len(held)}" if len(held) < 256 else ""
            if fetch(f"tile/{level}/{name_of(index)}{partial}") != b"".join(held):
                raise Wrong(f"tile {level}/{index} does not hold its hashes")
        row = [root_of(row[at : at + 256]) for at in range(0, len(row) - len(row) % 256, 256)]
        level += 1
    return origin, size, entries
