"""Signing keys by URI: `file:/path` today; a scheme more is a line in `SCHEMES`.

A scheme's module gives a key that has a `vkey` and a `sign(message)` (`custody.core.note.NoteSigner`). The secret that
opens it is asked for only when a scheme needs one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from custody.core.note import NoteSigner
from custody.signer.errors import SignerKeyError
from custody.signer.keys.file import create_file_key, open_file_key

Passphrase = Callable[[], bytes]
"""Gives the secret when it is needed; raises SignerKeyError."""


class OpenKey(Protocol):
    """Opens, or makes, the key at the part of a URI behind its scheme, for the log `origin`."""

    def __call__(self, place: str, origin: str, passphrase: Passphrase) -> NoteSigner:
        """Raises SignerKeyError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """What a scheme can do. `create` never replaces a key that is there."""

    open: OpenKey
    create: OpenKey


SCHEMES: Final[Mapping[str, Scheme]] = {
    "file": Scheme(open=open_file_key, create=create_file_key),
}


def open_key(uri: str, origin: str, passphrase: Passphrase) -> NoteSigner:
    """The key of the log `origin` at `uri`. Raises SignerKeyError."""
    scheme, place = _resolve(uri)
    return scheme.open(place, origin, passphrase)


def create_key(uri: str, origin: str, passphrase: Passphrase) -> NoteSigner:
    """A new key for the log `origin`, kept at `uri` when this returns. Raises SignerKeyError `signer-key-exists`."""
    scheme, place = _resolve(uri)
    return scheme.create(place, origin, passphrase)


def _resolve(uri: str) -> tuple[Scheme, str]:
    name, colon, place = uri.partition(":")
    scheme = SCHEMES.get(name)
    if scheme is None or not colon or not place:
        known = ", ".join(f"{known}:..." for known in SCHEMES)
        raise SignerKeyError(f"not the URI of a key ({known}): {uri[:256]!r}", code="signer-key-uri")
    return scheme, place
