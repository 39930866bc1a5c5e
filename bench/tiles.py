"""`tiles`: reading tiles over HTTP from the ledger's own HTTP side, on one core.

The server process has one event loop, so its reads are per core. Three connections ask in turn, from another process's
threads; the limit is the same server answering `/healthz`, which reads nothing.
"""

import asyncio
import http.client
import multiprocessing
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from bench.big_log import ORIGIN, make_log
from bench.figures import Figure, figure

NAME = "tiles"
LONG = False
ENTRIES = 70_000
READS = 6_000
CONNECTIONS = 3
AIM = 3_000
"""Reads/s and core."""


def run() -> list[Figure]:
    """Serves a log from another process; reads level 0 tiles, warm and mixed with partial ones."""
    with tempfile.TemporaryDirectory(prefix="custody-bench-") as folder:
        path = Path(folder) / "ledger.db"
        make_log(path, ENTRIES)
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        server = context.Process(target=_serve, args=(path, theirs))
        server.start()
        try:
            port: int = ours.recv()
            limit = _read(port, ["/healthz"])
            tiles = [f"/{ORIGIN}/tile/0/{index:03d}" for index in range(200)]
            partial = [f"/{ORIGIN}/tile/0/{index:03d}.p/{1 + index}" for index in range(200)]
            bundles = [f"/{ORIGIN}/tile/entries/{index:03d}" for index in range(200)]
            return [
                figure("full tiles", _read(port, tiles), "reads/s", aim=AIM, limit=limit),
                figure("partial tiles", _read(port, partial), "reads/s", aim=AIM, limit=limit),
                figure("entry bundles", _read(port, bundles), "reads/s", limit=limit),
            ]
        finally:
            ours.send("stop")
            server.join(30)


def _read(port: int, paths: list[str]) -> float:
    def work(number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        for at in range(number, READS, CONNECTIONS):
            connection.request("GET", paths[at % len(paths)])
            response = connection.getresponse()
            if not response.read() or response.status != 200:
                raise RuntimeError(f"{paths[at % len(paths)]}: {response.status}")
        connection.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(CONNECTIONS)]
    begin = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return READS / (time.perf_counter() - begin)


def _serve(path: Path, pipe: Any) -> None:
    asyncio.run(_served(path, pipe))


async def _served(path: Path, pipe: Any) -> None:
    from types import SimpleNamespace

    from custody.asgi.serving import HttpAddress, HttpServer
    from custody.server.hosted import HostedLog
    from custody.server.http.access import EntryAccess
    from custody.server.http.app import HttpApp
    from custody.server.publication import Publication
    from custody.server.store.sqlite import SqliteDirectory

    directory = await SqliteDirectory.open_file(path)
    store = await directory.open(ORIGIN)
    state = await store.state()
    publication = Publication()
    publication.publish(state.published, state.checkpoint)
    hosted = HostedLog(
        origin=ORIGIN,
        vkeys=state.vkeys,
        store=store,
        sequencer=SimpleNamespace(halted=None),  # type: ignore[arg-type]  # nothing is written here
        publication=publication,
    )
    server = HttpServer(HttpApp([hosted], EntryAccess({}, open_to_all=True)), HttpAddress(host="127.0.0.1", port=0))
    url = await server.start()
    pipe.send(int(url.rpartition(":")[2]))
    await asyncio.to_thread(pipe.recv)
    await server.stop()
    await directory.close()
