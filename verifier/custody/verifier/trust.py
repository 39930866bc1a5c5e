"""What the caller trusts: keys from the command line, and the checkpoint that was remembered from the last time."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from custody.core.errors import CustodyError, MalformedError
from custody.core.note import MAX_NOTE_BYTES, VerifierKey

MAX_KEY_FILE_BYTES: Final = 65_536
"""Room for many ML-DSA keys; keeps a wrong file name from being read whole."""

MAX_TOKEN_BYTES: Final = 500


class TrustError(CustodyError):
    """A key or a remembered checkpoint that was given cannot be used."""

    code = "trust-unusable"


def load_keys(given: Sequence[str]) -> tuple[VerifierKey, ...]:
    """Keys by their vkey text, or by a file with one vkey a line ('#' begins a comment line).

    Raises TrustError for what is neither.
    """
    found: dict[VerifierKey, None] = {}
    for text in given:
        lines = [text] if _is_vkey(text) else _lines(Path(text))
        for line in lines:
            try:
                found[VerifierKey.parse(line)] = None
            except MalformedError as error:
                raise TrustError(f"{text}: {error}", code=error.code) from error
    return tuple(found)


def _is_vkey(text: str) -> bool:
    return text.count("+") >= 2 and not Path(text).exists()


def _lines(path: Path) -> list[str]:
    try:
        with path.open("rb") as file:
            text = file.read(MAX_KEY_FILE_BYTES + 1).decode("ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise TrustError(f"{path} is neither a vkey nor a readable file with vkeys: {error}") from error
    lines = [line.strip() for line in text.splitlines()]
    keys = [line for line in lines if line and not line.startswith("#")]
    if not keys or len(text) > MAX_KEY_FILE_BYTES:
        raise TrustError(f"{path} has no vkeys, or is much too long")
    return keys


def read_checkpoint(path: Path) -> bytes:
    """The bytes of a checkpoint file. Raises TrustError when it cannot be read or is too long."""
    try:
        with path.open("rb") as file:
            note = file.read(MAX_NOTE_BYTES + 1)
    except OSError as error:
        raise TrustError(f"the remembered checkpoint cannot be read: {error}") from error
    if not note or len(note) > MAX_NOTE_BYTES:
        raise TrustError(f"{path} is no checkpoint")
    return note


def read_token(path: Path | None) -> str:
    """The bearer token in a file, one line; empty without a file. Raises TrustError."""
    if path is None:
        return ""
    try:
        with path.open("rb") as file:
            token = file.read(MAX_TOKEN_BYTES + 2).decode("ascii").removesuffix("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise TrustError(f"the token cannot be read: {error}") from error
    if not 1 <= len(token) <= MAX_TOKEN_BYTES or not token.isprintable() or " " in token:
        raise TrustError(f"{path} holds no token in one line")
    return token


def remember(path: Path, note: bytes) -> None:
    """Keeps a checkpoint for the next time. Raises OSError.

    The new file replaces the old one in one step after it is on disk; a crash leaves the old one or the new one.
    """
    fresh = path.with_name(f"{path.name}.new")
    with fresh.open("wb") as file:
        file.write(note)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
