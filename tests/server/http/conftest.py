"""The rig's log behind the HTTP side, and a plain HTTP client."""

from __future__ import annotations

import asyncio
import http.client
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.server.ledger_rig import ORIGIN, Rig

from custody.asgi.serving import HttpAddress, HttpServer
from custody.server.app import now_us
from custody.server.http.app import HttpApp
from custody.server.http.settings import HttpSettings

TOKEN = "an-inspectors-token"


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, kw_only=True)
class Site:
    rig: Rig
    url: str

    async def ask(self, path: str, method: str = "GET", token: str | None = None) -> Answer:
        """`path` below the log's prefix, or from the root when it begins with a slash."""
        return await asyncio.to_thread(self._ask, path, method, token)

    def _ask(self, path: str, method: str, token: str | None) -> Answer:
        place = urlsplit(self.url)
        connection = http.client.HTTPConnection(place.hostname or "", place.port or 0, timeout=30)
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        connection.request(method, path if path.startswith("/") else f"/{ORIGIN}/{path}", headers=headers)
        response = connection.getresponse()
        body = response.read()
        connection.close()
        return Answer(status=response.status, headers={k.lower(): v for k, v in response.getheaders()}, body=body)


@pytest.fixture
async def site(rig: Rig, tmp_path: Path) -> AsyncIterator[Site]:
    tokens = tmp_path / "tokens"
    tokens.write_text(f"# who\n\n{sha256(TOKEN.encode()).hexdigest()} urn:custody:inspector:li\n")
    rig.start()
    hosted = rig.hosted()
    settings = HttpSettings(address=HttpAddress(host="127.0.0.1", port=0), tokens=tokens)
    server = HttpServer(HttpApp([hosted], settings.access(now_us, time.monotonic)), settings.address)
    url = await server.start()
    await rig.sequencer.ready.wait()
    yield Site(rig=rig, url=url)
    await server.stop()
