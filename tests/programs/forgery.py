"""What somebody who made or got hold of a package can do to it. The forger has everything but the log's key and the exporter's."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from custody.core.note import SignatureType, SignerKey
from custody.verifier.package import layout
from custody.verifier.package.bag import content_digest, encode_manifest
from custody.verifier.package.dsse import Envelope, key_id, statement
from custody.verifier.package.exporter_key import public_half
from custody.verifier.package.framing import frames
from custody.verifier.package.layout import decode_json, encode_json
from custody.verifier.package.log_part import encode_indexes
from custody.verifier.package.manifest import parse_manifest

FORGER = Ed25519PrivateKey.from_private_bytes(b"\x66" * 32)


def forged_log_key(origin: str) -> SignerKey:
    return SignerKey.from_seed(origin, SignatureType.ED25519, b"\x67" * 32)


class Bag:
    """A package folder in the forger's hands."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, name: str) -> bytes:
        return (self.folder / name).read_bytes()

    def write(self, name: str, data: bytes) -> None:
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_bytes(data)

    def drop(self, name: str) -> None:
        (self.folder / name).unlink()

    def flip(self, name: str, at: int = -1) -> None:
        data = bytearray(self.read(name))
        data[at] ^= 1
        self.write(name, bytes(data))

    def names(self, prefix: str) -> list[str]:
        found = sorted(path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*") if path.is_file())
        return [name for name in found if name.startswith(prefix)]

    def json(self, name: str, change: Callable[[Any], None]) -> None:
        value = decode_json(self.read(name), "test")
        change(value)
        self.write(name, encode_json(value))

    def manifest(self, change: Callable[[Any], None]) -> None:
        """Changes manifest.json and makes the table for spreadsheets follow."""
        self.json(layout.PACKAGE_MANIFEST, change)
        self.write(layout.PACKAGE_CSV, parse_manifest(self.read(layout.PACKAGE_MANIFEST)).csv())

    def entries(self, change: Callable[[list[tuple[int, bytes]]], None]) -> None:
        """Changes the list of (leaf index, entry)."""
        data, raws, at = self.read(layout.ENTRIES), [], 0
        while at < len(data):
            length = int.from_bytes(data[at : at + 2], "big")
            raws.append(data[at + 2 : at + 2 + length])
            at += 2 + length
        indexes = list(map(int, self.read(layout.INDEXES).split()))
        rows = list(zip(indexes, raws, strict=True))
        change(rows)
        self.write(layout.ENTRIES, frames(raw for _, raw in rows))
        self.write(layout.INDEXES, encode_indexes([index for index, _ in rows]))

    def rehash(self) -> None:
        """Writes all manifests anew, as anybody can."""
        digests = {name: sha256(self.read(name)).digest() for name in self.names("data/")}
        self.write(layout.MANIFEST, encode_manifest(digests))
        total = sum(len(self.read(name)) for name in digests)
        info = self.read(layout.BAG_INFO).decode().splitlines()
        info = [f"Payload-Oxum: {total}.{len(digests)}" if one.startswith("Payload-Oxum") else one for one in info]
        self.write(layout.BAG_INFO, ("\n".join(info) + "\n").encode())
        tags = (layout.BAGIT, layout.BAG_INFO, layout.MANIFEST)
        self.write(layout.TAGMANIFEST, encode_manifest({name: sha256(self.read(name)).digest() for name in tags}))

    def sign(self, key: Ed25519PrivateKey = FORGER) -> None:
        """Signs whatever lies there with the forger's own key."""
        digests = {name: sha256(self.read(name)).digest() for name in self.names("data/")}
        manifest = parse_manifest(self.read(layout.PACKAGE_MANIFEST))
        tags = (layout.BAGIT, layout.BAG_INFO, layout.MANIFEST)
        predicate = {
            "log": manifest.log,
            "case_number": manifest.case_number,
            "recipient": manifest.recipient,
            "content_sha256": content_digest(digests).hex(),
        }
        payload = statement({name: sha256(self.read(name)).digest() for name in tags}, predicate)
        self.write(layout.ENVELOPE, Envelope(payload=payload).signed(key).encode())
        pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        self.write(f"signatures/{key_id(public_half(key))}.pem", pem)
