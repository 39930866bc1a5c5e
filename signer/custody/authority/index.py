"""What the authority has issued and revoked: a file of JSON lines that only grows.

A certificate stands in it before anybody holds it, a revocation before the list that tells of it; a crash between leaves
the index ahead, and the list is always made anew from the whole of it.
"""

import json
import os
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from custody.authority.errors import AuthorityError


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A certificate that was issued. Times are ISO 8601, UTC."""

    serial: str
    """Hexadecimal."""
    identity: str
    key_id: str
    """Under which its key is registered in a log."""
    spki_sha256: str
    issued_at: str
    not_after: str
    scopes: tuple[str, ...] = ()
    seal_key_id: str = ""
    """Of the device key that was made with it; empty: none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokedLine:
    """A certificate that is not to be believed any more."""

    serial: str
    revoked_at: str
    reason: str


class Index:
    """The file, and what it says. One owner; the caller holds the folder's lock."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.issued: dict[str, Issued] = {}
        """By serial."""
        self.revoked: dict[str, RevokedLine] = {}
        for number, line in enumerate(path.read_bytes().splitlines(), 1):
            self._take(number, line)

    def _take(self, number: int, line: bytes | str) -> None:
        try:
            values = json.loads(line)
            if "revoked_at" in values:
                revoked = RevokedLine(**values)
                datetime.fromisoformat(revoked.revoked_at)
                self.revoked[revoked.serial] = revoked
            else:
                issued = Issued(**{**values, "scopes": tuple(values["scopes"])})
                self.issued[issued.serial] = issued
        except (ValueError, TypeError, KeyError) as error:
            raise AuthorityError(f"line {number} of {self._path} is damaged", code="authority-damaged") from error

    def add(self, line: Issued | RevokedLine) -> None:
        """Writes a line; durable on return."""
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(line), sort_keys=True) + "\n")
            file.flush()
            os.fsync(file.fileno())
        self._take(0, json.dumps(asdict(line)))

    def find(self, name: str) -> list[Issued]:
        """Certificates that are not revoked, by serial or by identity, oldest first."""
        return [
            one
            for one in self.issued.values()
            if one.serial not in self.revoked and name in {one.serial, one.identity, one.key_id}
        ]
