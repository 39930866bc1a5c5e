"""A full audit of a log in tiles, from C2SP tlog-tiles, tlog-checkpoint, tlog-cosignature, signed-note and RFC 6962 alone.

It shares no code with the product and imports nothing of it: the standard library, and the file beside it for Ed25519.
It keeps whole levels in memory and proceeds otherwise than the product on purpose. ML-DSA-44 lines are looked at by
their form alone: key id, type, length and time.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence

from tests.strangers.independent_ed25519 import verify

Fetch = Callable[[str], bytes]
ED25519, COSIGNATURE, ML_DSA_44 = 1, 4, 6
KEY_BYTES = {ED25519: 32, COSIGNATURE: 32, ML_DSA_44: 1312}


class Wrong(Exception):
    """The log is not what it must be."""


def name_of(number: int) -> str:
    """ "tile index encoded into zero-padded 3-digit path elements, all but the last begin with an x"."""
    digits = str(number)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    return "/".join(["x" + group for group in groups[:-1]] + groups[-1:])


def key_of(vkey: str) -> tuple[str, bytes, int, bytes]:
    """Name, key id, type and public key of a verifier key, whose id must follow from the rest."""
    name, key_id, material = vkey.split("+", 2)
    key = base64.b64decode(material, validate=True)
    if hashlib.sha256(name.encode() + b"\n" + key).digest()[:4].hex() != key_id or len(key) - 1 != KEY_BYTES[key[0]]:
        raise Wrong("the vkey contradicts itself")
    return name, bytes.fromhex(key_id), key[0], key[1:]


def signature_time(kind: int, key: bytes, text: bytes, signature: bytes) -> int:
    """When a signature of this key over a checkpoint was made, in seconds; 0 where it does not say."""
    if kind == ED25519:
        verify(key, text, signature)
        return 0
    if len(signature) != 8 + (64 if kind == COSIGNATURE else 2420):
        raise Wrong("a timestamped signature of another length")
    time_s = int.from_bytes(signature[:8], "big")
    if time_s >= 1 << 63:
        raise Wrong("a time beyond 2^63 - 1")
    if kind == COSIGNATURE:
        verify(key, b"cosignature/v1\ntime %d\n" % time_s + text, signature[8:])
    return time_s


def open_note(note: bytes, vkeys: Sequence[str]) -> tuple[list[str], dict[str, int]]:
    """The lines of a note, and which of the keys signed it at which time (0: not said); all that signed must be right."""
    text, _, signatures = note.decode().rpartition("\n\n")
    text += "\n"
    known = {key[:2]: (vkey, key) for vkey, key in ((vkey, key_of(vkey)) for vkey in vkeys)}
    signed: dict[str, int] = {}
    for line in signatures.removesuffix("\n").split("\n"):
        dash, signer, encoded = line.split(" ")
        data = base64.b64decode(encoded, validate=True)
        if dash != "\u2014" or len(data) < 5:
            raise Wrong("no signature line")
        if found := known.get((signer, data[:4])):
            vkey, (_, _, kind, key) = found
            signed[vkey] = signature_time(kind, key, text.encode(), data[4:])
    return text.splitlines(), signed


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


def audit(
    fetch: Fetch, vkey: str, second: Sequence[str] = (), witnesses: Sequence[str] = (), quorum: int = 0
) -> tuple[str, int, list[bytes]]:
    """Origin, size and all entries of a log that is right in every byte; raises otherwise.

    `second`: further keys of the log that must have signed; `quorum` of the `witnesses` must have cosigned.
    """
    lines, signed = open_note(fetch("checkpoint"), [vkey, *second, *witnesses])
    if not {vkey, *second} <= signed.keys():
        raise Wrong("the log has not signed its checkpoint")
    if sum(signed.get(one, 0) > 0 for one in witnesses) < quorum:
        raise Wrong("too few witnesses have cosigned the checkpoint")
    origin, size_line, root_line = lines[:3]
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
