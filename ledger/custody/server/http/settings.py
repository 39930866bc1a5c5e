"""What the operator decides about the HTTP side: where it listens and who may read entries."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from custody.asgi.serving import HttpAddress
from custody.core.errors import MalformedError
from custody.server.gate import Gate, GateSettings
from custody.server.http.access import EntryAccess, parse_tokens
from custody.server.http.tls import HttpTls
from custody.server.revocation import RevocationLists

MAX_TOKEN_FILE_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSettings:
    """The HTTP side of a ledger. Over plain text, bearer tokens must stay on this machine."""

    address: HttpAddress
    tls: HttpTls | None = None
    tokens: Path | None = None
    open_entries: bool = False
    """Entry bundles are for everybody."""

    def access(self, now_us: Callable[[], int], monotonic_s: Callable[[], float]) -> EntryAccess:
        """Who may read entries, by these clocks. Raises MalformedError `token-file-malformed`, FileUnusable, OSError."""
        known: Mapping[bytes, str] = {}
        if self.tokens is not None:
            with self.tokens.open("rb") as file:
                data = file.read(MAX_TOKEN_FILE_BYTES + 1)
            if len(data) > MAX_TOKEN_FILE_BYTES or not data.isascii():
                raise MalformedError("the token file is too long, or not ASCII", code="token-file-malformed")
            known = parse_tokens(data.decode("ascii"))
        return EntryAccess(known, open_to_all=self.open_entries, gate=self._gate(now_us, monotonic_s))

    def _gate(self, now_us: Callable[[], int], monotonic_s: Callable[[], float]) -> Gate | None:
        tls = self.tls
        if tls is None or tls.client_authorities is None:
            return None
        lists = RevocationLists(tls.revocation_lists, tls.client_authorities)
        return Gate(GateSettings(), now_us=now_us, monotonic_s=monotonic_s, lists=lists)
