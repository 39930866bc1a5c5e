"""Where a passphrase comes from: a file of the signer's own, or a person. Never the command line, never the environment."""

from collections.abc import Callable
from pathlib import Path

from custody.signer.errors import SignerKeyError
from custody.signer.private_file import read_private


def from_file(path: Path) -> Callable[[], bytes]:
    """The first line's bytes without its newline; the file must hold exactly one line, and not an empty one."""

    def read() -> bytes:
        passphrase = read_private(path, what="the passphrase file").removesuffix(b"\n")
        if not passphrase or b"\n" in passphrase:
            raise SignerKeyError(f"the passphrase file {path} must hold one line", code="signer-passphrase-malformed")
        return passphrase

    return read
