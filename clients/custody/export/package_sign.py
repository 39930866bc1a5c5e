"""`custody package sign`: a second officer's or the holder's signature on a finished package (docs/spec/package.md, "Signature").

Nothing that was signed changes: the envelope gets one more signature, and the package the signer's public key. Before that
the envelope is held against the package, and every signature on it against its key; nobody signs what is already broken.
What if we crash: in a folder the key is written before the envelope that names it, each in one step; a zip is replaced as a whole.
"""

from hashlib import sha256
from pathlib import Path
from typing import Final

import click
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from custody.core.errors import SignatureError
from custody.core.seal import PrivateKey
from custody.export.archive import rewrite_zip
from custody.export.command import read_signing_key
from custody.export.errors import ExportError
from custody.verifier.package import layout
from custody.verifier.package.container import Container, open_package
from custody.verifier.package.dsse import Envelope, key_id, parse_envelope
from custody.verifier.package.exporter_key import public_half, read_public_key
from custody.verifier.package.layout import decode_json

_FILE: Final = click.Path(dir_okay=False, path_type=Path)


@click.command("sign")
@click.argument("path", type=click.Path(exists=True, path_type=Path), metavar="PATH")
@click.option("--signing-key", type=_FILE, required=True, metavar="FILE", help="The signer's key, encrypted.")
@click.option("--make-key", is_flag=True, help="Make that key first when the file is not there.")
@click.option("--passphrase-file", type=_FILE, metavar="FILE", help="Its passphrase; asked for when not given.")
@click.option("--certificate", type=_FILE, metavar="PEM", help="The key's certificate, then its issuers.")
def sign_package(
    *, path: Path, signing_key: Path, make_key: bool, passphrase_file: Path | None, certificate: Path | None
) -> None:
    """Add a signature to the evidence package at PATH, a folder or a zip file.

    For a second officer or the holder. Check the package first: custody verify package PATH --trust LOGKEY. The signature
    is over the manifest, so it covers every file, and the signatures that are there stay good.
    """
    key = read_signing_key(signing_key, passphrase_file, make=make_key)
    count = add_signature(path, key, certificate.read_bytes() if certificate is not None else b"")
    click.echo(f"{path}: signed by {key_id(public_half(key))}; {count} signatures")


def add_signature(path: Path, key: PrivateKey, chain: bytes = b"") -> int:
    """Signs; returns how many signatures there are. Raises ExportError ('package-signed'), SignatureError, MalformedError, OSError."""
    container = open_package(path)
    envelope = parse_envelope(container.read(layout.ENVELOPE))
    _check_envelope(container, envelope)
    keyid = key_id(public_half(key))
    if any(keyid == told for told, _ in envelope.signatures):
        raise ExportError("this key has signed the package already", code="package-signed")
    signed = envelope.signed(key)
    files = {f"signatures/{keyid}.pem": key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)}
    if chain:
        files[f"signatures/{keyid}.chain.pem"] = chain
    files[layout.ENVELOPE] = signed.encode()
    if path.is_dir():
        for name, data in files.items():
            fresh = path / f"{name}.new"
            fresh.write_bytes(data)
            fresh.replace(path / name)
    else:
        rewrite_zip(container, path, files)
    return len(signed.signatures)


def _check_envelope(container: Container, envelope: Envelope) -> None:
    """What was signed are these tag files, and each signature is good by a key that the package carries."""
    try:
        subjects = decode_json(envelope.payload, "envelope-malformed")["subject"]
        signed = {one["name"]: one["digest"]["sha256"] for one in subjects}
    except (KeyError, TypeError) as error:
        raise SignatureError("what was signed is not a package", code="package-signature") from error
    names = (layout.BAGIT, layout.BAG_INFO, layout.MANIFEST)
    if signed != {name: sha256(container.read(name)).hexdigest() for name in names}:
        raise SignatureError("what was signed is not this package", code="package-signature")
    for keyid, signature in envelope.signatures:
        envelope.verify(keyid, signature, read_public_key(container.read(f"signatures/{keyid}.pem")))
