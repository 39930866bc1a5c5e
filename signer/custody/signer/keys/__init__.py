"""Signing keys by URI: `file:/path` today; a scheme more is a line in `SCHEMES`.

A scheme's module gives a key that has a `vkey` and a `sign(message)` (`custody.core.note.NoteSigner`). The secret that
opens it is asked for only when a scheme needs one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from custody.core.note import NoteSigner, SignatureType
from custody.private.passphrase import Passphrase
from custody.signer.errors import SignerKeyError
from custody.signer.keys.file import create_file_key, open_file_key


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """What a scheme can do with the part of a URI behind its name. `create` never replaces a key that is there."""

    open: Callable[[str, str, Passphrase], NoteSigner]
    """Place, origin, passphrase."""
    create: Callable[[str, str, SignatureType, Passphrase], NoteSigner]
    """Place, origin, signature type, passphrase."""


SCHEMES: Final[Mapping[str, Scheme]] = {
    "file": Scheme(open=open_file_key, create=create_file_key),
}


def open_key(uri: str, origin: str, passphrase: Passphrase) -> NoteSigner:
    """The key of the log `origin` at `uri`. Raises SignerKeyError `signer-key-uri`, PrivateFileError."""
    scheme, place = _resolve(uri)
    return scheme.open(place, origin, passphrase)


def create_key(uri: str, origin: str, kind: SignatureType, passphrase: Passphrase) -> NoteSigner:
    """A new key for the log `origin`, kept at `uri` when this returns. Raises as `open_key`, `private-file-exists`."""
    scheme, place = _resolve(uri)
    return scheme.create(place, origin, kind, passphrase)


def _resolve(uri: str) -> tuple[Scheme, str]:
    name, colon, place = uri.partition(":")
    scheme = SCHEMES.get(name)
    if scheme is None or not colon or not place:
        known = ", ".join(f"{known}:..." for known in SCHEMES)
        raise SignerKeyError(f"not the URI of a key ({known}): {uri[:256]!r}", code="signer-key-uri")
    return scheme, place
