"""Runs an ASGI application inside the event loop of its owner, with uvicorn.

uvicorn leaves the process when it cannot listen and takes the signals for itself; here the socket is bound before it
starts, and the signals stay with the owner.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from custody.core.errors import CustodyError

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]

MAX_HEADER_BYTES: Final = 16_384
MAX_CONNECTIONS: Final = 2_000
KEEP_ALIVE_S: Final = 30
GRACE_S: Final = 5
"""How long requests that are under way may go on."""


class HttpAddressError(CustodyError):
    """The address or certificate of the HTTP side cannot be used."""

    code = "http-address"


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAddress:
    """Where to listen. Without a certificate it is plain text: put something with TLS before it, or stay on loopback."""

    host: str
    port: int
    """0: any free one."""
    certificate: Path | None = None
    private_key: Path | None = None

    @classmethod
    def parse(cls, text: str, certificate: Path | None = None, private_key: Path | None = None) -> "HttpAddress":
        """Reads HOST:PORT. Raises HttpAddressError for anything else, and for half a certificate."""
        host, colon, port = text.rpartition(":")
        if not colon or not host or not port.isascii() or not port.isdigit() or int(port) > 65_535:
            raise HttpAddressError(f"not an address: {text[:256]!r}; use HOST:PORT")
        if (certificate is None) != (private_key is None):
            raise HttpAddressError("a TLS certificate and its key go together")
        return cls(host=host.strip("[]"), port=int(port), certificate=certificate, private_key=private_key)

    def tls(self) -> dict[str, Any]:
        """Options for uvicorn. Raises HttpAddressError when the certificate cannot be used."""
        if self.certificate is None or self.private_key is None:
            return {}
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self.certificate, self.private_key)
        except OSError as error:  # ssl.SSLError is one
            raise HttpAddressError(f"the certificate {self.certificate} cannot be used: {error}") from error
        return {"ssl_certfile": str(self.certificate), "ssl_keyfile": str(self.private_key)}

    def bind(self) -> socket.socket:
        """A listening socket. Raises HttpAddressError when the address is taken or none of this machine's."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        try:
            listening = socket.create_server((self.host, self.port), family=family, backlog=512)
        except OSError as error:
            raise HttpAddressError(f"cannot listen on {self.host}:{self.port}: {error.strerror}") from error
        # Inherited by every connection. asyncio sets it only on sockets that name their protocol; without it an answer's
        # body waits 40 ms for the acknowledgement of its head.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listening


def client_certificate(scope: Scope) -> bytes | None:
    """The certificate of the client, PEM, which TLS has checked; None when it brought none (ASGI extension "tls")."""
    chain: list[str] = (scope.get("extensions") or {}).get("tls", {}).get("client_cert_chain", [])
    return chain[0].encode() if chain else None


class _Introducing(H11Protocol):
    """Tells the application the client's certificate, which uvicorn keeps to itself."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        tls = transport.get_extra_info("ssl_object")
        der = tls.getpeercert(binary_form=True) if tls is not None else None
        if der is None:
            return
        app, chain = self.app, [ssl.DER_cert_to_PEM_cert(der)]

        async def introduced(scope: Any, receive: Any, send: Any) -> None:
            scope.setdefault("extensions", {})["tls"] = {"client_cert_chain": chain}
            await app(scope, receive, send)

        self.app = introduced


class _Quiet(uvicorn.Server):
    """Leaves the signals to its owner."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class HttpServer:
    """One application on one address; `start`, then `stop`. One use."""

    def __init__(self, app: AsgiApp, address: HttpAddress, tls: ssl.SSLContext | None = None) -> None:
        """`tls`: in the place of the address's certificate, for whoever has more to say than two files."""
        config = uvicorn.Config(
            app, access_log=False, log_config=None, lifespan="off", server_header=False, date_header=False, ws="none",
            timeout_keep_alive=KEEP_ALIVE_S, limit_concurrency=MAX_CONNECTIONS, timeout_graceful_shutdown=GRACE_S,
            h11_max_incomplete_event_size=MAX_HEADER_BYTES, http=_Introducing, **({} if tls else address.tls()),
        )  # fmt: skip
        config.load()
        if tls is not None:
            config.ssl = tls
        self._server = _Quiet(config)
        self._address = address
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> str:
        """Begins to listen; returns the URL, with the port that it got. Raises HttpAddressError."""
        listening = self._address.bind()
        self._running = asyncio.create_task(self._server.serve(sockets=[listening]))
        while not self._server.started:  # one turn of the loop: the socket is bound already
            if self._running.done():
                listening.close()
                self._running.result()
                raise HttpAddressError("the HTTP side ended before it began")
            await asyncio.sleep(0)
        scheme = "http" if self._server.config.ssl is None else "https"
        host = f"[{self._address.host}]" if ":" in self._address.host else self._address.host
        return f"{scheme}://{host}:{listening.getsockname()[1]}"

    async def stop(self) -> None:
        """Ends after the requests that are under way."""
        self._server.should_exit = True
        if self._running is not None:
            await self._running
