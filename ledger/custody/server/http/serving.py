"""Runs the HTTP side inside the ledger's event loop, with uvicorn."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from custody.server.http.app import HttpApp


class _Quiet(uvicorn.Server):
    """Leaves the signals to the ledger, which ends both sides."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class HttpSide:
    """Listens on one address; `start`, then `stop`."""

    def __init__(self, app: HttpApp, host: str, port: int) -> None:
        config = uvicorn.Config(
            app, host=host, port=port, access_log=False, log_config=None, lifespan="off", server_header=False,
            date_header=False, timeout_keep_alive=30, limit_concurrency=2_000, h11_max_incomplete_event_size=16_384,
        )  # fmt: skip
        self._server = _Quiet(config)
        self._running: asyncio.Task[None] | None = None
        self._host = host

    async def start(self) -> str:
        """Begins to listen; returns the address with the port that it got. Raises OSError when it is taken."""
        self._running = asyncio.create_task(self._server.serve())
        while not self._server.started:
            if self._running.done():
                self._running.result()
                raise OSError("the HTTP side could not listen")
            await asyncio.sleep(0.005)
        (server,) = self._server.servers
        return f"http://{self._host}:{server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        """Ends after the requests that are under way."""
        self._server.should_exit = True
        if self._running is not None:
            await self._running
