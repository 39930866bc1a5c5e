"""Closes the bag: bag-info, manifests, signature (docs/spec/package.md, "Layout" and "Signature")."""

from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from custody.core.seal import PrivateKey
from custody.export.request import ExportRequest
from custody.verifier.package import layout
from custody.verifier.package.bag import DECLARATION, content_digest, encode_info, encode_manifest
from custody.verifier.package.dsse import Envelope, key_id, statement
from custody.verifier.package.exporter_key import public_half
from custody.verifier.package.layout import SCHEMA


def write(folder: Path, name: str, data: bytes) -> None:
    """Puts one file into the package."""
    path = f"{folder}/{name}"
    try:
        file = open(path, "wb", buffering=0)  # noqa: PTH123, SIM115  thousands of proof files: no Path, no buffer for each
    except FileNotFoundError:
        Path(path).parent.mkdir(parents=True)
        file = open(path, "wb", buffering=0)  # noqa: PTH123, SIM115
    with file:
        left = memoryview(data)
        while left:
            left = left[file.write(left) :]


def close_bag(
    folder: Path, request: ExportRequest, digests: Mapping[str, bytes], sizes: int, at_us: int
) -> dict[str, bytes]:
    """Writes the tag files over a whole payload; returns those that the signature names."""
    info = [
        ("Bag-Software-Agent", "custody export"),
        ("Bagging-Date", datetime.fromtimestamp(at_us // 1_000_000, UTC).strftime("%Y-%m-%d")),
        ("Payload-Oxum", f"{sizes}.{len(digests)}"),
        ("Custody-Package", SCHEMA),
        ("Custody-Log", request.log),
    ]
    if request.case_number:
        info.append(("External-Identifier", _line(request.case_number)))
    if request.recipient:
        info.append(("Custody-Recipient", _line(request.recipient)))
    if request.unit:
        info.append(("Source-Organization", _line(request.unit)))
    tags = {
        layout.BAGIT: DECLARATION,
        layout.BAG_INFO: encode_info(info),
        layout.MANIFEST: encode_manifest(digests),
    }
    for name, data in tags.items():
        write(folder, name, data)
    write(folder, layout.TAGMANIFEST, encode_manifest({name: sha256(data).digest() for name, data in tags.items()}))
    return tags


def _line(text: str) -> str:
    return " ".join(text.split())


def sign(
    folder: Path,
    request: ExportRequest,
    tags: Mapping[str, bytes],
    digests: Mapping[str, bytes],
    key: PrivateKey,
) -> None:
    """Writes the envelope with the exporter's signature, and the public key beside it."""
    predicate = {
        "log": request.log,
        "case_number": request.case_number,
        "recipient": request.recipient,
        "content_sha256": content_digest(digests).hex(),
    }
    payload = statement({name: sha256(data).digest() for name, data in tags.items()}, predicate)
    write(folder, layout.ENVELOPE, Envelope(payload=payload).signed(key).encode())
    write_public_key(folder, key)


def write_public_key(folder: Path, key: PrivateKey) -> None:
    """Puts a signer's public key into the package."""
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    write(folder, f"signatures/{key_id(public_half(key))}.pem", pem)
