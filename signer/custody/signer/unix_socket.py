"""Where the signer listens: a Unix socket of mode 0600 in a folder that belongs to its user alone. Nothing else.

Whoever reaches the socket can ask for signatures and can latch the signer, so the door is the file system: the ledger
runs as the signer's user, or in its container. No TCP address is accepted, not even of this machine.
"""

import os
import re
import socket
from pathlib import Path
from typing import Final

from custody.signer.errors import SignerSocketError

MAX_PATH_BYTES: Final = 107
"""unix(7): `sun_path` has 108 bytes with its final zero."""

_PATH: Final = re.compile(r"[A-Za-z0-9._/@=,~-]+", re.ASCII)
"""Characters that mean themselves in a gRPC target."""


def parse_address(text: str) -> Path:
    """Read `unix:/path` or `/path`. Raises SignerSocketError `signer-socket-refused` for anything else."""
    path = text.removeprefix("unix:")
    if path.startswith("//"):
        path = path.removeprefix("//")  # unix:///path, as gRPC writes it
    if not path.startswith("/") or not _PATH.fullmatch(path):
        raise SignerSocketError(
            f"the signer listens on a Unix socket only, unix:/absolute/path without special characters: {text[:256]!r}"
        )
    if len(path) > MAX_PATH_BYTES:
        raise SignerSocketError(f"the path of a Unix socket has at most {MAX_PATH_BYTES} bytes, not {len(path)}")
    return Path(path)


def prepare(path: Path) -> None:
    """Make sure that a socket can be bound at `path`: the folder is private (made if missing), nobody listens there.

    A socket that a killed signer left behind is removed. Raises SignerSocketError: `signer-socket-exposed`,
    `signer-socket-in-use`.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = path.parent.stat()
    if found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise SignerSocketError(
            f"{path.parent} must belong to the signer's user and be closed to all others (chmod 700)",
            code="signer-socket-exposed",
        )
    if not os.path.lexists(path):
        return
    if not path.is_socket() or path.is_symlink():
        raise SignerSocketError(f"{path} exists and is no socket", code="signer-socket-in-use")
    if _somebody_listens(path):
        raise SignerSocketError(f"another process listens on {path}", code="signer-socket-in-use")
    path.unlink()


def check_private(path: Path) -> None:
    """Raise SignerSocketError `signer-socket-exposed` unless a socket of mode 0600 has been bound at `path`."""
    if not path.is_socket() or path.stat().st_mode & 0o077:
        raise SignerSocketError(f"there is no private socket at {path}", code="signer-socket-exposed")


def _somebody_listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            return False
        except OSError:  # busy, or slow: somebody is there
            return True
        return True
