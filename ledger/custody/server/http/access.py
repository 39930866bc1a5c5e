"""Who may read entry bundles over HTTP.

Checkpoints and hash tiles say nothing about anyone and are public. Entry bundles say when which camera recorded and who
had access: they ask for a client certificate or a bearer token with the right to read, unless the operator opens them.
The rights of a certificate are those of the one table (`rights`); it is looked at again at every request (`gate`).

A token file has one line for each token: `sha256-hex-of-token identity`. The token itself is nowhere on the server.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Final

from custody.core.errors import CustodyError, MalformedError
from custody.core.names import check_identity
from custody.server.gate import Gate, audit
from custody.server.peer import Peer, read_peer

_LINE: Final = re.compile(r"([0-9a-f]{64}) (\S+)", re.ASCII)
_BEARER: Final = b"bearer "
_READ: Final = "ReadEntries"
MAX_TOKEN_BYTES: Final = 512


def parse_tokens(text: str) -> dict[bytes, str]:
    """Reads a token file: SHA-256 of the token to identity. Raises MalformedError ('token-file-malformed').

    Only identities of inspectors are accepted: `urn:custody:inspector:<name>`.
    """
    found: dict[bytes, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None or not check_identity(match[2]).startswith("urn:custody:inspector:"):
            raise MalformedError(
                f"line {number} of the token file is not 'SHA256-HEX urn:custody:inspector:NAME'",
                code="token-file-malformed",
            )
        found[bytes.fromhex(match[1])] = match[2]
    return found


class EntriesClosed(CustodyError):
    """Whoever asks for entries says nothing of who that is, or what is not known here."""

    code = "entries-closed"


class EntryAccess:
    """Decides by the Authorization header of a request and the certificate of its connection."""

    def __init__(self, tokens: Mapping[bytes, str], *, open_to_all: bool, gate: Gate | None = None) -> None:
        """Without a gate no certificate counts."""
        self._tokens = tuple(tokens.items())
        self._open = open_to_all
        self._gate = gate

    def check(self, authorization: bytes | None, certificate: bytes | None = None) -> None:
        """Whether whoever sent this header over a connection with this certificate (PEM) may read entries.

        Raises EntriesClosed when neither says who that is; Unauthenticated, Denied for a certificate that does not count
        now or has no such right. Takes the same time for every wrong token.
        """
        if self._open or self._has_token(authorization):
            return
        if certificate is None or self._gate is None:
            raise EntriesClosed("entries ask for an inspector's certificate or token")
        peer: Peer | None = None
        try:
            peer = read_peer(certificate)
            self._gate.enter(peer, _READ)
        except CustodyError as error:
            audit(error, _READ, peer)
            raise

    def _has_token(self, authorization: bytes | None) -> bool:
        if (
            authorization is None
            or not authorization.lower().startswith(_BEARER)
            or len(authorization) > MAX_TOKEN_BYTES
        ):
            return False
        digest = hashlib.sha256(authorization[len(_BEARER) :]).digest()
        matches = [hmac.compare_digest(digest, known) for known, _ in self._tokens]
        return any(matches)
