"""A web server that means ill: it answers with whatever bytes a test tells it to write."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Thread
from typing import Self

Answer = Callable[[socket.socket, str], None]
"""Writes an answer for a path; the connection is closed behind it."""
CAP = 64 << 20
"""Whoever takes more than this without complaint has no bound."""


class HostileServer:
    """Listens on loopback; `stopped` is set at the end, for answers that never come."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._thread = Thread(target=self._serve, daemon=True)
        self.stopped = Event()
        self.paths: list[str] = []
        self.written = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listening.getsockname()[1]}/log"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped.set()
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(10)

    def _serve(self) -> None:
        while not self.stopped.is_set():
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            Thread(target=self._one, args=(connection,), daemon=True).start()  # one trick may wait for ever

    def _one(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            request = b""
            while b"\r\n\r\n" not in request:
                if not (part := connection.recv(65_536)):
                    return
                request += part
            path = request.split(b" ")[1].decode()
            self.paths.append(path)
            self._answer(connection, path.removeprefix("/log/"))

    def flood(self, connection: socket.socket, part: bytes) -> None:
        """Writes for ever, or until nobody listens any more."""
        while self.written < CAP:
            connection.sendall(part)
            self.written += len(part)

    def drip(self, connection: socket.socket, part: bytes) -> None:
        """One part now and then, so that no single wait is long."""
        while not self.stopped.wait(0.02):
            connection.sendall(part)


def plain(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    """A whole answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body
