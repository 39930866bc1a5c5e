"""Who may read entry bundles over HTTP.

Checkpoints and hash tiles say nothing about anyone and are public. Entry bundles say when which camera recorded and who
had access: they ask for a bearer token with the inspector's right, unless the operator opens them.

A token file has one line for each token: `sha256-hex-of-token identity`. The token itself is nowhere on the server.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Final

from custody.core.errors import MalformedError
from custody.core.names import check_identity

_LINE: Final = re.compile(r"([0-9a-f]{64}) (\S+)", re.ASCII)
_BEARER: Final = b"bearer "
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


class EntryAccess:
    """Decides by the Authorization header of a request."""

    def __init__(self, tokens: Mapping[bytes, str], *, open_to_all: bool) -> None:
        self._tokens = tuple(tokens.items())
        self._open = open_to_all

    def allows(self, authorization: bytes | None) -> bool:
        """True when whoever sent this header may read entries. Takes the same time for every wrong token."""
        if self._open:
            return True
        if (
            authorization is None
            or not authorization.lower().startswith(_BEARER)
            or len(authorization) > MAX_TOKEN_BYTES
        ):
            return False
        digest = hashlib.sha256(authorization[len(_BEARER) :]).digest()
        matches = [hmac.compare_digest(digest, known) for known, _ in self._tokens]
        return any(matches)
