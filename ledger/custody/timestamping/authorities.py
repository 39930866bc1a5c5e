"""Time stamps from configured authorities: RFC 3161 over HTTP (section 3.4), several authorities, each tried again.

What comes back is held against what was asked (status, hash, nonce) before it is kept, and where roots are pinned its
signature too; it is checked again offline (`custody verify package --tsa-root`). The bytes are kept as they came.
"""

import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from http.client import HTTPException
from typing import Final
from urllib.error import HTTPError

from cryptography.x509 import Certificate
from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

from custody.core.errors import CustodyError, MalformedError
from custody.core.timestamp import MAX_TOKEN_BYTES, read_token


class StampingError(CustodyError):
    """No time stamp was given, or an address is none."""

    code = "tsa-failed"


ATTEMPTS: Final = 3
TIMEOUT_S: Final = 15.0
HASHES: Final[Mapping[str, HashAlgorithm]] = {"sha256": HashAlgorithm.SHA256, "sha512": HashAlgorithm.SHA512}


class Stamper:
    """Asks each of `urls` for a token over the same bytes. `wait` is told how many seconds to wait before trying again.

    With `roots`, a token that is not signed under one of them is none. `hash_name` is a key of `HASHES`.
    """

    def __init__(
        self,
        urls: Sequence[str],
        *,
        roots: Sequence[Certificate] = (),
        hash_name: str = "sha256",
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        for url in urls:
            if not url.startswith(("http://", "https://")):
                raise StampingError(f"not the address of a time-stamping authority: {url[:200]}", code="tsa-address")
        self._urls = tuple(urls)
        self._wait = wait
        self._roots = list(roots)
        self._hash = HASHES[hash_name]

    def __call__(self, data: bytes) -> list[bytes]:
        """One token of each authority. Raises StampingError ('tsa-failed') when one gives none after all attempts."""
        return [self._ask(url, data) for url in self._urls]

    def _ask(self, url: str, data: bytes) -> bytes:
        last: Exception | None = None
        for attempt in range(ATTEMPTS):
            try:
                return self._post(url, data)
            except (OSError, HTTPException, CustodyError) as error:
                last = error
                if isinstance(error, HTTPError):  # it holds the connection
                    error.close()
                self._wait(2.0**attempt)
        raise StampingError(f"{url} gave no time stamp in {ATTEMPTS} attempts: {last}", code="tsa-failed") from last

    def _post(self, url: str, data: bytes) -> bytes:
        request = TimestampRequestBuilder().data(data).hash_algorithm(self._hash).build()
        posted = urllib.request.Request(  # noqa: S310  the scheme was checked
            url, data=request.as_bytes(), headers={"Content-Type": "application/timestamp-query"}
        )
        with urllib.request.urlopen(posted, timeout=TIMEOUT_S) as answer:  # noqa: S310
            raw: bytes = answer.read(MAX_TOKEN_BYTES + 1)
        if len(raw) > MAX_TOKEN_BYTES:
            raise MalformedError("the answer is no time stamp", code="timestamp-malformed")
        token = read_token(raw)
        token.check_data(data)
        if token.nonce != request.nonce:
            raise MalformedError("the time stamp answers another request", code="timestamp-malformed")
        if self._roots:
            token.verify(data, self._roots)
        return raw
