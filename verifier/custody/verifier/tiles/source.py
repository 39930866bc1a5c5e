"""Where tiles come from: a folder, or a web server. Bytes by path, none of them trusted."""

import http.client
import socket
import ssl
from contextlib import closing, suppress
from pathlib import Path
from threading import Event, Timer
from typing import Any, Final, Protocol
from urllib.parse import quote, urlsplit

from custody.core.bundle import LENGTH_BYTES, MAX_ENTRY_BYTES
from custody.core.note import MAX_NOTE_BYTES
from custody.core.tile import TILE_WIDTH
from custody.verifier.log_reader import LogUnreadable, is_url
from custody.verifier.tiles.credentials import NOBODY, Credentials

CHECKPOINT: Final = "checkpoint"
MAX_RESOURCE_BYTES: Final = max(TILE_WIDTH * (MAX_ENTRY_BYTES + LENGTH_BYTES), MAX_NOTE_BYTES)
"""The largest entry bundle; nothing of a log is larger."""
TIMEOUT_S: Final = 30.0
"""For each step on a connection."""
DEADLINE_S: Final = 300.0
"""For one resource as a whole: room for the largest over a slow line, and an end with a server that drips."""
MAX_ABSENT: Final = 1_000
"""Resources in a row that a server may lack before nothing more is asked of it."""
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

    def __init__(self, url: str, credentials: Credentials = NOBODY) -> None:
        """The token goes with requests for entries only, and only over TLS or to this machine.

        Raises LogUnreadable, TrustError.
        """
        place = urlsplit(url)
        if place.scheme not in ("http", "https") or not place.hostname or place.query or place.fragment:
            raise LogUnreadable(f"not the URL of a log: {url[:256]!r}")
        if credentials.token and place.scheme == "http" and place.hostname not in ("localhost", "127.0.0.1", "::1"):
            raise LogUnreadable("a token is not sent in plain text over the network; use https", code="token-in-clear")
        self._url = url.rstrip("/")
        self._credentials = credentials
        self._tls = credentials.context() if place.scheme == "https" else None
        self._connection: http.client.HTTPConnection | None = None
        self._absent = 0

    def read(self, path: str) -> bytes | None:
        """See TileSource. A broken connection is made again."""
        for attempt in range(_TRIES):
            try:
                data = self._in_time(path)
            except (OSError, http.client.HTTPException, ValueError) as error:  # ValueError: headers that are none
                self.close()
                if attempt == _TRIES - 1:
                    raise LogUnreadable(f"{self._url}/{path}: {error}") from error
            else:
                self._absent = self._absent + 1 if data is None else 0
                if self._absent > MAX_ABSENT:
                    raise LogUnreadable(f"{self._url}: the server lacks {self._absent} resources in a row")
                return data
        raise AssertionError("every try returns or raises")

    def _in_time(self, path: str) -> bytes | None:
        if self._connection is None:
            self._connection = _connect(self._url, self._tls)
        connection, late = self._connection, Event()

        def end() -> None:
            late.set()
            with suppress(OSError, AttributeError):  # not connected yet, or closed meanwhile
                connection.sock.shutdown(socket.SHUT_RDWR)

        clock = Timer(DEADLINE_S, end)
        clock.start()
        try:
            return self._get(connection, path)
        except (OSError, http.client.HTTPException, ValueError) as error:
            if late.is_set():
                self.close()
                raise LogUnreadable(f"{self._url}/{path}: not whole after {DEADLINE_S:.0f} s") from error
            raise
        finally:
            clock.cancel()

    def _get(self, connection: http.client.HTTPConnection, path: str) -> bytes | None:
        token = self._credentials.token if path.startswith("tile/entries/") else ""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        connection.request("GET", quote(f"{urlsplit(self._url).path}/{path}"), headers=headers)
        with closing(connection.getresponse()) as response:
            data = response.read(MAX_RESOURCE_BYTES + 1)
        if len(data) > MAX_RESOURCE_BYTES:
            self.close()
            raise LogUnreadable(f"{self._url}/{path} is longer than anything of a log")
        if response.status == http.client.OK:
            return data
        if response.status in (http.client.NOT_FOUND, http.client.GONE):
            return None
        if response.status in (http.client.UNAUTHORIZED, http.client.FORBIDDEN):
            message = f"{self._url}/{path} asks for an inspector's token or certificate"
            raise LogUnreadable(message, code="token-needed")
        raise LogUnreadable(f"{self._url}/{path}: the server answered {response.status}")

    def close(self) -> None:
        """See TileSource."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def __reduce__(self) -> tuple[Any, ...]:
        return HttpSource, (self._url, self._credentials)


def _connect(url: str, tls: ssl.SSLContext | None) -> http.client.HTTPConnection:
    place = urlsplit(url)
    host = place.hostname or ""
    if tls is not None:
        return http.client.HTTPSConnection(host, place.port, timeout=TIMEOUT_S, context=tls)
    return http.client.HTTPConnection(host, place.port, timeout=TIMEOUT_S)


def open_source(place: str, credentials: Credentials = NOBODY) -> TileSource:
    """A source by URL, or by the path of a folder."""
    return HttpSource(place, credentials) if is_url(place) else FolderSource(Path(place))
