"""Where tiles come from: a folder, or a web server. Bytes by path, none of them trusted."""

import http.client
import ssl
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import quote, urlsplit

from custody.core.bundle import LENGTH_BYTES, MAX_ENTRY_BYTES
from custody.core.note import MAX_NOTE_BYTES
from custody.core.tile import TILE_WIDTH
from custody.verifier.log_reader import LogUnreadable

CHECKPOINT: Final = "checkpoint"
MAX_RESOURCE_BYTES: Final = max(TILE_WIDTH * (MAX_ENTRY_BYTES + LENGTH_BYTES), MAX_NOTE_BYTES)
"""The largest entry bundle; nothing of a log is larger."""
TIMEOUT_S: Final = 30.0
_TRIES: Final = 3


class TileSource(Protocol):
    """Gives the resources of one log. One owner; picklable before the first read."""

    def read(self, path: str) -> bytes | None:
        """Content of a path such as `checkpoint` or `tile/0/000`; None when there is none. Raises LogUnreadable."""
        ...

    def close(self) -> None:
        """Releases what is open."""
        ...


class FolderSource:
    """A folder as a web server would serve it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, path: str) -> bytes | None:
        """See TileSource."""
        try:
            with (self.folder / path).open("rb") as file:
                data = file.read(MAX_RESOURCE_BYTES + 1)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise LogUnreadable(f"{self.folder / path}: {error.strerror}") from error
        if len(data) > MAX_RESOURCE_BYTES:
            raise LogUnreadable(f"{self.folder / path} is longer than anything of a log")
        return data

    def close(self) -> None:
        """Holds nothing."""


class HttpSource:
    """A URL prefix, over one kept connection."""

    def __init__(self, url: str, token: str = "") -> None:
        """`token` goes with requests for entries only, and only over TLS or to this machine. Raises LogUnreadable."""
        place = urlsplit(url)
        if place.scheme not in ("http", "https") or not place.hostname or place.query or place.fragment:
            raise LogUnreadable(f"not the URL of a log: {url[:256]!r}")
        if token and place.scheme == "http" and place.hostname not in ("localhost", "127.0.0.1", "::1"):
            raise LogUnreadable("a token is not sent in plain text over the network; use https", code="token-in-clear")
        self._url = url.rstrip("/")
        self._token = token
        self._connection: http.client.HTTPConnection | None = None

    def read(self, path: str) -> bytes | None:
        """See TileSource. A broken connection is made again."""
        for attempt in range(_TRIES):
            try:
                return self._get(path)
            except (OSError, http.client.HTTPException) as error:
                self.close()
                if attempt == _TRIES - 1:
                    raise LogUnreadable(f"{self._url}/{path}: {error}") from error
        raise AssertionError("every try returns or raises")

    def _get(self, path: str) -> bytes | None:
        if self._connection is None:
            self._connection = _connect(self._url)
        headers = {"authorization": f"Bearer {self._token}"} if self._token and path.startswith("tile/entries/") else {}
        self._connection.request("GET", quote(f"{urlsplit(self._url).path}/{path}"), headers=headers)
        response = self._connection.getresponse()
        data = response.read(MAX_RESOURCE_BYTES + 1)
        if len(data) > MAX_RESOURCE_BYTES:
            self.close()
            raise LogUnreadable(f"{self._url}/{path} is longer than anything of a log")
        if response.status == http.client.OK:
            return data
        if response.status in (http.client.NOT_FOUND, http.client.GONE):
            return None
        if response.status in (http.client.UNAUTHORIZED, http.client.FORBIDDEN):
            raise LogUnreadable(f"{self._url}/{path} asks for an inspector's token", code="token-needed")
        raise LogUnreadable(f"{self._url}/{path}: the server answered {response.status}")

    def close(self) -> None:
        """See TileSource."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def __getstate__(self) -> tuple[str, str]:
        return self._url, self._token

    def __setstate__(self, state: tuple[str, str]) -> None:
        self._url, self._token = state
        self._connection = None


def _connect(url: str) -> http.client.HTTPConnection:
    place = urlsplit(url)
    host = place.hostname or ""
    if place.scheme == "https":
        return http.client.HTTPSConnection(host, place.port, timeout=TIMEOUT_S, context=ssl.create_default_context())
    return http.client.HTTPConnection(host, place.port, timeout=TIMEOUT_S)


def open_source(place: str, token: str = "") -> TileSource:
    """A source by URL, or by the path of a folder."""
    return HttpSource(place, token) if is_url(place) else FolderSource(Path(place))


def is_url(place: str) -> bool:
    """Whether `place` is meant as a URL."""
    return place.startswith(("http://", "https://"))
