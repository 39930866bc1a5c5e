"""Time stamps from configured authorities: RFC 3161 over HTTP (section 3.4), several authorities, each tried again.

What comes back is held against what was asked (status, hash, nonce) before it is kept; whose certificate signed it is
checked offline against pinned roots (`custody verify package --tsa-root`). The bytes are kept as they came.
"""

import time
import urllib.request
from collections.abc import Callable, Sequence
from http.client import HTTPException
from typing import Final
from urllib.error import HTTPError

from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

from custody.core.errors import CustodyError, MalformedError
from custody.export.errors import ExportError
from custody.verifier.package.timestamp import read_token

ATTEMPTS: Final = 3
TIMEOUT_S: Final = 15.0
MAX_TOKEN_BYTES: Final = 65_536


class Stamper:
    """Asks each of `urls` for a token over the same bytes. `wait` is told how many seconds to wait before trying again."""

    def __init__(self, urls: Sequence[str], *, wait: Callable[[float], None] = time.sleep) -> None:
        for url in urls:
            if not url.startswith(("http://", "https://")):
                raise ExportError(f"not the address of a time-stamping authority: {url[:200]}", code="tsa-address")
        self._urls = tuple(urls)
        self._wait = wait

    def __call__(self, data: bytes) -> list[bytes]:
        """One token of each authority. Raises ExportError ('tsa-failed') when one gives none after all attempts."""
        return [self._ask(url, data) for url in self._urls]

    def _ask(self, url: str, data: bytes) -> bytes:
        last: Exception | None = None
        for attempt in range(ATTEMPTS):
            try:
                return _post(url, data)
            except (OSError, HTTPException, CustodyError) as error:
                last = error
                if isinstance(error, HTTPError):  # it holds the connection
                    error.close()
                self._wait(2.0**attempt)
        raise ExportError(f"{url} gave no time stamp in {ATTEMPTS} attempts: {last}", code="tsa-failed") from last


def _post(url: str, data: bytes) -> bytes:
    request = TimestampRequestBuilder().data(data).hash_algorithm(HashAlgorithm.SHA256).build()
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
    return raw
