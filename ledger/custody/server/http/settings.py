"""What the operator decides about the HTTP side: where it listens and who may read entries."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from custody.asgi.serving import HttpAddress
from custody.core.errors import MalformedError
from custody.server.http.access import EntryAccess, parse_tokens

MAX_TOKEN_FILE_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSettings:
    """The HTTP side of a ledger. Over plain text, bearer tokens must stay on this machine."""

    address: HttpAddress
    tokens: Path | None = None
    open_entries: bool = False
    """Entry bundles are for everybody."""

    def access(self) -> EntryAccess:
        """Who may read entries. Raises MalformedError `token-file-malformed`, OSError."""
        known: Mapping[bytes, str] = {}
        if self.tokens is not None:
            with self.tokens.open("rb") as file:
                data = file.read(MAX_TOKEN_FILE_BYTES + 1)
            if len(data) > MAX_TOKEN_FILE_BYTES or not data.isascii():
                raise MalformedError("the token file is too long, or not ASCII", code="token-file-malformed")
            known = parse_tokens(data.decode("ascii"))
        return EntryAccess(known, open_to_all=self.open_entries)
